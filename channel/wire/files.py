"""Files that are handed on, written by the operator's commands and by a party's: whole, or what was there stays."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from channel.protocol.errors import FatalError, UsageError

Files = Iterable[tuple[str, bytes]]
"""(name below a directory, content)"""


def place(file: Path, data: bytes, *, mode: int = 0o666, beside: tuple[Path, Files] | None = None) -> None:
    """Write a file, never readable more widely than `mode`; with it others into an empty or new directory `beside`.

    All of them, or none. UsageError if that cannot be where it was asked for, FatalError if the disk fails.
    """
    if beside is not None:
        new_directory(beside[0])
    partial = file.with_name(f".{file.name}.partial")
    with written(file):
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            opened.write(data)
    try:
        if beside is not None:
            _write_all(*beside)
        with written(file):
            os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def new_directory(directory: Path) -> None:
    """Make it. UsageError if it cannot be made, or is not empty."""
    with written(directory):
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty: name a new directory")


def _write_all(directory: Path, files: Files) -> None:
    made = [(directory / name, data) for name, data in files]
    with written(directory):
        try:
            for path, data in made:
                path.write_bytes(data)
        except OSError:
            for path, _ in made:
                path.unlink(missing_ok=True)
            raise


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Errors of writing there, as ours: they name what was asked for, not a file made on the way."""
    try:
        yield
    except (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another place") from error
    except OSError as error:
        raise FatalError(f"cannot write {path}: {error.strerror}; what is there is not complete") from error
