"""Evidence: `prove`, `export`, `verify`. All read; what they write are files to hand on (docs/evidence.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told
from channel.protocol.errors import UsageError

if TYPE_CHECKING:
    from channel.log.report import Report

_SQLITE = b"SQLite format 3\x00"
_EXIT = {"verified": 0, "refuted": 1, "incomplete": 5}


def log_of(path: Path) -> Path:
    """The log that a path means: a channel's directory stands for the log in it."""
    return path / "log.sqlite" if path.is_dir() else path


@app.command()
def prove(
    notice: Annotated[str, typer.Argument(help="The notice's id or token hash, or the beginning of one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The bundle to write, such as bundle.json.")],
    tlog_proof: Annotated[
        Path | None, typer.Option(help="A new directory for each leaf's proof as a tlog-proof file.")
    ] = None,
    witnessed: Annotated[
        bool, typer.Option("--witnessed", help="Only as far as a quorum has cosigned, without leaves that are newer.")
    ] = False,
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Everything about one notice, in a file that is checked offline. Example: channel prove NID -o bundle.json"""
    with told(json_output):
        from channel.log.bundle_files import leaf_proofs, sentences
        from channel.relay.home import ChannelHome
        from channel.replay.proving import prove as make
        from channel.wire.files import place

        channel = ChannelHome.open(find_home(home))
        key = (channel.keys / "sig-machine-1.pem").exists()
        signer = channel.signer("sig/machine-1") if key else None
        proved = make(channel.log_file, notice, signer, witnessed=witnessed)
        proofs = ((name, text.encode()) for name, text in leaf_proofs(proved.bundle))
        place(output, proved.bundle, beside=None if tlog_proof is None else (tlog_proof, proofs))
    if json_output:
        print_json({"file": str(output), **proved.told})
    else:
        sys.stdout.write(f"{output}: {proved.told['nid']}\n")
        for line in sentences(proved.told):
            sys.stdout.write(f"  {line}\n")
    raise typer.Exit(_EXIT[proved.told["verdict"]])


@app.command()
def export(
    log: Annotated[Path, typer.Argument(help="A log file, or a channel's directory.")],
    directory: Annotated[Path, typer.Argument(help="A new directory, or an empty one.")],
    json_output: JsonOption = False,
) -> None:
    """Write the log as C2SP tlog-tiles. It holds every notice that is not sealed. Example: channel export LOG tiles"""
    with told(json_output):
        from channel.replay.export import export as write

        size, count = write(log_of(log), directory)
        if json_output:
            print_json({"directory": str(directory), "tree_size": size, "files": count})
        else:
            sys.stdout.write(f"{directory}: {size} leaves in {count} files, every notice in clear that is not sealed\n")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A log, bundle, fork proof, checkpoint, leaf's proof, or export.")],
    charter: Annotated[
        Path | None, typer.Option(help="The charter that you have signed, or trust by its hash.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Check evidence offline. Exit 0 verified, 1 refuted, 5 incomplete. Example: channel verify FILE --charter C"""
    with told(json_output):
        report = _verified(file, None if charter is None else _read(charter, "charter").strip())
    if json_output:
        print_json(report.to_json())
    else:
        _print_report(report.to_json())
    raise typer.Exit(_EXIT[report.verdict.value])


def _verified(path: Path, charter: bytes | None) -> Report:
    """What it is is told from what is in it; an SQLite file by its name too, so that a damaged one is still a log."""
    from channel.log.documents import verify_document
    from channel.log.tiles import CHECKPOINT, verify_tiles
    from channel.replay.export import reader

    if path.is_dir() and not (path / "log.sqlite").exists():
        if not (path / CHECKPOINT).exists() and not (path / "tile").exists():
            raise UsageError(f"{path} is neither a channel's directory nor an export: there is no log in it")
        return verify_tiles(reader(path), charter)
    if path.is_dir() or path.suffix in (".sqlite", ".db"):
        return _verified_log(log_of(path), charter)
    data = _read(path, "file")
    return _verified_log(path, charter) if data.startswith(_SQLITE) else verify_document(data, charter)


def _verified_log(path: Path, charter: bytes | None) -> Report:
    from channel.log.sqlite import SqliteLog
    from channel.log.verify import unreadable, verify_log
    from channel.protocol.errors import DamagedError

    try:
        log = SqliteLog(path, "read")
        try:
            return verify_log(log.rows(), log.notes(), charter, log.cosignatures)
        finally:
            log.close()
    except DamagedError as error:
        return unreadable(str(error))


def _read(path: Path, what: str) -> bytes:
    """The file's bytes, up to one more than any evidence has: that one too many is for the verification to tell."""
    from channel.protocol.limits import BUNDLE_BYTES_MAX

    try:
        with path.open("rb") as file:
            return file.read(BUNDLE_BYTES_MAX + 2)
    except FileNotFoundError:
        raise UsageError(f"there is no {what} at {path}") from None
    except OSError as error:
        raise UsageError(f"cannot read the {what} {path}: {error.strerror}") from error


def _print_report(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{document['verdict']}\n")
    for title in ("proven", "unproven"):
        for line in document[title]:
            sys.stdout.write(f"  {title}: {line}\n")
    for reason in document["reasons"]:
        leaf = "" if reason.get("leaf") is None else f" at leaf {reason['leaf']}"
        sys.stdout.write(f"  {reason['code']}{leaf}: {reason.get('detail', '')}\n")
