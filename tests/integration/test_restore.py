"""An old copy of the log is put back: the relay stops, takes the leaves back from the parties, and goes on (10.14)."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from channel.log import checkpoint
from channel.log.sqlite import SqliteLog
from channel.protocol import frames, ids, topics
from channel.protocol.frames import CheckpointItem, DownFrame
from channel.relay import quarantine_file
from clients.core.party import Party
from clients.core.store import STORE_FILE
from tests.integration.channel_lab import WAIT_S, ChannelLab, channel_lab, inbox, until
from tests.integration.raw_mqtt import RawClient

PARTIES = ("coalition", "russia", "sdf", "regime")
OVER = '"event": "quarantine_over"'
STANDS = '"event": "quarantine_stands"'
BEGUN = '"event": "quarantine"'


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[ChannelLab]:
    async with channel_lab(tmp_path / "channel") as running:
        yield running


async def copy(lab: ChannelLab) -> Path:
    """The log as it is; the relay goes on."""
    await lab.stop_relay()
    place = lab.path / "old.sqlite"
    shutil.copyfile(lab.home.log_file, place)
    await lab.start_relay()
    return place


def put_back(lab: ChannelLab, old: Path) -> None:
    """By hand, as an operator in a hurry would."""
    shutil.copyfile(old, lab.home.log_file)


def lose_store(lab: ChannelLab, party: str) -> None:
    for name in (STORE_FILE, STORE_FILE + "-wal", STORE_FILE + "-shm"):
        (lab.path / "parties" / party / name).unlink(missing_ok=True)


async def everybody(stack: AsyncExitStack, lab: ChannelLab) -> dict[str, Party]:
    return {name: await stack.enter_async_context(lab.connect(name)) for name in PARTIES}


async def said(sender: Party, *to: str, text: str = "text") -> str:
    """The hash of a notice that is in the log."""
    sent = await sender.send(to=list(to), kind="text", precedence="FLASH", text=text, wait=WAIT_S)
    return sent.of


async def history(parties: dict[str, Party]) -> None:
    """Something that every kind of reader holds a part of: a delivery through Russia, answered, and a check."""
    of = await said(parties["coalition"], "regime:russia", "sdf", text="convoy at the bridge")
    (passing,) = await inbox(parties["russia"], 1)
    await passing.forward(wait=WAIT_S)
    (here,) = await inbox(parties["regime"], 1)
    await here.roger(wait=WAIT_S)
    coalition = parties["coalition"]
    # Its receipt is here; the leaf itself comes with a later frame.
    await until(coalition, lambda: of in coalition.ledger.notices)
    await until(coalition, lambda: coalition.ledger.deliveries[of, "regime"].reply.value == "roger")


async def test_the_leaves_come_back_from_the_parties_and_the_root_is_the_same(lab: ChannelLab) -> None:
    async with AsyncExitStack() as stack:
        parties = await everybody(stack, lab)
        await said(parties["sdf"], "coalition", text="before the copy")
        old = await copy(lab)
        await history(parties)
        await lab.stop_relay()
        size = max(party.session.replica.pin.size for party in parties.values())
        before, rows = lab.read(str(size - 1)).head(), lab.rows()[:size]
        assert before["root"] in {party.session.replica.pin.root for party in parties.values()}

        put_back(lab, old)
        await lab.start_relay()
        await lab.relay.err.count(BEGUN, 1)
        await lab.relay.err.count(OVER, 1)
        after = await said(parties["russia"], "coalition", text="after it")
        await until(parties["coalition"], lambda: after in parties["coalition"].ledger.notices)
        assert {name: party.session.stopped for name, party in parties.items()} == dict.fromkeys(PARTIES)
        await lab.stop_relay()
    assert lab.rows()[: len(rows)] == rows
    assert lab.read(str(len(rows) - 1)).head() == before, "the same root, and the same state"
    assert lab.verified().verdict.value == "verified"
    assert not (lab.path / quarantine_file.FILE).exists()


async def test_a_whole_home_that_was_put_back_is_found_out_before_a_leaf_is_written(lab: ChannelLab) -> None:
    """Nothing in the home tells, so the parties must: they are asked before the `start`."""
    async with AsyncExitStack() as stack:
        parties = await everybody(stack, lab)
        await said(parties["sdf"], "coalition", text="before the copy")
        old = await copy(lab)
        await history(parties)
        await lab.stop_relay()
        rows = lab.rows()[: max(party.session.replica.pin.size for party in parties.values())]
        put_back(lab, old)
        (lab.path / quarantine_file.HEAD).unlink()
        await lab.start_relay()
        await lab.relay.err.count(OVER, 1)
        await lab.stop_relay()
    assert lab.rows()[: len(rows)] == rows


async def test_a_leaf_that_nobody_holds_is_listed_and_ends_the_net(lab: ChannelLab) -> None:
    async with AsyncExitStack() as stack:
        parties = await everybody(stack, lab)
        old = await copy(lab)
        on_watch = await parties["russia"].check(wait=WAIT_S)
        await said(parties["coalition"], "sdf")
        await inbox(parties["sdf"], 1)
        await lab.stop_relay()
        pin = max((party.session.replica.pin for party in parties.values()), key=lambda one: one.size)
    put_back(lab, old)
    lose_store(lab, "russia")
    await lab.start_relay()
    async with AsyncExitStack() as stack:
        await everybody(stack, lab)
        await lab.relay.err.says(STANDS, '"incomplete"')
        kept = quarantine_file.read(lab.path)
        assert kept is not None
        assert (kept.state, kept.shown, kept.shown_root) == ("incomplete", pin.size, pin.root)
        assert on_watch.index in kept.missing
        size = lab.read().size
        await lab.stop_relay()
        await lab.start_relay()
        assert quarantine_file.read(lab.path) is not None, "a restart settles nothing"
        await lab.stop_relay()
        assert lab.read().size == size, "nothing was written"


async def test_a_liar_stops_nothing(lab: ChannelLab) -> None:
    """A `have` of a tree that nobody signed: the relay asks for the checkpoint, gets one of its own, and goes on."""
    async with lab.connect("coalition") as coalition, lab.connect("sdf") as sdf:
        await said(coalition, "sdf")
        await inbox(sdf, 1)
        replica = sdf.session.replica
        true = replica.pin
        replica.pin = type(true)(true.size + 1000, ids.sha256(b"nothing"), true.note)
        sdf.session.connected()
        sdf.runtime.tick()
        await said(coalition, "russia")
        replica.pin = true
        sdf.session.connected()
        await said(coalition, "sdf", text="and on")
        assert checkpoint.parse_body(checkpoint.split_note(true.note)[0]).size == true.size
    await lab.stop_relay()
    assert not any(BEGUN in line for line in lab.relay.err.all)
    assert json.loads(lab.relay.err.all[-1])


async def kept_for(lab: ChannelLab, party: str, size: int) -> None:
    """A broker may have kept it: the log's checkpoint of that size, to be read before what the relay answers."""
    log = SqliteLog(lab.home.log_file, "read")
    note = log.note(size)
    log.close()
    assert note is not None
    credential = (lab.home.pki / f"relay-{party}.crt", lab.home.pki / f"relay-{party}.key")
    raw = await RawClient.connect(lab.home.settings().port, lab.home.pki / "ca.crt", credential, "beside-the-relay")
    frame = DownFrame(items=(CheckpointItem(old=0, proof=(), note=note),))
    assert await raw.publish(topics.down(lab.home.charter()[0].net, party), frames.encode(frame))
    await raw.drop()


async def test_a_watch_that_ends_at_a_fork_has_told_the_relay(lab: ChannelLab) -> None:
    """An old copy was put back, who was asked had lost its store, and the log has grown past what one party holds."""
    async with AsyncExitStack() as stack:
        parties = await everybody(stack, lab)
        old = await copy(lab)
        await said(parties["coalition"], "sdf")
        await inbox(parties["sdf"], 1)
        await lab.stop_relay()
    with lab.offline("sdf") as sdf:
        pinned = sdf.session.replica.pin.size
    put_back(lab, old)
    (lab.path / quarantine_file.HEAD).unlink()
    for party in ("coalition", "russia", "regime"):
        lose_store(lab, party)
    await lab.start_relay()
    async with lab.connect("coalition") as coalition:
        while (await coalition.send(to=["russia"], kind="text", text="on", wait=WAIT_S)).index <= pinned:
            pass
    await kept_for(lab, "sdf", pinned)
    watching = await lab.watch("sdf")
    assert await watching.ended() == 6
    assert (lab.path / "parties" / "sdf" / "fork-proof.json").exists()
    await lab.relay.err.says(BEGUN, "shown by sdf")
    await lab.stop_relay()
