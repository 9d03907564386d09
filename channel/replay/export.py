"""Files of evidence: the log as C2SP tlog-tiles (docs/evidence.md E8), written and read; bundles and proofs written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from channel.log import checkpoint, tiles
from channel.log.sqlite import SqliteLog
from channel.protocol.errors import FatalError, ProofError, UsageError
from channel.replay.reading import cosigned

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
    _new(directory)
    with _written(directory):
        for path, data in files:
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            count += 1
    return count


def write_file(file: Path, data: bytes) -> None:
    """Write a file whole, or leave what was there."""
    with _placed(file, data):
        pass


def write_proved(file: Path, bundle: bytes, directory: Path, proofs: Iterable[tuple[str, bytes]]) -> None:
    """A bundle, and its leaves' proofs as files in an empty or new directory: both, or what was there."""
    _new(directory)
    with _placed(file, bundle), _written(directory):
        made = [(directory / name, data) for name, data in proofs]
        try:
            for path, data in made:
                path.write_bytes(data)
        except OSError:
            for path, _ in made:
                path.unlink(missing_ok=True)
            raise


def _new(directory: Path) -> None:
    with _written(directory):
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty: name a new directory")


@contextmanager
def _placed(file: Path, data: bytes) -> Iterator[None]:
    """Have the file written beside its place, and put there once the block has ended well."""
    partial = file.with_name(f".{file.name}.partial")
    with _written(file):
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        partial.write_bytes(data)
    try:
        yield
        with _written(file):
            os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


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


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError(f"cannot write {error.filename or path}: {error.strerror}") from error
    except OSError as error:
        raise FatalError(f"cannot write {path}: {error.strerror}; what is there is not complete") from error
