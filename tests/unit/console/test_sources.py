"""The real sources: the operator's over a log that another process writes, a party's over its own home and client."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from channel.commands.console_source import PRESENT_MS, OperatorSource
from channel.console.asked import (
    AnswerAsked,
    DisputeAsked,
    ForwardingAsked,
    HeardAsked,
    NoticeAsked,
    ReadBackAsked,
    UnreadableError,
)
from channel.console.model import Model
from channel.console.queue import UnknownAlertError, UnknownNoticeError, told_alert
from channel.ledger import state_digest
from channel.log.sqlite import SqliteLog
from channel.log.store import LinkRow, StoredLeaf
from channel.protocol import limits
from channel.protocol.errors import FatalError, InvariantError, RefusedError, UsageError
from channel.protocol.times import from_wire
from channel.relay import boot
from channel.relay.clock import clock_json, wall_ms
from channel.relay.home import ChannelHome
from channel.replay import read_log
from clients.commands.console_source import PartySource, in_log_or_queued, members_of
from tests.unit.clients.nets import broker_net, memory_net

VECTOR = Path(__file__).resolve().parents[2] / "vectors" / "log-1"


@pytest.fixture(scope="module")
def leaves() -> list[StoredLeaf]:
    log = SqliteLog(VECTOR / "log.sqlite", "read")
    try:
        return list(log.leaves())
    finally:
        log.close()


@pytest.fixture
def home(tmp_path: Path) -> ChannelHome:
    """A home around the committed log of an earlier version, as its operator has it."""
    shutil.copyfile(VECTOR / "log.sqlite", tmp_path / "log.sqlite")
    shutil.copyfile(VECTOR / "charter.jws", tmp_path / "charter.jws")
    net = ChannelHome(tmp_path).charter()[0].net
    (tmp_path / "settings.json").write_text(f'{{"v":1,"net":"{net}","trial":true,"host":"127.0.0.1","port":1}}')
    return ChannelHome.open(tmp_path)


def read(source: OperatorSource | PartySource) -> None:
    while source.poll():
        pass


def test_a_log_is_read_to_the_same_state_as_by_a_replay(home: ChannelHome) -> None:
    source = OperatorSource(home)
    read(source)
    assert state_digest(source.fold.ledger) == read_log(home.log_file).head()["state_digest"]
    assert not source.poll()
    source.close()


def test_what_a_relay_appends_is_taken_in_and_after_its_stop_too(home: ChannelHome, leaves: list[StoredLeaf]) -> None:
    home.log_file.unlink()
    half = len(leaves) // 2
    log = SqliteLog(home.log_file, "create")
    log.append(leaves[:half], "note\n")
    source = OperatorSource(home)
    read(source)
    assert len(source.fold) == half
    log.append(leaves[half:-1], "note\n")
    read(source)
    assert len(source.fold) == len(leaves) - 1
    log.close()
    log = SqliteLog(home.log_file, "write")
    log.append(leaves[-1:], "note\n")
    read(source)
    assert len(source.fold) == len(leaves)
    source.close()
    log.close()
    assert sorted(path.name for path in home.path.glob("log.sqlite*")) == ["log.sqlite"], "one file is left"


def test_a_log_that_was_put_back_to_an_earlier_one_is_said_and_not_shown(
    home: ChannelHome, leaves: list[StoredLeaf]
) -> None:
    source = OperatorSource(home)
    read(source)
    source.close()
    home.log_file.unlink()
    log = SqliteLog(home.log_file, "create")
    log.append(leaves[:5], "note\n")
    log.close()
    with pytest.raises(FatalError, match="fewer leaves than before"):
        source.poll()


def _put(home: ChannelHome, leaves: list[StoredLeaf]) -> None:
    """Another file in the log's place, as a restore puts it there."""
    part = home.path / "part.sqlite"
    log = SqliteLog(part, "create")
    log.append(leaves, "note\n")
    log.close()
    part.replace(home.log_file)


