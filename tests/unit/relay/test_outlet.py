"""Text for a stream that may stall or end: whoever writes never waits, and what was lost is said once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from threading import Event

import pytest

from channel.relay import outlet
from channel.relay.outlet import Outlet

WAIT_S = 60.0  # only a hang reaches it


class Pipe:
    """A pipe of one page; `lost` is what the outlet said."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        self.stream = os.fdopen(writing, "w", encoding="ascii")
        self.lost: list[str] = []
        self.losing = Event()
        self.outlet = Outlet(self.stream, self.lose)

    def lose(self, why: str) -> None:
        self.lost.append(why)
        self.losing.set()

    def read(self) -> str:
        """All of it, when the outlet and the stream are closed."""
        self.outlet.close()
        self.stream.close()
        with os.fdopen(self.reading, encoding="ascii") as file:
            return file.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.outlet.close()
    made.stream.close()


def test_what_is_written_comes_in_order_and_whole(pipe: Pipe) -> None:
    for number in range(100):
        pipe.outlet.write(f"alert {number}\n")
    pipe.outlet.write("Ç\n")
    assert pipe.read() == "".join(f"alert {number}\n" for number in range(100)) + "?\n"
    assert pipe.lost == []


def test_nobody_waits_for_a_reader_that_does_not_read(pipe: Pipe) -> None:
    for _ in range(3 * outlet.WAITING_MAX):
        pipe.outlet.write("x" * 99 + "\n")
    assert pipe.lost == ["nobody reads it"]
    os.close(pipe.reading)  # the thread ends with it


def test_a_reader_that_is_gone_is_said_once(pipe: Pipe) -> None:
    os.close(pipe.reading)
    for _ in range(3):
        pipe.outlet.write("alert\n")
    assert pipe.losing.wait(WAIT_S)
    pipe.outlet.close()
    assert len(pipe.lost) == 1
    assert "Broken pipe" in pipe.lost[0]


def test_a_stream_that_was_closed_before_the_start_is_said() -> None:
    lost: list[str] = []
    made = Outlet(None, lost.append)
    made.write("alert\n")
    made.close()
    assert len(lost) == 1
