"""Two parties' own consoles on a real channel: broker, relay and clients in processes of their own, two browsers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from channel.founding import found_trial
from channel.protocol.charter import DEFAULT_DEADLINES
from channel.protocol.statements import Answer, Forwarding, Receiving, Stage
from channel.relay.clock import wall_ms
from channel.relay.home import ChannelHome
from channel.replay import read_log
from tests.browser.conftest import WIDE
from tests.unit.console.rooms import PASSWORD

WAIT_MS = 30_000  # only a hang reaches it
PLACE = "37S FV 03674 10891"
PLACE_SK42 = "SK-42 3912555 7603827"


class Programs:
    """What runs beside the test; stopped in the order in which it was started, the last first."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._running: list[subprocess.Popen[str]] = []

    def start(self, says: str, *words: str) -> str:
        """Start one, and wait for the line that says it; the first group, if there is one."""
        process = subprocess.Popen(
            [sys.executable, "-m", *words, "--home", str(self.home)] if words[0] == "channel"
            else [sys.executable, "-m", words[0], *words[1:3], "--home", str(self.home), *words[3:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
        )  # fmt: skip
        self._running.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(says, line)
            if found is not None:
                return found[1] if found.groups() else found[0]
        raise AssertionError(f"{words} ended without saying {says}")

    def stop(self) -> None:
        for process in reversed(self._running):
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


@pytest.fixture
def programs(tmp_path: Path, built: None) -> Iterator[Programs]:
    now_ms = wall_ms()
    slow = DEFAULT_DEADLINES.model_copy(update={"FLASH": DEFAULT_DEADLINES.ROUTINE})  # no alert on a busy machine
    found_trial(tmp_path, now_ms=now_ms, wall_ms=now_ms, net="net-1", deadlines=slow)
    running = Programs(tmp_path)
    try:
        running.start("broker on", "channel", "up", "--no-console")
        yield running
    finally:
        running.stop()


def _console(programs: Programs, chromium: Any, party: str) -> Any:
    """A page of that party's console, of somebody who came by its first link."""
    link = programs.start(r"open this once.* (http\S+)", "clients", "-p", party, "console", "--port", "0")
    page = chromium.new_context(viewport=WIDE, locale="en-GB").new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_role("grid")).to_be_visible(timeout=WAIT_MS)
    return page


def _send(page: Any) -> str:
    """A FLASH to russia and, through it, to the regime; its hash."""
    page.get_by_role("link", name="Send notice").click()
    page.get_by_label("russia", exact=True).select_option("to:")
    page.get_by_label("regime", exact=True).select_option("to:russia")
    page.get_by_label("Kind").select_option("intent")
    page.get_by_label("Precedence").select_option("FLASH")
    page.get_by_label("Place", exact=True).fill(PLACE)
    page.get_by_label("Radius").fill("2km")
    page.get_by_label("From", exact=True).fill("+10min")
    page.get_by_label("Until").fill("+40min")
    page.get_by_role("textbox", name="Text").fill("Strike north of the bridge. Keep clear.")
    page.get_by_role("button", name="Check before signing").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("within \u20682 km\u2069 of", timeout=WAIT_MS)
    expect(dialog).to_contain_text("will read this in full")
    dialog.get_by_role("button", name="Sign and send").click()
    expect(page.locator(".notice .says")).to_be_visible(timeout=WAIT_MS)
    of: str = page.locator(".notice").get_attribute("data-of")
    return of


def test_a_notice_is_sent_rings_is_read_answered_and_passed_on(programs: Programs, chromium: Any) -> None:
    coalition = _console(programs, chromium, "coalition")
    russia = _console(programs, chromium, "russia")
    of = _send(coalition)

    row, alarm = russia.locator(f".row[data-of='{of}']"), russia.locator("[data-alarm]")
    expect(row).to_contain_text("NEW", timeout=WAIT_MS)
    expect(alarm).to_have_attribute("data-alarm", "FLASH")
    cells = coalition.locator(".notice .cell")
    expect(cells.first).to_contain_text("RECEIVED", timeout=WAIT_MS)
    row.dblclick()
    expect(cells.first).to_contain_text("DISPLAYED", timeout=WAIT_MS)
    expect(alarm).to_have_attribute("data-alarm", "silent")

    begins = re.search(r"\((\S+ \S+) UTC", russia.locator("dd", has_text="UTC+3").inner_text())
    assert begins is not None
    russia.get_by_role("button", name="WILCO").click()
    russia.get_by_label("Place, as you read it").fill(PLACE_SK42)
    russia.get_by_label("Time, as you read it").fill("2017-09-16 03:40")
    russia.get_by_role("button", name="Sign answer").click()
    expect(russia.get_by_role("alert")).to_contain_text("Another time than the notice's", timeout=WAIT_MS)
    russia.get_by_role("button", name="Correct it").click()
    russia.get_by_label("Time, as you read it").fill(begins[1])
    russia.get_by_role("button", name="Sign answer").click()
    expect(cells.first).to_contain_text("WILCO", timeout=WAIT_MS)
    expect(russia.get_by_role("button", name="Correct this answer")).to_be_visible(timeout=WAIT_MS)

    russia.get_by_role("button", name="Pass on over the channel").click()
    expect(cells.last).not_to_contain_text("NOT PASSED ON", timeout=WAIT_MS)
    expect(cells.last).to_contain_text("over the channel")
    for page in (coalition, russia):
        page.context.close()

    ledger = read_log(ChannelHome.open(programs.home).log_file).folded.ledger
    about = [entry.opened for entry in ledger.entries.values() if getattr(entry.opened.body, "of", None) == of]
    said = {kind: [one for one in about if isinstance(one.body, kind)] for kind in (Receiving, Answer, Forwarding)}
    displayed = [one for one in said[Receiving] if getattr(one.body, "stage", None) is Stage.DISPLAYED]
    assert [one.kid.rpartition("-")[0] for one in displayed] == ["russia/sig/desk"], "once, by its desk"
    assert [len(said[kind]) for kind in (Answer, Forwarding)] == [1, 1]
