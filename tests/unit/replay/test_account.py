"""The account: the classes are a partition; what was passed on without a sign of the addressee is one of its own."""

from __future__ import annotations

import pytest

from channel.protocol import ids
from channel.protocol.statements import Acknowledgement, Answer, Check, Forwarding, Receiving
from channel.protocol.times import to_wire
from channel.replay import OUTCOMES, alerts, classify, outcomes
from tests.unit.ledger.nets import START_MS, Net

S = 1000
LONG_MS = 10**8
VOICE = {"role": "watch", "contact": "+000 04 555 0014", "at": to_wire(START_MS), "readback": "35.3359 40.1408"}


@pytest.fixture
def net() -> Net:
    return Net()


def passed_on(net: Net, by: str, **members: str) -> str:
    of = net.notice("coalition", START_MS, "regime:russia", **members)
    voice = {"voice": VOICE} if by == "voice" else {}
    net.sign("russia", Forwarding, START_MS + 10 * S, of=of, to="regime", by=by, **voice)
    return of


def outcome(net: Net, of: str, addressee: str = "regime") -> str:
    return classify(net.ledger.deliveries[of, addressee])


@pytest.mark.parametrize("by", ["voice", "channel"])
@pytest.mark.parametrize("response", ["WU", "NE"])
@pytest.mark.parametrize("to_the_end", [False, True])
def test_passed_on_without_a_sign_of_the_addressee_is_forwarded_unconfirmed(
    net: Net, by: str, response: str, to_the_end: bool
) -> None:
    of = passed_on(net, by, response=response)
    if to_the_end:
        net.alerts(START_MS + LONG_MS)
    assert outcome(net, of) == "forwarded_unconfirmed"


@pytest.mark.parametrize("by", ["voice", "channel"])
def test_custody_or_a_word_of_the_addressee_confirms(net: Net, by: str) -> None:
    received, standby, answered = (passed_on(net, by) for _ in range(3))
    net.sign("regime", Receiving, START_MS + 20 * S, of=received, stage="received")
    net.sign("regime", Answer, START_MS + 20 * S, of=standby, word="STANDBY", until=to_wire(START_MS + 90 * S))
    net.sign("regime", Answer, START_MS + 20 * S, of=answered, word="UNABLE")
    net.alerts(START_MS + LONG_MS)
    assert [outcome(net, of) for of in (received, standby, answered)] == ["unanswered", "unanswered", "answered"]


def test_never_passed_on_comes_before_unanswered_and_expired(net: Net) -> None:
    owing = net.notice("coalition", START_MS, "regime:russia")
    owing_none = net.notice("coalition", START_MS, "regime:russia", response="NE")
    net.alerts(START_MS + LONG_MS)
    assert {outcome(net, owing), outcome(net, owing_none)} == {"awaiting_forward"}


def test_the_classes_are_a_partition(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia regime:russia", info=["sdf"])
    withdrawn, amended = (net.notice("coalition", START_MS, "russia") for _ in range(2))
    net.notice("coalition", START_MS + S, "russia", withdraws=withdrawn, kind="text", response="R")
    net.notice("coalition", START_MS + S, "russia", amends=amended, response="NE")
    net.sign("sdf", Receiving, START_MS + S, of=of, stage="received")
    net.alerts(START_MS + LONG_MS)
    counts = outcomes(net.ledger)
    assert tuple(counts) == OUTCOMES
    assert sum(counts.values()) == len(net.ledger.deliveries)
    assert counts == {
        "answered": 0,
        "told": 1,
        "unanswered": 2,
        "withdrawn": 1,
        "superseded": 1,
        "expired": 1,
        "awaiting_forward": 1,
        "forwarded_unconfirmed": 0,
    }


def test_an_alert_says_who_acknowledged_it_and_when_it_was_cleared(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia")
    net.alerts(START_MS + 15 * S)
    net.sign("coalition", Acknowledgement, START_MS + 16 * S, alert=next(iter(net.ledger.alerts)), reason="ringing")
    net.sign("russia", Receiving, START_MS + 17 * S, of=of, stage="received")
    (alert,) = alerts(net.ledger)
    assert (alert["addressee"], alert["stage"], alert["rung"]) == ("russia", "receipt", "operations")
    assert alert["acknowledged"] == {"coalition": to_wire(START_MS + 16 * S)}
    assert alert["cleared_at"] == to_wire(START_MS + 17 * S)


def test_an_alert_about_no_delivery_names_the_party_at_fault(net: Net) -> None:
    net.sign("sdf", Check, START_MS, state="on-watch", seq=5, prev=ids.sha256(b"x"))
    net.alerts(START_MS + LONG_MS)
    assert {alert["addressee"] for alert in alerts(net.ledger)} == {"sdf"}
    assert {alert["notice"] for alert in alerts(net.ledger)} == {None}
