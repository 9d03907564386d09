"""Routes that act: what a signed-in person does through the desk of this console."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from channel.console.access import Session
from channel.console.asked import Acknowledged, AnswerAsked, ForwardingAsked, HeardAsked, NoticeAsked, NoticeHash
from channel.console.console import Console, console_of, signed_in
from channel.console.shapes import Acted
from channel.console.shapes_before import CheckedShown, HeardShown
from channel.console.source import Done

router = APIRouter(prefix="/api/v1", tags=["act"])
Here = Annotated[Console, Depends(console_of)]
Watch = Annotated[Session, Depends(signed_in("watch"))]
AlertPath = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


@router.post("/alerts/{alert}/acknowledge")
async def acknowledge(alert: AlertPath, asked: Acknowledged, here: Here, who: Watch) -> Acted:
    """Acknowledge an alert for the desk of this console."""
    with here.access.acting(who.name, "acknowledge", alert=alert, reason=asked.reason) as outcome:
        return _acted(await here.source.acknowledge(alert, asked.reason), outcome)


@router.post("/answers")
async def answer(asked: AnswerAsked, here: Here, who: Watch) -> Acted:
    """Answer a notice as the word of this party's desk. Only on a party's own console."""
    here.party_only()
    with here.access.acting(who.name, "answer", of=asked.of, word=asked.word) as outcome:
        return _acted(await here.source.answer(asked), outcome)


@router.post("/answers/heard")
async def heard(asked: HeardAsked, here: Here, _: Watch) -> HeardShown:
    """How a read-back compares with its notice, before the answer is signed. Only on a party's own console."""
    here.party_only()
    return await here.source.heard(asked)


@router.post("/forwardings")
async def forward(asked: ForwardingAsked, here: Here, who: Watch) -> Acted:
    """Pass a notice on, over the channel or by voice. Only on a party's own console."""
    here.party_only()
    with here.access.acting(who.name, "forward", of=asked.of, to=asked.to, by=asked.by) as outcome:
        return _acted(await here.source.forward(asked), outcome)


@router.post("/notices/check")
async def check(asked: NoticeAsked, here: Here, _: Watch) -> CheckedShown:
    """Who would read a notice and what it would cause, before it is signed. Only on a party's own console."""
    here.party_only()
    return await here.source.check(asked)


@router.post("/notices")
async def send(asked: NoticeAsked, here: Here, who: Watch) -> Acted:
    """Send a notice of this party's, or take one back. Only on a party's own console."""
    here.party_only()
    what, told = "withdraw", dict[str, object](of=asked.withdraws)
    if asked.withdraws is None:
        what, told = "send", {"kind": asked.kind, "precedence": asked.precedence, "to": list(asked.to)}
    with here.access.acting(who.name, what, **told) as outcome:
        return _acted(await here.source.send(asked), outcome)


@router.post("/notices/{of}/displayed")
async def displayed(of: NoticeHash, here: Here, who: Watch) -> Acted:
    """Sign that this notice is on the screen of a person on watch. Only on a party's own console."""
    here.party_only()
    with here.access.acting(who.name, "displayed", of=of) as outcome:
        return _acted(await here.source.displayed(of), outcome)


def _acted(done: Done | None, outcome: dict[str, object]) -> Acted:
    """None: it was done before. A statement without an index waits for the channel."""
    acted = Acted(index=None if done is None else done.index, of=None if done is None else done.of)
    outcome.update(index=acted.index, signed=acted.of)
    return acted
