"""Routes of admins: users, and what two of them decide together."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import ValidationError

from channel.console.access import Refused, Session
from channel.console.approvals import Approvals, Request, shown
from channel.console.asked import Because, GoWithout, UserPut
from channel.console.console import Console, console_of, signed_in
from channel.console.shapes_beside import ApprovalShown, Decided, UserShown
from channel.protocol.errors import RefusedError, UsageError
from channel.protocol.times import to_wire

router = APIRouter(prefix="/api/v1", tags=["admin"])
Here = Annotated[Console, Depends(console_of)]
Admin = Annotated[Session, Depends(signed_in("admin"))]
NamePath = Annotated[str, Path(max_length=32)]


@router.get("/users")
async def users(here: Here, _: Admin) -> tuple[UserShown, ...]:
    """Everybody who may sign in."""
    signed = here.access.signed_in()
    return tuple(
        UserShown(
            name=user.name,
            role=user.role,
            password=user.password is not None,
            certificate=user.certificate is not None,
            link_until_at=to_wire(user.link_until_ms) if user.link is not None else None,
            signed_in=user.name in signed,
        )
        for user in sorted(here.access.people.users.values(), key=lambda user: user.name)
    )


@router.post("/users/{name}")
async def put_user(name: NamePath, asked: UserPut, here: Here, who: Admin) -> Decided:
    """A new user, or another role. The link of a new one is for the one who asks: with the answer if nobody else has to
    agree, else by asking for that user's link once another admin has agreed."""
    return await _decide(here, who, Request("put-user", name, asked.role, asked.certificate, asked.reason))


@router.post("/users/{name}/remove")
async def remove_user(name: NamePath, asked: Because, here: Here, who: Admin) -> Decided:
    """Take a user away; their sessions end."""
    return await _decide(here, who, Request("remove-user", name, reason=asked.reason))


@router.post("/users/{name}/link")
async def link(name: NamePath, asked: Because, here: Here, who: Admin) -> Decided:
    """A new sign-in link for somebody who has lost the password; their sessions end. Asked again by the same admin,
    within a quarter of an hour after another one has agreed, it is in the answer."""
    return await _decide(here, who, Request("link", name, reason=asked.reason))


@router.post("/clock-step")
async def clock_step(asked: Because, here: Here, who: Admin) -> Decided:
    """Ask that the wall clock's step be applied (docs/operations.md). Only on the operator's console."""
    here.operators_only()
    return await _decide(here, who, Request("clock-step", reason=asked.reason))


@router.post("/quarantine/without")
async def go_without(asked: GoWithout, here: Here, who: Admin) -> Decided:
    """Ask that the relay go on after a restore without a party that cannot come. Only on the operator's console."""
    here.operators_only()
    if not here.live.standing.quarantined:
        raise Refused(409, "no-quarantine", "the relay waits for nobody: there is nothing to go on without")
    return await _decide(here, who, Request("go-without", party=asked.party, reason=asked.reason))


@router.get("/approvals")
async def approvals(here: Here, who: Admin) -> tuple[ApprovalShown, ...]:
    """What waits for a second admin."""
    return tuple(shown(one, who) for one in here.approvals.waiting())


@router.post("/approvals/{id_}/agree")
async def agree(id_: str, here: Here, who: Admin) -> Decided:
    """Agree to what another admin asked for: it is done at once. A link is for the one who asked."""
    waiting = here.approvals.take(id_, who)
    request = waiting.request
    try:
        with here.access.acting(who.name, "agree", **waiting.told()) as outcome:
            if request.what == "clock-step":
                return await _stepped(here, request, outcome)
            if request.what == "go-without":
                await here.source.go_without(request.party or "")
                return Decided(waiting=None, link=None, index=None)
            if here.approvals.apply(request, waiting.by, who.name):
                here.approvals.grant(request.user or "", waiting.by, who.name)
    except (Refused, UsageError, RefusedError, ValidationError):
        here.approvals.put_back(waiting)
        raise
    return Decided(waiting=None, link=None, index=None)


@router.post("/approvals/{id_}/refuse", status_code=204)
async def refuse(id_: str, here: Here, who: Admin) -> None:
    """Do not agree; or take back what one asked for oneself."""
    here.approvals.refuse(id_, who)


async def _decide(here: Console, who: Session, request: Request) -> Decided:
    approvals: Approvals = here.approvals
    by = approvals.granted(request, who)
    if by is not None:
        approvals.check(request)
        with here.access.acting(who.name, "take-link", user=request.user, by=list(by)):
            return _link(here, request, *by)
    if not approvals.alone(request, who):
        return Decided(waiting=shown(approvals.ask(request, who), who), link=None, index=None)
    approvals.check(request)
    with here.access.acting(who.name, "decide-alone", **request.told()):
        if approvals.apply(request, who.name):
            return _link(here, request, who.name)
    return Decided(waiting=None, link=None, index=None)


def _link(here: Console, request: Request, *by: str) -> Decided:
    made = here.approvals.link(request.user or "", *by)
    return Decided(waiting=None, link=here.link_url(made), index=None)


async def _stepped(here: Console, request: Request, outcome: dict[str, object]) -> Decided:
    done = await here.source.apply_clock(request.reason)
    outcome.update(index=done.index)
    return Decided(waiting=None, link=None, index=done.index)