def test_a_log_that_was_put_back_beside_the_console_is_read_again_when_its_leaves_are_back(
    home: ChannelHome, leaves: list[StoredLeaf]
) -> None:
    _put(home, leaves[:-2])
    source = OperatorSource(home)
    read(source)
    _put(home, leaves[:5])
    for _ in range(2):
        with pytest.raises(FatalError, match="fewer leaves than before"):
            source.poll()
    log = SqliteLog(home.log_file, "write")
    log.append(leaves[5:], "note\n")
    read(source)
    assert len(source.fold) == len(leaves)
    log.close()
    source.close()


@pytest.mark.parametrize("leaves_more", [0, 1])
def test_a_log_of_another_history_in_its_place_is_said_and_not_shown(
    home: ChannelHome, leaves: list[StoredLeaf], leaves_more: int
) -> None:
    known = leaves[:-1]
    _put(home, known)
    source = OperatorSource(home)
    read(source)
    other = replace(known[-1], stamp=known[-1].stamp + 1)
    _put(home, [*known[:-1], other, *leaves[-1:]][: len(known) + leaves_more])
    for _ in range(2):
        with pytest.raises(FatalError, match="other leaves than before"):
            source.poll()
    assert len(source.fold) == len(known)
    source.close()


def test_a_log_that_was_moved_away_is_said_and_read_again_when_it_is_back(home: ChannelHome) -> None:
    source = OperatorSource(home)
    read(source)
    away = home.path / "away.sqlite"
    home.log_file.rename(away)
    for look in (source.poll, source.standing):
        with pytest.raises(FatalError, match="cannot look at"):
            look()
    away.rename(home.log_file)
    assert not source.poll()
    assert source.standing().store == "sqlite"
    source.close()


def test_the_clock_is_the_scenario_s_while_it_holds_it_and_goes_on_from_there(home: ChannelHome) -> None:
    stepped, plain = OperatorSource(home, stepped=True), OperatorSource(home)
    for source in (stepped, plain):
        read(source)
    assert stepped.now_ms() == stepped.fold.ledger.last_stamp_ms
    assert stepped.scenario()
    assert not plain.scenario()
    end_ms = stepped.fold.ledger.last_stamp_ms + 5000
    home.clock_file.write_bytes(clock_json(end_ms, wall_ms()))
    assert end_ms <= stepped.now_ms() < end_ms + 60_000
    for source in (stepped, plain):
        source.close()


def test_what_runs_and_how_full_the_disk_is(home: ChannelHome) -> None:
    source = OperatorSource(home)
    read(source)
    standing = source.standing()
    assert (standing.relay, standing.broker) == ("down", "down")
    assert (standing.store, standing.log_bytes) == ("sqlite", home.log_file.stat().st_size)
    home.log_file.with_name("log.sqlite-wal").write_bytes(b"x" * 5000)
    assert source.standing().log_bytes == home.log_file.stat().st_size + 5000, "what is not in the file yet counts"
    assert standing.witnessed <= source.fold.ledger.size
    assert len(standing.root) == 43
    source.close()


def test_who_is_there_is_a_hint_of_a_relay_that_runs(home: ChannelHome) -> None:
    log = SqliteLog(home.log_file, "write")  # as the relay holds it
    stamp_ms = max(leaf.stamp for leaf in log.leaves())
    rows = {"russia": LinkRow(3, 3, "", stamp_ms), "sdf": LinkRow(3, 3, "", stamp_ms - PRESENT_MS - 1)}
    log.put_links(rows)
    log.flush()
    source = OperatorSource(home, stepped=True)
    read(source)
    assert {party: link.present for party, link in source.standing().links.items() if party in rows} == {
        "russia": True, "sdf": False,
    }  # fmt: skip
    source.close()
    log.close()
    assert source.standing().links["russia"].present is None, "nobody says who is there"
    source.close()


async def test_a_relay_notes_who_is_there_also_while_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT_MS", 50)
    noted = asyncio.Event()

    class Noting(SqliteLog):
        def put_links(self, rows: Mapping[str, LinkRow]) -> None:
            super().put_links(rows)
            if "russia" in rows:
                noted.set()

    monkeypatch.setattr(boot, "SqliteLog", Noting)
    async with broker_net(tmp_path / "channel") as net, net.connect("russia") as russia:
        assert await russia.caught_up(20)
        noted.clear()  # from here on nothing is signed
        async with asyncio.timeout(20):
            await noted.wait()


