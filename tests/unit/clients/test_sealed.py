"""Sealed notices at both ends: what is put up, what is opened, what is refused, and what alarms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channel.ledger import Custody, Leg
from channel.ledger.wording import notice_line
from channel.protocol import frames, geometry, ids, limits, outer, sealing
from channel.protocol.errors import FatalError, UsageError
from channel.protocol.frames import DownFrame, SealedItem, TokenItem, WantItem
from channel.protocol.statements import Addressee, Notice, Volume
from channel.protocol.times import to_wire
from clients.core import drafts, sealed
from clients.core.drafts import Draft
from clients.core.events import AlarmCleared, AlarmRaised, Event, SealedOpened
from clients.core.store import STORE_FILE, OutboxRow
from tests.unit.clients.lab import NOW_MS, Lab, lab_at
from tests.unit.protocol.sealed_example import counted

EVERYBODY = ("coalition", "russia", "sdf", "regime")
WHERE = Volume(
    shape=geometry.circle((401_408_000, 353_359_000), 700), from_=to_wire(NOW_MS), until=to_wire(NOW_MS + 3_600_000)
)
SAID: dict[str, Any] = {"kind": "intent", "text": "Secret strike", "volumes": [WHERE], "unit": "one", "response": "WU"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        made.settle(*EVERYBODY)
        yield made


def draft(*to: str, number: int = 0, **members: Any) -> Draft:
    named = [Addressee(party=name.partition(":")[0], via=name.partition(":")[2] or None) for name in to]
    nid = f"015e87f3-2a40-7c11-9d3e-{number:012x}"
    return replace(drafts.notice(nid, to=named, precedence="FLASH", **(SAID | members)), sealed=True)


def body_of(lab: Lab, party: str, of: str) -> Notice:
    """The notice as this party's screens show it."""
    body = lab.session(party).ledger.notices[of].body
    assert isinstance(body, Notice)
    return body


def leaf(lab: Lab, of: str) -> bytes:
    ledger = lab.relay.core.folded.ledger
    return ledger.entries[ledger.index_of[of]].opened.token


def alarms(lab: Lab, party: str) -> list[tuple[str, str]]:
    lab.tick(party)
    return sorted(lab.session(party).alarms)


# --- the way of it ----------------------------------------------------------------------------------------------------


