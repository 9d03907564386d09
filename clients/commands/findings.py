"""Findings in `party status`: what the channel found and told us, and what our own feed shows beside it, in no log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from channel.picture.causes import Cause
    from clients.render import View


def documents(view: View) -> dict[str, Any]:
    """For `--json`: `findings`, and `own_picture`."""
    from channel.ledger import finding_wording

    own = [
        {"kind": one.kind, "rests_on": list(one.rests_on), "concerns": list(one.concerns), "detail": one.detail}
        for one in _own(view)
    ]
    found = finding_wording.standing(view.ledger, view.me)
    return {"findings": [finding_wording.document(one) for one in found], "own_picture": own}


def print_standing(view: View, screen: Console) -> None:
    """For people, a line each."""
    from channel.ledger import finding_wording
    from channel.ledger.alert_wording import inert
    from clients import render

    found, own = finding_wording.standing(view.ledger, view.me), _own(view)
    screen.print(f"findings: {len(found)}")
    for one in found:
        line = finding_wording.standing_line(view.ledger, one, view.now_ms)
        screen.print(f"  {line}", style=render.STYLES[one.body.precedence.value])
    if own:
        screen.print(f"on our own picture, and in no log: {len(own)}")
    for cause in own:
        screen.print(f"  {finding_wording.NAMES.get(cause.kind, cause.kind)}: {inert(cause.detail)}")


def _own(view: View) -> list[Cause]:
    from channel.picture.situation import Situation  # geometry takes a while to import

    return Situation(view.ledger, view.me).unlogged(view.now_ms)
