"""Bodies of sealed notices in the relay: taken with the outer, handed to addressees only, kept until all have them."""

from __future__ import annotations

import pytest

from channel.log.store import StoredLeaf
from channel.protocol import ids, limits, sealing
from channel.protocol.frames import DownFrame, LeafItem, SealedItem, WantItem
from channel.protocol.statements import Busy
from channel.relay.bodies import Bodies
from channel.relay.session import Head
from tests.unit.protocol.sealed_example import counted
from tests.unit.relay.lab import HOUR, PARTIES, Lab, Said
from tests.vectors import bodies


def kept(lab: Lab) -> set[ids.Hash]:
    """What is in the store, which is what the relay says is owed, also after a restart."""
    lab.turn()
    assert lab.core.bodies.owed == lab.store.bodies() == Bodies(lab.folded.ledger).owed
    return lab.store.bodies()


def handed(frames: list[DownFrame]) -> list[ids.Hash]:
    """Bodies in frames; each hashes to its `ct`."""
    found = [item for frame in frames for item in frame.items if isinstance(item, SealedItem)]
    assert all(ids.sha256(item.jwe.encode()) == item.ct for item in found)
    return [item.ct for item in found]


def ct_of(lab: Lab, said: Said) -> ids.Hash:
    body = lab.folded.ledger.notices[said.of].body
    return str(getattr(body, "sealed").ct)  # noqa: B009


def busy(lab: Lab) -> list[tuple[str, str, int]]:
    return [(party, word.body.code, word.body.retry_ms) for party, word in lab.words if isinstance(word.body, Busy)]


# --- in -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precedence", ["FLASH", "ROUTINE"])
@pytest.mark.parametrize("beside", [[], [b"other bytes"]])
def test_an_outer_without_its_body_waits_and_is_taken_with_it(beside: list[bytes], precedence: str) -> None:
    lab = Lab()
    outer, jwe = lab.sealed_members("regime", precedence=precedence)
    token = lab.sign("coalition", "notice", **outer)
    said = lab.submit(token, "coalition", *beside)
    lab.turn()
    assert (said.index, said.code) == (None, "body-missing")
    assert busy(lab) == [("coalition", "body-missing", limits.RESEND_MS)]
    assert not lab.refusals()
    taken = lab.submit(token, "coalition", jwe)
    assert taken.index is not None
    assert kept(lab) == {ids.sha256(jwe)}
    assert lab.submit(token, "coalition").index == taken.index, "known: the first receipt again, with no body"


def test_bytes_under_anothers_name_are_not_its_body() -> None:
    lab = Lab()
    outer, _ = lab.sealed_members("regime")
    token = lab.sign("coalition", "notice", **outer)
    outcome = lab.core.submit(token, lab.now_ms, "coalition", {outer["sealed"]["ct"]: b"other bytes"})
    assert outcome.code == "body-missing"
    assert kept(lab) == set()


def test_a_sealed_notice_that_is_held_keeps_its_body() -> None:
    lab = Lab()
    earlier = lab.notice_members("regime")
    token = lab.sign("coalition", "notice", **earlier)
    outer, jwe = lab.sealed_members("regime", amends=ids.sha256(token))
    held = lab.submit(lab.sign("coalition", "notice", **outer), "coalition", jwe)
    assert held.code == "unknown-reference"
    lab.submit(token, "coalition")
    assert kept(lab) == {ids.sha256(jwe)}
    assert held.of in lab.folded.ledger.notices


# --- out ------------------------------------------------------------------------------------------------------------


def test_the_body_goes_before_its_leaf_to_addressees_and_to_nobody_else() -> None:
    lab = Lab()
    for party in PARTIES:
        lab.hello(party)
    said = lab.sealed("coalition", "regime via russia", info=["sdf"])
    lab.turn()
    ct = ct_of(lab, said)
    sdf = lab.frames("sdf")
    items = [item for frame in sdf for item in frame.items if isinstance(item, SealedItem | LeafItem)]
    at = next(n for n, item in enumerate(items) if isinstance(item, SealedItem))
    after = items[at + 1]
    assert isinstance(after, LeafItem)
    assert (handed(sdf), ids.sha256(after.token.encode())) == ([ct], said.of)
    for party in ("coalition", "russia", "regime"):
        frames = lab.frames(party)
        assert handed(frames) == []
        assert (said.index in lab.feed(party)) == (party != "regime")
    lab.forward("russia", said.of, "regime")
    lab.turn()
    assert handed(lab.frames("regime")) == [ct]
    assert handed(lab.frames("russia")) == []


def want(lab: Lab, party: str, *cts: ids.Hash, head: Head | None = None) -> list[ids.Hash]:
    session = lab.sessions[party]
    session.wanted = WantItem(cts=cts)
    frame = session.bodies(lab.core.bodies, head or lab.head, lab.store.body)
    assert session.wanted is None
    return [] if frame is None else handed([frame])


def test_who_may_have_a_body_is_given_it_on_request_and_nobody_else() -> None:
    lab = Lab()
    for party in PARTIES:
        lab.hello(party)
    said = lab.sealed("coalition", "regime via russia", info=["sdf"])
    lab.turn()
    ct, unknown = ct_of(lab, said), ids.sha256(b"nothing")
    assert {party: want(lab, party, unknown, ct) for party in PARTIES} == {
        "coalition": [], "russia": [], "regime": [], "sdf": [ct],
    }  # fmt: skip
    head = lab.head
    lab.forward("russia", said.of, "regime")
    assert want(lab, "regime", ct, head=head) == [], "nothing leaves that is not durable"
    lab.turn()
    assert want(lab, "regime", ct, ct) == [ct]