def test_only_author_and_addressees_read_what_is_sealed(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime:russia", info=["sdf"])).of
    lab.settle(*EVERYBODY)
    for party in ("coalition", "sdf"):
        body = body_of(lab, party, of)
        assert (body.text, body.kind, body.unit, body.volumes) == ("Secret strike", "intent", "one", (WHERE,))
        assert lab.session(party).ledger.notices[of].unsealed
        assert "SEALED intent" in notice_line(lab.session(party).ledger, lab.session(party).ledger.notices[of])
    for party in ("russia", None):
        ledger = lab.session(party).ledger if party else lab.relay.core.folded.ledger
        seen = ledger.notices[of].body
        assert isinstance(seen, Notice)
        assert (seen.text, seen.kind, seen.unit, seen.volumes) == ("", "text", None, ())
        assert "SEALED notice" in notice_line(ledger, ledger.notices[of])
    assert of not in lab.session("regime").ledger.notices
    mine = lab.session("coalition").ledger.deliveries
    assert (mine[of, "sdf"].custody, mine[of, "regime"].via_custody) == (Custody.RECEIVED, Custody.RECEIVED)

    lab.say("russia", drafts.forwarding(of, "regime"))
    lab.settle(*EVERYBODY)
    assert body_of(lab, "regime", of).text == "Secret strike"
    assert (mine[of, "regime"].leg, mine[of, "regime"].custody) != (Leg.BY_CHANNEL, Custody.LOGGED)
    assert lab.session("coalition").ledger.deliveries[of, "regime"].custody is Custody.RECEIVED
    assert lab.relay.bodies == {}, "all have it, so it is kept no longer"
    assert {party: alarms(lab, party) for party in EVERYBODY} == {party: [] for party in EVERYBODY}


def test_nothing_of_it_is_in_any_leaf(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    clear = lab.say("coalition", replace(draft("regime", number=1), sealed=False)).of
    lab.settle(*EVERYBODY)
    payloads = {one: ids.unb64url(leaf(lab, one).decode().split(".")[1]) for one in (of, clear)}
    for secret in (b"Secret", b"401408000", b"353359000", b'"one"', b"intent"):
        assert secret not in payloads[of]
        assert secret in payloads[clear]


def test_after_a_restart_both_ends_still_read_it(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    lab.settle(*EVERYBODY)
    for party in ("coalition", "regime"):
        lab.crash(party)
        assert body_of(lab, party, of).text == "Secret strike"
        reader = lab.reader(party)
        assert reader.ledger.notices[of].unsealed
        reader.store.close()
    lab.settle(*EVERYBODY)
    assert [row.type for row in lab.session("regime").store.outbox()] == ["receiving"], "signed for once"


def test_another_process_of_the_home_reads_it_when_it_is_opened(lab: Lab) -> None:
    reader = lab.reader("regime")
    of = lab.say("coalition", draft("regime")).of
    lab.settle("coalition", "regime")
    assert reader.ledger.notices.get(of) is None
    reader.follow()
    assert reader.ledger.notices[of].unsealed
    reader.store.close()


def test_token_and_body_go_up_in_one_frame_until_the_receipt_and_then_the_body_is_let_go(lab: Lab) -> None:
    lab.relay.downs["coalition"].gone()
    row = lab.say("coalition", draft("regime"))
    for _ in range(2):
        (frame,) = [
            frame
            for frame in lab.session("coalition").frames(lab.relay.now_ms, lab.relay.mono_ms)
            if any(isinstance(item, TokenItem) for item in frame.items)
        ]
        items = [item for item in frame.items if isinstance(item, SealedItem | TokenItem)]
        first, second = items
        assert isinstance(first, SealedItem)
        assert isinstance(second, TokenItem)
        assert ids.sha256(first.jwe.encode()) == first.ct
        assert len(frames.encode(frame)) <= limits.FRAME_BYTES_MAX
        lab.session("coalition").disconnected()
        lab.session("coalition").connected()
    lab.settle(*EVERYBODY)
    store = lab.session("coalition").store
    assert store.queued_bodies() == {}
    assert store._one("SELECT jwe FROM sealed WHERE of = ?", (row.of,)) == (None,)
    assert store.inner(row.of) is not None


def test_many_large_sealed_notices_go_up_in_frames_of_their_size(lab: Lab) -> None:
    for number in range(12):
        lab.say("coalition", draft("regime", number=number, text="x" * 4000, unit=None))
    sizes = [len(frames.encode(frame)) for frame in lab.session("coalition").frames(NOW_MS, 0)]
    assert max(sizes) <= limits.FRAME_BYTES_MAX
    lab.session("coalition").connected()
    lab.settle(*EVERYBODY)
    assert sum(record.unsealed for record in lab.session("regime").ledger.notices.values()) == 12


def test_an_outer_that_was_refused_lets_its_body_go(lab: Lab) -> None:
    first = draft("regime")
    lab.say("coalition", first)
    lab.settle("coalition")
    row = lab.say("coalition", replace(first, members={**first.members, "text": "other"}))
    lab.settle("coalition")
    settled = lab.session("coalition").store.outbox_row(row.of)
    assert settled is not None
    assert settled.state == "refused"
    assert lab.session("coalition").store.queued_bodies() == {}


def test_an_addressee_that_is_also_the_intermediary_is_given_the_body(lab: Lab) -> None:
    of = lab.say("coalition", draft("russia", "regime:russia")).of
    lab.settle(*EVERYBODY)
    assert body_of(lab, "russia", of).text == "Secret strike"


# --- what the author cannot seal --------------------------------------------------------------------------------------


def seal(lab: Lab, what: Draft, party: str = "coalition") -> OutboxRow:
    return lab.say(party, what)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"volumes": [{**WHERE.model_dump(by_alias=True), "until": WHERE.from_}]}, "window-invalid"),
        ({"text": "x" * 4001}, "cannot be"),
        ({"info": ["nobody"]}, "not to nobody"),
    ],
)
def test_what_the_relay_could_not_see_to_be_wrong_the_author_is_told(
    lab: Lab, members: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        seal(lab, draft("regime", **members))
    assert lab.session("coalition").store.outbox() == []


# --- bodies that do not come ------------------------------------------------------------------------------------------


def without_bodies(lab: Lab, party: str, change: Callable[[SealedItem], list[SealedItem]] = lambda _: []) -> None:
    """What the relay has for the party, with its bodies changed on the way."""
    for frame in lab.relay.due(party):
        items: list[Any] = []
        for item in frame.items:
            items += change(item) if isinstance(item, SealedItem) else [item]
        lab.deliver(party, frames.encode(DownFrame(items=tuple(items))))


def received(lab: Lab, party: str) -> int:
    return len([row for row in lab.session(party).store.outbox() if row.type == "receiving"])


def test_without_its_body_a_sealed_notice_is_not_signed_for_and_is_asked_for(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    lab.settle("coalition")
    without_bodies(lab, "regime")
    assert of in lab.session("regime").ledger.notices
    assert lab.session("regime").replica.awaited() == [of]
    assert received(lab, "regime") == 0
    asked = [item for frame in lab.session("regime").frames(NOW_MS, 0) for item in frame.items]
    ct = next(iter(lab.relay.bodies))
    assert [item.cts for item in asked if isinstance(item, WantItem)] == [(ct,)]
    assert alarms(lab, "regime") == []
    lab.advance(11_000)
    assert alarms(lab, "regime") == [("sealed-missing", "015e87f3-2a40-7c11-9d3e-000000000000")]
    lab.settle("regime")
    assert body_of(lab, "regime", of).text == "Secret strike"
    assert received(lab, "regime") == 1
    assert [event for event in lab.events["regime"] if isinstance(event, SealedOpened)] == [
        SealedOpened(of, lab.relay.now_ms)
    ]
    assert alarms(lab, "regime") == []
    assert any(isinstance(event, AlarmCleared) for event in lab.events["regime"])


def test_other_bytes_under_its_name_are_an_alarm_until_the_right_ones_come(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    lab.settle("coalition")
    without_bodies(lab, "regime", lambda item: [SealedItem(ct=item.ct, jwe=item.jwe.replace("A", "B"))])
    assert received(lab, "regime") == 0
    assert alarms(lab, "regime") == [("sealed-ct-mismatch", "015e87f3-2a40-7c11-9d3e-000000000000")]
    alarm = next(event for event in lab.events["regime"] if isinstance(event, AlarmRaised))
    assert "ring coalition" in alarm.alarm.detail
    assert "Secret" not in str(alarm)
    lab.advance(6_000)
    lab.settle("regime")
    assert body_of(lab, "regime", of).text == "Secret strike"
    assert alarms(lab, "regime") == []


def test_a_body_that_nobody_waits_for_is_passed_over(lab: Lab) -> None:
    lab.say("coalition", draft("regime"))
    lab.settle("coalition")
    jwe = next(iter(lab.relay.bodies.values())).decode()
    frame = DownFrame(
        items=(SealedItem(ct=ids.sha256(b"other"), jwe="x"), SealedItem(ct=ids.sha256(jwe.encode()), jwe=jwe))
    )
    for party in ("russia", "sdf", "regime"):
        assert lab.deliver(party, frames.encode(frame)) == []


def test_a_client_that_lost_its_store_after_signing_shows_the_outer_and_does_not_alarm(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    lab.settle(*EVERYBODY)
    lab.crash("regime")
    for file in (lab.home("regime").path).glob(f"{STORE_FILE}*"):
        file.unlink()
    lab.settle("regime")
    lab.advance(60_000)
    assert not lab.session("regime").ledger.notices[of].unsealed
    assert not [code for code, _ in alarms(lab, "regime") if code.startswith("sealed")]
    assert received(lab, "regime") == 0


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_other_bytes_are_ever_taken_for_a_body(lab: Lab, data: st.DataObject) -> None:
    if not lab.relay.bodies:
        lab.say("coalition", draft("regime"))
        lab.settle("coalition")
        without_bodies(lab, "regime")
    ((ct, jwe),) = lab.relay.bodies.items()
    at = data.draw(st.integers(0, len(jwe)))
    changed = jwe[:at] + data.draw(st.binary(max_size=8)) + jwe[at + data.draw(st.integers(0, 8)) :]
    text = changed.decode("utf-8", "replace") or "x"
    if text != jwe.decode():
        lab.deliver("regime", frames.encode(DownFrame(items=(SealedItem(ct=ct, jwe=text),))))
    assert received(lab, "regime") == 0
    assert not lab.session("regime").store.faults()


# --- bodies that cannot be taken --------------------------------------------------------------------------------------


def fake(lab: Lab, change: Callable[[dict[str, Any]], bytes], to_key: str = "regime/enc/1") -> str:
    """A sealed notice whose author's client does not keep the rules: `change` makes the inner token of its payload."""
    session, home = lab.session("coalition"), lab.home("coalition")
    signer = home.signer("sig/desk-operations")
    shown, own = sealed.seal(draft("regime"), session.ledger, "coalition", NOW_MS, signer, counted("fake"))
    payload = json.loads(ids.unb64url(own.inner.decode().split(".")[1]))
    inner = change(payload)
    public = session.ledger.ring[to_key]
    jwe = sealing.seal_inner(inner, {"regime/enc/1": public}, random=counted("fake 2"))
    bad = replace(shown, members={**shown.members, "sealed": sealing.hashes(jwe, inner)}, sealed=False)
    row = lab.say("coalition", bad)
    session.store._db.execute("INSERT INTO sealed (of, ct, jwe) VALUES (?, ?, ?)", (row.of, ids.sha256(jwe), jwe))
    session.out.changed()
    lab.settle("coalition")
    return row.of


def signed(lab: Lab, payload: dict[str, Any], kid: str = "coalition/sig/desk-operations") -> bytes:
    model = sealing.InnerNotice.model_validate_json(json.dumps(payload), by_alias=True, by_name=False)
    return sealing.sign_inner(model, lab.home(ids.kid_party(kid)).signer(kid.partition("/")[2]))


FAULTS: dict[str, tuple[str, Callable[[Lab, dict[str, Any]], bytes]]] = {
    "another place than the map has": (
        "sealed-bad-inner",
        lambda lab, payload: signed(lab, {**payload, "volumes": [{**payload["volumes"][0], "until": to_wire(0)}]}),
    ),
    "another precedence than the outer's": (
        "sealed-inner-differs",
        lambda lab, payload: signed(lab, {**payload, "precedence": "ROUTINE"}),
    ),
    "no token": ("sealed-bad-inner", lambda lab, payload: b"no.inner.token"),
    "anothers signature": (
        "sealed-inner-differs",
        lambda lab, payload: signed(lab, {**payload, "from": "russia"}, "russia/sig/machine-1"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_was_sealed_against_the_rules_is_not_taken_and_kept_and_told(lab: Lab, name: str) -> None:
    code, change = FAULTS[name]
    of = fake(lab, lambda payload: change(lab, payload))
    lab.settle("regime")
    subject = [(code, "015e87f3-2a40-7c11-9d3e-000000000000")]
    assert (received(lab, "regime"), alarms(lab, "regime")) == (0, subject)
    assert not lab.session("regime").ledger.notices[of].unsealed
    lab.crash("regime")
    lab.settle("regime")
    assert (received(lab, "regime"), alarms(lab, "regime")) == (0, subject), "it is remembered"
    asked = [item for frame in lab.session("regime").frames(NOW_MS, 60_000) for item in frame.items]
    assert not [item for item in asked if isinstance(item, WantItem)], "the right bytes are here: asking helps nothing"


def test_a_body_under_a_key_that_is_not_the_one_it_names_does_not_open(lab: Lab) -> None:
    fake(lab, lambda payload: signed(lab, payload), to_key="sdf/enc/1")
    lab.settle("regime")
    assert [code for code, _ in alarms(lab, "regime")] == ["sealed-bad-jwe"]


def test_without_its_key_file_a_home_opens_nothing_and_does_when_the_file_is_back(lab: Lab) -> None:
    key = lab.home("regime").keys / "enc-1.pem"
    away = key.rename(key.with_suffix(".away"))
    of = lab.say("coalition", draft("regime")).of
    lab.settle(*EVERYBODY)
    assert [code for code, _ in alarms(lab, "regime")] == ["sealed-not-for-us"]
    away.rename(key)
    lab.session("regime").recover(lab.relay.now_ms)
    assert body_of(lab, "regime", of).text == "Secret strike"
    assert (received(lab, "regime"), alarms(lab, "regime")) == (1, [])


def test_a_stored_inner_token_that_was_changed_stops_the_client(lab: Lab) -> None:
    of = lab.say("coalition", draft("regime")).of
    lab.settle(*EVERYBODY)
    lab.session("regime").store._db.execute("UPDATE sealed SET inner = X'00' WHERE of = ?", (of,))
    lab.crash("regime")
    with pytest.raises(FatalError, match="sealed notice"):
        lab.session("regime")


def test_an_event_of_opening_is_an_event() -> None:
    assert isinstance(SealedOpened("of", 1), Event)


def test_a_warn_area_is_shown_in_the_outer_and_nothing_else(lab: Lab) -> None:
    cell = outer.cell([WHERE.shape])
    of = lab.say("coalition", draft("regime", warn=cell)).of
    lab.settle(*EVERYBODY)
    seen = lab.relay.core.folded.ledger.notices[of].body
    assert isinstance(seen, Notice)
    assert (seen.warn, seen.volumes) == (cell, ())
    assert body_of(lab, "regime", of).warn == cell
