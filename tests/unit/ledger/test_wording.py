"""Lines for people: who owes what to whom, how late, which leg, who was told, whom to ring; nothing that deceives."""

from __future__ import annotations

import re

import pytest

from channel.ledger import wording
from channel.protocol import ids
from channel.protocol.statements import (
    Acknowledgement,
    Answer,
    Call,
    Check,
    Forwarding,
    Receiving,
    Refusal,
    Start,
    Suspension,
)
from channel.protocol.times import to_wire
from tests.unit.ledger.nets import START_MS, Net

S = 1000


@pytest.fixture
def net() -> Net:
    return Net()


def alert_lines(net: Net) -> list[str]:
    return [wording.alert_line(net.ledger, record, record.raised_ms) for record in net.ledger.alerts.values()]


def lines(net: Net) -> list[str]:
    entries = list(net.ledger.entries.values())
    return [line for entry in entries for line in wording.entry_lines(net.ledger, entry)]


# --- alerts ---------------------------------------------------------------------------------------------------------


def test_an_alert_says_who_owes_what_how_late_who_was_told_whom_to_ring_and_what_to_type(net: Net) -> None:
    net.notice("coalition", START_MS, "regime:russia")
    net.alerts(START_MS + 60 * S)
    nid, alerts = min(net.ledger.nids), list(net.ledger.alerts.values())
    forward = next(record for record in alerts if record.body.stage == "forward")
    staff = next(record for record in alerts if record.body.rung.value == "staff")
    where = f"SEP 17 FLASH coalition -> regime via russia {nid[:13]}"
    assert wording.alert_line(net.ledger, forward, forward.raised_ms) == (
        f"!! 160030Z {where}: NOT PASSED ON by russia, overdue after 30 s; told coalition/operations, "
        "russia/operations; ring russia/operations +000 02 555 0012; "
        f'channel alerts ack {forward.body.alert[:4]} --reason "..."'
    )
    assert wording.alert_line(net.ledger, staff, staff.raised_ms) == (
        f"!! 160031Z {where}: NO ANSWER from regime, 60 s after the notice: NOT PASSED ON by russia, 30 s overdue, "
        "now to the staff; told coalition/operations, coalition/staff, russia/staff; "
        f'ring russia/staff +000 02 555 0022; channel alerts ack {staff.body.alert[:4]} --reason "..."'
    )


def test_a_label_takes_the_place_of_the_notices_id(net: Net) -> None:
    net.notice("coalition", START_MS, "regime:russia")
    net.alerts(START_MS + 30 * S)
    record = list(net.ledger.alerts.values())[-1]
    line = wording.alert_line(net.ledger, record, record.raised_ms, label="strike-1")
    assert " coalition -> regime via russia strike-1: NOT PASSED ON by russia, overdue after 30 s; " in line


def test_the_delay_grows_with_the_time_that_is_asked_for(net: Net) -> None:
    net.notice("coalition", START_MS, "russia")
    net.alerts(START_MS + 15 * S)
    (record,) = net.ledger.alerts.values()
    assert "NOT RECEIVED by russia, overdue after 15 s;" in wording.alert_line(net.ledger, record, START_MS + 15 * S)
    assert "NOT RECEIVED by russia, 5 min overdue (5 min after the notice);" in wording.alert_line(
        net.ledger, record, START_MS + 315 * S
    )


def test_a_party_is_told_its_own_command(net: Net) -> None:
    net.notice("coalition", START_MS, "russia")
    net.alerts(START_MS + 15 * S)
    own = net.of("russia")
    (record,) = own.alerts.values()
    assert "; party -p russia alerts ack " in wording.alert_line(own, record, START_MS + 15 * S, "party -p russia")


def test_the_leg_that_failed_is_named(net: Net) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    net.alerts(START_MS + 31 * S)
    net.sign("russia", Forwarding, START_MS + 40 * S, of=of, to="regime", by="channel")
    net.alerts(START_MS + 10**7)
    texts = " ".join(alert_lines(net))
    assert "NOT PASSED ON by russia" in texts
    assert "NOT RECEIVED by regime" in texts
    assert "NO ANSWER from regime, 60 s after the notice (passed on by russia after 40 s); told" in texts
    assert "NO ANSWER from regime, 60 s after it was passed on; told" in texts
    assert "NEVER ANSWERED by regime, no longer awaited, 11 min after it was passed on, 10 min overdue; told" in texts


def test_what_was_told_by_voice_and_not_confirmed_is_said(net: Net) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    voice = {"role": "watch", "contact": "+000 04 555 0014", "at": to_wire(START_MS), "readback": "35.3359 40.1408"}
    net.sign("russia", Forwarding, START_MS + 10 * S, of=of, to="regime", by="voice", voice=voice)
    net.alerts(START_MS + 70 * S)
    texts = " ".join(alert_lines(net))
    assert (
        "NO ANSWER from regime, 60 s after the notice (passed on by russia by voice after 10 s, not confirmed)" in texts
    )
    assert "NO ANSWER from regime, 60 s after it was passed on by voice, not confirmed" in texts