def test_many_large_bodies_come_in_several_answers() -> None:
    lab = Lab()
    lab.hello("regime")
    cts = []
    for number in range(5):
        inner = b"a.b." + b"c" * 32_000
        outer, _ = lab.sealed_members("regime")
        keys = {"regime/enc/1": bodies.public("regime/enc/1")}
        jwe = sealing.seal_inner(inner, keys, random=counted(f"large {number}"))
        outer["sealed"] = sealing.hashes(jwe, inner).model_dump()
        assert lab.submit(lab.sign("coalition", "notice", **outer), "coalition", jwe).index is not None
        cts.append(ids.sha256(jwe))
    lab.turn()
    first = want(lab, "regime", *cts)
    assert 0 < len(first) < 5
    assert first == cts[: len(first)]
    got = handed(lab.frames("regime"))
    assert got == cts, "each beside its leaf, in as many frames as it takes"


# --- like any other ---------------------------------------------------------------------------------------------------


def test_deadlines_alerts_and_expiry_of_a_sealed_notice_are_those_of_one_in_clear() -> None:
    raised = []
    for seal in (False, True):
        lab = Lab()
        say = lab.sealed if seal else lab.notice
        say("coalition", "regime via russia", "sdf")
        lab.run_to(HOUR)
        raised.append(lab.raised())
    assert raised[0] == raised[1]
    assert {stage for _, stage, *_ in raised[0]} >= {"receipt", "forward", "answer", "expired"}


# --- kept -----------------------------------------------------------------------------------------------------------


def test_a_body_is_kept_until_every_addressee_has_received_it() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime via russia", "sdf")
    ct = ct_of(lab, said)
    lab.received("sdf", said.of)
    lab.received("russia", said.of)
    assert kept(lab) == {ct}
    lab.forward("russia", said.of, "regime")
    assert kept(lab) == {ct}
    lab.answer("regime", said.of, "STANDBY", until="2017-09-16T00:05:00.000Z")
    assert kept(lab) == {ct}, "an answer is not a receipt of the body"
    lab.restart()
    lab.received("regime", said.of)
    assert kept(lab) == set()
    lab.restart()
    assert kept(lab) == set()


def test_what_came_back_from_the_parties_without_its_body_is_owed_no_more_and_the_body_goes() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime")
    ct = ct_of(lab, said)
    assert kept(lab) == {ct}
    back = StoredLeaf(lab.folded.tree.size, lab.now_ms, lab.sign("regime", "receiving", of=said.of, stage="received"))
    lab.core.rebuild([back], lab.core.note)
    assert lab.core.bodies.owed == set()
    lab.core.bodies.leave(lab.store.bodies())
    assert list(lab.core.bodies.spent) == [ct]


def test_displayed_counts_as_received() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime")
    lab.received("regime", said.of, "displayed")
    assert kept(lab) == set()


def test_who_was_told_by_voice_and_signed_for_that_has_not_had_the_body() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime via russia")
    lab.forward("russia", said.of, "regime", "voice")
    lab.received("regime", said.of)
    assert kept(lab) == {ct_of(lab, said)}
    lab.hello("regime")
    lab.forward("russia", said.of, "regime")
    assert kept(lab) == {ct_of(lab, said)}
    assert handed(lab.frames("regime")) == [ct_of(lab, said)]
    lab.received("regime", said.of, "displayed")
    assert kept(lab) == set()


def test_a_withdrawal_ends_what_is_owed_to_whom_it_can_no_longer_reach() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime via russia")
    two = lab.sealed("coalition", "regime via russia", info=["sdf"])
    lab.notice("coalition", "regime via russia", withdraws=said.of)
    lab.notice("coalition", "regime via russia", info=["sdf"], withdraws=two.of)
    assert kept(lab) == {ct_of(lab, two)}, "sdf was sent it and has not signed for it"
    lab.received("sdf", two.of)
    assert kept(lab) == set()


def test_a_body_that_two_outers_name_is_kept_for_both() -> None:
    lab = Lab()
    outer, jwe = lab.sealed_members("regime")
    one = lab.submit(lab.sign("coalition", "notice", **outer), "coalition", jwe)
    two = lab.submit(lab.sign("coalition", "notice", **{**outer, "nid": lab.nid()}), "coalition", jwe)
    assert two.index is not None
    lab.received("regime", one.of)
    assert kept(lab) == {ids.sha256(jwe)}
    lab.received("regime", two.of)
    assert kept(lab) == set()


def test_a_deleted_body_is_not_sent_with_its_leaf_nor_on_request() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime")
    lab.received("regime", said.of)
    lab.turn()
    lab.hello("regime")
    frames = lab.frames("regime")
    assert handed(frames) == []
    assert said.index in [item.index for frame in frames for item in frame.items if isinstance(item, LeafItem)]
    assert want(lab, "regime", ct_of(lab, said)) == []


def test_who_was_told_by_voice_may_comply_without_naming_what_was_sealed() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime via russia")
    lab.forward("russia", said.of, "regime", "voice")
    assert lab.answer("regime", said.of).index is not None


def test_an_answer_that_quotes_what_was_sealed_is_taken() -> None:
    lab = Lab()
    said = lab.sealed("coalition", "regime")
    body = lab.folded.ledger.notices[said.of].body
    pt = getattr(body, "sealed").pt  # noqa: B009
    assert lab.answer("regime", said.of, pt=pt).index is not None
