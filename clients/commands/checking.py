"""Check before sending: what a notice would cause, said before anything is signed (protocol.md 16.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from clients.commands.app import asked, before_a_person, note, print_json

if TYPE_CHECKING:
    from channel.picture.drafts import FindingDraft
    from clients.core.drafts import Draft
    from clients.core.party import Party

CheckWord = Literal["ask", "stop"]
CheckOption = Annotated[
    CheckWord | None,
    typer.Option(help="Say first what findings it would cause, and ask; --check=stop: then send nothing. Default: ask, "
    "for IMMEDIATE and FLASH."),
]  # fmt: skip
NoCheckOption = Annotated[bool, typer.Option("--no-check", help="Send it without looking.")]
URGENT = ("IMMEDIATE", "FLASH")


class Checking(TyperCommand):
    """A command whose `--check` may stand without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`--check` is `--check=ask`, unless the word after it says what to do."""
        words = ("ask", "stop")
        plain = [
            "--check=ask" if word == "--check" and after not in words else word
            for word, after in zip(args, [*args[1:], ""], strict=True)
        ]
        return super().parse_args(ctx, plain)


def mode(check: CheckWord | None, no_check: bool, precedence: object) -> CheckWord | None:
    """What to do about findings: what was said, else ask where a mistake costs most."""
    if no_check:
        return None
    return check or ("ask" if str(precedence).upper() in URGENT else None)


async def checked(channel: Party, draft: Draft, how: CheckWord, quiet: bool, json_output: bool) -> list[dict[str, Any]]:
    """The findings that a notice would cause, for the document. Exit 1 on a no: then nothing was signed."""
    found = channel.would_cause(draft)
    documents = [_document(channel, one) for one in found]
    for one in found:
        note(f"this would cause {_line(channel, one)}")
    if not found:
        return documents
    if how == "stop":
        if json_output:
            print_json({"sent": False, "findings": documents})
        note("nothing was sent: --check=stop")
        raise typer.Exit(1)
    if before_a_person(quiet) and not await asked("Send it all the same?"):
        note("nothing was sent")
        raise typer.Exit(1)
    return documents


def _line(channel: Party, found: FindingDraft) -> str:
    from channel.ledger.finding_wording import NAMES
    from channel.ledger.wording import inert, notice_ref

    named = [notice_ref(channel.ledger, channel.ledger.notices[of].nid) for of in _others(channel, found)]
    tail = f" [{', '.join(named)}]" if named else ""
    return f"{found.precedence.value} {NAMES.get(found.kind, found.kind.upper())}: {inert(found.detail)}{tail}"


def _document(channel: Party, found: FindingDraft) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "precedence": found.precedence.value,
        "concerns": list(found.concerns),
        "rests_on": _others(channel, found),
        "measures": dict(found.measures),
        "detail": found.detail,
    }


def _others(channel: Party, found: FindingDraft) -> list[str]:
    """The notices that it would conflict with: the one to be sent has no name yet."""
    return [of for of in found.rests_on if of in channel.ledger.notices]
