"""axe-core finds nothing on any page, in either theme and either direction of writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from channel.console.console import STATIC
from tests.browser.stage import S

AXE = STATIC.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ("watch", "replay", "notice", "health", "people", "settings")


def violations(page: Any) -> list[str]:
    page.evaluate(Path(AXE).read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    return [f"{one['id']}: {node['html'][:200]}: {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make console")
@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("ar", "light")])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_violation(stage: Any, visit: Any, name: str, language: str, theme: str) -> None:
    of = stage.notice("coalition", 0, "russia regime:russia", info=["sdf"], read_back=True)
    stage.notice("sdf", 10 * S, "coalition", kind="text", precedence="ROUTINE", response="R", volumes=[])
    stage.clock(81 * S)
    page = visit("admin", f"/#/{name}" + (f"/{of}" if name == "notice" else ""), language, theme=theme)
    expect(page.locator("main")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator("main button, main input, main table, main li").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make console")
def test_dialogs_and_the_sign_in_page_have_no_violation(stage: Any, visit: Any, chromium: Any) -> None:
    stage.notice("coalition", 0, "russia")
    stage.clock(81 * S)
    page = visit("watch")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    outside = chromium.new_context().new_page()
    outside.goto(stage.origin)
    expect(outside.locator("form")).to_be_visible()
    assert violations(outside) == []
    outside.context.close()
