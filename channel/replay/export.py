"""The log as C2SP tlog-tiles (docs/evidence.md E8), written to files and read from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from channel.log import checkpoint, tiles
from channel.log.sqlite import SqliteLog
from channel.protocol.errors import FatalError, ProofError, UsageError
from channel.replay.reading import cosigned
from channel.wire.files import new_directory, written

_FILE_BYTES_MAX = tiles.WIDTH * (1 << 16) * 2  # twice the largest entry bundle: more is never evidence


def export(log_path: Path, directory: Path) -> tuple[int, int]:
    """Write the log at `log_path` into an empty or new directory; (leaves, files). It holds every leaf in clear.

    The checkpoint is the newest, with the cosignatures that it has, and is written last: an export that was cut off
    has none. UsageError if something is in the directory.
    """
    log = SqliteLog(log_path, "read")
    try:
        note = log.newest_note()
        if note is None:
            raise UsageError(f"{log_path} holds no checkpoint: there is nothing to export")
        size = _size(log_path, note)
        note = cosigned(log_path, size, note, log.cosignatures(size))
        count = write_into(directory, tiles.export(log.leaves(0, size), note))
    finally:
        log.close()
    return size, count


def _size(log_path: Path, note: str) -> int:
    try:
        return checkpoint.parse_body(checkpoint.split_note(note)[0]).size
    except ProofError as error:
        raise FatalError(
            f"{log_path}: the newest checkpoint is damaged ({error.code}); run `channel verify` on it and restore it"
        ) from None


def write_into(directory: Path, files: Iterator[tuple[str, bytes]]) -> int:
    """Write each (path, bytes) below an empty or new directory, and say how many. UsageError if it is not empty."""
    count = 0
    new_directory(directory)
    with written(directory):
        for path, data in files:
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            count += 1
    return count


def reader(directory: Path) -> tiles.Get:
    """Reads an export's files by their path, bounded."""

    def get(path: str) -> bytes | None:
        try:
            with (directory / path).open("rb") as file:
                return file.read(_FILE_BYTES_MAX)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise UsageError(f"cannot read {directory / path}: {error.strerror}") from error

    return get
