"""Whatever comes down the link: never an exception, never a leaf that the relay's log does not hold."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channel.protocol import frames, ids
from channel.protocol.frames import CheckpointItem, DownFrame, LeafItem, WordItem
from clients.core import drafts
from tests.unit.clients.lab import Lab, lab_at
from tests.unit.clients.test_session import notice

CALM = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Russia has part of its feed; the rest, and everything before, is at hand as genuine items."""
    path: Path = tmp_path_factory.mktemp("hostile")
    with lab_at(path / "channel") as made:
        made.settle("coalition", "russia")
        for number in range(4):
            of = made.say("coalition", notice("russia", "regime:russia", number=number)).of
            made.settle("coalition", "russia")
            made.say("russia", drafts.answer(of, "WILCO"))
            made.settle("coalition", "russia")
        yield made


def _genuine(lab: Lab) -> list[LeafItem | WordItem | CheckpointItem]:
    """Every leaf of Russia's feed and some of the coalition's, words and checkpoints."""
    down = lab.relay.downs["russia"]
    kept = (down.sent_n, down.sent_size, down.have_n, down.checkpoint_due)
    down.sent_n, down.sent_size, down.checkpoint_due = 0, 0, True
    items = [item for frame in lab.relay.due("russia") for item in frame.items]
    down.sent_n, down.sent_size, down.have_n, down.checkpoint_due = kept
    for party in ("russia", "coalition"):
        items.append(WordItem(token=lab.relay.core.heartbeat(party, lab.relay.now_ms).decode()))
    statements = lab.session("coalition").store.outbox()
    items += [WordItem(token=(row.receipt or b"").decode()) for row in statements]
    items += [WordItem(token=row.token.decode()) for row in statements]
    return items


hashes = st.binary(min_size=32, max_size=32).map(ids.b64url)
numbers = st.integers(0, 40) | st.integers(0, 2**53 - 1)
text = st.text(max_size=60)


def _changed(item: LeafItem | WordItem | CheckpointItem, data: st.DataObject) -> LeafItem | WordItem | CheckpointItem:
    match item:
        case LeafItem():
            changes = {
                "n": numbers,
                "index": numbers,
                "stamp": numbers,
                "token": text,
                "proof": st.lists(hashes, max_size=5).map(tuple),
            }
        case WordItem():
            changes = {"token": text}
        case CheckpointItem():
            changes = {"old": numbers, "note": text, "proof": st.lists(hashes, max_size=5).map(tuple)}
    name = data.draw(st.sampled_from(sorted(changes)))
    return item.model_copy(update={name: data.draw(changes[name])})


@CALM
@given(data=st.data())
def test_genuine_and_spoilt_items_in_any_order(lab: Lab, data: st.DataObject) -> None:
    genuine = _genuine(lab)
    checkpoint = next(item for item in genuine if isinstance(item, CheckpointItem))
    leaves = [item for item in genuine if isinstance(item, LeafItem)]
    file = lab.path / f"{uuid.uuid4()}.sqlite"
    russia = lab.reader("russia", file)
    russia.connected()
    for _ in range(data.draw(st.integers(1, 4))):
        n = russia.replica.n
        due = [checkpoint, *leaves[n : n + data.draw(st.integers(0, 8))]]
        items = data.draw(st.just(due) | st.permutations(due) | st.lists(st.sampled_from(genuine), max_size=8))
        spoilt = [_changed(item, data) if data.draw(st.integers(0, 5)) == 0 else item for item in items]
        russia.receive(frames.encode(DownFrame(items=tuple(spoilt))), lab.relay.now_ms, lab.relay.mono_ms)
        russia.frames(lab.relay.now_ms, lab.relay.mono_ms)
        russia.tick(lab.relay.now_ms, lab.relay.mono_ms)
    held = russia.store.leaves()
    assert [(row.n, row.index, row.stamp, row.token.decode()) for row in held] == [
        (item.n, item.index, item.stamp, item.token) for item in leaves[: len(held)]
    ]
    assert russia.stopped is None
    russia.receive(frames.encode(DownFrame(items=(checkpoint, *leaves))), lab.relay.now_ms, lab.relay.mono_ms)
    assert russia.replica.n == len(leaves)
    russia.store.close()
    file.unlink()


@CALM
@given(payload=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes(lab: Lab, payload: bytes) -> None:
    russia = lab.session("russia")
    before = (russia.replica.n, russia.replica.pin, russia.stopped)
    russia.receive(payload, lab.relay.now_ms, lab.relay.mono_ms)
    assert (russia.replica.n, russia.replica.pin, russia.stopped) == before


@CALM
@given(data=st.data())
def test_any_change_of_bytes_in_a_genuine_frame(lab: Lab, data: st.DataObject) -> None:
    russia = lab.session("russia")
    payload = bytearray(frames.encode(lab.relay.beat("russia")))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    n, pin = russia.replica.n, russia.replica.pin
    russia.receive(bytes(payload), lab.relay.now_ms, lab.relay.mono_ms)
    assert (russia.replica.n, russia.replica.pin, russia.stopped) == (n, pin, None)
