"""What a client notices by itself: silence, missing receipts, deadlines without an alert, alerts to be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.protocol import frames, ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.frames import DownFrame, WordItem
from channel.protocol.statements import Heartbeat, Key, KeyStatement, Receipt, Seen
from channel.protocol.times import to_wire
from clients.core import drafts
from clients.core.duties import GRACE_MS, REFUSED_MS
from clients.core.events import AlarmCleared, AlarmRaised, AlertRepeated, Event
from tests.unit.clients.lab import NET, Lab, lab_at
from tests.unit.clients.test_session import notice


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle("coalition", "russia")
        yield made


def codes(events: list[Event], kind: type[AlarmRaised] | type[AlarmCleared] = AlarmRaised) -> list[str]:
    return [event.alarm.code for event in events if isinstance(event, kind)]


def repeated(events: list[Event]) -> list[str]:
    return [event.record.body.stage for event in events if isinstance(event, AlertRepeated)]


def _beat(lab: Lab, party: str = "russia") -> None:
    lab.deliver(party, frames.encode(lab.relay.beat(party)))


def test_silence_of_30_s_is_an_alarm_until_the_next_heartbeat(lab: Lab) -> None:
    lab.relay.mono_ms += 29_999
    assert codes(lab.tick("russia")) == []
    lab.relay.mono_ms += 1
    assert codes(lab.tick("russia")) == ["no-heartbeat"]
    assert codes(lab.tick("russia")) == []
    _beat(lab)
    assert codes(lab.tick("russia"), AlarmCleared) == ["no-heartbeat"]


def test_a_repeated_heartbeat_is_no_sign_of_life(lab: Lab) -> None:
    lab.advance(1_000)
    old = frames.encode(lab.relay.beat("russia"))
    for _ in range(31):
        lab.deliver("russia", old)
        lab.advance(1_000)
    assert codes(lab.tick("russia")) == ["no-heartbeat"]


def test_where_no_link_is_wanted_silence_means_nothing(lab: Lab) -> None:
    lab.session("russia").deaf()
    lab.relay.mono_ms += 100_000
    assert codes(lab.tick("russia")) == []


def test_a_statement_without_receipt_by_its_deadline_is_an_alarm(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.relay.now_ms += 14_999
    assert codes(lab.tick("coalition")) == []
    lab.relay.now_ms += 1
    assert codes(lab.tick("coalition")) == ["no-receipt"]
    lab.settle("coalition")
    assert codes(lab.tick("coalition"), AlarmCleared) == ["no-receipt"]


def test_a_clock_that_is_put_back_holds_up_no_alarm_about_a_receipt_or_leaf(lab: Lab) -> None:
    row = lab.say("coalition", notice("russia"))
    lab.tick("coalition")
    lab.relay.now_ms -= 3_600_000
    lab.relay.mono_ms += 14_999
    assert codes(lab.tick("coalition")) == []
    lab.relay.mono_ms += 1
    raised = lab.tick("coalition")
    assert codes(raised) == ["no-receipt"]
    assert [" 15 s ago" in event.alarm.detail for event in raised if isinstance(event, AlarmRaised)] == [True]
    chain = lab.session("coalition").ledger.ring.chain
    receipt = Receipt(net=NET, index=999, stamp=lab.relay.now_ms, of=row.of, keys=chain)
    token = seal(receipt, lab.relay.core.keys.machine).decode()
    lab.deliver("coalition", frames.encode(DownFrame(items=(WordItem(token=token),))))
    assert codes(lab.tick("coalition")) == []
    lab.relay.mono_ms += GRACE_MS
    assert codes(lab.tick("coalition")) == ["no-leaf"]


def test_a_deadline_that_the_relay_passes_over_is_an_alarm_of_our_own(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    lab.relay.now_ms += 15_000 + 4_999  # the relay is not asked what is due
    assert codes(lab.tick("coalition")) == []
    lab.relay.now_ms += 1
    assert codes(lab.tick("coalition")) == ["relay-silent"]
    lab.relay.commit()
    lab.settle("coalition")
    assert codes(lab.tick("coalition"), AlarmCleared) == ["relay-silent"]


def test_deadlines_of_others_are_not_ours_to_judge(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    lab.relay.now_ms += 3_600_000
    assert codes(lab.tick("russia")) == []
    assert set(codes(lab.tick("coalition"))) == {"relay-silent"}


def test_an_alert_is_repeated_every_30_s_until_we_acknowledge_it(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    lab.advance(15_000)
    lab.settle("coalition")
    alert = next(iter(lab.session("coalition").ledger.alerts))
    assert repeated(lab.tick("coalition")) == []
    lab.relay.now_ms += 29_999
    assert repeated(lab.tick("coalition")) == []
    lab.relay.now_ms += 1
    assert repeated(lab.tick("coalition")) == ["receipt"]
    lab.relay.now_ms += 29_999
    assert repeated(lab.tick("coalition")) == []
    lab.say("coalition", drafts.acknowledgement(alert, "Ringing them"))
    lab.settle("coalition")
    lab.relay.now_ms += 300_000
    assert "receipt" not in repeated(lab.tick("coalition"))


def test_an_alert_is_repeated_every_30_s_whatever_the_clock_says(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    lab.advance(15_000)
    lab.settle("coalition")
    behind_ms, mono_ms = lab.relay.now_ms - 1_200_000, lab.relay.mono_ms
    coalition = lab.session("coalition")
    told = [len(repeated(coalition.tick(behind_ms + at_ms, mono_ms + at_ms))) for at_ms in range(0, 90_001, 1_000)]
    assert [at_s for at_s, count in enumerate(told) if count] == [30, 60, 90]
    assert repeated(coalition.tick(behind_ms - 3_600_000, mono_ms + 119_999)) == []
    assert repeated(coalition.tick(behind_ms - 3_600_000, mono_ms + 120_000)) == ["receipt"]


def test_an_alert_whose_cause_has_ended_is_repeated_no_more(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    lab.advance(15_000)
    lab.settle("coalition", "russia")
    lab.relay.now_ms += 40_000
    assert repeated(lab.tick("coalition")) == []


def test_numbers_in_a_heartbeat_are_never_signed_again(lab: Lab) -> None:
    row = lab.say("russia", drafts.check())
    lab.settle("russia")
    russia = lab.session("russia")
    russia.store._db.execute("DELETE FROM outbox; DELETE FROM device")  # an old copy of the store
    _beat(lab)
    again = lab.say("russia", drafts.check("off-watch"))
    lab.settle("russia")
    settled = russia.store.outbox_row(again.of)
    assert settled is not None
    assert (settled.state, settled.of != row.of) == ("logged", True)


def test_a_store_that_comes_back_empty_reads_everything_again_and_signs_on(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition", "russia")
    lab.say("russia", drafts.check())
    lab.settle("russia")
    n = lab.session("russia").replica.n
    lab.crash("russia")
    for file in lab.home("russia").path.glob("client.sqlite*"):
        file.unlink()
    lab.settle("russia")
    assert lab.session("russia").replica.n == n
    lab.say("russia", drafts.check("off-watch"))
    lab.settle("russia")
    assert [row.state for row in lab.session("russia").store.outbox()] == ["logged"]


def test_a_receipt_for_another_leaf_than_the_log_holds_is_an_alarm(lab: Lab) -> None:
    row = lab.say("coalition", notice("russia"))
    chain = lab.session("coalition").ledger.ring.chain
    receipt = Receipt(net=NET, index=999, stamp=lab.relay.now_ms, of=row.of, keys=chain)
    token = seal(receipt, lab.relay.core.keys.machine).decode()
    lab.deliver("coalition", frames.encode(DownFrame(items=(WordItem(token=token),))))
    assert codes(lab.tick("coalition")) == []
    lab.relay.core.submit(row.token, lab.relay.now_ms, "coalition")
    lab.relay.commit()
    lab.down("coalition")
    assert codes(lab.tick("coalition")) == ["receipt-broken"]


def test_other_keys_than_we_were_shown_are_an_alarm_after_10_s(lab: Lab) -> None:
    pin = lab.session("russia").replica.pin
    chain = ids.sha256(b"another chain")
    beat = Heartbeat(
        net=NET, issued=to_wire(lab.relay.now_ms), to="russia", size=pin.size, root=pin.root, keys=chain, devices=()
    )
    token = seal(beat, lab.relay.core.keys.machine).decode()
    lab.deliver("russia", frames.encode(DownFrame(items=(WordItem(token=token),))))
    lab.relay.mono_ms += 9_999
    assert codes(lab.tick("russia")) == []
    lab.relay.mono_ms += 1
    assert codes(lab.tick("russia")) == ["keys-differ"]
    lab.advance(1_000)
    _beat(lab)
    assert codes(lab.tick("russia"), AlarmCleared) == ["keys-differ"]


def test_a_leaf_under_a_new_key_is_taken_after_the_leaf_that_enrols_it(lab: Lab) -> None:
    new = Signer("coalition/sig/desk-operations-2", b"\x07" * 32)
    home = lab.home("coalition")
    coalition = lab.session("coalition")
    enrolment = KeyStatement(
        net=NET,
        from_="coalition",
        desk="operations",
        issued=to_wire(lab.relay.now_ms),
        seen=Seen(size=0, root=ids.sha256(b"")),
        seq=2,
        prev=ids.sha256(home.accession()),
        key=Key(kid=new.kid, pub=ids.b64url(new.public), held="machine"),
        keys=coalition.ledger.ring.chain,
    )
    token = seal(enrolment, home.signer("root/1"))
    lab.relay.core.submit(token, lab.relay.now_ms, "coalition")
    coalition.store.sign_and_queue(
        lambda seq, prev: notice("russia").statement(
            net=NET, party="coalition", now_ms=lab.relay.now_ms, seen=coalition.replica.seen, seq=seq, prev=prev
        ),
        new,
        created_ms=lab.relay.now_ms,
        due_ms=lab.relay.now_ms,
    )
    coalition.out.changed()
    lab.settle("coalition", "russia")
    russia = lab.session("russia")
    assert len(russia.ledger.notices) == 1
    assert russia.ledger.ring.chain == lab.relay.core.folded.ledger.ring.chain
    _beat(lab)
    lab.relay.mono_ms += 20_000
    lab.tick("russia")
    assert russia.alarms == {}


def test_what_was_refused_when_nobody_waited_is_an_alarm_until_somebody_knows_or_it_is_said_anew(lab: Lab) -> None:
    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    again = lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    store = lab.session("coalition").store
    row = store.outbox_row(again.of)
    assert row is not None
    assert (row.state, row.code) == ("refused", "equivocation")
    assert "refused" not in codes(lab.tick("coalition")), "who waits for it is told first"
    lab.advance(GRACE_MS)
    raised = [event.alarm for event in lab.tick("coalition") if isinstance(event, AlarmRaised)]
    assert [alarm.code for alarm in raised] == ["refused"]
    assert f"--replaces {row.nid}" in raised[0].detail
    store.tell_refused(row.of)
    assert codes(lab.tick("coalition"), AlarmCleared) == ["refused"]
    assert store.refused(0) == []


def test_what_was_signed_long_before_it_was_refused_is_an_alarm_for_a_day_from_then(lab: Lab) -> None:
    coalition = lab.session("coalition")
    coalition.disconnected()
    lab.say("coalition", notice("coalition"))
    lab.advance(3 * REFUSED_MS)
    coalition.connected()
    lab.settle("coalition")
    _beat(lab, "coalition")
    assert codes(lab.tick("coalition")) == []
    lab.relay.now_ms += GRACE_MS
    assert codes(lab.tick("coalition")) == ["refused"]
    lab.crash("coalition")
    lab.session("coalition")
    lab.relay.now_ms += REFUSED_MS - GRACE_MS
    assert codes(lab.tick("coalition")) == ["refused"]
    lab.relay.now_ms += 1
    assert codes(lab.tick("coalition"), AlarmCleared) == ["refused"]
