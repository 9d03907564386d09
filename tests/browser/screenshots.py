"""Makes the pictures of docs/console.md: `make screenshots`. They show the scenario as it stood at one moment.

The scenario is played into a directory of its own; what it left is shown by a real console, with its clock at MOMENT.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from channel.commands.console_source import OperatorSource
from channel.console.source import Facts, Link, Standing
from channel.ledger import Ledger
from channel.protocol.times import from_wire, to_wire
from channel.relay.home import ChannelHome
from tests.browser.conftest import CHROMIUM, WIDE
from tests.browser.stage import Stage
from tests.unit.console.rooms import NetSource

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "console"
SCENARIO = "deir-ezzor-2017"
MOMENT = "2017-09-16T00:37:40.000Z"
BEFORE = "2017-09-16T00:36:12.000Z"
"""Russia has NOTICE before it, has still to pass it on, and has not answered."""
NOTICE = "Hold all fire"
PAST = "2017-09-15T16:20:00.000Z"


@dataclass(frozen=True)
class Played:
    """The ledger of a moment, where a source looks for a net's."""

    ledger: Ledger


def played(home: Path) -> tuple[NetSource, NetSource]:
    """The scenario's log up to MOMENT, and up to BEFORE as russia may read it; their clocks stand there."""
    command = [Path(sys.executable).with_name("channel"), "up", "--scenario", SCENARIO, "--speed", "max", "--exit"]
    subprocess.run([*command, "--home", str(home), "--no-console"], check=True, stdout=subprocess.DEVNULL)
    whole = OperatorSource(ChannelHome(home), stepped=True)
    while whole.poll():
        pass
    now, before = (_at(whole, moment) for moment in (MOMENT, BEFORE))
    whole.close()
    russia = NetSource(before.net, "russia")
    russia.facts = Facts(
        party="russia", coordinates="sk42", zone="Etc/GMT-3", place_example="SK-42 4044670 4253720",
        time_example="2017-09-16 03:00 UTC+3",
    )  # fmt: skip
    for source in (now, russia):
        source.scenario = lambda: True  # type: ignore[method-assign]
    russia.clock_ms = before.clock_ms
    return _standing(now), russia


def _at(whole: OperatorSource, moment: str) -> NetSource:
    at_ms = from_wire(moment)
    source = NetSource(Played(whole.fold.at(whole.fold.upto_time(at_ms))))  # type: ignore[arg-type]
    source.clock_ms = at_ms
    return source


def _standing(source: NetSource) -> NetSource:
    ledger, at_ms = source.net.ledger, source.clock_ms
    links = {
        name: Link(
            has=len(party.feed), heard_ms=at_ms - 4000 * number, present=True, cosigned_size=ledger.size - number
        )
        for number, (name, party) in enumerate(ledger.parties.items())
    }
    source.state = Standing(
        root="Kx3v0m1nq8yq5Zr2Wc7d4u9sTgFhJkLpQaXeBvNyMio", witnessed=ledger.size, cosigned=tuple(links), relay="up",
        broker="up", store="sqlite", log_bytes=537_000, disk_free_bytes=81_000_000_000, links=links,
    )  # fmt: skip
    return source


class Camera:
    """A browser at a console."""

    def __init__(self, browser: Any, stage: Stage) -> None:
        self._browser, self._stage = browser, stage

    def page(self, path: str, **settings: str) -> Any:
        context = self._browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce")
        kept = "{" + ",".join(f'"{name}":"{value}"' for name, value in settings.items()) + "}"
        context.add_init_script(f"localStorage.setItem('channel-console', '{kept}')")
        stage = self._stage
        context.add_cookies([{"name": stage.cookie, "value": stage.token("watch"), "url": stage.origin}])
        page = context.new_page()
        page.goto(stage.origin + path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.fonts.ready")
        page.locator(".canvas[data-ready=true]").first.wait_for()
        # Labels are set once more when the fonts are there.
        page.wait_for_timeout(800)
        return page

    def take(self, name: str, path: str, part: str | None = None, **settings: str) -> None:
        page = self.page(path, **settings)
        shown = page.locator(part).first if part else page
        shown.screenshot(path=str(FOLDER / f"{name}.png"))
        page.context.close()
        print(f"docs/console/{name}.png")


def main() -> None:
    """Everything, into docs/console."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        home = Path(directory)
        source, russia = played(home / "home")
        late = next(of for of, one in source.net.ledger.notices.items() if NOTICE in getattr(one.body, "text", ""))
        (home / "russia").mkdir()
        with Stage(home, source) as stage:
            arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            camera = Camera(browser, stage)
            camera.take("board", "/#/watch", coordinates="mgrs")
            camera.take("alerts", "/#/watch", ".alerts")
            camera.take("map", "/#/watch", ".map", coordinates="mgrs")
            camera.take("replay", f"/#/replay?at={to_wire(from_wire(PAST))}")
            camera.take("notice", f"/#/notice/{late}", coordinates="mgrs")
            camera.take("wall", "/?wall")
            camera.take("arabic", "/#/watch", language="ar")
            camera.take("light", "/#/watch", theme="light")
            with Stage(home / "russia", russia) as stage:
                camera = Camera(browser, stage)
                camera.take("party", f"/#/notice/{late}", coordinates="sk42")
            browser.close()


if __name__ == "__main__":
    main()
