"""The writer's lock: a writer is refused beside a writer, and never because somebody looks who writes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from channel.log import lock
from channel.log.lock import WriterLock, holder
from channel.protocol.errors import FatalError


def test_whoever_looks_who_writes_stops_no_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed writer leaves the file behind, and a console looks at it each second."""
    log = tmp_path / "log.sqlite"
    (tmp_path / "log.sqlite.lock").write_text("1234\n")
    looking = os.open(tmp_path / "log.sqlite.lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(lock, "_pause", lambda: fcntl.flock(looking, fcntl.LOCK_UN))
    mine = WriterLock(log)
    assert holder(log) == os.getpid()
    mine.release()
    os.close(looking)
    assert holder(log) is None


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[None] = []
    monkeypatch.setattr(lock, "_pause", lambda: pauses.append(None))
    mine = WriterLock(tmp_path / "log.sqlite")
    with pytest.raises(FatalError, match=f"written by process {os.getpid()}"):
        WriterLock(tmp_path / "log.sqlite")
    assert len(pauses) < 20
    mine.release()