async def test_disputes_and_bundles_are_those_of_the_commands(home: ChannelHome) -> None:
    source = OperatorSource(home)
    read(source)
    area = {"type": "Polygon", "coordinates": [[[39, 34], [42, 34], [42, 37], [39, 37], [39, 34]]]}
    asked = {"area": area, "from": "2017-09-15T00:00Z", "until": "2017-09-19T00:00Z"}
    assert b'"notices"' in await source.dispute(DisputeAsked.model_validate(asked))
    assert (await source.dispute(DisputeAsked.model_validate(asked | {"html": True}))).startswith(b"<!DOCTYPE html>")
    with pytest.raises(UsageError, match="before it begins"):
        await source.dispute(DisputeAsked.model_validate(asked | {"until": "2017-09-14T00:00Z"}))
    of = next(iter(source.fold.ledger.notices))
    assert of.encode() in await source.bundle(of)
    for refused in (
        source.answer(AnswerAsked(of=of, word="WILCO")),
        source.heard(HeardAsked(of=of, place="x", time="y")),
        source.forward(ForwardingAsked(of=of, to="regime")),
        source.check(NoticeAsked(text="x")),
    ):
        with pytest.raises(InvariantError):
            await refused
    source.close()


# --- a party's --------------------------------------------------------------------------------------------------------


def test_what_the_page_sends_becomes_what_the_library_takes() -> None:
    asked = NoticeAsked.model_validate({"to": ["russia"], "kind": "intent", "at": "35.3 40.1", "until": "+1h"})
    assert members_of(asked) == {
        "to": ["russia"], "info": [], "kind": "intent", "precedence": "ROUTINE", "text": "", "start": "now",
        "read_back": None, "at": "35.3 40.1", "until": "+1h",
    }  # fmt: skip
    drawn = asked.model_copy(update={"area": {"type": "Polygon"}})
    with pytest.raises(UsageError, match="at or area, not both"):
        members_of(drawn)


async def test_a_party_s_console_shows_what_its_client_holds_and_speaks_with_its_keys(tmp_path: Path) -> None:
    async with (
        memory_net(tmp_path / "channel") as net,
        net.connect("coalition") as coalition,
        net.connect("russia") as russia,
    ):
        sent = await coalition.send(to=["russia"], kind="text", precedence="FLASH", text="Hold", wait=20)
        await russia.until(lambda: sent.of in russia.ledger.notices)
        source = PartySource(russia)
        read(source)
        assert (source.facts.party, source.facts.coordinates, source.facts.zone) == ("russia", "sk42", "Etc/GMT-3")
        assert list(source.fold.ledger.entries) == list(russia.ledger.entries)
        assert source.standing().relay == "up"
        done = await source.answer(AnswerAsked(of=sent.of, word="ROGER"))
        assert done.index is not None
        await coalition.until(lambda: not coalition.ledger.deliveries[sent.of, "russia"].owed)
        assert coalition.ledger.deliveries[sent.of, "russia"].displayed_ms is not None, "it was on the screen"
        assert await source.displayed(sent.of) is None, "signed before"
        drawn = {"type": "Polygon", "coordinates": [[[40, 35.2], [40.4, 35.2], [40.4, 35.6], [40, 35.2]]]}
        asked = {"to": ["coalition"], "kind": "intent", "area": drawn, "until": "+1h", "text": "drawn"}
        mine = await source.send(NoticeAsked.model_validate(asked))
        await russia.until(lambda: mine.of in russia.ledger.notices)
        await source.send(NoticeAsked(withdraws=mine.of, text="taken back"))
        read(source)
        assert source.fold.ledger.notices[str(mine.of)].ended_by is not None
        with pytest.raises(InvariantError):
            await source.apply_clock("x")
        source.close()


AT = "35.3359,40.1408"
BOW_TIE = "35.33,40.14;35.37,40.18;35.37,40.14;35.33,40.18"


