"""The embedded broker's life: one owner, restarted when it dies, never left behind, no stranger harmed."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from channel.broker import EmbeddedBroker
from channel.broker.nats import CRASHES_MAX, find_binary
from channel.protocol.errors import FatalError, UsageError
from tests.integration.broker_lab import Lab, make_lab
from tests.integration.raw_mqtt import WAIT_S

OWNER = """
import asyncio, sys
from pathlib import Path
from channel.broker import EmbeddedBroker
async def main():
    broker = EmbeddedBroker(Path(sys.argv[1]), net="net-1", parties=["a", "b"], mqtt_port=int(sys.argv[2]))
    await broker.start()
    print(broker.pid, flush=True)
    await broker.watch()
asyncio.run(main())
"""


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


@contextmanager
def owner(lab: Lab) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that runs the lab's broker: (the process, the broker's pid)."""
    command = [sys.executable, "-c", OWNER, str(lab.home), str(lab.broker.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, int(running.stdout.readline())
        finally:
            running.kill()


@contextmanager
def process(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this test's own."""
    with subprocess.Popen(command, start_new_session=True) as running:
        try:
            yield running
        finally:
            running.kill()


def wait_for_end(handle: int) -> None:
    """Until the process of this pidfd is gone."""
    readable, _, _ = select.select([handle], [], [], WAIT_S)
    os.close(handle)
    assert readable, "the process still lives"


async def test_a_home_has_one_owner(own_lab: Lab) -> None:
    second = EmbeddedBroker(own_lab.home, net="net-1", parties=["a", "b"], mqtt_port=own_lab.broker.port)
    with pytest.raises(UsageError, match=str(os.getpid())):
        await second.start()
    assert own_lab.broker.pid is not None
    await own_lab.connect("party-a")  # the first was not disturbed


async def test_it_can_be_stopped_twice_and_started_again(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    for _ in range(2):
        await lab.broker.start()
        client = await lab.connect("party-a")
        await client.close()
        await lab.broker.stop()
        await lab.broker.stop()
        assert lab.broker.pid is None
        assert not (lab.broker.directory / "nats.pid").exists()


async def test_a_port_in_use_is_said_with_the_log(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    with socket.create_server(("127.0.0.1", lab.broker.port)), pytest.raises(FatalError, match=r"nats\.log"):
        await lab.broker.start()
    assert b"address already in use" in lab.broker.log_file.read_bytes()
    await lab.broker.start()  # nothing was left locked
    await lab.broker.stop()


@pytest.mark.parametrize("binary", ["/bin/false", "/no/such/nats-server"])
async def test_a_server_that_cannot_run_is_said(tmp_path: Path, binary: str) -> None:
    lab = make_lab(tmp_path)
    broker = EmbeddedBroker(tmp_path, net="net-1", parties=["a"], mqtt_port=lab.broker.port, binary=Path(binary))
    with pytest.raises(FatalError, match=r"nats"):
        await broker.start()
    assert broker.pid is None


async def test_a_crash_loop_ends_with_the_logs_name(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, lambda home, **options: EmbeddedBroker(home, sleep=at_once, **options))
    await lab.broker.start()
    watching = asyncio.create_task(lab.broker.watch())
    killed: set[int] = set()
    async with asyncio.timeout(WAIT_S):
        while not watching.done():
            pid = lab.broker.pid
            if pid is not None and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            await at_once(0)
    with pytest.raises(FatalError, match=r"nats\.log"):
        watching.result()
    assert len(killed) == CRASHES_MAX
    await lab.broker.stop()


async def test_watching_ends_when_the_broker_is_stopped(own_lab: Lab) -> None:
    watching = asyncio.create_task(own_lab.broker.watch())
    await asyncio.sleep(0)
    await own_lab.broker.stop()
    async with asyncio.timeout(WAIT_S):
        await watching


@pytest.mark.parametrize("stopped_after", [1, 2])
async def test_a_stop_in_the_middle_of_a_restart_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    """A restart makes two processes, server and guard; `stop` comes just before each of them is known."""
    lab = make_lab(tmp_path, lambda home, **options: EmbeddedBroker(home, sleep=at_once, **options))
    await lab.broker.start()
    make, made = asyncio.create_subprocess_exec, []

    async def make_and_stop(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        made.append(await make(*command, **options))
        if len(made) == stopped_after:
            await lab.broker.stop()
        return made[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", make_and_stop)
    watching = asyncio.create_task(lab.broker.watch())
    assert lab.broker.pid is not None
    os.kill(lab.broker.pid, signal.SIGKILL)
    async with asyncio.timeout(WAIT_S):
        await watching
    assert len(made) == 2
    assert all(process.returncode is not None for process in made)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_an_owner_killed_outright_leaves_no_broker_behind(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    with owner(lab) as (running, pid):
        handle = os.pidfd_open(pid)
        running.kill()
        wait_for_end(handle)


async def test_a_broker_left_behind_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """The guard is gone too, as after a crash of both: the pid file tells."""
    lab = make_lab(tmp_path)
    await lab.broker.start()
    await lab.broker.stop()
    with process(find_binary(), "-c", lab.broker.directory / "nats.conf") as left:
        (lab.broker.directory / "nats.pid").write_text(str(left.pid))
        await lab.broker.start()
        assert lab.broker.pid != left.pid
        assert left.wait(WAIT_S) is not None
        client = await lab.connect("party-a")
        await client.close()
        await lab.broker.stop()


async def test_a_pid_file_that_names_a_stranger_harms_nobody(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    with process("/bin/sleep", "60") as stranger:
        (lab.broker.directory / "nats.pid").write_text(str(stranger.pid))
        await lab.broker.start()
        await lab.broker.stop()
        assert stranger.poll() is None
