"""Bundles out of a party's own home: proofs are asked for, verified one by one, and forgotten after use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest
import pytest_asyncio

from channel.log.bundle import read, verify_bundle
from channel.log.bundle_files import leaf_proofs, sentences
from channel.log.checkpoint import Checkpoint, sign
from channel.log.documents import verify_document
from channel.log.report import Verdict
from channel.protocol import frames, ids, limits
from channel.protocol.errors import TransientError, UsageError
from channel.protocol.frames import DownFrame, ProofsItem, ProveItem
from clients.core.events import Stopped
from clients.core.proofs import ASKED_MAX
from clients.core.store import STORE_FILE, Store
from tests.unit.clients.lab import NET, Lab, lab_at
from tests.unit.clients.nets import MemoryNet, memory_net


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path) as lab:
        lab.settle("coalition")
        yield lab


@pytest_asyncio.fixture
async def net(tmp_path: Path) -> AsyncIterator[MemoryNet]:
    async with memory_net(tmp_path / "channel") as made:
        assert isinstance(made, MemoryNet)
        yield made


def want(lab: Lab, *indexes: int) -> int:
    session = lab.session("coalition")
    session.store.want_proofs(session.replica.pin.size, indexes)
    session.prover.changed()
    return session.replica.pin.size


def asked(lab: Lab) -> list[ProveItem]:
    out = lab.session("coalition").frames(lab.relay.now_ms, lab.relay.mono_ms)
    return [item for frame in out for item in frame.items if isinstance(item, ProveItem)]


def answer(lab: Lab, item: ProveItem, **changes: object) -> list[object]:
    """Have the relay answer, with something else in it."""
    down = lab.relay.downs["coalition"]
    down.asked = item
    frame = down.proofs(lab.relay.core.folded, lab.relay.head(), lab.relay.note, lambda _: b"a.b.c")
    assert frame is not None
    _, proofs = frame.items
    changed = DownFrame(items=(proofs.model_copy(update=changes),))
    return list(lab.deliver("coalition", frames.encode(changed)))


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_question_goes_out_once_until_it_is_answered_or_time_passes(lab: Lab) -> None:
    size = want(lab, 0, 1)
    (item,) = asked(lab)
    assert (item.size, item.indexes) == (size, (0, 1))
    assert asked(lab) == []
    lab.advance(limits.RESEND_MS)
    assert asked(lab) == [item]
    answer(lab, item)
    note, found = lab.session("coalition").store.proofs(size)
    assert note is not None
    assert found.keys() == {0, 1}
    lab.advance(limits.RESEND_MS)
    assert asked(lab) == []


def test_a_question_that_nobody_answers_goes_out_so_often_and_no_more(lab: Lab) -> None:
    want(lab, 0)
    times = 0
    for _ in range(3 * ASKED_MAX):
        times += len(asked(lab))
        lab.advance(limits.RESEND_MS)
    assert times == ASKED_MAX
    lab.session("coalition").connected()
    assert len(asked(lab)) == 1


def test_what_did_not_fit_into_the_answer_is_asked_for_again(lab: Lab) -> None:
    size = want(lab, 0, 1, 2)
    (item,) = asked(lab)
    assert answer(lab, item.model_copy(update={"indexes": (0,)})) == []
    (rest,) = asked(lab)
    assert rest.indexes == (1, 2)
    answer(lab, rest)
    assert lab.session("coalition").store.proofs(size)[1].keys() == {0, 1, 2}


# --- judging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"proofs": ((ids.sha256(b"no"),), (ids.sha256(b"no"),))},
        {"proofs": ((),)},
        {"proofs": ((),) * 3},
        {"size": 3},
        {"note": "no note"},
    ],
)
def test_an_answer_that_does_not_hold_is_dropped(lab: Lab, changes: dict[str, object]) -> None:
    size = want(lab, 0, 1)
    (item,) = asked(lab)
    assert answer(lab, item, **changes) == []
    session = lab.session("coalition")
    assert session.dropped.total() == 1
    assert session.store.proofs(size) == (None, {})
    assert session.stopped is None


def test_proofs_that_nobody_asked_for_are_dropped(lab: Lab) -> None:
    size = lab.session("coalition").replica.pin.size
    lab.deliver("coalition", frames.encode(DownFrame(items=(ProofsItem(size=size, note="", proofs=((),)),))))
    assert lab.session("coalition").dropped["unasked-proofs"] == 1


def test_another_root_of_that_size_under_the_logs_signature_is_a_fork(lab: Lab) -> None:
    size = want(lab, 0)
    (item,) = asked(lab)
    note = sign(Checkpoint(f"dcn/{NET}", size, b"\1" * 32), f"dcn/{NET}", lab.channel.signer("sig/log-1"))
    events = answer(lab, item, note=note)
    assert any(isinstance(event, Stopped) for event in events)
    assert lab.session("coalition").stopped is not None


# --- heartbeats -------------------------------------------------------------------------------------------------------


def test_the_first_heartbeat_comes_before_its_leaves_and_is_kept_once_they_are_here(tmp_path: Path) -> None:
    with lab_at(tmp_path) as lab:
        session = lab.session("regime")
        lab.up("regime")
        lab.deliver("regime", frames.encode(lab.relay.beat("regime")))
        assert session.store.words() == [], "its keys are not known yet"
        lab.settle("regime")
        assert len(session.store.words()) == 1
        lab.relay.mono_ms += 10_000
        lab.tick("regime")
        assert session.alarms == {}


def test_of_heartbeats_the_newest_are_kept_and_one_that_the_witnessed_tree_covers(tmp_path: Path) -> None:
    store = Store(tmp_path / "client.sqlite", ids.sha256(b""))
    for size in range(1, 100):
        store.put_beat(size, b"%d" % size, 0)
    assert sorted(map(int, store.words())) == list(range(68, 100))
    store.put_beat(100, b"100", 97)
    store.put_beat(100, b"again", 97)
    assert sorted(map(int, store.words())) == [97, 98, 99, 100]
    store.close()


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_a_version_before_is_brought_up_to_date(lab: Lab, version: int) -> None:
    path = lab.home("coalition").path / STORE_FILE
    lab.crash("coalition")
    database = apsw.Connection(str(path))
    database.execute("DROP TABLE beat; DROP TABLE proof; DROP TABLE proof_note")
    database.execute("DROP TABLE cosigned" if version == 1 else "SELECT 1")
    database.execute(f"PRAGMA user_version = {version}")
    database.close()
    assert lab.session("coalition").store.proofs(1) == (None, {})


# --- bundles ----------------------------------------------------------------------------------------------------------


async def test_author_and_addressee_make_bundles_that_verify_with_the_charter_alone(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        sent = await coalition.send(kind="text", text="Hold fire", to=["russia"])
        await russia.fresh(russia.find, sent.of)
        await russia.answer(sent.of, "ROGER")
        while len(coalition.ledger.entries) < len(net.lab.relay.leaves):
            await coalition.runtime.pulse.wait()
        for party in (coalition, russia):
            proved = await party.prove(sent.nid or "")
            charter = party.home.charter_file.read_bytes().strip()
            report = verify_bundle(proved.bundle, charter)
            assert report.verdict is Verdict.VERIFIED, report.reasons
            types = {party.ledger.entries[row.index].opened.type for row in read(proved.bundle).rows}
            assert {"charter", "accession", "notice", "receiving", "answer"} <= types
            assert proved.told["newer"] == []
            assert len(list(sentences(proved.told))) == (1 if proved.told["quorum"] else 2)
            assert party.session.store.wanted_proofs(9) == (0, [])
            for name, text in leaf_proofs(proved.bundle):
                assert name.endswith(".tlog-proof")
                assert verify_document(text.encode(), charter).verdict is Verdict.VERIFIED


async def test_another_process_of_the_home_asks_through_the_one_with_the_link(net: MemoryNet) -> None:
    async with net.connect("coalition") as owner:
        sent = await owner.send(kind="text", text="Hold fire", to=["russia"])
        async with net.connect("coalition") as other:
            proved = await other.prove(sent.of)
            assert not other.runtime.owner
        assert proved.told["token_sha256"] == sent.of


async def test_without_the_relay_nothing_is_made_and_nothing_stays_asked(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        sent = await coalition.send(kind="text", text="Hold fire", to=["russia"])
        await coalition.prove(sent.of)
        await net.cut()
        with pytest.raises(TransientError, match="no proofs"):
            await coalition.prove(sent.of, wait=0.05)
        assert coalition.session.store.wanted_proofs(9) == (0, [])
        await net.restore()
        await asyncio.wait_for(coalition.prove(sent.of), 5)


async def test_who_may_not_read_a_notice_has_no_bundle_on_it(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("regime") as regime:
        sent = await coalition.send(kind="text", text="Hold fire", to=["russia"])
        with pytest.raises(UsageError, match="no notice here"):
            await regime.prove(sent.of, wait=0.5)
