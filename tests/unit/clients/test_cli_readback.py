"""Read-back at the terminal: asked for, typed, compared at once, and never counted if it is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channel.protocol.readback import compare
from channel.protocol.statements import Answer, Finding, Notice
from clients.commands import answering
from tests.unit.clients.lab import NOW_MS, lab_at
from tests.unit.clients.test_cli import Desk

# The lab's time is 2017-09-15T00:00Z; the window begins ten minutes later.
STRIKE = ["--at", "35.3359,40.1408", "--radius", "2km", "--from", "+10min", "--until", "+40min"]
FLASH = ["send", "--to", "russia", "--precedence", "FLASH", "--kind", "intent", "--text", "North of it", *STRIKE]
RIGHT = "SK42 3912555 7603827,2017-09-15 03:10"
OFF = "35.4168,40.1408,150010Z SEP 17"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


def notice(desk: Desk, *words: str) -> tuple[str, Notice]:
    sent = desk.json("coalition", *FLASH, *words)
    body = desk.lab.relay.core.folded.ledger.notices[sent["token_sha256"]].body
    assert isinstance(body, Notice)
    return sent["nid"], body


def bodies(desk: Desk, kind: type[Any]) -> list[Any]:
    entries = desk.lab.relay.core.folded.ledger.entries.values()
    return [entry.opened.body for entry in entries if isinstance(entry.opened.body, kind)]


def reply(desk: Desk, nid: str) -> str:
    (delivery,) = desk.json("coalition", "show", nid)["deliveries"]
    return str(delivery["reply"])


def test_a_flash_with_a_place_asks_for_a_read_back_and_others_do_not(desk: Desk) -> None:
    assert notice(desk)[1].read_back is True
    assert notice(desk, "--no-read-back")[1].read_back is False
    for words in (["--precedence", "IMMEDIATE", "--text", "x", *STRIKE], ["--precedence", "FLASH", "--text", "x"]):
        of = desk.json("coalition", "send", "--to", "russia", *words)["token_sha256"]
        assert desk.lab.relay.core.folded.ledger.notices[of].body.read_back is False  # type: ignore[attr-defined]
    nid = desk.json("coalition", "send", "--to", "russia", "--text", "x", *STRIKE, "--read-back")["nid"]
    assert desk.json("russia", "show", nid)["read_back"] is True


def test_a_read_back_without_a_place_cannot_be_asked_for(desk: Desk) -> None:
    error = desk.json("coalition", "send", "--to", "russia", "--text", "x", "--read-back", status=2)
    assert "a read-back is of a place and a time" in error["error"]["detail"]


@pytest.mark.parametrize(("word", "status"), [("WILCO", 2), ("UNABLE", 0)])
def test_a_missing_read_back_says_what_to_type_in_the_partys_own_ways(desk: Desk, word: str, status: int) -> None:
    nid, body = notice(desk)
    desk.run("russia", "answer", nid, word, status=status)
    if status == 0:
        return
    assert "asks for a read-back" in desk.errors
    assert "WILCO --read-back PLACE,TIME|UNABLE|STANDBY" in desk.run("russia", "inbox", "--wanted")
    desk.run("russia", "answer", nid, word, status=status)
    example = re.search(r'--read-back "(SK-42 \d+ \d+,\d{4}-\d\d-\d\d \d\d:\d\d UTC\+3)"', desk.errors)
    assert example is not None
    assert bodies(desk, Answer) == []
    desk.run("russia", "answer", nid, word, "--read-back", example[1], status=1)  # readable, and not this notice's
    (answer,) = bodies(desk, Answer)
    found = compare(body, answer.readback)
    assert found is not None
    assert found.distance_m > 1_000_000


def test_what_was_typed_is_signed_and_a_fitting_one_counts(desk: Desk) -> None:
    nid, _ = notice(desk)
    answered = desk.json("russia", "answer", nid, "WILCO", "--read-back", RIGHT)
    assert answered["read_back"]["fits"] is True
    assert answered["read_back"]["distance_m"] <= 5
    (answer,) = bodies(desk, Answer)
    assert (answer.readback.place, answer.readback.time) == ("SK42 3912555 7603827", "2017-09-15 03:10")
    assert answer.readback.when == "2017-09-15T00:10:00.000Z"
    assert reply(desk, nid) == "wilco"
    assert bodies(desk, Finding) == []


def test_nine_kilometres_off_is_said_at_once_signed_as_typed_and_does_not_count(desk: Desk) -> None:
    nid, _ = notice(desk)
    answered = desk.json("russia", "answer", nid, "WILCO", "--read-back", OFF, status=1)
    assert answered["read_back"] == {
        "fits": False, "distance_m": 8976, "tolerance_m": 50, "apart_s": 0, "fault": "place",
    }  # fmt: skip
    assert re.search(r"you read back SK-42 \d+ \d+; the notice says SK-42 \d+ \d+: 9\.0 km apart", desk.errors)
    assert "does not count" in desk.errors
    assert reply(desk, nid) == "owed"
    (finding,) = bodies(desk, Finding)
    assert (finding.kind, finding.precedence.value) == ("read-back-mismatch", "FLASH")
    for party in ("coalition", "russia"):
        shown = desk.run(party, "show", nid)
        assert "READ BACK WRONGLY" in shown
        assert "it does not count: the read-back does not fit" in shown
    desk.json("russia", "answer", nid, "WILCO", "--read-back", RIGHT)
    assert reply(desk, nid) == "wilco"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("40.1408,35.3359,150010Z SEP 17", "latitude and longitude are swapped"),
        ("35.3359,40.1408,150310Z SEP 17", "as if local time were read as Zulu"),
        ("35.3359,40.1408,150010C SEP 17", "3 h 00 min apart"),
        ("35.33614,40.14201,150010Z SEP 17", "as if SK-42 were read as WGS 84"),
        ("35.3,40.1,150010Z SEP 17", "apart"),
    ],
)
def test_each_slip_is_named_to_the_officer(desk: Desk, typed: str, says: str) -> None:
    nid, _ = notice(desk)
    desk.run("russia", "answer", nid, "WILCO", "--read-back", typed, status=1)
    assert says in desk.errors
    assert reply(desk, nid) == "owed"


@pytest.mark.parametrize(
    "typed", ["35.3359,40.1408", "35.3359,40.1408,now", "35.3359,40.1408,+10min", "nowhere,150010Z SEP 17", "x"]
)
def test_what_cannot_be_read_is_not_signed(desk: Desk, typed: str) -> None:
    nid, _ = notice(desk)
    desk.run("russia", "answer", nid, "WILCO", "--read-back", typed, status=2)
    assert "--read-back" in desk.errors
    assert bodies(desk, Answer) == []


@pytest.mark.parametrize(("typed", "answers"), [("n", 0), ("", 0), ("y", 1), ("yes", 1)])
def test_at_a_terminal_a_mismatch_is_asked_about_before_anything_is_signed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, answers: int
) -> None:
    questions: list[str] = []

    async def asked(question: str) -> bool:
        questions.append(question)
        return typed in ("y", "yes")

    monkeypatch.setattr(answering, "before_a_person", lambda quiet=False: not quiet)
    monkeypatch.setattr(answering, "asked", asked)
    nid, _ = notice(desk)
    desk.run("russia", "answer", nid, "WILCO", "--read-back", OFF, status=1)
    assert len(questions) == 1
    assert len(bodies(desk, Answer)) == answers
    assert reply(desk, nid) == "owed"
    desk.run("russia", "answer", nid, "WILCO", "--read-back", OFF, "--yes", status=1)
    assert len(questions) == 1


def test_a_read_back_to_what_was_told_by_voice_is_signed_and_judged_by_the_relay(desk: Desk) -> None:
    sent = desk.json("coalition", "send", "--to", "regime:russia", *FLASH[3:])
    desk.run("russia", "forward", sent["nid"], "--by", "voice", "--role", "watch", "--read-back", "35.4 40.1")
    desk.run("regime", "answer", sent["token_sha256"][:12], "WILCO", "--read-back", "35.4168,40.1408,2017-09-15 03:10")
    assert "was not compared" in desk.errors
    assert reply(desk, sent["nid"]) == "owed"
    assert "READ BACK WRONGLY" in desk.run("coalition", "show", sent["nid"])
    assert "READ BACK WRONGLY" not in desk.run("regime", "inbox")
    assert NOW_MS == 1_505_433_600_000
