"""The control line between the coordinator and its processes: one JSON object a line each way (docs/scenario.md S60).

Here: what the answers look like and the port that a process, or a fake in a test, stands behind. No process is started
here. Requests are asked one at a time; every request but `act` and `ack` may be repeated.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from channel.protocol.errors import FatalError

Message = Mapping[str, Any]
Sleep = Callable[[float], Awaitable[None]]


class Reply(BaseModel):
    """What every answer has: `ok`, and a code and a sentence when it is false. Unknown members are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    ok: bool
    code: str = ""
    detail: str = ""


class RelayPoll(Reply):
    """Where the relay is: its next due time, its tree, each party's feed, and the statements that wait at its gate.

    `unwitnessed`: the parties that have not cosigned its newest checkpoint.
    """

    next_due_ms: int | None = None
    tree_size: int
    feeds: dict[str, int]
    gated: dict[str, tuple[str, ...]]
    unwitnessed: tuple[str, ...] = ()
    witnessed: int = 0


class ClientPoll(Reply):
    """Where a client is: what it holds of its feed, its pinned tree, and its statements without a receipt.

    `cosigned`: whether it has cosigned that tree; `witnessed`: up to where it knows of a quorum.
    """

    connected: bool
    n: int
    size: int
    outbox: tuple[str, ...]
    cosigned: bool = True
    witnessed: int = 0


class Acted(Reply):
    """What a client made of an act: the hash of the token that it signed."""

    of: str | None = None
    nid: str | None = None


class PeerDied(FatalError):
    """The process behind the line is gone; what it was asked may or may not have happened."""


class Peer(Protocol):
    """One process on its control line. `request` gives the raw answer; PeerDied if there will be none."""

    @property
    def name(self) -> str: ...

    async def request(self, message: Message) -> bytes: ...

    async def restart(self) -> None:
        """Kill it without warning and start it again with the same arguments."""

    async def revive(self) -> bool:
        """Start it again if it died by itself; False when it did so too often."""


R = TypeVar("R", bound=Reply)


async def ask(peer: Peer, message: Message, reply: type[R]) -> R:
    """Ask and read the answer. FatalError if it is not one, or if it says no where only yes is possible."""
    data = await peer.request(message)
    try:
        said = Reply.model_validate_json(data)
        if not said.ok and reply is not Acted:
            raise FatalError(f"{peer.name}: {message.get('do')!r} failed: {said.code} {said.detail}".rstrip())
        return reply.model_validate_json(data)
    except ValidationError as error:
        raise FatalError(f"{peer.name}: not an answer to {message.get('do')!r} on its control line") from error


def line(message: Message) -> bytes:
    """A message as it goes down the line."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


PAUSE_S_MIN = 0.002  # between two looks at processes that are at work: a frame takes a few milliseconds
PAUSE_S_MAX = 0.1
STUCK_S = 60.0  # nothing moves for this long: reconnecting takes seconds, so something is wrong


class Patience:
    """Pauses between looks, longer while nothing moves, until `STUCK_S` of them in a row saw nothing new."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep
        self._seen: object = None
        self._pause_s = PAUSE_S_MIN
        self._waited_s = 0.0

    async def wait(self, seen: object) -> bool:
        """Pause. False when `seen` has been the same for too long."""
        if seen != self._seen:
            self._seen, self._pause_s, self._waited_s = seen, PAUSE_S_MIN, 0.0
        elif self._waited_s >= STUCK_S:
            return False
        await self._sleep(self._pause_s)
        self._waited_s += self._pause_s
        self._pause_s = min(PAUSE_S_MAX, self._pause_s * 1.3)
        return True
