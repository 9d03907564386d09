"""A client's session against the relay's own core: what it believes, what it signs, what it asks for again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.ledger import Custody, End, Leg, Reply
from channel.protocol import frames, ids, limits
from channel.protocol.envelope import seal
from channel.protocol.errors import FatalError
from channel.protocol.frames import DownFrame, HaveItem, LeafItem, TokenItem, WordItem
from channel.protocol.statements import Addressee, Busy
from clients.core import drafts
from clients.core.drafts import Draft
from clients.core.events import LeafSeen, Settled
from tests.unit.clients.lab import NET, Lab, lab_at

EVERYBODY = ("coalition", "russia", "regime")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "channel") as made:
        yield made


def notice(*to: str, number: int = 0, **members: object) -> Draft:
    named = [Addressee(party=name.partition(":")[0], via=name.partition(":")[2] or None) for name in to]
    nid = f"015e87f3-2a40-7c11-9d3e-{number:012x}"
    return drafts.notice(nid, to=named, kind="intent", precedence="FLASH", text="Strike", **members)  # type: ignore[arg-type]


def states(lab: Lab, party: str) -> list[tuple[str, str]]:
    return [(row.type, row.state) for row in lab.session(party).store.outbox()]


# --- the way of a notice ----------------------------------------------------------------------------------------------


def test_a_notice_goes_through_the_intermediary_and_comes_back_answered(lab: Lab) -> None:
    lab.settle(*EVERYBODY)
    of = lab.say("coalition", notice("russia", "regime:russia")).of
    lab.settle(*EVERYBODY)
    assert of in lab.session("russia").ledger.notices
    assert of not in lab.session("regime").ledger.notices
    assert lab.session("coalition").ledger.deliveries[of, "russia"].custody is Custody.RECEIVED

    lab.say("russia", drafts.answer(of, "WILCO"))
    lab.say("russia", drafts.forwarding(of, "regime"))
    lab.settle(*EVERYBODY)
    assert lab.session("coalition").ledger.deliveries[of, "regime"].leg is Leg.BY_CHANNEL
    lab.say("regime", drafts.displayed(of))
    lab.say("regime", drafts.answer(of, "UNABLE", reason="Our men are there"))
    lab.settle(*EVERYBODY)

    mine = lab.session("coalition").ledger.deliveries
    assert (mine[of, "russia"].reply, mine[of, "russia"].end) == (Reply.WILCO, End.ANSWERED)
    assert (mine[of, "regime"].reply, mine[of, "regime"].custody) == (Reply.UNABLE, Custody.DISPLAYED)
    assert [row.state for party in EVERYBODY for row in lab.session(party).store.outbox()] == ["logged"] * 7
    assert not any(lab.session(party).dropped.total() for party in EVERYBODY)
    assert any(isinstance(event, LeafSeen) for event in lab.events["regime"])


def test_by_voice_nothing_is_signed_by_itself_and_the_addressee_can_answer(lab: Lab) -> None:
    lab.settle(*EVERYBODY)
    of = lab.say("coalition", notice("regime:russia")).of
    lab.settle(*EVERYBODY)
    voice = {"role": "duty officer", "contact": "+000 1", "at": "2017-09-15T00:00:01.000Z", "readback": "Strike."}
    lab.say("russia", drafts.forwarding(of, "regime", voice))
    lab.settle(*EVERYBODY)
    regime = lab.session("regime")
    assert (of in regime.ledger.told_by_voice, of in regime.ledger.notices) == (True, False)
    assert states(lab, "regime") == []
    lab.say("regime", drafts.answer(of, "WILCO"))
    lab.settle(*EVERYBODY)
    assert lab.session("coalition").ledger.deliveries[of, "regime"].reply is Reply.WILCO


def test_received_is_stored_with_the_leaf_and_signed_once_through_crashes(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    of = lab.say("coalition", notice("russia")).of
    lab.settle("coalition")
    lab.down("russia")  # stored, and `received` queued; then the process dies before anything is sent
    before = lab.session("russia").store.queued()
    assert [(row.type, row.refers) for row in before] == [("receiving", of)]
    lab.crash("russia")
    russia = lab.session("russia")
    russia.recover(lab.relay.now_ms)
    assert russia.store.queued() == before
    lab.settle("coalition", "russia")
    russia.recover(lab.relay.now_ms)
    assert states(lab, "russia") == [("receiving", "logged")]


def test_a_store_without_its_received_signs_it_on_the_next_start(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    lab.say("coalition", notice("russia"))
    lab.settle("coalition")
    lab.down("russia")
    store = lab.session("russia").store
    store._db.execute("DELETE FROM outbox")
    lab.crash("russia")
    lab.session("russia").recover(lab.relay.now_ms)
    assert states(lab, "russia") == [("receiving", "queued")]


def test_a_refusal_settles_what_it_refuses(lab: Lab) -> None:
    lab.settle("coalition")
    row = lab.say("coalition", notice("coalition"))
    lab.settle("coalition")
    refused = lab.session("coalition").store.outbox_row(row.of)
    assert refused is not None
    assert (refused.state, refused.code) == ("refused", "self-address")
    assert Settled(row.of, "refused") in lab.events["coalition"]
    assert lab.session("coalition").out.waiting(lab.relay.now_ms, lab.relay.mono_ms) == []


def test_busy_is_sent_again_not_before_its_time(lab: Lab) -> None:
    lab.settle("coalition")
    allowed = lab.relay.core.folded.ledger.charter.terms.flash_per_minute
    for number in range(allowed + 1):
        lab.say("coalition", notice("russia", number=number))
    lab.settle("coalition")
    coalition = lab.session("coalition")
    assert len(coalition.store.queued()) == 1
    assert coalition.out.waiting(lab.relay.now_ms, lab.relay.mono_ms) == []
    lab.advance(59_000)
    lab.settle("coalition")
    assert len(coalition.store.queued()) == 1
    lab.advance(1_000)
    lab.settle("coalition")
    assert coalition.store.queued() == []


def _busy(lab: Lab, of: ids.Hash, retry_ms: int) -> None:
    word = seal(Busy(net=NET, of=of, code="quota", retry_ms=retry_ms), lab.relay.core.keys.machine)
    lab.deliver("coalition", frames.encode(DownFrame(items=(WordItem(token=word.decode()),))))


def test_busy_delays_by_its_span_also_when_the_clock_is_put_back(lab: Lab) -> None:
    lab.settle("coalition")
    of = lab.say("coalition", notice("russia")).of
    out = lab.session("coalition").out
    _busy(lab, of, 1_000)
    now_ms, mono_ms = lab.relay.now_ms - 3_600_000, lab.relay.mono_ms
    assert out.waiting(now_ms + 999, mono_ms + 999) == []
    assert out.waiting(now_ms + 1_000, mono_ms + 1_000) == [of]
    assert out.waiting(lab.relay.now_ms + 1_000, mono_ms) == [of], "a scenario's clock jumps"


def test_busy_delays_nothing_beyond_a_new_connection(lab: Lab) -> None:
    lab.settle("coalition")
    of = lab.say("coalition", notice("russia")).of
    coalition = lab.session("coalition")
    _busy(lab, of, 60_000)
    assert coalition.out.waiting(lab.relay.now_ms, lab.relay.mono_ms) == []
    coalition.disconnected()
    coalition.connected()
    assert coalition.out.waiting(lab.relay.now_ms, lab.relay.mono_ms) == [of]


def test_what_has_no_receipt_is_sent_again_as_the_same_bytes(lab: Lab) -> None:
    lab.settle("coalition")
    row = lab.say("coalition", notice("russia"))
    coalition = lab.session("coalition")

    def sent() -> list[str]:
        out = coalition.frames(lab.relay.now_ms, lab.relay.mono_ms)
        return [item.token for frame in out for item in frame.items if isinstance(item, TokenItem)]

    assert sent() == [row.token.decode()]
    lab.advance(limits.RESEND_MS - 1)
    assert sent() == []
    lab.advance(1)
    assert sent() == [row.token.decode()]
    coalition.disconnected()
    assert sent() == []
    coalition.connected()
    assert sent() == [row.token.decode()]
    lab.settle("coalition")


def test_while_the_relay_is_silent_each_statement_goes_out_once_and_again_when_it_is_heard(lab: Lab) -> None:
    lab.settle("coalition")
    coalition = lab.session("coalition")
    lab.deliver("coalition", frames.encode(lab.relay.beat("coalition")))
    copies: Counter[str] = Counter()

    def sent() -> list[str]:
        out = coalition.frames(lab.relay.now_ms, lab.relay.mono_ms)
        tokens = [item.token for frame in out for item in frame.items if isinstance(item, TokenItem)]
        copies.update(tokens)
        return tokens

    first = lab.say("coalition", notice("russia")).token.decode()
    assert sent() == [first]
    for _ in range(3_600):
        lab.advance(1_000)
        sent()
    assert copies[first] == limits.SILENT_MS // limits.RESEND_MS
    second = lab.say("coalition", notice("russia", number=1)).token.decode()
    assert sent() == [second], "what is new waits for nothing"
    coalition.disconnected()
    coalition.connected()
    assert sent() == [first, second], "the broker may have lost it"
    lab.advance(3_600_000)
    assert sent() == []
    lab.deliver("coalition", frames.encode(lab.relay.beat("coalition")))
    assert sent() == [first, second]
    lab.advance(limits.RESEND_MS)
    assert sent() == [first, second]
    lab.advance(limits.RESEND_MS)
    lab.settle("coalition")
    assert coalition.store.queued() == []


def test_many_statements_share_frames_of_bounded_size(lab: Lab) -> None:
    coalition = lab.session("coalition")
    for number in range(30):
        lab.say("coalition", notice("russia", number=number, unit="u" * 80))
    out = coalition.frames(lab.relay.now_ms, lab.relay.mono_ms)
    assert isinstance(out[0].items[0], HaveItem)
    assert out[0].items[0].hello
    assert all(len(frames.encode(frame)) <= limits.FRAME_BYTES_MAX for frame in out)
    assert sum(len(frame.items) for frame in out) == 31


# --- gaps, repeats, order ---------------------------------------------------------------------------------------------


def _frames_of(lab: Lab, party: str, count: int) -> list[DownFrame]:
    """That many notices to a party, each in a frame of its own, not delivered."""
    found = []
    for number in range(count):
        lab.say("coalition", notice(party, number=number))
        lab.settle("coalition")
        found += lab.relay.due(party)
    return found


def test_a_gap_is_asked_for_and_nothing_beyond_it_is_taken(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    n = lab.session("russia").replica.n
    lost, second = _frames_of(lab, "russia", 2)
    lab.advance(1_000)
    assert lab.deliver("russia", frames.encode(second)) == []
    assert lab.session("russia").replica.n == n
    assert lost != second
    lab.settle("coalition", "russia")
    assert lab.session("russia").replica.n > n
    assert len(lab.session("russia").ledger.notices) == 2


def test_repeated_and_reordered_frames_change_nothing(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    first, second, third = _frames_of(lab, "russia", 3)
    for frame in (first, first, third, second, first):
        lab.deliver("russia", frames.encode(frame))
    russia = lab.session("russia")
    held = russia.store.leaves()
    assert len(russia.ledger.notices) == 2, "first, and second, which went on from it; third came too early"
    lab.advance(1_000)
    lab.settle("coalition", "russia")
    for frame in (third, first, second):
        lab.deliver("russia", frames.encode(frame))
        lab.settle("coalition", "russia")
        lab.advance(1_000)
    assert len(russia.ledger.notices) == 3
    assert russia.store.leaves()[: len(held)] == held
    assert [row.n for row in russia.store.leaves()] == list(range(1, russia.replica.n + 1))
    assert russia.stopped is None
    assert not russia.dropped.total()
    assert states(lab, "russia") == [("receiving", "logged")] * 3


def test_a_frame_without_its_checkpoint_or_with_another_is_asked_for_again(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    (frame,) = _frames_of(lab, "russia", 1)
    n = lab.session("russia").replica.n
    bare = DownFrame(items=tuple(item for item in frame.items if isinstance(item, LeafItem)))
    lab.advance(1_000)
    lab.deliver("russia", frames.encode(bare))
    assert lab.session("russia").replica.n == n
    lab.settle("coalition", "russia")
    assert lab.session("russia").replica.n > n


def test_a_relay_that_forgot_where_we_are_is_told(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    lab.relay.downs["russia"].__init__("russia")  # type: ignore[misc] - as after the relay's restart
    lab.advance(1_000)
    lab.deliver("russia", frames.encode(lab.relay.beat("russia")))
    out = lab.session("russia").frames(lab.relay.now_ms, lab.relay.mono_ms)
    have = out[0].items[0]
    assert isinstance(have, HaveItem)
    assert have.hello


def test_a_second_process_follows_the_store(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    other = lab.reader("russia")
    _frames_of(lab, "russia", 2)
    lab.advance(5_000)
    lab.settle("coalition", "russia")
    assert len(other.follow()) == 4
    assert other.replica.n == lab.session("russia").replica.n
    assert other.replica.pin == lab.session("russia").replica.pin
    other.store.close()


@pytest.mark.parametrize(
    "damage", ["UPDATE leaf SET token = substr(token, 2) WHERE n = 3", "DELETE FROM leaf WHERE n = 3"]
)
def test_a_damaged_store_is_not_believed(lab: Lab, damage: str) -> None:
    lab.settle("russia")
    lab.session("russia").store._db.execute(damage)
    with pytest.raises(FatalError, match=r"damaged .* move it away"):
        lab.reader("russia")


# --- what does not hold -----------------------------------------------------------------------------------------------


def _spoilt(frame: DownFrame, **changes: object) -> bytes:
    """The frame with its last leaf changed."""
    last = frame.items[-1]
    assert isinstance(last, LeafItem)
    return frames.encode(DownFrame(items=(*frame.items[:-1], last.model_copy(update=changes))))


@pytest.mark.parametrize(
    "changes",
    [
        {"stamp": 1},
        {"index": 2},
        {"proof": ()},
        {"token": "a.b.c"},
        {"token": "kein Token"},
        {"token": "\u00e9.b.c"},
    ],
    ids=str,
)
def test_a_leaf_that_does_not_hold_is_not_shown_and_becomes_an_alarm_until_it_comes_right(
    lab: Lab, changes: dict[str, object]
) -> None:
    lab.settle("coalition", "russia")
    (frame,) = _frames_of(lab, "russia", 1)
    russia, n = lab.session("russia"), lab.session("russia").replica.n
    assert lab.deliver("russia", _spoilt(frame, **changes)) == []
    assert (russia.replica.n, russia.ledger.notices) == (n, {})
    lab.tick("russia")
    assert not russia.alarms
    lab.relay.mono_ms += 10_000
    lab.tick("russia")
    assert [code for code, _ in russia.alarms] == ["pending-leaf"]
    lab.deliver("russia", frames.encode(frame))
    lab.tick("russia")
    assert (russia.replica.n, russia.alarms) == (n + 1, {})


def test_words_that_are_not_the_relays_are_dropped(lab: Lab) -> None:
    lab.settle("coalition", "russia")
    row = lab.say("coalition", notice("russia"))
    forged = row.token.decode()
    unknown = WordItem(token="a.b.c")
    lab.deliver("coalition", frames.encode(DownFrame(items=(unknown, WordItem(token=forged)))))
    assert lab.session("coalition").dropped == {"bad-token": 1, "not-a-word": 1}
    heartbeat = lab.relay.core.heartbeat("russia", lab.relay.now_ms).decode()
    lab.deliver("coalition", frames.encode(DownFrame(items=(WordItem(token=heartbeat),))))
    assert lab.session("coalition").dropped["foreign-heartbeat"] == 1
    assert lab.session("coalition").store.queued() == [row]