def test_a_voice_leg_that_the_addressee_signed_for_is_confirmed(net: Net) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    voice = {"role": "watch", "contact": "+000 04 555 0014", "at": to_wire(START_MS), "readback": "35.3359 40.1408"}
    net.sign("russia", Forwarding, START_MS + 10 * S, of=of, to="regime", by="voice", voice=voice)
    net.sign("regime", Receiving, START_MS + 20 * S, of=of, stage="received")
    net.alerts(START_MS + 70 * S)
    texts = " ".join(alert_lines(net))
    assert "passed on by voice" in texts
    assert "not confirmed" not in texts


def test_no_alert_is_zero_seconds_late(net: Net) -> None:
    net.notice("coalition", START_MS, "russia regime:russia", info=["sdf"])
    net.notice("coalition", START_MS, "russia", response="NE")
    net.alerts(START_MS + 10**8)
    texts = " ".join(alert_lines(net))
    for stage in ("NOT RECEIVED", "NOT PASSED ON", "NO ANSWER", "NEVER ANSWERED", "NEVER PASSED ON", "NEVER RECEIVED"):
        assert stage in texts
    assert not re.search(r"\b0 s |due now", texts)


def test_standby_that_ran_out_is_said(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia")
    until = to_wire(START_MS + 90 * S)
    net.sign("russia", Answer, START_MS + 5 * S, of=of, word="STANDBY", until=until)
    net.alerts(START_MS + 90 * S)
    assert any("NO ANSWER AFTER STANDBY from russia, 90 s after the notice; told" in line for line in alert_lines(net))


def test_an_answer_after_the_alert_says_how_late_it_was(net: Net) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    net.alerts(START_MS + 60 * S)
    net.sign("russia", Forwarding, START_MS + 90 * S, of=of, to="regime", by="channel")
    net.sign("regime", Answer, START_MS + 102 * S, of=of, word="WILCO")
    found = [line for line in lines(net) if line.startswith("-- ")]
    ref = min(net.ledger.nids)[:13]
    assert len(found) == 2
    assert f"coalition -> regime via russia {ref}: passed on late by 60 s (over the channel); cleared " in found[0]
    assert f"coalition -> regime via russia {ref}: answered late by 42 s (WILCO); cleared " in found[1]


@pytest.mark.parametrize(
    ("forwarded_s", "answered_s", "said"),
    [
        (32, 62, "answered late by 2 s (WILCO)"),  # in the addressee's time, after the author's
        (32, 152, "answered late by 92 s (WILCO)"),
        (20, 60, "answered late by less than 1 s (WILCO)"),
    ],
)
def test_the_delay_of_an_answer_counts_from_the_alerts_own_deadline(
    net: Net, forwarded_s: int, answered_s: int, said: str
) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    net.sign("russia", Forwarding, START_MS + forwarded_s * S, of=of, to="regime", by="channel")
    net.sign("regime", Receiving, START_MS + forwarded_s * S, of=of, stage="received")
    net.alerts(START_MS + answered_s * S)
    net.sign("regime", Answer, START_MS + answered_s * S, of=of, word="WILCO")
    assert f": {said}; cleared " in lines(net)[-1]


def test_after_standby_the_delay_counts_from_where_it_moved_the_deadline(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia")
    net.sign("russia", Answer, START_MS + 5 * S, of=of, word="STANDBY", until=to_wire(START_MS + 90 * S))
    net.alerts(START_MS + 90 * S)
    net.sign("russia", Answer, START_MS + 100 * S, of=of, word="WILCO")
    assert "answered late by 10 s (WILCO)" in lines(net)[-1]


def test_what_the_author_ended_is_told_so(net: Net) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    net.alerts(START_MS + 60 * S)
    net.notice("coalition", START_MS + 61 * S, "regime:russia", withdraws=of, kind="text", response="R")
    assert any(line.startswith("-- ") and ": withdrawn by coalition; cleared " in line for line in lines(net))


def test_each_cleared_alert_is_told_once_and_by_the_leaf_that_cleared_it(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia")
    net.alerts(START_MS + 60 * S)
    net.sign("russia", Answer, START_MS + 61 * S, of=of, word="WILCO")
    cleared = [record.body.alert[:4] for record in net.ledger.alerts.values() if not record.standing]
    told = [match[1].split(", ") for line in lines(net) if (match := re.search(r"; cleared (.*)$", line))]
    assert len(told) == 1  # several of one delivery at once are one line
    assert sorted(told[0]) == sorted(cleared)
    assert cleared


def test_short_ids_are_long_enough_to_tell_apart(net: Net) -> None:
    for count in range(40):
        net.notice("coalition", START_MS, "russia sdf", nid=ids.uuid7(START_MS, bytes([7] * 9 + [count])))
    net.alerts(START_MS + 60 * S)
    alerts = {wording.alert_ref(net.ledger, alert) for alert in net.ledger.alerts}
    nids = {wording.notice_ref(net.ledger, nid) for nid in net.ledger.nids}
    assert len(alerts) == len(net.ledger.alerts)
    assert len(nids) == 40
    for ref in nids:
        assert sum(nid.startswith(ref) for nid in net.ledger.nids) == 1


# --- what parties sign ------------------------------------------------------------------------------------------------


def test_every_leaf_has_one_line_of_its_own(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia regime:russia", info=["sdf"])
    net.sign("russia", Receiving, START_MS, of=of, stage="displayed")
    net.sign("russia", Answer, START_MS, of=of, word="ROGER")
    net.sign("sdf", Check, START_MS, state="on-watch")
    net.sign("sdf", Suspension, START_MS, action="suspend", reason="order")
    net.sign("relay", Start, START_MS, size=1, downtime_ms=0, version="1")
    call = {"nid": ids.uuid7(START_MS, b"c" * 10), "precedence": "ROUTINE", "to": [{"party": "russia"}], "info": []}
    span = {"began": to_wire(START_MS), "ended": to_wire(START_MS + 60 * S), "level": "staff"}
    desks = [{"party": "coalition", "desk": "staff"}]
    net.sign("coalition", Call, START_MS, **call, **span, desks=desks, readout="Place corrected")
    refused = {"of": ids.sha256(b"x"), "code": "schema", "detail": "text", "party": "sdf", "kid": "sdf/sig/machine-1"}
    net.sign("relay", Refusal, START_MS, **refused, refused_seq=3)
    net.alerts(START_MS + 15 * S)
    alert = next(iter(net.ledger.alerts))
    net.sign("coalition", Acknowledgement, START_MS + 16 * S, alert=alert, reason="ringing")
    for entry in net.ledger.entries.values():
        first, *_ = wording.entry_lines(net.ledger, entry)
        assert re.match(r"(!! )?\d{6}Z SEP 17 \S", first)
        assert "\n" not in first
    found = lines(net)
    assert any("still owed: WILCO or UNABLE" in line for line in found)  # ROGER to WU changes nothing
    assert any("REFUSED sdf: schema, text" in line for line in found)
    assert any("displayed by russia (shown to a person at operations)" in line for line in found)


def test_a_line_cannot_be_forged_by_what_a_party_writes(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia", text="x\n!! 160031Z SEP 17 FLASH\t\u202eno\u202c alarm")
    (line,) = wording.entry_lines(net.ledger, net.ledger.entries[net.ledger.index_of[of]])
    assert "\n" not in line
    assert "\u202e" not in line
    assert "<U+202E>" in line


def test_a_partys_text_cannot_steer_the_terminal() -> None:
    assert wording.inert("a\x1b[2Jb\u202ec\n\u2028d") == "a<U+001B>[2Jb<U+202E>c  d"
    assert (
        wording.inert("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")
        == "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    )


def test_long_text_is_cut_and_shows_it(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia", text="a" * 4000)
    line = wording.notice_line(net.ledger, net.ledger.notices[of])
    assert len(line) < 200
    assert '…"' in line


def test_late_evidence_and_withdrawals_are_told_as_such(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia")
    net.notice("coalition", START_MS + S, "russia", withdraws=of, kind="text", response="R")
    net.sign("russia", Answer, START_MS + 2 * S, of=of, word="WILCO")
    found = lines(net)
    assert any(", withdraws 015e8" in line for line in found)
    assert any("kept as late evidence, the notice had been withdrawn" in line for line in found)


def test_a_delivery_says_what_is_awaited_and_until_when(net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia regime:russia", info=["sdf"])
    direct, via, info = net.ledger.deliveries_of(of)
    assert wording.delivery_state(net.ledger, direct, START_MS) == "no answer from russia, logged, due in 60 s"
    assert wording.delivery_state(net.ledger, via, START_MS + 60 * S) == "not passed on by russia, 30 s overdue"
    assert wording.delivery_state(net.ledger, info, START_MS) == "not received by sdf, due in 15 s"
    assert wording.delivery_state(net.ledger, direct, START_MS + 60 * S) == "no answer from russia, logged, overdue"
    net.sign("russia", Answer, START_MS + 5 * S, of=of, word="WILCO")
    assert wording.delivery_state(net.ledger, net.ledger.deliveries[of, "russia"], START_MS) == "WILCO after 5 s"


def test_a_client_that_may_not_read_the_notice_still_has_a_line(net: Net) -> None:
    of = net.notice("coalition", START_MS, "regime:russia")
    voice = {"role": "watch", "contact": "+1", "at": to_wire(START_MS), "readback": "read back"}
    net.sign("russia", Forwarding, START_MS, of=of, to="regime", by="voice", voice=voice)
    net.sign("regime", Answer, START_MS + S, of=of, word="WILCO")
    own = net.of("regime")
    assert of not in own.notices
    for entry in own.entries.values():
        assert wording.entry_lines(own, entry)