async def test_only_an_alert_that_was_told_to_the_desk_is_acknowledged(tmp_path: Path, home: ChannelHome) -> None:
    source = OperatorSource(home)
    read(source)
    with pytest.raises(UnknownAlertError):
        await source.acknowledge("ab" * 8, "rang them")
    assert not (home.path / "operator.sqlite").exists(), "nothing was signed"
    source.close()
    ledger = read_log(home.log_file).folded.ledger
    record = next(iter(ledger.alerts.values()))
    foreign = next(p for p in ledger.parties if all(desk.party != p for desk in record.body.told))
    assert told_alert(ledger, record.body.alert, None) is record
    with pytest.raises(UnknownAlertError):
        told_alert(ledger, record.body.alert, foreign)
    async with memory_net(tmp_path / "channel") as net, net.connect("russia") as russia:
        party = PartySource(russia)
        read(party)
        with pytest.raises(UnknownAlertError):
            await party.acknowledge("ab" * 8, "rang them")
        assert russia.session.store.queued() == []
        party.close()


async def test_a_read_back_is_compared_before_it_is_signed(tmp_path: Path) -> None:
    async with (
        memory_net(tmp_path / "channel") as net,
        net.connect("coalition") as coalition,
        net.connect("russia") as russia,
    ):
        strike = {"kind": "intent", "precedence": "FLASH", "at": AT, "start": "+10min", "until": "+40min", "wait": 20}
        sent = await coalition.send(to=["russia"], **strike)
        await russia.until(lambda: sent.of in russia.ledger.notices)
        source = PartySource(russia)
        read(source)
        assert source.facts.place_example.startswith("SK-42 ")
        assert source.facts.time_example.endswith("UTC+3")
        begins_ms = from_wire(russia.ledger.notices[sent.of].body.volumes[0].from_)
        place, time = russia.habits.show_place((401_408_000, 353_359_000)), russia.habits.show_time(begins_ms)
        fits = await source.heard(HeardAsked(of=sent.of, place=place, time=time))
        assert (fits.fits, fits.fault, fits.apart_s) == (True, None, fits.apart_s)
        off = await source.heard(
            HeardAsked(of=sent.of, place=place, time=russia.habits.show_time(begins_ms + 10_800_000))
        )
        assert (off.fits, off.fault) == (False, "time")
        assert off.hint is not None
        assert off.notice_place is not None
        for wrong, code in (({"place": "north of the bridge"}, "bad-place"), ({"time": "+10min"}, "bad-time")):
            with pytest.raises(UnreadableError) as unread:
                await source.heard(HeardAsked(of=sent.of, **({"place": place, "time": time} | wrong)))
            assert (unread.value.code, unread.value.value) == (code, *wrong.values())
        with pytest.raises(UnknownNoticeError):
            await source.heard(HeardAsked(of="A" * 43, place=place, time=time))
        with pytest.raises(UsageError, match="read-back"):
            await source.answer(AnswerAsked(of=sent.of, word="WILCO"))
        asked = ReadBackAsked(place=place, time=time)
        assert (await source.answer(AnswerAsked(of=sent.of, word="WILCO", read_back=asked))).index is not None
        await coalition.until(lambda: not coalition.ledger.deliveries[sent.of, "russia"].owed)
        source.close()


@pytest.mark.parametrize("by", ["channel", "voice"])
async def test_an_intermediary_passes_on_what_it_has_before_it(tmp_path: Path, by: Literal["channel", "voice"]) -> None:
    async with (
        memory_net(tmp_path / "channel") as net,
        net.connect("coalition") as coalition,
        net.connect("russia") as russia,
    ):
        sent = await coalition.send(to=["regime"], kind="text", precedence="FLASH", text="Hold", wait=20)
        await russia.until(lambda: sent.of in russia.ledger.notices)
        source = PartySource(russia)
        read(source)
        assert await source.displayed(sent.of) is not None
        voice = {"role": "watch officer", "read_back": "hold fire"} if by == "voice" else {}
        asked = ForwardingAsked.model_validate({"of": sent.of, "to": "regime", "by": by, **voice})
        assert (await source.forward(asked)).index is not None
        await russia.until(lambda: russia.ledger.deliveries[sent.of, "regime"].forwarded_ms is not None)
        read(source)
        model = Model(source)
        model.refresh(source.standing(), 0)
        [cell] = json.loads(model.rows[sent.of])["deliveries"]
        assert (cell["forwarded_by"], cell["via_custody"]) == (by, "displayed")
        with pytest.raises(UsageError, match="role and readback"):
            await source.forward(ForwardingAsked(of=sent.of, to="regime", by="voice"))
        source.close()


