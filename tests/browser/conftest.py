"""A browser, a console to look at, and a page of somebody who is signed in.

These tests run in a process of their own (`make browser`): Playwright's loop and the loops of other tests do not go
together. Without Chromium, or where the pages are not built, they are skipped and say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from channel.console.console import STATIC

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
WIDE = {"width": 1920, "height": 1080}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only when asked for by name: never in one process with the tests that run loops of their own."""
    asked = any("tests/browser" in str(arg).replace("\\", "/") for arg in config.args)
    return None if asked else True


def _missing() -> str | None:
    if not CHROMIUM:
        return "needs Chromium (Debian: chromium)"
    if not (STATIC / "index.html").is_file():
        return "needs the console's pages: make console (with Node.js 20.19 or newer)"
    return None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if missing := _missing():
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Nobody clicks before the first alarm: sound is allowed here, and forbidden in the test that is about it.
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def built() -> None:
    if missing := _missing():
        pytest.skip(missing)


@pytest.fixture
def stage(tmp_path: Path, built: None) -> Iterator[Any]:
    from tests.browser.stage import Stage

    with Stage(tmp_path) as stage:
        yield stage


@pytest.fixture
def visit(chromium: Any, stage: Any) -> Iterator[Callable[..., Any]]:
    """`visit("watch")`: a page of somebody with that role, signed in; it fails if the page says anything is wrong."""
    contexts: list[Any] = []
    faults: list[str] = []

    def visiting(role: str = "admin", path: str = "/", language: str = "en", **settings: Any) -> Any:
        context = chromium.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce", accept_downloads=True)
        contexts.append(context)
        kept = {"language": language, **settings}
        context.add_init_script(
            f"localStorage.getItem('channel-console') ?? localStorage.setItem('channel-console', `{_json(kept)}`)"
        )
        context.add_cookies([{"name": stage.cookie, "value": stage.token(role), "url": stage.origin}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.faults = faults
        page.goto(stage.origin + path)
        return page

    yield visiting
    for context in contexts:
        context.close()
    assert not faults, "the page complained"


@pytest.fixture
def quiet(chromium: Any, stage: Any) -> Iterator[Callable[[], Any]]:
    """A page of a watch in a browser that lets no page sound before somebody clicks."""
    arguments = ["--no-sandbox", "--autoplay-policy=document-user-activation-required"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=arguments)

    def visiting() -> Any:
        context = browser.new_context(viewport=WIDE, locale="en-GB")
        context.add_cookies([{"name": stage.cookie, "value": stage.token("watch"), "url": stage.origin}])
        page = context.new_page()
        page.goto(stage.origin)
        return page

    yield visiting
    browser.close()


def _json(value: object) -> str:
    import json

    return json.dumps(value)
