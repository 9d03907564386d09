"""Routes that act: what a signed-in person does through the desk of this console."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from channel.console.access import Session
from channel.console.asked import Acknowledged
from channel.console.console import Console, console_of, signed_in
from channel.console.shapes import Acted

router = APIRouter(prefix="/api/v1", tags=["act"])
Here = Annotated[Console, Depends(console_of)]
Watch = Annotated[Session, Depends(signed_in("watch"))]
AlertPath = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


@router.post("/alerts/{alert}/acknowledge")
async def acknowledge(alert: AlertPath, asked: Acknowledged, here: Here, who: Watch) -> Acted:
    """Acknowledge an alert for the desk of this console."""
    here.access.write(who.name, "acknowledge", alert=alert, reason=asked.reason)
    done = await here.source.acknowledge(alert, asked.reason)
    return Acted(index=done.index, of=done.of)
