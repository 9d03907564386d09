"""Routes that look: the view of a moment, events, a notice's page, the live socket. They change nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, WebSocket, WebSocketDisconnect

from channel.console import says, view
from channel.console.access import Refused, Session, allowed
from channel.console.console import Console, console_of, signed_in
from channel.console.live import Browser
from channel.console.shapes import Event, NoticePage, View

router = APIRouter(prefix="/api/v1", tags=["look"])
Here = Annotated[Console, Depends(console_of)]
Viewer = Annotated[Session, Depends(signed_in("viewer"))]
At = Annotated[str | None, Query(description="A leaf's index, or a time; without it, now.", max_length=40)]
As = Annotated[str | None, Query(alias="as", description="As this party saw it.", max_length=32)]
EVENTS_MAX = 500  # events in one answer


@router.get("/view", response_model=View)
async def get_view(here: Here, _: Viewer, at: At = None, party: As = None) -> Response:
    """Everything on the screens at a moment, as the operator or a party saw it."""
    text = await here.live.work(lambda: here.view(at, party))
    return Response(text, media_type="application/json")


@router.get("/events")
async def events(
    here: Here, _: Viewer, after: Annotated[int, Query(ge=-1)] = -1, party: As = None
) -> tuple[Event, ...]:
    """Leaves after an index, at most 500; ask again after the last one's."""

    def found() -> tuple[Event, ...]:
        ledger = here.moment(None, party)[0].ledger
        indexes = sorted(index for index in ledger.entries if index > after)[:EVENTS_MAX]
        return tuple(says.event(ledger, ledger.entries[index]) for index in indexes)

    return await here.live.work(found)


@router.get("/notices/{of}")
async def notice(here: Here, _: Viewer, of: str, at: At = None, party: As = None) -> NoticePage:
    """Everything about one notice, by its token's hash."""

    def found() -> NoticePage:
        moment, _ = here.moment(at, party)
        if of not in moment.ledger.notices:
            raise Refused(404, "unknown-notice", "there is no such notice in this view")
        return view.page(moment, of)

    return await here.live.work(found)


@router.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """A View first, then Change and Tick messages. What a browser sends is not read."""
    here, session = console_of(websocket), websocket.scope["state"].get("session")
    if not _may_look(here, session):
        await websocket.close(4401, "not-signed-in")
        return
    browser = here.live.join(session)
    if browser is None:
        await websocket.close(4429, "too-many")
        return
    try:
        await websocket.accept()
        await _looked_at(here, websocket, browser)
    finally:
        here.live.browsers.discard(browser)


async def _looked_at(here: Console, websocket: WebSocket, browser: Browser) -> None:
    telling = asyncio.create_task(_tell(here, websocket, browser))
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
            await telling


async def _tell(here: Console, websocket: WebSocket, browser: Browser) -> None:
    """One message after the other; each is taken from the browser's hands before the next is made."""
    token = websocket.scope["state"]["token"]
    await here.live.folded.wait()
    while True:
        await browser.ready.wait()
        if not _may_look(here, here.access.session(token)):
            await websocket.close(4401, "not-signed-in")
            return
        text = here.live.message(browser)
        if text is not None:
            await websocket.send_text(text)


def _may_look(here: Console, session: Session | None) -> bool:
    return session is not None and not session.password_needed and allowed(here.access.role(session), "viewer")