async def test_what_a_notice_would_be_and_cause_is_said_before_it_is_signed(tmp_path: Path) -> None:
    async with (
        memory_net(tmp_path / "channel") as net,
        net.connect("coalition") as coalition,
        net.connect("russia") as russia,
    ):
        theirs = await russia.send(to=["coalition"], kind="position", at=AT, unit="Column 1", until="+2h", wait=20)
        await coalition.until(lambda: theirs.of in coalition.ledger.notices)
        source = PartySource(coalition)
        read(source)
        assert source.facts.routes == {"regime": "russia"}
        before = coalition.session.store.queued()
        area = {"at": AT, "radius": "2km", "from": "+10min", "until": "+40min"}
        asked = {"to": ["russia:", "regime:russia"], "kind": "intent", "precedence": "FLASH", "text": "Strike", **area}
        found = await source.check(NoticeAsked.model_validate(asked))
        assert [(one.party, one.via) for one in found.to] == [("russia", None), ("regime", "russia")]
        assert (found.response, found.read_back, found.precedence) == ("WU", True, "FLASH")
        [drawn] = found.picture.features
        assert drawn["geometry"] == {"type": "Point", "coordinates": [40.1408, 35.3359]}
        assert drawn["properties"] == {"circle_radius_m": 2000}
        assert found.box is not None
        assert [one.nid for finding in found.findings for one in finding.rests_on] == [theirs.nid]
        assert found.findings[0].says
        assert coalition.session.store.queued() == before, "nothing was signed"
        assert (await source.check(NoticeAsked(to=("regime:",), text="x"))).to[0].via is None
        for wrong, code in (
            ({"at": "north"}, "bad-place"),
            ({"radius": "wide"}, "bad-length"),
            ({"until": "later"}, "bad-time"),
            ({"altitude": "high"}, "bad-altitude"),
            ({"at": None, "radius": None, "path": "here;there"}, "bad-path"),
            ({"at": None, "radius": None, "polygon": "here;there"}, "bad-area"),
            ({"unit": "a\u0000b"}, "bad-text"),
        ):
            with pytest.raises(UnreadableError) as unread:
                await source.check(NoticeAsked.model_validate(asked | wrong))
            assert (unread.value.code, unread.value.value) == (code, list(wrong.values())[-1])
        with pytest.raises(RefusedError, match="volume-invalid"):
            await source.check(NoticeAsked.model_validate(asked | {"at": None, "radius": None, "polygon": BOW_TIE}))
        for to, code in (("nobody:", "unknown-addressee"), ("coalition:", "self-address"), ("sdf:sdf", "via-invalid")):
            with pytest.raises(RefusedError, match=code):
                await source.check(NoticeAsked(to=(to,), text="x"))
        source.close()


async def test_what_cannot_be_sent_now_is_queued(tmp_path: Path) -> None:
    async with memory_net(tmp_path / "channel") as net, net.connect("russia") as russia:
        assert await russia.caught_up(20)
        await net.cut()
        source = PartySource(russia)
        done = await in_log_or_queued(russia.check("on-watch", wait=0.01))
        assert (done.index, done.of is not None, source.standing().queued) == (None, True, 1)
        source.close()


async def test_a_sealed_notice_is_shown_to_whom_it_is_for(tmp_path: Path) -> None:
    async with (
        memory_net(tmp_path / "channel") as net,
        net.connect("coalition") as coalition,
        net.connect("russia") as russia,
    ):
        secret = {"kind": "text", "text": "only for russia", "seal": True, "wait": 20}
        sent = await coalition.send(to=["russia"], **secret)
        await russia.until(lambda: sent.of in russia.ledger.notices and russia.ledger.notices[sent.of].unsealed)
        source = PartySource(russia)
        read(source)
        model = Model(source)
        model.refresh(source.standing(), 0)
        row = json.loads(model.rows[sent.of])
        assert (row["text"], row["sealed"]) == ("only for russia", True)
        earlier = source.fold.at(len(source.fold) - 1)
        assert sent.of not in earlier.notices or earlier.notices[sent.of].unsealed
        source.close()
