"""Evidence of this party: `prove` and `disclose` write a bundle that anybody checks with the charter alone."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from channel.protocol.errors import FatalError, UsageError
from clients.commands.app import WAIT_S, JsonOption, WaitOption, app, connected, note, print_json, told

if TYPE_CHECKING:
    from clients.core.proving import Proved

_EXIT = {"verified": 0, "refuted": 1, "incomplete": 5}


@app.command(epilog="Example: party -p coalition prove 015e86a2-4b40 -o bundle.json")
def prove(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="Its id or token hash, or the beginning of one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The bundle to write, such as bundle.json.")],
    tlog_proof: Annotated[
        Path | None, typer.Option(help="A new directory for each leaf's proof as a tlog-proof file.")
    ] = None,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Everything about one notice that this party may read, in a file that is checked offline."""
    with told(json_output):
        from channel.log.bundle_files import leaf_proofs

        proved = connected(context.obj, lambda channel: channel.prove(notice, wait=wait))
        if tlog_proof is not None:
            _new(tlog_proof)
        with _placed(output, proved.bundle):
            if tlog_proof is not None:
                _write_proofs(tlog_proof, leaf_proofs(proved.bundle))
    _report(output, proved, json_output)


@app.command(epilog="Example: party -p coalition disclose 015e86a2-4b40 -o bundle.json")
def disclose(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="A sealed notice of this party's, or to it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The bundle to write, such as bundle.json.")],
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """The same as `prove` of a sealed notice, and with it what was sealed: whoever has the file can read it."""
    with told(json_output):
        proved = connected(context.obj, lambda channel: channel.disclose(notice, wait=wait))
        with _placed(output, proved.bundle, mode=0o600):
            pass
        note(f"{output} shows what was sealed to whoever has it")
    _report(output, proved, json_output)


def _report(output: Path, proved: Proved, json_output: bool) -> None:
    """What was written and how it verifies here; the exit status says the same."""
    from channel.log.bundle_files import sentences

    if json_output:
        print_json({"file": str(output), **proved.told})
    else:
        sys.stdout.write(f"{output}: {proved.told['nid']}\n")
        for line in sentences(proved.told):
            sys.stdout.write(f"  {line}\n")
    raise typer.Exit(_EXIT[proved.told["verdict"]])


@contextmanager
def _placed(file: Path, data: bytes, mode: int = 0o666) -> Iterator[None]:
    """Have the file written beside its place, never readable more widely than `mode`, and put there once the block has
    ended well: whole, or what was there stays."""
    partial = file.with_name(f".{file.name}.partial")
    with _written(file, "name another place with -o"):
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            opened.write(data)
    try:
        yield
        with _written(file, "name another place with -o"):
            os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _new(directory: Path) -> None:
    """UsageError if it cannot be made, or is not empty."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        occupied = any(directory.iterdir())
    except OSError as error:
        raise UsageError(f"cannot make {directory}: {error.strerror}; name a new directory") from error
    if occupied:
        raise UsageError(f"{directory} is not empty: name a new directory")


def _write_proofs(directory: Path, texts: Iterable[tuple[str, str]]) -> None:
    """A file for each leaf, all of them or none."""
    made = [(directory / name, text) for name, text in texts]
    with _written(directory, "name a new directory"):
        try:
            for path, text in made:
                path.write_bytes(text.encode())
        except OSError:
            for path, _ in made:
                path.unlink(missing_ok=True)
            raise


@contextmanager
def _written(path: Path, otherwise: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; {otherwise}") from error
    except OSError as error:
        raise FatalError(f"cannot write {path}: {error.strerror}") from error
