"""Keys are changed while the channel is in use, on the real broker, the real relay process and real clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from channel.log import cosignature
from channel.log.bundle import verify_bundle
from channel.log.report import Verdict
from channel.log.sqlite import SqliteLog
from channel.protocol.errors import ProofError, RefusedError
from clients.core.clock import random_bytes
from clients.core.party import Party, Sent
from clients.core.rotation import rotate
from tests.integration.channel_lab import WAIT_S, ChannelLab, channel_lab, inbox, until

KINDS = ("sig/machine", "sig/desk-operations", "wit", "enc", "root")


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[ChannelLab]:
    async with channel_lab(tmp_path / "channel") as running:
        yield running


class Traffic:
    """Notices by a machine and a desk in turn, one after the other, until stopped."""

    def __init__(self, party: Party) -> None:
        self.sent: list[Sent] = []
        self._party = party
        self._stop = asyncio.Event()
        self._grown = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self._stop.is_set():
            how = "machine" if len(self.sent) % 2 else "human"
            number = len(self.sent)
            self.sent.append(await self._party.send(to=["russia"], kind="text", text=f"{number}", how=how, wait=WAIT_S))
            self._grown.set()

    async def more(self, count: int) -> None:
        """Until so many more are in the log."""
        goal = len(self.sent) + count
        async with asyncio.timeout(WAIT_S):
            while len(self.sent) < goal:
                self._grown.clear()
                waiting = asyncio.ensure_future(self._grown.wait())
                await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
                if self._task.done():
                    self._task.result()

    async def stop(self) -> None:
        self._stop.set()
        await self._task


async def test_each_purpose_is_rotated_while_traffic_runs(lab: ChannelLab) -> None:
    async with lab.connect("coalition") as coalition, lab.connect("russia") as russia:
        first = await coalition.send(to=["russia"], kind="text", text="before", how="machine", wait=WAIT_S)
        stolen = coalition.signer("sig/machine")
        traffic = Traffic(coalition)
        await traffic.more(2)
        for kind in KINDS:
            for party in (coalition, russia):
                changed = await rotate(party, kind, random=random_bytes, wait=WAIT_S)
                assert [one.until is not None for one in changed.withdrawn] == [True]
            await traffic.more(2)
        row = coalition.queue(coalition.notice(to=["russia"], kind="text", text="by a thief"), stolen)
        with pytest.raises(RefusedError) as refused:
            await coalition.settled(row.of, WAIT_S)
        assert refused.value.code == "key-not-valid"
        await traffic.stop()
        last = await coalition.send(to=["russia"], kind="text", text="after", how="machine", wait=WAIT_S)
        assert {one.of for one in await inbox(russia, len(traffic.sent) + 2)} == {
            one.of for one in (first, *traffic.sent, last)
        }
        await until(coalition, lambda: _signer_of_receipt(coalition, last.of) == "russia/sig/machine-2")
        assert _signer_of_receipt(coalition, first.of) == "russia/sig/machine-1"
        for party in (coalition, russia):
            await until(party, lambda party=party: party.status().queued == 0)  # type: ignore[misc]
            assert party.status().alarms == ()
    await lab.stop_relay()
    assert lab.verified().verdict is Verdict.VERIFIED, "what the old keys signed stays valid"
    entries = lab.read().folded.ledger.entries
    kids = [entries[sent.index].opened.kid for sent in (first, last)]
    assert kids == ["coalition/sig/machine-1", "coalition/sig/machine-2"]


def _signer_of_receipt(party: Party, of: str) -> str:
    for entry in party.ledger.entries.values():
        if entry.opened.type == "receiving" and getattr(entry.opened.body, "of", "") == of:
            return entry.opened.kid
    return ""


async def test_witnesses_go_on_with_their_new_keys_and_a_bundle_across_the_change_verifies(lab: ChannelLab) -> None:
    async with (
        lab.connect("coalition") as coalition,
        lab.connect("russia") as russia,
        lab.connect("sdf") as sdf,
        lab.connect("regime") as regime,
    ):
        old = await coalition.send(to=["russia"], kind="text", text="before", wait=WAIT_S)
        await until(coalition, lambda: coalition.session.witness.witnessed > old.index)
        for party in (coalition, russia, sdf, regime):
            for kind in ("wit", "sig/machine", "sig/desk-operations"):
                await rotate(party, kind, random=random_bytes, wait=WAIT_S)
        (here,) = await inbox(russia, 1)
        await here.roger(wait=WAIT_S)
        new = await coalition.send(to=["russia"], kind="text", text="after", wait=WAIT_S)
        await until(coalition, lambda: coalition.session.witness.witnessed > new.index)
        bundles = [(await coalition.prove(sent.of, wait=WAIT_S)).bundle for sent in (old, new)]
    for bundle in bundles:
        report = verify_bundle(bundle, lab.home.charter_file.read_bytes())
        assert report.verdict is Verdict.VERIFIED, report.reasons
    assert any(
        "signed ROGER to it" in line for line in verify_bundle(bundles[0], lab.home.charter_file.read_bytes()).proven
    )
    await lab.stop_relay()
    newest = _cosigned_with(lab, new.index)
    assert newest <= {f"{party}/wit/2" for party in lab.parties}
    assert len(newest) >= lab.home.charter()[0].terms.quorum
    assert _cosigned_with(lab, old.index, below=new.index) >= {"coalition/wit/1"}
    assert lab.verified().verdict is Verdict.VERIFIED


def _cosigned_with(lab: ChannelLab, above: int, below: int | None = None) -> set[str]:
    """Witness keys that have cosigned a checkpoint which covers a leaf."""
    ring, net, found = lab.read().folded.ledger.ring, lab.home.charter()[0].net, set()
    log = SqliteLog(lab.home.log_file, "read")
    try:
        for size, note in log.notes():
            if size <= above or (below is not None and size > below):
                continue
            for party, line in log.cosignatures(size).items():
                found |= {kid for kid in ring if kid.startswith(f"{party}/wit/") and _opens(note, line, net, ring[kid])}
    finally:
        log.close()
    return found


def _opens(note: str, line: str, net: str, public: bytes) -> bool:
    parties = ("coalition", "russia", "sdf", "regime")
    for party in parties:
        with suppress(ProofError):
            return bool(cosignature.open_line(note, line, net, {party: (public,)}))
    return False


async def test_the_commands_beside_a_running_client(lab: ChannelLab) -> None:
    watch = await lab.watch("russia")
    status, changed = await lab.command("russia", "key", "rotate", "machine", "--reason", "yearly")
    assert status == 0, changed
    assert changed["enrolled"]["kid"] == "russia/sig/machine-2"
    async with lab.connect("coalition") as coalition:
        sent = await coalition.send(to=["russia"], kind="text", text="who has it?", wait=WAIT_S)
        await until(coalition, lambda: _signer_of_receipt(coalition, sent.of) != "")
        assert _signer_of_receipt(coalition, sent.of) == "russia/sig/machine-2", "the running client changed over"
    status, refused = await lab.command("russia", "key", "revoke", "russia/sig/machine-2", "--reason", "x")
    assert (status, refused["error"]["code"]) == (2, "usage")
    assert await watch.interrupt() == 0
