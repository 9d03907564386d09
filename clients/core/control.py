"""A scenario's hold on a client: JSON lines on standard input, one answer line each (docs/scenario.md).

The client runs as it always does, against the real broker; only the clock is set from outside. What it says is what
the scenario tells it to say: nothing is answered, forwarded or shown to a person by itself.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, TextIO

from channel.protocol.errors import ChannelError, RefusedError, UsageError
from clients.core import drafts
from clients.core.clock import SteppedClock, SystemClock
from clients.core.drafts import Draft
from clients.core.party import Party

LINE_BYTES_MAX = 1024 * 1024


async def run_control(home: Path, party: str, stdin: TextIO, stdout: TextIO) -> None:
    """Answer requests until `stop`, or until the input ends."""
    clock = SteppedClock()
    async with Party.connect(home, party, clock) as channel:
        clock.set(channel.ledger.last_stamp_ms)
        channel.session.witness.limit = 0
        reader = asyncio.StreamReader(LINE_BYTES_MAX)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdin)
        try:
            await serve(channel, reader, stdout)
        finally:
            transport.close()


async def serve(channel: Party, reader: asyncio.StreamReader, out: TextIO) -> None:
    """One answer for each request, in order. Raises what ended the client's own work."""
    while line := await reader.readline():
        going = True
        try:
            request = json.loads(line)
            going = request["do"] != "stop"
            answer = _do(channel, request)
        except RefusedError as error:
            answer = {"ok": False, "code": error.code, "detail": error.detail}
        except ChannelError as error:
            answer = {"ok": False, "code": "usage", "detail": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            answer = {"ok": False, "code": "bad-request", "detail": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer, separators=(",", ":")) + "\n")
        out.flush()
        if channel.runtime.failure is not None:
            raise channel.runtime.failure
        if not going:
            return


def _do(channel: Party, request: dict[str, Any]) -> dict[str, Any]:
    runtime = channel.runtime
    match request["do"]:
        case "time":
            clock = runtime.clock
            if not isinstance(clock, SteppedClock):
                raise UsageError("the clock was set free before")
            clock.set(int(request["now_ms"]))
            runtime.tick()
        case "cosign":
            channel.session.witness.limit = int(request["size"])
            runtime.queued()
        case "poll":
            return _poll(channel)
        case "act":
            row = channel.queue(draft_of(channel, dict(request["act"])))
            return {"ok": True, "of": row.of} | ({} if row.nid is None else {"nid": row.nid})
        case "online":
            runtime.set_online(bool(request["online"]))
        case "free":
            runtime.clock = SystemClock.of_home(channel.home.path)
            channel.session.witness.limit = None
        case "stop":
            pass
        case other:
            raise UsageError(f"there is no request {other!r}")
    return {"ok": True}


def _poll(channel: Party) -> dict[str, Any]:
    session = channel.session
    return {
        "ok": True,
        "connected": channel.runtime.connected,
        "n": session.replica.n,
        "size": session.replica.pin.size,
        "cosigned": session.witness.cosigned,
        "witnessed": session.witness.witnessed,
        "outbox": session.out.waiting(channel.now_ms(), SystemClock().monotonic_ms()),
    }


def draft_of(channel: Party, act: dict[str, Any]) -> Draft:
    """An act, with the member names of its statement, as a draft. UsageError or KeyError if it is not one."""
    do, desk = act.pop("do"), str(act.pop("desk", "operations"))
    match do:
        case "send":
            return drafts.notice(channel.new_nid(), desk=desk, **act)
        case "call":
            return drafts.call(channel.new_nid(), desk, **act)
        case "line":
            return drafts.line(channel.new_nid(), desk, **act)
        case "display":
            return drafts.displayed(act["of"], desk)
        case "answer":
            return drafts.answer(act.pop("of"), act.pop("word"), desk, **act)
        case "forward":
            return drafts.forwarding(act["of"], act["to"], act.get("voice"), desk)
        case "withdraw":
            earlier = channel.ledger.notices.get(act["of"])
            if earlier is None:
                raise UsageError("the notice to be withdrawn is not here yet")
            optional = {name: act[name] for name in ("precedence", "response", "to", "info") if name in act}
            return drafts.withdrawal(channel.new_nid(), earlier, act.get("text", ""), desk, **optional)
        case "check":
            return drafts.check(act["state"], desk)
        case "ack":
            return drafts.acknowledgement(act["alert"], act["reason"], desk)
        case "suspend" | "resume":
            return drafts.suspension(do, act.get("reason", ""), desk)
        case other:
            raise UsageError(f"there is no act {other!r}")
