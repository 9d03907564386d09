"""What an intent did not take account of, although its author might have read it (protocol.md 16.5). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from channel.picture.causes import Cause, Shown
from channel.protocol.statements import Finding, Precedence, Response

LISTED_MAX = 15  # with the intent itself, what a finding may rest on


def accounting(side: Shown, relevant: Iterable[Shown]) -> Cause:
    """The one answer to `accounts_for`: which of the relevant notices of others it does not name."""
    named = set(side.body.accounts_for or ())
    left_out = sorted(
        (other for other in relevant if other.record.of not in named and other.author != side.author),
        key=lambda other: other.index,
    )
    listed = left_out[:LISTED_MAX]
    authors = ", ".join(sorted({other.author for other in left_out}))
    detail = f"{side.what} takes account of every notice near it that its author may read"
    if left_out:
        notices = "1 notice" if len(left_out) == 1 else f"{len(left_out)} notices"
        detail = f"{side.what} does not name {notices} near it that its author may read, of {authors}"
    return Cause(
        kind="not-taken-account-of" if left_out else "accounted-for",
        rests_on=(side.record.of, *(other.record.of for other in listed)),
        needs=(side.index, *(other.index for other in listed)),
        concerns=(side.author,),
        precedence=Precedence.PRIORITY if left_out else Precedence.ROUTINE,
        response=Response.NE,
        detail=detail,
        measures={"left-out-count": len(left_out)},
    )


def accounted(body: Finding) -> Cause:
    """What was answered before, as the log has it: what there is now does not change it."""
    return Cause(
        kind=body.kind,
        rests_on=body.rests_on,
        needs=(),
        concerns=body.concerns,
        precedence=body.precedence,
        response=body.response,
        detail=body.detail,
        measures=body.measures,
    )
