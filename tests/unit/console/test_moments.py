"""Any moment of a log, whole or as one party saw it, is what a fold up to there gives; keyframes change nothing."""

from __future__ import annotations

import pytest

from channel.console import moments
from channel.console.moments import Feeds, Fold, branch
from channel.ledger import Ledger, state_digest
from channel.protocol.statements import Acknowledgement, Answer, Forwarding, Receiving
from tests.unit.console.rooms import NetSource
from tests.unit.ledger.nets import START_MS, Net

S = 1000


def busy() -> Net:
    """Notices straight and through an intermediary, some answered, some not, with alerts and an acknowledgement."""
    net = Net()
    for number in range(12):
        at_ms = START_MS + number * 600 * S
        of = net.notice("coalition", at_ms, "russia regime:russia")
        net.sign("russia", Receiving, at_ms + S, of=of, stage="received")
        if number % 3:
            net.sign("russia", Answer, at_ms + 5 * S, of=of, word="WILCO")
        if number % 2:
            net.sign("russia", Forwarding, at_ms + 9 * S, of=of, to="regime", by="channel")
            net.sign("regime", Receiving, at_ms + 9 * S, of=of, stage="displayed")
        raised = net.alerts(at_ms + 300 * S)
        net.sign("relay", Acknowledgement, at_ms + 310 * S, alert=raised[0], reason="rang them")
    return net


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    monkeypatch.setattr(moments, "KEYFRAME_LEAVES", 10)
    return busy()


def folded(net: Net) -> Fold:
    source = NetSource(net)
    source.poll()
    return source.fold


def refolded(net: Net, indexes: list[int]) -> Ledger:
    ledger = Ledger(net.ledger.charter, net.ledger.charter_of)
    for index in indexes:
        entry = net.ledger.entries[index]
        ledger.apply(index, entry.stamp_ms, entry.opened)
    return ledger


def test_every_moment_is_a_fold_up_to_there(net: Net) -> None:
    fold = folded(net)
    for count in range(1, len(fold) + 1):
        assert state_digest(fold.at(count)) == state_digest(refolded(net, list(range(count))))


def test_a_branch_goes_its_own_way(net: Net) -> None:
    before = state_digest(net.ledger)
    other = branch(net.ledger)
    last = START_MS + 10**8
    for index, entry in enumerate(list(net.ledger.entries.values())[5:]):
        other.apply(net.ledger.size + index, last, entry.opened)
    assert state_digest(net.ledger) == before
    assert state_digest(other) != before


def test_few_keyframes_are_kept_and_moments_stay_right(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "KEYFRAMES_MAX", 3)
    fold = folded(net)
    assert len(fold._frames) <= 3
    for count in range(1, len(fold) + 1, 7):
        assert state_digest(fold.at(count)) == state_digest(refolded(net, list(range(count))))


def test_as_a_party_saw_it_is_the_fold_of_what_was_released_to_it_by_then(net: Net) -> None:
    feeds, size = Feeds(folded(net)), net.ledger.size
    for index in range(0, size, 3):
        then = refolded(net, list(range(index + 1)))
        for party in then.parties:
            fold = feeds.of(party)
            seen = fold.at(fold.upto_index(index))
            assert list(seen.entries) == then.parties[party].feed, f"{party} after leaf {index}"
            assert state_digest(seen) == state_digest(refolded(net, then.parties[party].feed))


def test_a_party_s_feed_by_time_and_by_index_agree(net: Net) -> None:
    fold = Feeds(folded(net)).of("regime")
    entry = net.ledger.entries[net.ledger.size - 1]
    assert fold.upto_time(entry.stamp_ms) == len(fold)
    assert fold.upto_time(START_MS - 1) == fold.upto_index(-1) == 0


def test_feeds_are_warmed_bit_by_bit_and_go_on_as_the_log_grows(net: Net) -> None:
    source = NetSource(net)
    source.poll()
    feeds = Feeds(source.fold)
    while feeds.warm(5):
        pass
    assert state_digest(feeds.of("russia").ledger) == state_digest(net.of("russia"))
    net.notice("sdf", START_MS + 10**8, "russia")
    source.poll()
    assert list(feeds.of("russia").ledger.entries) == net.ledger.parties["russia"].feed


def test_the_ledger_of_now_is_not_the_one_of_a_moment(net: Net) -> None:
    fold = folded(net)
    earlier, digest = fold.at(20), state_digest(fold.ledger)
    earlier.apply(10**6, START_MS + 10**9, net.ledger.entries[5].opened)
    assert state_digest(fold.ledger) == digest
