"""The first quorum of cosignatures that covers a leaf: each line verified, a bad one counts for nothing."""

from __future__ import annotations

from random import Random

import pytest

from channel.ledger.fold import fold
from channel.ledger.ledger import Ledger
from channel.log import cosignature
from channel.log.store import Cosignature
from channel.protocol import ids
from channel.replay.witnessed import Quorum, Witnessed
from channel.scenario import load
from channel.testing.memory import MemoryLog
from tests.unit.scenario.worlds import World, signer
from tests.vectors import bodies

BASE_S = 1_505_400_000


@pytest.fixture(scope="module")
def world() -> World:
    """A net that was just founded: some checkpoints, the first of them before all had acceded."""
    return World(load("deir-ezzor-2017"), Random(3))


@pytest.fixture
def store(world: World) -> MemoryLog:
    """The same log without any cosignature."""
    fresh = MemoryLog()
    at = 0
    for size, note in world.store.notes():
        fresh.append(list(world.store.leaves(at, size)), note)
        at = size
    return fresh


@pytest.fixture
def ledger(store: MemoryLog) -> Ledger:
    return fold(store.leaves()).ledger


def cosigned(store: MemoryLog, ledger: Ledger, size: int, parties: str, by: str = "") -> None:
    note, net = str(store.note(size)), ledger.charter.net
    rows = [
        Cosignature(size, party, cosignature.cosign(note, net, signer(f"{by or party}/wit/1"), BASE_S + size + second))
        for second, party in enumerate(parties.split())
    ]
    store.put_cosignatures(rows)
    store.flush()


def sizes(store: MemoryLog) -> list[int]:
    return [size for size, _ in store.notes()]


def test_the_first_checkpoint_with_a_quorum_counts_and_its_time_is_that_of_the_last_needed(
    store: MemoryLog, ledger: Ledger
) -> None:
    first, last = sizes(store)[0], sizes(store)[-1]
    cosigned(store, ledger, first, "sdf regime")
    cosigned(store, ledger, last, "coalition russia sdf regime")
    expected = Quorum(last, (BASE_S + last + 3) * 1000, ("coalition", "regime", "russia", "sdf"))
    witnessed = Witnessed(ledger, store)
    assert [witnessed(index) for index in (0, last - 1, 0)] == [expected] * 3
    assert witnessed(last) is None


def test_a_witness_whose_party_calls_its_key_compromised_is_named_and_the_quorum_without_it_weighed(
    store: MemoryLog, ledger: Ledger
) -> None:
    first, last = sizes(store)[0], sizes(store)[-1]
    cosigned(store, ledger, first, "coalition russia sdf")
    cosigned(store, ledger, last, "coalition russia sdf regime")
    assert [at.doubted for index in (0, last - 1) if (at := Witnessed(ledger, store)(index)) is not None] == [(), ()]
    revocation = bodies.body("revocation", kid="sdf/wit/1", compromised_since=0, **{"from": "sdf"})
    ledger.ring.apply(ledger.size, ids.sha256(b"revocation"), revocation)
    three, four = Witnessed(ledger, store)(0), Witnessed(ledger, store)(last - 1)
    assert three is not None
    assert four is not None
    assert (three.doubted, three.sound) == (("sdf",), False)
    assert (four.doubted, four.sound) == (("sdf",), True)


def test_a_line_by_another_partys_key_completes_no_quorum(store: MemoryLog, ledger: Ledger) -> None:
    size = sizes(store)[-1]
    cosigned(store, ledger, size, "coalition russia")
    cosigned(store, ledger, size, "sdf", by="russia")
    assert Witnessed(ledger, store)(0) is None
