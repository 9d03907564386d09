"""A scenario's hold on the relay: JSON lines on standard input, one answer line each (protocol.md section 14).

The relay's clock is set from outside and stands still between; what parties send waits at the gate until `commit`.
`free` opens the gate and lets the clock go on at speed 1.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, TextIO

from channel.protocol.errors import ChannelError, UsageError
from channel.protocol.statements import Acknowledgement
from channel.relay.clock import RelayClock, SteppedClock, SystemClock
from channel.relay.loop import Relay
from channel.relay.operator import Spool, newest, statement


async def serve(relay: Relay, reader: asyncio.StreamReader, out: TextIO) -> None:
    """Answer requests until `stop`, or until the input ends: then the relay stops too."""
    while line := await reader.readline():
        try:
            answer = await _do(relay, json.loads(line))
        except (ChannelError, KeyError, ValueError) as error:
            answer = {"ok": False, "detail": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer, separators=(",", ":")) + "\n")
        out.flush()
    await relay.stop()


async def _do(relay: Relay, request: dict[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "time":
            stepped(relay).set(int(request["now_ms"]))
            await relay.turn()
        case "poll":
            return _poll(relay)
        case "commit":
            return {"ok": True, "leaves": await relay.commit_gate()}
        case "beat":
            relay.beat()
        case "presence":
            _presence(relay, request["party"], request["online"])
        case "ack":
            return await _acknowledge(relay, request["alert"], request["reason"])
        case "free":
            relay.gated = False
            relay.offline.clear()
            relay.clock = RelayClock(SystemClock.of_home(relay.home.path), relay.core.folded.ledger.last_stamp_ms)
            await relay.turn()
        case "stop":
            await relay.stop()
        case other:
            raise UsageError(f"there is no request {other!r}")
    return {"ok": True}


def stepped(relay: Relay) -> SteppedClock:
    """UsageError once the clock goes by itself."""
    if not isinstance(relay.clock, SteppedClock):
        raise UsageError("the clock was set free before")
    return relay.clock


def _poll(relay: Relay) -> dict[str, Any]:
    return {
        "ok": True,
        "next_due_ms": relay.next_due_ms(),
        "tree_size": relay.core.committed_size,
        "feeds": dict(relay.head.feeds),
        "unwitnessed": relay.witnesses.missing(relay.core.committed_size),
        "witnessed": 0 if relay.witnesses.witnessed is None else relay.witnesses.witnessed.size,
        "gated": {party: sorted(held) for party, held in relay.gate.items()},
    }


def _presence(relay: Relay, party: str, online: bool) -> None:
    if online:
        relay.offline.pop(party, None)
    else:
        relay.offline[party] = relay.clock.now_ms()
        relay.sessions[party].gone()


async def _acknowledge(relay: Relay, alert: str, reason: str) -> dict[str, Any]:
    """The operator's desk acknowledges, as `channel alerts ack` does: signed in the spool, after what others signed."""
    spool, signer = Spool(relay.home.path / "operator.sqlite"), relay.home.signer("sig/desk-operations")
    folded, now_ms = relay.core.folded, relay.clock.now_ms()
    try:
        id_ = spool.submit(
            lambda seq, prev: statement(Acknowledgement, folded, now_ms, seq, prev, alert=alert, reason=reason),
            signer,
            newest(folded.ledger, signer.kid),
        )
        await relay.turn()
        settled = spool.outcome(id_)
    finally:
        spool.close()
    if settled is None:
        return {"ok": False, "code": "unreachable", "detail": "the relay has not judged the acknowledgement"}
    if settled.index is None:
        return {"ok": False, "code": settled.code or "", "detail": settled.detail}
    return {"ok": True, "of": folded.ledger.entries[settled.index].opened.of}
