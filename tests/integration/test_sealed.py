"""Sealed notices on the real broker, relay and clients: through an intermediary, over restarts, and byte by byte."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from channel.ledger import Custody, End
from channel.log.bundle import verify_bundle
from channel.protocol import ids
from channel.protocol.errors import RefusedError, UsageError
from channel.protocol.statements import Notice
from clients.core.party import Party
from tests.integration.channel_lab import WAIT_S, ChannelLab, Process, channel_lab, inbox, until

TEXT = "Field clinic of the brigade, ward behind the granary"
SECRET: dict[str, Any] = {
    "kind": "site", "precedence": "IMMEDIATE", "text": TEXT, "at": "35.2947613,40.1612357", "radius": "320m",
    "start": "+10min", "until": "+40min", "unit": "quiet-heron", "wait": WAIT_S,
    "elements": ["no-strike-site=Granary|the old mill"],
}  # fmt: skip


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[ChannelLab]:
    async with channel_lab(tmp_path / "channel") as running:
        yield running


def received(party: Party, of: str, addressee: str) -> bool:
    delivery = party.ledger.deliveries.get((of, addressee))
    return delivery is not None and delivery.custody is not Custody.LOGGED


async def test_through_an_intermediary_that_cannot_read_it(lab: ChannelLab) -> None:
    async with (
        lab.connect("coalition") as coalition,
        lab.connect("russia") as russia,
        lab.connect("sdf") as sdf,
    ):
        sent = await coalition.send(to=["regime:russia"], info=["sdf"], seal=True, warn="cell", **SECRET)
        (passing,) = await inbox(russia, 1)
        assert (passing.of, passing.role, passing.sealed) == (sent.of, "via", True)
        assert (passing.text, passing.volumes, passing.elements) == ("", (), ())
        (told,) = await inbox(sdf, 1)
        assert (told.text, told.sealed, told.kind) == (TEXT, True, "site")
        with pytest.raises(UsageError, match="not in this home"):
            await russia.disclose(sent.of, wait=WAIT_S)
        await passing.forward(wait=WAIT_S)
        await lab.stop_relay()  # the body outlives the relay's process
        await lab.start_relay()
        async with lab.connect("regime") as regime:
            (here,) = await inbox(regime, 1)
            assert (here.of, here.text, here.sealed) == (sent.of, TEXT, True)
            answered = await here.roger(wait=WAIT_S)
            body = regime.ledger.entries[regime.ledger.index_of[answered.of]].opened.body
            assert getattr(body, "pt", None) == coalition_pt(coalition, sent.of)
            await until(coalition, lambda: sent.of in coalition.ledger.notices)
            await until(coalition, lambda: coalition.ledger.deliveries[sent.of, "regime"].end is End.ANSWERED)
            await until(coalition, lambda: received(coalition, sent.of, "regime"))
            await until(coalition, lambda: received(coalition, sent.of, "sdf"))
            for party in (coalition, russia, regime, sdf):
                assert (party.status().alarms, party.status().alerts) == ((), ())
        proved = await coalition.disclose(sent.of, wait=WAIT_S)
    charter = lab.home.charter_file.read_bytes().strip()
    report = verify_bundle(proved.bundle, charter)
    assert report.verdict.value == "verified"
    assert any("disclosed inner notice" in line for line in report.proven)
    await lab.stop_relay()
    assert lab.verified().verdict.value == "verified"
    ledger = lab.read().folded.ledger
    outer = ledger.notices[sent.of].body
    assert isinstance(outer, Notice)
    assert (outer.text, outer.volumes, outer.warn is not None) == ("", (), True)


def coalition_pt(coalition: Party, of: str) -> str:
    body = coalition.ledger.notices[of].body
    assert isinstance(body, Notice)
    assert body.sealed is not None
    return body.sealed.pt


async def test_it_is_amended_and_withdrawn_sealed(lab: ChannelLab) -> None:
    async with lab.connect("coalition") as coalition, lab.connect("sdf") as sdf:
        one = await coalition.send(to=["sdf"], seal=True, **SECRET)
        two = await coalition.amend(one.of, text="Moved to the mill", wait=WAIT_S)
        three = await coalition.withdraw(two.of, "The mill is empty", wait=WAIT_S)
        handed = await inbox(sdf, 3)
        assert [(one.of, one.sealed, one.text) for one in handed] == [
            (one.of, True, TEXT),
            (two.of, True, "Moved to the mill"),
            (three.of, True, "The mill is empty"),
        ]
        assert handed[1].volumes == handed[0].volumes
        with pytest.raises(RefusedError) as refused:
            await sdf.answer(three.of, "ROGER", corrects="A" * 43, wait=WAIT_S)
        assert refused.value.code == "wrong-reference"


async def test_while_an_addressee_is_away_its_body_waits_through_restarts_and_a_lost_broker(lab: ChannelLab) -> None:
    async with lab.connect("coalition") as coalition:
        sent = await coalition.send(to=["sdf"], seal=True, **SECRET)
        await lab.relay.kill()
        await lab.lose_broker()
        await lab.start_relay()
        async with lab.connect("sdf") as sdf:
            (told,) = await inbox(sdf, 1)
            assert told.text == TEXT
            await until(coalition, lambda: received(coalition, sent.of, "sdf"))
    await lab.stop_relay()
    from channel.log.sqlite import SqliteLog

    log = SqliteLog(lab.home.log_file, "read")
    assert log.bodies() == set()
    log.close()


async def test_an_addressee_who_comes_after_the_witnesses_discloses_it_at_once(lab: ChannelLab, tmp_path: Path) -> None:
    async with lab.connect("coalition") as coalition, lab.connect("russia"), lab.connect("sdf"):
        sent = await coalition.send(to=["regime:"], seal=True, **SECRET)
        await until(coalition, lambda: coalition.session.witness.witnessed > sent.index)
        witnessed = coalition.session.witness.witnessed
        await coalition.check(
            wait=WAIT_S
        )  # the newest checkpoint is another, and no word is as old as the witnessed one
    bundle = tmp_path / "bundle.json"
    status, told = await lab.command("regime", "disclose", sent.of, "-o", str(bundle))
    assert (status, told["verdict"], told["reasons"]) == (0, "verified", [])
    assert told["tree_size"] >= witnessed
    assert verify_bundle(bundle.read_bytes(), lab.home.charter_file.read_bytes()).verdict.value == "verified"


# --- byte by byte -----------------------------------------------------------------------------------------------------


def traces(volume_e7: tuple[int, int]) -> Iterator[tuple[str, bytes]]:
    """What of the notice could stand in a file, in the spellings in which it could."""
    lon, lat = volume_e7
    words = [TEXT, "granary", "quiet-heron", "no-strike-site", "Granary", "the old mill"]
    words += [str(lon), str(lat), "35.29476", "40.16123"]
    for word in words:
        for name, data in (
            ("UTF-8", word.encode()),
            ("UTF-16LE", word.encode("utf-16-le")),
            ("UTF-16BE", word.encode("utf-16-be")),
        ):
            yield f"{word} in {name}", data
        for shift in range(3):
            text = base64.urlsafe_b64encode(b"\0" * shift + word.encode() + b"\0\0\0")
            whole = text[4 if shift else 0 : (shift + len(word.encode())) // 3 * 4]  # what the neighbours do not change
            if len(whole) >= 8:
                yield f"{word} in base64url, {shift} behind", whole
                yield f"{word} in base64, {shift} behind", whole.replace(b"-", b"+").replace(b"_", b"/")


def found(files: dict[str, bytes], place: tuple[int, int]) -> set[tuple[str, str]]:
    return {(file, name) for name, trace in traces(place) for file, data in files.items() if trace in data}


def stored(root: Path, *, parties: bool) -> dict[str, bytes]:
    """Every file of the channel's home, or of the parties' homes in it."""
    while True:
        try:
            return {
                str(path.relative_to(root)): path.read_bytes()
                for path in root.rglob("*")
                if path.is_file() and (path.relative_to(root).parts[0] == "parties") is parties
            }
        except FileNotFoundError:
            continue  # the broker put a file in the place of another meanwhile: all of them are read again


async def exchange(lab: ChannelLab, *, seal: bool) -> tuple[int, int]:
    """The notice from the author through the intermediary to everybody, answered; where it is."""
    async with (
        lab.connect("coalition") as coalition,
        lab.connect("russia") as russia,
        lab.connect("regime") as regime,
        lab.connect("sdf") as sdf,
    ):
        sent = await coalition.send(to=["regime:russia"], info=["sdf"], seal=seal, **SECRET)
        (passing,) = await inbox(russia, 1)
        await inbox(sdf, 1)
        await passing.forward(wait=WAIT_S)
        (here,) = await inbox(regime, 1)
        await here.roger(wait=WAIT_S)
        await until(coalition, lambda: received(coalition, sent.of, "regime") and received(coalition, sent.of, "sdf"))
        shape = here.volumes[0].shape
        lon, lat = getattr(shape, "center")  # noqa: B009
        return lon, lat


def said(process: Process) -> dict[str, bytes]:
    return {"what the relay printed": "\n".join([*process.out.all, *process.err.all]).encode()}


async def test_neither_relay_nor_broker_ever_stores_what_is_sealed(lab: ChannelLab) -> None:
    place = await exchange(lab, seal=True)
    running = stored(lab.path, parties=False)
    assert {"log.sqlite"} <= set(running)
    assert any(name.startswith("broker") for name in running), sorted(running)
    assert found(running | said(lab.relay), place) == set()
    await lab.stop_relay()
    await lab.stop_broker()
    assert found(stored(lab.path, parties=False) | said(lab.relay), place) == set()
    at_home = {file.split("/")[1] for file, _ in found(stored(lab.path, parties=True), place)}
    assert at_home == {"coalition", "sdf", "regime"}, "who may read it has it, and the intermediary has not"


async def test_the_same_notice_in_clear_is_found_where_the_sealed_one_was_looked_for(lab: ChannelLab) -> None:
    place = await exchange(lab, seal=False)
    hits = found(stored(lab.path, parties=False), place)
    words = {name.partition(" in ")[0] for file, name in hits if file.startswith("log.sqlite")}
    assert {TEXT, "quiet-heron", "no-strike-site", str(place[0]), str(place[1])} <= words


async def test_commands_send_show_disclose_and_verify(lab: ChannelLab, tmp_path: Path) -> None:
    words = ["--to", "sdf", "--text", TEXT, "--at", "35.2947613,40.1612357", "--until", "+40min"]
    status, sent = await lab.command("coalition", "send", "--sealed", "--warn", "35.29,40.16,15km", *words)
    assert status == 0, sent
    status, shown = await lab.command("coalition", "show", sent["nid"])
    assert (status, shown["text"], shown["sealed"]["opened"]) == (0, TEXT, True)
    assert shown["warn"] == {"type": "circle", "center": [402000000, 353000000], "radius_m": 15000}
    status, rows = await lab.command("sdf", "inbox")
    assert (status, [row["text"] for row in rows], rows[0]["sealed"]["opened"]) == (0, [TEXT], True)
    status, answered = await lab.command("sdf", "answer", sent["nid"], "ROGER")
    assert status == 0, answered
    bundle = tmp_path / "bundle.json"
    status, told = await lab.command("coalition", "disclose", sent["nid"], "-o", str(bundle))
    assert (status, told["verdict"], told["disclosed"]) == (0, "verified", 1)
    assert bundle.stat().st_mode & 0o777 == 0o600, "it shows what was sealed"
    process = await lab._process(
        "-m", "channel", "verify", str(bundle), "--charter", str(lab.home.charter_file), "--json"
    )
    assert await process.ended() == 0, process.err.all
    report = json.loads(process.out.all[-1])
    assert any("disclosed inner notice" in line for line in report["proven"])
    assert not any("what the sealed notice says" in line for line in report["unproven"])

    members = json.loads(bundle.read_bytes())
    assert [ids.sha256(token.encode()) for token in members["disclosed"]] == members["stated"]["disclosed"]
    status, refused = await lab.command("coalition", "send", "--sealed", "--warn", "35.29,40.16,5km", *words)
    assert status == 2, refused
