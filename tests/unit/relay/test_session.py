"""What goes down to a party (protocol.md 10.5 to 10.8): all of its feed, nothing else, nothing between the lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from channel.log import checkpoint
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import EMPTY_ROOT
from channel.log.proof import verify_consistency, verify_inclusion
from channel.protocol import frames, ids, limits
from channel.protocol.frames import CheckpointItem, DownFrame, HaveItem, LeafItem, WordItem
from channel.protocol.statements import Precedence
from tests.unit.relay.lab import HOUR, MINUTE, NET, PARTIES, SECOND, Lab, signer

LOG_KEY = signer("relay/sig/log-1").public


@dataclass
class Reader:
    """A client that only checks: proofs against the checkpoint in the frame, positions without a gap."""

    n: int = 0
    size: int = 0
    root: bytes = EMPTY_ROOT
    indexes: list[int] = field(default_factory=list)

    def read(self, frame: DownFrame) -> None:
        assert frame == frames.decode_down(frames.encode(frame)).model_copy(update={"pad": ""})
        for item in frame.items:
            match item:
                case CheckpointItem():
                    self._checkpoint(item)
                case LeafItem():
                    assert item.n == self.n + 1
                    leaf = leaf_hash(encode(item.stamp, item.token.encode()))
                    verify_inclusion(leaf, item.index, self.size, [ids.unb64url(x) for x in item.proof], self.root)
                    self.n = item.n
                    self.indexes.append(item.index)
                case WordItem():
                    pass

    def _checkpoint(self, item: CheckpointItem) -> None:
        new = checkpoint.open_note(item.note, f"dcn/{NET}", LOG_KEY)
        assert item.old in (self.size, new.size, 0)
        if item.old == self.size:
            proof = [ids.unb64url(node) for node in item.proof]
            verify_consistency(self.size, self.root, new.size, new.root, proof)
        self.size, self.root = new.size, new.root

    @property
    def have(self) -> HaveItem:
        return HaveItem(n=self.n, size=self.size, root=ids.b64url(self.root))


def _read(lab: Lab, party: str, reader: Reader, mono_ms: int = 0) -> Reader:
    for frame in lab.frames(party, mono_ms):
        reader.read(frame)
    return reader


def _busy(lab: Lab, rounds: int = 8) -> None:
    for _ in range(rounds):
        of = lab.notice("coalition", "regime via russia", "sdf", info=["russia"]).of
        lab.received("russia", of)
        lab.forward("russia", of, "regime")
        lab.answer("regime", of)
        lab.notice("sdf")
        lab.now_ms += 20 * SECOND
        lab.turn()


# --- all of the feed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", PARTIES)
def test_after_hello_a_party_gets_its_whole_feed_with_proofs_that_hold(party: str) -> None:
    lab = Lab()
    _busy(lab)
    lab.hello(party)
    reader = _read(lab, party, Reader())
    assert reader.indexes == lab.feed(party)
    assert reader.size == lab.core.committed_size


@pytest.mark.parametrize("party", PARTIES)
def test_what_comes_later_goes_on_from_there(party: str) -> None:
    lab, reader = Lab(), Reader()
    lab.hello(party)
    for _ in range(6):
        _busy(lab, 1)
        _read(lab, party, reader)
        reader.read(lab.beat(party))
    assert reader.indexes == lab.feed(party)


def test_a_hello_from_the_middle_gets_what_is_above_and_a_proof_from_the_pinned_tree() -> None:
    lab, reader = Lab(), Reader()
    lab.hello("sdf")
    _busy(lab, 2)
    _read(lab, "sdf", reader)
    held = reader.n
    _busy(lab, 3)
    lab.restart()
    lab.hello("sdf", held, reader.size)
    (first, *_) = lab.frames("sdf")
    assert isinstance(first.items[0], CheckpointItem)
    assert first.items[0].old == reader.size
    reader.read(first)
    assert reader.indexes == lab.feed("sdf")


def test_a_hello_is_answered_with_a_checkpoint_also_if_nothing_is_new() -> None:
    lab = Lab()
    lab.hello("sdf", len(lab.feed("sdf")), lab.core.committed_size)
    (frame,) = lab.frames("sdf")
    assert [item.t for item in frame.items] == ["checkpoint"]
    assert lab.frames("sdf") == []


def test_what_is_not_confirmed_is_sent_again_after_five_seconds_and_not_before() -> None:
    lab, reader = Lab(), Reader()
    lab.hello("sdf")
    lost = lab.frames("sdf")
    session = lab.sessions["sdf"]
    session.resend(limits.RESEND_MS - 1)
    assert lab.frames("sdf") == []
    session.resend(limits.RESEND_MS)
    _read(lab, "sdf", reader, limits.RESEND_MS)
    assert reader.indexes == [item.index for frame in lost for item in frame.items if isinstance(item, LeafItem)]
    session.have(reader.have, limits.RESEND_MS, lab.head)
    session.resend(10 * limits.RESEND_MS)
    assert lab.frames("sdf") == []


def test_what_was_lost_is_sent_again_also_while_more_goes_out_every_second() -> None:
    lab, reader = Lab(), Reader()
    lab.hello("sdf")
    _read(lab, "sdf", reader)
    session = lab.sessions["sdf"]
    session.have(reader.have, 0, lab.head)
    held = reader.n
    for at_ms in range(SECOND, limits.RESEND_MS + SECOND, SECOND):
        _busy(lab, 1)
        assert lab.frames("sdf", at_ms), "on its way, and never confirmed: the first of them did not hold"
        session.have(reader.have, at_ms, lab.head)
    session.resend(limits.RESEND_MS + SECOND - 1)
    assert session.sent_n > held
    session.resend(limits.RESEND_MS + SECOND)
    _read(lab, "sdf", reader)
    assert reader.indexes == lab.feed("sdf")


def test_nothing_is_sent_again_to_a_party_that_confirms_some_of_it_in_time() -> None:
    lab = Lab()
    lab.hello("sdf")
    _busy(lab)
    assert lab.frames("sdf", 0)
    session = lab.sessions["sdf"]
    sent = session.sent_n
    for n, at_ms in enumerate(range(4 * SECOND, 20 * SECOND, 4 * SECOND), start=1):
        session.resend(at_ms)
        session.have(HaveItem(n=n, size=0, root=ids.b64url(EMPTY_ROOT)), at_ms, lab.head)
        assert session.sent_n == sent
    session.resend(16 * SECOND + limits.RESEND_MS)
    assert session.sent_n == 4


def test_a_party_that_is_gone_gets_beats_only_and_all_the_rest_when_it_is_back() -> None:
    lab, reader = Lab(), Reader()
    lab.hello("sdf")
    _read(lab, "sdf", reader)
    lab.sessions["sdf"].gone()
    _busy(lab, 2)
    assert lab.frames("sdf") == []
    assert [item.t for item in lab.beat("sdf").items] == ["word", "checkpoint"]
    lab.hello("sdf", reader.n, reader.size)
    assert _read(lab, "sdf", reader).indexes == lab.feed("sdf")


@pytest.mark.parametrize(("n", "size"), [(10**9, 0), (0, 10**9), (10**9, 10**9)])
def test_a_have_beyond_what_there_is_breaks_nothing(n: int, size: int) -> None:
    lab = Lab()
    lab.hello("sdf", n, size)
    assert all(item.t == "checkpoint" for frame in lab.frames("sdf") for item in frame.items[:1])
    lab.hello("sdf")
    assert _read(lab, "sdf", Reader()).indexes == lab.feed("sdf")


# --- frames -----------------------------------------------------------------------------------------------------------


def test_frames_are_bounded_and_padded_however_much_waits() -> None:
    lab = Lab(terms={"notices_per_minute": 1000})
    for number in range(60):
        lab.notice("coalition", "sdf", precedence="ROUTINE", text="x" * (4000 if number % 2 else 10))
    lab.turn()
    lab.hello("sdf")
    lab.sessions["sdf"].words += [token for _, token in lab.word_tokens] * 20
    due = lab.frames("sdf")
    assert len(due) > 2
    reader = Reader()
    for frame in due:
        data = frames.encode(frame)
        assert len(data) <= limits.FRAME_BYTES_MAX
        assert len(data) % limits.FRAME_PAD_BYTES == 0
        reader.read(frame)
    assert reader.indexes == lab.feed("sdf")
    assert lab.sessions["sdf"].words == []


def test_leaves_come_after_the_one_checkpoint_of_their_frame() -> None:
    lab = Lab()
    _busy(lab)
    lab.hello("russia")
    for frame in lab.frames("russia"):
        kinds = [item.t for item in frame.items if item.t != "word"]
        assert kinds[0] == "checkpoint"
        assert set(kinds[1:]) == {"leaf"}


def test_other_parties_traffic_brings_no_frame() -> None:
    lab = Lab()
    for party in PARTIES:
        lab.hello(party)
        lab.frames(party)
    of = lab.notice("coalition", "russia").of
    lab.answer("russia", of)
    lab.turn()
    assert (lab.frames("sdf"), lab.frames("regime")) == ([], [])
    assert lab.frames("coalition")


# --- nothing to be told from it ---------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What the regime's link carries in a run: frames with the sizes of their items, and their lengths."""

    rows: list[tuple[int, tuple[tuple[str, int], ...], int]] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)

    def take(self, at_ms: int, frame: DownFrame) -> None:
        items = tuple((item.t, len(item.model_dump_json())) for item in frame.items)
        self.rows.append((at_ms, items, len(frames.encode(frame))))
        self.plain.append(frame.model_dump_json())

    @property
    def kinds(self) -> list[tuple[int, list[str], int]]:
        """Without the lengths of frames with leaves: their proofs grow with the log, which 15.3 admits."""
        shown = [(at_ms, [kind for kind, _ in items], length) for at_ms, items, length in self.rows]
        return [(at_ms, kinds, 0 if "leaf" in kinds else length) for at_ms, kinds, length in shown]


