"""Evidence of this party: `prove` and `disclose` write a bundle that anybody checks with the charter alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.commands.app import WAIT_S, JsonOption, WaitOption, app, connected, note, print_json, told

if TYPE_CHECKING:
    from clients.core.proving import Proved

WitnessedOption = Annotated[
    bool, typer.Option("--witnessed", help="Only as far as a quorum has cosigned, without leaves that are newer.")
]
_EXIT = {"verified": 0, "refuted": 1, "incomplete": 5}


@app.command(epilog="Example: party -p coalition prove 015e86a2-4b40 -o bundle.json")
def prove(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="Its id or token hash, or the beginning of one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The bundle to write, such as bundle.json.")],
    tlog_proof: Annotated[
        Path | None, typer.Option(help="A new directory for each leaf's proof as a tlog-proof file.")
    ] = None,
    witnessed: WitnessedOption = False,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Everything about one notice that this party may read, in a file that is checked offline."""
    with told(json_output):
        from channel.log.bundle_files import leaf_proofs
        from channel.wire.files import place

        proved = connected(context.obj, lambda channel: channel.prove(notice, wait=wait, witnessed=witnessed))
        proofs = ((name, text.encode()) for name, text in leaf_proofs(proved.bundle))
        place(output, proved.bundle, beside=None if tlog_proof is None else (tlog_proof, proofs))
    _report(output, proved, json_output)


@app.command(epilog="Example: party -p coalition disclose 015e86a2-4b40 -o bundle.json")
def disclose(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="A sealed notice of this party's, or to it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The bundle to write, such as bundle.json.")],
    witnessed: WitnessedOption = False,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """The same as `prove` of a sealed notice, and with it what was sealed: whoever has the file can read it."""
    with told(json_output):
        from channel.wire.files import place

        proved = connected(context.obj, lambda channel: channel.disclose(notice, wait=wait, witnessed=witnessed))
        place(output, proved.bundle, mode=0o600)
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
