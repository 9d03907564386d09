"""axe-core finds nothing on any page, in either theme and either direction of writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from channel.console.console import STATIC
from channel.console.source import Link, Standing
from channel.protocol.statements import Check
from tests.browser.conftest import WIDE
from tests.browser.stage import START_MS, Net, S, Stage, StageSource
from tests.unit.console.rooms import FITS

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
def test_a_table_that_is_too_wide_has_no_violation(stage: Any, visit: Any) -> None:
    link = Link(has=3, heard_ms=START_MS, present=True, cosigned_size=3)
    stage.source.state = Standing(links=dict.fromkeys(stage.net.ledger.parties, link))
    stage.sign("coalition", Check, 10 * S, state="on-watch")
    stage.clock(81 * S)
    page = visit("viewer", "/#/health", "ar")
    page.set_viewport_size({"width": 800, "height": 600})
    table = page.get_by_role("region")
    expect(table).to_contain_text("operations")
    page.wait_for_function("element => element.scrollWidth > element.clientWidth", arg=table.element_handle())
    assert violations(page) == []


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make console")
@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("ar", "light")])
def test_what_a_party_says_from_has_no_violation(
    tmp_path: Path, built: None, chromium: Any, language: str, theme: str
) -> None:
    with Stage(tmp_path, StageSource(Net(), "russia")) as stage:
        of = stage.notice("coalition", 0, "russia regime:russia", read_back=True)
        own = stage.notice("russia", S, "coalition")
        context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
        kept = json.dumps({"language": language, "theme": theme})
        context.add_init_script(f"localStorage.setItem('channel-console', `{kept}`)")
        context.add_cookies([{"name": stage.cookie, "value": stage.token("watch"), "url": stage.origin}])
        page = context.new_page()
        page.goto(f"{stage.origin}/#/send")
        page.locator("select").first.select_option("to:")
        for where in range(4):
            page.locator("input[type=radio]").nth(where).check()
            assert violations(page) == []
        page.locator("input[type=radio]").first.check()
        page.locator("form .row select").nth(4).select_option("FLASH")
        for field in page.locator("form input.ltr[required]").all():
            field.fill("+1h")
        page.locator("form button.primary").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert violations(page) == []
        page.goto(f"{stage.origin}/#/notice/{of}")
        page.get_by_role("button", name="WILCO").click()
        page.locator("[data-forward] button").last.click()
        expect(page.locator("[data-forward] textarea")).to_be_visible()
        stage.source.hears = FITS.model_copy(update={"fits": False, "fault": "place", "distance_m": 9000})
        for field in page.locator("section form fieldset input").all():
            field.fill("x")
        page.locator("section[aria-labelledby=answer-title] button.primary").click()
        expect(page.locator(".comparison")).to_be_visible()
        assert violations(page) == []
        page.goto(f"{stage.origin}/#/notice/{own}")
        page.locator(".tools button").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert violations(page) == []
        context.close()


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
