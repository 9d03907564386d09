"""What the page must withstand: hostile words, no right, no connection, and nothing asked of anybody outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.conftest import CHROMIUM, WIDE
from tests.browser.stage import S
from tests.unit.console.rooms import PASSWORD

HOSTILE = "<script>window.hit=1</script><img src=x onerror=window.hit=1> \u202etxt.exe\u202c \u200b\u2066 " + "W" * 3000


def test_hostile_words_are_shown_inert_and_visible(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", text=HOSTILE, unit="<b>unit</b>")
    page = visit("watch")
    row = page.locator(f".row[data-of='{of}']")
    expect(row).to_contain_text("<script>window.hit=1</script>")
    expect(row).to_contain_text("<b>unit</b>")
    row.dblclick()
    says = page.locator(".says")
    expect(says).to_contain_text("<U+202E>txt.exe<U+202C>")
    expect(says).to_contain_text("<U+200B><U+2066>")
    expect(says).to_contain_text("W" * 3000)
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".page").evaluate("element => element.scrollWidth <= element.clientWidth")


def test_signing_in_takes_the_right_password_and_out_ends_it(stage: Any, visit: Any, chromium: Any) -> None:
    stage.token("watch")
    page = chromium.new_context(viewport=WIDE, locale="en-GB").new_page()
    page.goto(stage.origin)
    page.get_by_label("Name").fill("some-watch")
    page.get_by_label("Password").fill("not it at all")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("grid")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.context.close()


def test_a_link_signs_in_once_and_asks_for_a_password(stage: Any, chromium: Any) -> None:
    link = stage.do(lambda: stage.access.people.make_link("newcomer", "viewer", stage.access.now_ms))
    page = chromium.new_context(viewport=WIDE, locale="en-GB").new_page()
    page.goto(f"{stage.origin}/#link={link.token}")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_role("grid")).to_be_visible()
    assert link.token not in page.evaluate("location.href")
    page.context.close()


def test_a_viewer_sees_and_cannot_act(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia")
    stage.clock(61 * S)
    page = visit("viewer")
    expect(page.locator(f"li[data-of='{of}']")).to_contain_text("NO ANSWER")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(page.get_by_role("link", name="People")).to_have_count(0)


def test_a_request_without_the_token_or_from_elsewhere_is_refused(stage: Any, visit: Any) -> None:
    page = visit("admin")
    expect(page.get_by_role("grid")).to_be_visible()
    ask = """path => fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"})
        .then(answer => answer.status)"""
    assert page.evaluate(ask, "/api/v1/sign-out") == 403
    page.faults.clear()
    socket = """url => new Promise(done => {
        const socket = new WebSocket(url);
        socket.onopen = () => done("open");
        socket.onclose = () => done("refused");
    })"""
    other = page.context.new_page()
    other.goto("about:blank")
    assert other.evaluate(socket, stage.origin.replace("http", "ws") + "/api/v1/live") == "refused"
    page.faults.clear()


def test_the_policy_lets_no_inline_script_run(stage: Any, visit: Any) -> None:
    page = visit("viewer")
    expect(page.get_by_role("grid")).to_be_visible()
    assert page.faults == []
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.hit = 1";
        document.body.append(script);
    }""")
    assert page.evaluate("window.hit") is None
    assert any("Content Security Policy" in fault for fault in page.faults)
    page.faults.clear()


def test_a_lost_connection_is_marked_and_comes_back_without_a_reload(stage: Any, visit: Any) -> None:
    stage.notice("coalition", 0, "russia", text="Before.")
    page = visit("viewer")
    expect(page.get_by_text("Before.")).to_be_visible()
    page.evaluate("window.same = true")
    stage.stop()
    expect(page.locator(".banner.lost")).to_contain_text("CONNECTION LOST", timeout=15_000)
    expect(page.locator(".watch.stale")).to_be_visible()
    expect(page.locator(".mode.live")).to_have_count(0)
    stage.net.notice("sdf", 1_505_521_800_000 + 20 * S, "coalition", text="Meanwhile.")
    stage.restart()
    expect(page.locator(".mode.live")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Meanwhile.")).to_be_visible()
    expect(page.locator(".banner.lost")).to_have_count(0)
    assert page.evaluate("window.same") is True
    page.faults.clear()


def test_nothing_is_asked_of_anybody_outside(stage: Any, chromium: Any, tmp_path: Path) -> None:
    """By the browser's own log, not by what the page's events tell."""
    stage.notice("coalition", 0, "russia")
    log = tmp_path / "net.json"
    # No name is found, so nothing can be had from outside either; what Chromium itself would ask for is not the page's.
    arguments = ["--no-sandbox", f"--log-net-log={log}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    context = browser.new_context(viewport=WIDE)
    context.add_cookies([{"name": stage.cookie, "value": stage.token("admin"), "url": stage.origin}])
    page = context.new_page()
    for path in ("watch", "replay", "health", "people", "settings"):
        page.goto(f"{stage.origin}/#/{path}")
        page.wait_for_load_state("networkidle")
    browser.close()
    events = json.loads(log.read_text())["events"]
    asked = [event["params"] for event in events if "url" in event.get("params", {})]
    urls = {one["url"] for one in asked if str(one.get("initiator", "")).startswith(stage.origin)}
    assert any("/assets/" in url for url in urls)
    assert any(url.endswith("/basemap.geojson") for url in urls)
    assert {urlsplit(url).netloc for url in urls} == {urlsplit(stage.origin).netloc}
