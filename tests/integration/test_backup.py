"""`channel backup`, `restore`, `quarantine`, and a net that goes on from another, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from channel.founding import found_trial, init, restoring
from channel.protocol.enrolment import Enrolment
from channel.protocol.envelope import open_charter
from channel.protocol.errors import UsageError
from channel.protocol.statements import Desk, Level
from channel.relay import quarantine_file
from channel.relay.clock import random_bytes
from clients.core.enrolling import enrol
from clients.core.home import PartyHome
from tests.integration.channel_lab import ChannelLab, Process, channel_lab, inbox
from tests.integration.test_restore import OVER, PARTIES, everybody, said


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[ChannelLab]:
    async with channel_lab(tmp_path / "channel") as running:
        yield running


async def command(lab: ChannelLab, *words: str | Path) -> tuple[int, Any]:
    process = await Process.start("-m", "channel", *words, "--home", lab.path, "--json")
    status = await process.ended()
    return status, json.loads(process.out.all[-1])


async def test_a_backup_of_a_running_channel_is_restored_and_filled_up(lab: ChannelLab, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    async with AsyncExitStack() as stack:
        parties = await everybody(stack, lab)
        await said(parties["coalition"], "sdf")
        status, told = await command(lab, "backup", copy)
        assert (status, told["file"]) == (0, str(copy))
        assert (await command(lab, "restore", copy))[0] == 2, "not while the relay runs"
        await said(parties["coalition"], "sdf", text="after the copy")
        await inbox(parties["sdf"], 2)
        await lab.stop_relay()
        size = max(party.session.replica.pin.size for party in parties.values())
        rows = lab.rows()[:size]
        assert (await command(lab, "restore", copy))[0] == 2, "not over a longer log"

        lab.home.log_file.write_bytes(lab.home.log_file.read_bytes()[:4096] + b"\x00" * 4096)
        status, told = await command(lab, "restore", copy)
        assert (status, told["tree_size"] < size) == (0, True)
        assert "log.aside-1.sqlite" in told["aside"]
        status, told = await command(lab, "quarantine")
        assert (status, told["quarantine"]["waiting"]) == (1, list(PARTIES))
        await lab.start_relay()
        await lab.relay.err.count(OVER, 1)
        assert (await command(lab, "quarantine"))[0] == 0
        await lab.stop_relay()
    assert lab.rows()[:size] == rows


async def test_it_waits_for_every_party_and_says_for_whom(lab: ChannelLab, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    async with lab.connect("coalition") as coalition, lab.connect("sdf") as sdf:
        await said(coalition, "sdf")
        await lab.stop_relay()
        assert (await command(lab, "backup", copy))[0] == 0
        assert (await command(lab, "restore", "--mark"))[0] == 0
        await lab.start_relay()
        await lab.relay.err.says('"quarantine_stands"', '"waiting": ["russia", "regime"]')
        status, told = await command(lab, "status")
        assert (status, told["quarantine"]["waiting"]) == (0, ["russia", "regime"])
        found = {row["check"]: row for row in (await command(lab, "doctor"))[1]}
        assert (found["history"]["ok"], "russia, regime" in found["history"]["detail"]) == (False, True)
        coalition.runtime.tick()
        assert ("quarantine", "relay") in coalition.session.alarms
        with pytest.raises(Exception, match="queued"):
            await coalition.send(to=["sdf"], kind="text", text="nothing is taken", wait=0.5)
        for absent in ("russia", "regime"):
            assert (await command(lab, "quarantine", "--without", absent))[0] == 1
        await lab.relay.err.count(OVER, 1)
        await inbox(sdf, 2)
        sdf.runtime.tick()
        assert sdf.session.alarms == {}
        await lab.stop_relay()


def _request(root: Path, party: str) -> Enrolment:
    desks = [Desk(desk="operations", level=Level.OPERATIONS, contact="+000 1")]
    return enrol(PartyHome(root / party), party, "new-net", party.title(), "en", desks, random=random_bytes)


def test_a_new_net_names_the_head_of_the_old_and_what_is_lost(tmp_path: Path) -> None:
    old = tmp_path / "old"
    now_ms = 1_505_433_600_000
    found_trial(old, now_ms=now_ms, wall_ms=now_ms, net="old-net", broker_port=4)
    head = restoring.previous(old)
    assert (head.net, head.size, head.missing) == ("old-net", 5, ())
    restoring.mark(old, now_ms)
    kept = quarantine_file.read(old)
    assert kept is not None
    lost = kept.model_copy(update={"shown": 9, "shown_root": "A" * 43, "waiting": (), "missing": (6, 7)})
    quarantine_file.mark(old, lost)
    assert "6 to 7" in lost.line
    head = restoring.previous(old)
    assert (head.size, head.root, head.missing) == (9, "A" * 43, (6, 7))
    quarantine_file.mark(old, lost.model_copy(update={"missing": tuple(range(2_000))}))
    with pytest.raises(UsageError, match="2000 leaves"):
        restoring.previous(old)
    requests = [_request(tmp_path, party) for party in ("red", "blue")]
    founded = init(tmp_path / "new", "new-net", requests, now_ms=now_ms, previous=head)
    charter, _ = open_charter((tmp_path / "new" / "charter.jws").read_bytes())
    assert charter == founded.charter
    assert charter.previous == head
