"""A scenario's hold on the relay: what the operator's desk acknowledges goes beside what a person signs there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from channel.founding import found_trial
from channel.ledger import deadlines
from channel.protocol.statements import Acknowledgement
from channel.relay import control
from channel.relay.boot import boot
from channel.relay.clock import SteppedClock
from channel.relay.home import ChannelHome
from channel.relay.loop import Relay
from channel.relay.operator import Spool, newest, statement
from channel.relay.sinks import Silent

NOW_MS = 1_505_433_600_000


@pytest_asyncio.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    """One that a scenario holds, with an alert in its log."""
    found_trial(tmp_path / "channel", now_ms=NOW_MS, wall_ms=NOW_MS, net="held", broker_port=4)
    channel = ChannelHome.open(tmp_path / "channel")
    made = Relay(channel, boot(channel), SteppedClock(NOW_MS), Silent(), gated=True)
    await made.turn()
    draft = deadlines.unwitnessed(made.core.folded.ledger, 0, ("sdf",), NOW_MS)
    assert draft is not None
    made.core.raise_alert(draft, NOW_MS)
    await made.turn()
    yield made
    made.close()


async def test_a_person_and_the_scenario_may_acknowledge_at_once(relay: Relay) -> None:
    """Both sign with the desk's one key: the scenario's comes after what waits in the spool already."""
    folded, signer = relay.core.folded, relay.home.signer("sig/desk-operations")
    alert = next(iter(folded.ledger.alerts))
    spool = Spool(relay.home.path / "operator.sqlite")
    person = spool.submit(
        lambda seq, prev: statement(Acknowledgement, folded, NOW_MS, seq, prev, alert=alert, reason="a person"),
        signer,
        newest(folded.ledger, signer.kid),
    )
    answer = await control._do(relay, {"do": "ack", "alert": alert, "reason": "the scenario"})
    settled = spool.outcome(person)
    spool.close()
    assert answer["ok"]
    assert settled is not None
    assert settled.code is None
    bodies = [entry.opened.body for entry in folded.ledger.entries.values()]
    acks = [(body.seq, body.reason) for body in bodies if isinstance(body, Acknowledgement)]
    assert acks == [(1, "a person"), (2, "the scenario")]


async def test_what_is_refused_to_the_scenario_says_why(relay: Relay) -> None:
    answer = await control._do(relay, {"do": "ack", "alert": "ab" * 8, "reason": "the scenario"})
    assert (answer["ok"], answer["code"]) == (False, "unknown-reference")
