"""`party send --check`: what a notice would cause is said first, by what this party was shown; a no sends nothing."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.commands import app as shared
from clients.commands import checking
from tests.unit.clients.lab import lab_at
from tests.unit.clients.test_cli import Desk

SOON = ["--from", "+10min", "--until", "+40min"]
THERE = ["--kind", "position", "--at", "35.3400,40.1400", "--accuracy", "50m", "--until", "+1h", "--text", "Our post"]
STRIKE = ["--kind", "intent", "--circle", "35.3359,40.1408,2km", "--no-read-back", "--text", "Strike", *SOON]
FLASH = [*STRIKE, "--precedence", "FLASH"]
ROUTINE = [*STRIKE, "--precedence", "ROUTINE"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody sits at the terminal, and says no."""
    put: list[str] = []

    async def asked(question: str) -> bool:
        put.append(question)
        return False

    monkeypatch.setattr(checking, "before_a_person", lambda quiet=False: not quiet)
    monkeypatch.setattr(checking, "asked", asked)
    return put


def notices(desk: Desk, author: str) -> int:
    return sum(record.author == author for record in desk.lab.relay.core.folded.ledger.notices.values())


def test_without_a_terminal_it_never_asks_sends_and_reports(desk: Desk) -> None:
    there = desk.json("russia", "send", "--to", "coalition", *THERE)
    sent = desk.json("coalition", "send", "--to", "russia", *FLASH)
    (found,) = [one for one in sent["findings"] if one["kind"] == "overlap"]
    assert found["rests_on"] == [there["token_sha256"]]
    assert sorted(found["concerns"]) == ["coalition", "russia"]
    assert "this would cause FLASH OVERLAP" in desk.errors
    assert notices(desk, "coalition") == 1


def test_where_it_looked_it_says_so_though_it_found_nothing(desk: Desk) -> None:
    assert desk.json("coalition", "send", "--to", "russia", *FLASH)["findings"] == []
    assert "findings" not in desk.json("coalition", "send", "--to", "russia", *FLASH, "--no-check")


def test_a_notice_shows_its_findings_also_when_they_are_over(desk: Desk) -> None:
    there = desk.json("russia", "send", "--to", "coalition", *THERE)
    sent = desk.json("coalition", "send", "--to", "russia", *FLASH)
    desk.json("russia", "withdraw", there["nid"])
    (found,) = [one for one in desk.json("coalition", "show", sent["nid"])["findings"] if one["kind"] == "overlap"]
    assert found["standing"] is False
    assert "cleared_time" in found


def test_what_the_client_found_is_what_the_relay_finds(desk: Desk) -> None:
    desk.json("russia", "send", "--to", "coalition", *THERE)
    sent = desk.json("coalition", "send", "--to", "russia", *FLASH)
    raised = [record.body for record in desk.lab.relay.core.folded.ledger.findings.values()]
    assert [one["kind"] for one in sent["findings"]] == [body.kind for body in raised]
    assert [one["detail"] for one in sent["findings"]] == [body.detail for body in raised]


def test_at_a_terminal_a_no_sends_nothing(desk: Desk, questions: list[str]) -> None:
    desk.json("russia", "send", "--to", "coalition", *THERE)
    desk.run("coalition", "send", "--to", "russia", *FLASH, status=1)
    assert questions == ["Send it all the same?"]
    assert "nothing was sent" in desk.errors
    assert notices(desk, "coalition") == 0
    desk.run("coalition", "send", "--to", "russia", *FLASH, "--yes")
    desk.json("coalition", "send", "--to", "russia", *FLASH)
    assert len(questions) == 1
    assert notices(desk, "coalition") == 2


def test_an_amendment_is_checked_too(desk: Desk, questions: list[str]) -> None:
    nid = desk.json("coalition", "send", "--to", "russia", *FLASH)["nid"]
    desk.json("russia", "send", "--to", "coalition", *THERE)
    desk.run("coalition", "send", "--amends", nid, "--text", "Sooner", status=1)
    assert len(questions) == 1
    assert notices(desk, "coalition") == 1


def test_stop_sends_nothing_and_says_what_it_found(desk: Desk) -> None:
    desk.json("russia", "send", "--to", "coalition", *THERE)
    stopped = desk.json("coalition", "send", "--to", "russia", *ROUTINE, "--check=stop", status=1)
    assert stopped["sent"] is False
    assert [one["kind"] for one in stopped["findings"]] == ["overlap"]
    desk.run("coalition", "send", "--to", "russia", *FLASH, "--check", "stop", status=1)
    assert notices(desk, "coalition") == 0


def test_where_nothing_is_found_nothing_is_asked(desk: Desk, questions: list[str]) -> None:
    desk.run("coalition", "send", "--to", "russia", *FLASH, "--check=stop")
    desk.run("coalition", "send", "--to", "russia", *FLASH)
    assert questions == []


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        (ROUTINE, 0),
        ([*ROUTINE, "--check"], 1),
        ([*STRIKE, "--precedence", "immediate"], 1),
        (FLASH, 1),
        ([*FLASH, "--no-check"], 0),
    ],
)
def test_it_is_the_default_where_a_mistake_costs_most(
    desk: Desk, questions: list[str], words: list[str], asks: int
) -> None:
    desk.json("russia", "send", "--to", "coalition", *THERE)
    desk.run("coalition", "send", "--to", "russia", *words, status=1 if asks else 0)
    assert len(questions) == asks


def test_what_was_not_shown_to_this_party_is_not_in_its_check(desk: Desk) -> None:
    desk.json("russia", "send", "--to", "regime", *THERE)
    sent = desk.json("coalition", "send", "--to", "russia", *FLASH)
    assert sent["findings"] == []
    assert "would cause" not in desk.errors


@pytest.mark.parametrize(("typed", "yes"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False)])
def test_a_question_is_answered_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, yes: bool
) -> None:
    theirs, ours = pty.openpty()
    with os.fdopen(ours, "r+b", buffering=0), open(os.ttyname(ours)) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        os.write(theirs, typed.encode())
        assert asyncio.run(shared.asked("Send it all the same?")) is yes
    os.close(theirs)
    assert capsys.readouterr().err == "party: Send it all the same? [y/N] "
