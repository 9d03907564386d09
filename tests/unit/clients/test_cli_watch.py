"""`party watch`: what it prints, and when it ends."""

from __future__ import annotations

import errno
import io
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import cli
from clients.core.events import Alarm, AlarmCleared, AlarmRaised, AlertRepeated, Event, LinkDown, LinkUp, Stopped
from clients.core.party import Party
from tests.unit.clients.lab import NOW_MS, lab_at
from tests.unit.clients.test_cli import FLASH, Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


def test_watch_prints_each_leaf_alarm_and_change_of_the_link(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The events of a real session, handed to `watch` one after the other."""
    desk.lab.session("russia")
    desk.run("coalition", *FLASH)
    desk.lab.settle("russia")
    desk.lab.advance(61_000)
    desk.lab.settle("russia")
    desk.lab.advance(31_000)
    alarm = Alarm("no-heartbeat", "relay", "nothing is heard from the relay")
    seen = [*desk.lab.events["russia"], *desk.lab.tick("russia"), LinkDown(NOW_MS, "no route"), LinkUp(NOW_MS)]
    seen += [AlarmRaised(alarm, NOW_MS), AlarmCleared(alarm, NOW_MS)]

    async def events(self: Party) -> AsyncIterator[Event]:
        for event in seen:
            yield event

    monkeypatch.setattr(Party, "events", events)
    desk.lab.crash("russia")
    text = desk.run("russia", "watch").splitlines()
    assert any("FLASH coalition -> russia, regime via russia: intent" in line for line in text)
    alerts = [line for line in text if "NOT PASSED ON by russia" in line]
    assert all("; party -p russia alerts ack " in line for line in alerts)
    assert len(alerts) > sum(isinstance(event, AlertRepeated) for event in seen) > 0
    assert "not connected: no route; what is sent waits in this home" in text
    assert "!! ALARM of this client, no-heartbeat relay: nothing is heard from the relay" in text
    documents = [json.loads(line) for line in desk.run("russia", "watch", "--json").splitlines()]
    kinds = {document["event"] for document in documents}
    assert kinds >= {"leaf", "alert-repeated", "connected", "disconnected", "alarm", "alarm-over"}


def test_watch_begins_with_what_is_here_and_no_person_was_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after it was killed between storing and printing."""

    async def events(self: Party) -> AsyncIterator[Event]:
        yield LinkUp(NOW_MS)

    desk.lab.session("russia")
    monkeypatch.setattr(Party, "events", events)

    def begins() -> list[dict[str, Any]]:
        desk.lab.settle("coalition", "russia")
        desk.lab.crash("russia")
        documents = [json.loads(line) for line in desk.run("russia", "watch", "--json").splitlines()]
        assert documents.pop()["event"] == "connected"
        return documents

    words = ["send", "--to", "russia:", "--precedence", "FLASH", "--text"]
    answered, taken_back, open_ = (desk.json("coalition", *words, text) for text in ("one", "two", "three"))
    first = begins()
    assert [one["token_sha256"] for one in first] == [one["token_sha256"] for one in (answered, taken_back, open_)]
    assert [(one["event"], one["type"], one["index"] > 0, one["n"] > 0) for one in first] == [
        ("leaf", "notice", True, True)
    ] * 3
    desk.run("russia", "answer", answered["nid"], "ROGER")
    withdrawal = desk.json("coalition", "withdraw", taken_back["nid"])
    desk.json("russia", "send", "--to", "coalition", "--text", "ours")
    assert [one["token_sha256"] for one in begins()] == [open_["token_sha256"], withdrawal["token_sha256"]]


def test_watch_begins_with_what_was_told_by_voice_until_it_is_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def events(self: Party) -> AsyncIterator[Event]:
        yield LinkUp(NOW_MS)

    monkeypatch.setattr(Party, "events", events)
    nid = desk.json("coalition", *FLASH)["nid"]
    desk.run("russia", "forward", nid, "--by", "voice", "--role", "watch", "--read-back", "35.3 40.1")
    desk.run("regime", "status")
    told, up = desk.run("regime", "watch").splitlines()
    assert "35.3 40.1" in told
    of = json.loads(desk.run("regime", "inbox", "--json"))[0]["token_sha256"]
    desk.run("regime", "answer", of, "ROGER")
    assert desk.run("regime", "watch").splitlines() == [up]


def test_a_terminal_that_takes_nothing_does_not_hold_up_what_watch_hears(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = threading.Event()

    class Standing(io.StringIO):
        def write(self, text: str) -> int:
            assert heard.wait(20), "nothing more was heard before this line was printed"
            return super().write(text)

    async def events(self: Party) -> AsyncIterator[Event]:
        for number in range(100):
            yield LinkUp(number)
        heard.set()

    monkeypatch.setattr(Party, "events", events)
    out = Standing()
    monkeypatch.setattr(sys, "stdout", out)
    cli.app(["-p", "russia", "--home", str(desk.lab.path), "watch", "--json"], standalone_mode=False)
    assert [json.loads(line)["at"] for line in out.getvalue().splitlines()] == list(range(100))


def test_watch_ends_when_what_it_prints_cannot_be_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    assert cli.app(["-p", "russia", "--home", str(desk.lab.path), "watch"], standalone_mode=False) == 6


def test_watch_stops_with_status_6_when_the_relay_shows_two_histories(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def events(self: Party) -> AsyncIterator[Event]:
        yield Stopped({"pinned": "a", "shown": "b"})

    monkeypatch.setattr(Party, "events", events)
    for words in (["watch"], ["watch", "--json"]):
        desk.run("russia", *words, status=6)
        assert "two histories" in desk.errors


def test_a_scenarios_client_is_watch_with_its_control_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Path, str]] = []

    async def run_control(home: Path, party: str, stdin: object, stdout: object) -> None:
        started.append((home, party))

    monkeypatch.setattr("clients.core.control.run_control", run_control)
    desk.run("sdf", "watch", "--control")
    assert started == [(desk.lab.path / "parties" / "sdf", "sdf")]
