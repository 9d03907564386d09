"""Who may read which leaf, and in what order (protocol.md section 8); the fold and its digest (7.5, 7.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from channel.ledger import delivery as dl
from channel.ledger.delivery import Reply
from channel.ledger.digest import state_digest
from channel.ledger.fold import fold
from channel.log.store import StoredLeaf
from channel.protocol.errors import FatalError
from channel.protocol.statements import Response, Word
from tests.unit.relay.lab import HOUR, MINUTE, PARTIES, Lab, Said, public_key

ALL = set(PARTIES)


def _readers(lab: Lab, said: Said) -> set[str]:
    return {party for party in PARTIES if said.index in lab.feed(party)}


def _types(lab: Lab, party: str, since: int = 6) -> list[str]:
    """Types of the leaves in a party's feed, without the founding's."""
    entries = lab.folded.ledger.entries
    return [entries[index].opened.type for index in lab.feed(party) if index >= since - 1]


def test_the_founding_keys_and_suspensions_are_read_by_all() -> None:
    lab = Lab()
    chain = lab.folded.ledger.ring.chain
    said = [
        lab.say("sdf", "key", key=public_key("sdf/sig/machine-2"), keys=chain),
        lab.say("sdf", "suspension", action="suspend", reason=""),
    ]
    chain = lab.folded.ledger.ring.chain
    said.append(lab.say("sdf", "revocation", kid="sdf/sig/machine-2", reason="", keys=chain))
    lab.core.start(lab.now_ms, "1")
    assert [_readers(lab, one) for one in said] == [ALL] * 3
    assert all(lab.feed(party) == list(range(lab.folded.ledger.size)) for party in PARTIES)


def test_a_notice_is_read_by_its_author_its_addressees_and_the_intermediary() -> None:
    lab = Lab()
    assert _readers(lab, lab.notice("coalition", "russia", info=["sdf"])) == {"coalition", "russia", "sdf"}
    assert _readers(lab, lab.notice("coalition", "regime via russia")) == {"coalition", "russia"}
    assert _readers(lab, lab.notice("coalition", "regime via russia", "sdf")) == {"coalition", "russia", "sdf"}


def test_nobody_reads_what_another_addressee_signed() -> None:
    lab = Lab()
    of = lab.notice("coalition", "russia", "sdf", info=["regime"]).of
    assert _readers(lab, lab.answer("russia", of)) == {"coalition", "russia"}
    assert _readers(lab, lab.received("sdf", of)) == {"coalition", "sdf"}
    assert _readers(lab, lab.received("regime", of)) == {"coalition", "regime"}


def test_the_intermediary_reads_what_is_signed_on_the_delivery_that_it_passed_on() -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia", "sdf").of
    assert _readers(lab, lab.received("russia", of)) == {"coalition", "russia"}
    assert _readers(lab, lab.forward("russia", of, "regime")) == {"coalition", "russia", "regime"}
    assert _readers(lab, lab.answer("regime", of)) == {"coalition", "russia", "regime"}
    assert _readers(lab, lab.answer("sdf", of)) == {"coalition", "sdf"}


def test_a_forwarding_by_channel_releases_the_notice_just_before_itself() -> None:
    lab = Lab()
    notice = lab.notice("coalition", "regime via russia")
    for _ in range(3):
        lab.notice("sdf", "regime")
    before = list(lab.feed("regime"))
    forwarding = lab.forward("russia", notice.of, "regime")
    assert lab.feed("regime") == [*before, notice.index, forwarding.index]
    assert notice.index not in before


def test_a_forwarding_by_voice_releases_itself_alone() -> None:
    lab = Lab()
    notice = lab.notice("coalition", "regime via russia")
    voice = lab.forward("russia", notice.of, "regime", "voice")
    assert (_readers(lab, notice), _readers(lab, voice)) == ({"coalition", "russia"}, {"coalition", "russia", "regime"})
    by_channel = lab.forward("russia", notice.of, "regime")
    assert lab.feed("regime")[-3:] == [voice.index, notice.index, by_channel.index]


@pytest.mark.parametrize("how", ["withdraws", "amends"])
@pytest.mark.parametrize("before", ["nothing", "answer", "expiry"])
def test_after_a_withdrawal_or_an_amendment_a_forwarding_releases_nothing(how: str, before: str) -> None:
    lab = Lab()
    notice = lab.notice("coalition", "regime via russia")
    if before == "answer":
        lab.answer("regime", notice.of)
    if before == "expiry":
        lab.run_to(12 * MINUTE)
    lab.notice("coalition", "regime via russia", **{how: notice.of})
    feed, leg = list(lab.feed("regime")), lab.folded.ledger.deliveries[notice.of, "regime"].leg
    assert lab.forward("russia", notice.of, "regime").code is None
    assert lab.feed("regime") == feed
    assert lab.folded.ledger.deliveries[notice.of, "regime"].leg is leg


def test_a_check_and_an_acknowledgement_are_read_by_their_signer_alone() -> None:
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(MINUTE)
    assert _readers(lab, lab.say("sdf", "check", state="on-watch")) == {"sdf"}
    assert _readers(lab, lab.acknowledge("russia", lab.alerts()[0][1].alert)) == {"russia"}
    assert _readers(lab, lab.acknowledge("relay", lab.alerts()[0][1].alert)) == set()


def test_feeds_hold_no_leaf_twice() -> None:
    lab = Lab()
    of = lab.notice("coalition", "regime via russia", "russia", "sdf").of
    for by in ("voice", "channel"):
        lab.forward("russia", of, "regime", by)
    for party in ("russia", "regime", "sdf"):
        lab.answer(party, of)
    lab.run_to(HOUR)
    assert all(len(set(lab.feed(party))) == len(lab.feed(party)) for party in PARTIES)


def test_an_alert_is_read_by_those_whom_it_tells() -> None:
    lab = Lab()
    lab.notice("coalition", "regime via russia")
    lab.run_to(HOUR)
    assert _types(lab, "coalition").count("alert") == _types(lab, "russia").count("alert") == 6
    assert (_types(lab, "regime"), _types(lab, "sdf")) == ([], [])


# --- the fold ---------------------------------------------------------------------------------------------------------


def _busy_lab() -> Lab:
    """A log with something of everything."""
    lab = Lab(terms={"watch_ms": HOUR})
    of = lab.notice("coalition", "regime via russia", "russia", info=["sdf"]).of
    lab.received("russia", of)
    lab.notice("sdf")
    lab.run_to(MINUTE)
    lab.acknowledge("russia", lab.alerts()[0][1].alert)
    lab.forward("russia", of, "regime")
    lab.answer("regime", of)
    lab.answer("russia", of, "UNABLE")
    lab.say("russia", "check", state="on-watch", seq=9)
    lab.notice("coalition", "regime via russia", "russia", info=["sdf"], withdraws=of)
    lab.say("sdf", "key", key=public_key("sdf/sig/machine-2"), keys=lab.folded.ledger.ring.chain)
    lab.run_to(2 * HOUR)
    return lab


def test_the_fold_of_the_log_is_the_state_of_the_relay() -> None:
    lab = _busy_lab()
    again = fold(lab.store.leaves())
    assert state_digest(again.ledger) == state_digest(lab.folded.ledger)
    assert again.tree.root() == lab.folded.tree.root()


def test_a_fold_of_a_part_is_the_fold_so_far() -> None:
    leaves = list(_busy_lab().store.leaves())
    growing = fold(leaves[:1])
    for size in range(1, len(leaves) + 1):
        if size > 1:
            growing.apply(leaves[size - 1])
        assert state_digest(growing.ledger) == state_digest(fold(leaves[:size]).ledger)


def test_another_rule_shows_in_the_digest_and_not_in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = _busy_lab()
    digest, root = state_digest(lab.folded.ledger), lab.folded.tree.root()
    monkeypatch.setitem(dl.REPLY, (Response.WU, Word.UNABLE), Reply.WILCO)
    other = fold(lab.store.leaves())
    assert state_digest(other.ledger) != digest
    assert other.tree.root() == root


def test_a_log_that_does_not_open_is_not_folded() -> None:
    leaves = list(_busy_lab().store.leaves())
    with pytest.raises(FatalError, match="leaf 3"):
        fold([*leaves[:3], StoredLeaf(3, leaves[3].stamp, leaves[4].token[:-2] + b"AA")])
    with pytest.raises(FatalError, match="not a charter"):
        fold(leaves[1:])
    with pytest.raises(FatalError, match="empty"):
        fold([])


def test_a_partys_own_fold_agrees_with_the_relays_on_its_deliveries() -> None:
    lab = _busy_lab()
    stored = list(lab.store.leaves())
    for party in PARTIES:
        own = fold([stored[index] for index in lab.feed(party)]).ledger
        for key, delivery in own.deliveries.items():
            if party in (delivery.author, delivery.via, delivery.addressee):
                if party == delivery.addressee:  # it may not read what the intermediary signed for
                    delivery = replace(delivery, via_custody=lab.folded.ledger.deliveries[key].via_custody)
                assert delivery == lab.folded.ledger.deliveries[key], (party, key)