def _watched(precedence: Precedence, hidden: bool, *, level: bool) -> tuple[Seen, Lab]:
    """A run with heartbeats. `hidden`: the notice is for the regime, behind russia; else for russia alone.

    `level`: in the run without it something of the same moment stands for the alert that only the hidden one has, so
    that the log has the same size at each heartbeat in both.
    """
    lab, seen = Lab(), Seen()
    row = lab.folded.ledger.charter.deadlines.row(precedence)
    lab.hello("regime")
    lab.frames("regime")
    to = "regime via russia" if hidden else "russia"
    text = "hidden" if hidden else "hidden" + "x" * len(',"via":"russia"')
    lab.notice("coalition", to, precedence=precedence, text=text)
    for at_ms in range(0, 4 * row.ministry_ms + MINUTE, row.receipt_ms // 3):
        if level and not hidden and at_ms >= row.forward_ms > at_ms - row.receipt_ms // 3:
            lab.at(at_ms).say("sdf", "check", state="on-watch")
        lab.run_to(at_ms)
        if at_ms == 4 * row.receipt_ms:
            lab.received("regime", lab.notice("sdf", "regime", precedence="ROUTINE", response="NE").of)
            lab.turn()
        for frame in (*lab.frames("regime"), lab.beat("regime")):
            seen.take(at_ms, frame)
    assert len(lab.raised()) == (6 if hidden else 5)
    assert lab.raised()[-1][1] == "expired"
    return seen, lab


@pytest.mark.parametrize("precedence", list(Precedence), ids=str)
def test_frames_down_do_not_show_that_a_notice_waits_for_its_forwarding(precedence: Precedence) -> None:
    hidden, _ = _watched(precedence, True, level=True)
    without, _ = _watched(precedence, False, level=True)
    assert hidden.rows == without.rows


@pytest.mark.parametrize("precedence", list(Precedence), ids=str)
def test_an_alert_more_in_the_log_changes_neither_number_nor_kinds_nor_lengths_of_beats(precedence: Precedence) -> None:
    hidden, _ = _watched(precedence, True, level=False)
    without, _ = _watched(precedence, False, level=False)
    assert hidden.kinds == without.kinds


def test_a_waiting_notice_is_nowhere_in_the_frames_of_its_final_addressee() -> None:
    seen, lab = _watched(Precedence.FLASH, True, level=True)
    notice = next(e for e in lab.folded.ledger.entries.values() if e.opened.type == "notice")
    secrets = [notice.opened.of, notice.opened.token.decode(), getattr(notice.opened.body, "nid", "-")]
    secrets += [alert.alert for _, alert in lab.alerts()]
    text = "\n".join(seen.plain)
    assert not [secret for secret in secrets if secret in text]
    hidden = {e.index for e in lab.folded.ledger.entries.values() if e.opened.type in ("notice", "alert")}
    shown = {int(index) for index in re.findall(r'"index":(\d+)', text)}
    assert shown & hidden == {index for index in hidden if index in lab.feed("regime")}


def test_once_forwarded_the_notice_comes_with_its_old_index_and_no_gap_in_the_numbers() -> None:
    lab, reader = Lab(), Reader()
    lab.hello("regime")
    notice = lab.notice("coalition", "regime via russia")
    lab.notice("sdf", "regime")
    lab.turn()
    _read(lab, "regime", reader)
    lab.run_to(HOUR)
    forwarding = lab.forward("russia", notice.of, "regime")
    lab.turn()
    _read(lab, "regime", reader)
    assert reader.indexes[-2:] == [notice.index, forwarding.index]
    assert reader.n == len(lab.feed("regime"))
