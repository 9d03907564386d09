"""A notice goes unanswered: it is seen, heard, acknowledged, and cleared when the answer comes."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from channel.console.source import Link, Standing
from channel.protocol.statements import Answer, Check, Receiving
from tests.browser.stage import S


def _late(stage: Any, **members: Any) -> str:
    of: str = stage.notice("coalition", 0, "russia", **members)
    stage.sign("russia", Receiving, 5 * S, of=of, stage="displayed")
    return of


def test_a_notice_goes_unanswered_and_is_seen_heard_acknowledged_and_cleared(stage: Any, visit: Any) -> None:
    of = _late(stage, text="Strike at the bridge. Keep clear.")
    page = visit("watch")
    row, card = page.locator(f".row[data-of='{of}']"), page.locator(f"li[data-of='{of}']")
    alarm = page.locator("[data-alarm]")
    expect(row).to_contain_text("Strike at the bridge")
    expect(row).to_contain_text("DISPLAYED")
    expect(alarm).to_have_attribute("data-alarm", "silent")

    stage.clock(61 * S)
    expect(row).to_contain_text("OVERDUE")
    expect(row).to_contain_text("\u221200:01")
    expect(page.get_by_test_id("overdue")).to_contain_text("1")
    expect(card).to_contain_text("NO ANSWER from")
    expect(card).to_contain_text("russia/staff")
    expect(page).to_have_title("(1) River line")
    expect(alarm).to_have_attribute("data-alarm", "FLASH")
    expect(alarm).to_have_attribute("data-played", "1")

    card.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("ringing the staff now")
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("tab", name="Acknowledged")).to_contain_text("1")
    expect(page).to_have_title("River line")
    expect(alarm).to_have_attribute("data-alarm", "silent")
    page.get_by_role("tab", name="Acknowledged").click()
    expect(card).to_contain_text("ringing the staff now")

    stage.sign("russia", Answer, 90 * S, of=of, word="WILCO")
    page.get_by_role("tab", name="Cleared").click()
    expect(card).to_contain_text("late")
    expect(row).to_contain_text("WILCO")
    expect(row).to_contain_text("answered late")
    expect(page.get_by_test_id("overdue")).to_contain_text("0")


def test_an_alert_says_how_each_desk_was_told(stage: Any, visit: Any) -> None:
    links = {"coalition": Link(10_000, None), "russia": Link(0, None)}
    stage.source.state = Standing(relay="up", broker="up", store="sqlite", links=links)
    of = _late(stage)
    page = visit("watch")
    stage.clock(61 * S)
    told = page.locator(f"li[data-of='{of}'] .told")
    expect(told).to_contain_text("coalition/operations, coalition/staff (channel, has it)")
    expect(told).to_contain_text("russia/staff, russia/operations (channel, not yet there)")
    stage.source.state = Standing(relay="up", broker="up", store="sqlite")
    expect(told).to_contain_text("(channel)")
    expect(told).not_to_contain_text("has it")


def test_health_shows_the_roll_calls_and_the_store(stage: Any, visit: Any) -> None:
    stage.source.state = Standing(relay="up", broker="up", store="sqlite")
    stage.sign("russia", Check, 0, state="on-watch")
    page = visit("watch", "/#/health")
    expect(page.get_by_role("row", name="russia")).to_contain_text("operations on watch")
    expect(page.locator(".tiles")).to_contain_text("sqlite")


def test_what_is_overdue_stays_on_top_whatever_the_filter(stage: Any, visit: Any) -> None:
    late = _late(stage)
    for number in range(3):
        stage.notice(
            "sdf",
            20 * S + number,
            "coalition",
            kind="text",
            precedence="ROUTINE",
            response="R",
            volumes=[],
            text=f"Plan {number}",
        )
    stage.clock(61 * S)
    page = visit("watch")
    rows = page.locator(".row")
    expect(rows).to_have_count(4)
    page.get_by_label("Search notices").fill("plan 2")
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_attribute("data-of", late)
    expect(rows.first).to_contain_text("outside the filter")
    expect(rows.last).to_contain_text("Plan 2")


def test_the_keyboard_walks_the_board_and_opens_a_notice(stage: Any, visit: Any) -> None:
    for number in range(40):
        stage.notice(
            "sdf",
            number,
            "coalition",
            kind="text",
            precedence="ROUTINE",
            response="R",
            volumes=[],
            text=f"Plan {number}.",
        )
    page = visit("watch")
    expect(page.locator(".row").first).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    chosen = page.locator(".row[aria-selected=true]")
    expect(chosen).to_contain_text("Plan 39.")
    expect(chosen).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator(".notice .says")).to_contain_text("Plan 39.")
    expect(page.get_by_text("Signature valid").first).to_be_visible()


def test_thousands_of_rows_are_windowed(stage: Any, visit: Any) -> None:
    def many() -> None:
        for number in range(5000):
            stage.net.notice(
                "sdf", 1_505_521_800_000 + number, "coalition", precedence="ROUTINE", text=f"Number {number}."
            )

    stage.do(many)
    page = visit("watch")
    expect(page.get_by_text("of \u20685,000\u2069")).to_be_visible(timeout=30_000)
    assert page.locator(".row").count() < 30
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".row[aria-selected=true]")).to_be_in_viewport()
    assert page.locator(".row").count() < 30


def test_rows_do_not_jump_under_the_pointer_but_for_what_is_urgent(stage: Any, visit: Any) -> None:
    first = stage.notice("sdf", 0, "coalition", precedence="ROUTINE", text="Under the pointer.")
    page = visit("watch")
    row = page.locator(f".row[data-of='{first}']")
    row.hover()
    before = row.bounding_box()
    second = stage.notice("sdf", 10, "coalition", precedence="PRIORITY", text="Before it.")
    expect(page.get_by_role("button", name="Order held")).to_be_visible()
    assert row.bounding_box() == before
    flash = stage.notice("sdf", 20, "coalition", precedence="FLASH", text="Urgent.")
    expect(page.locator(".row").first).to_have_attribute("data-of", flash)
    expect(page.locator(".row").last).to_have_attribute("data-of", first)
    page.mouse.move(5, 5)
    expect(page.locator(".row").nth(1)).to_have_attribute("data-of", second)


def test_the_alarm_is_muted_until_the_browser_may_sound(stage: Any, visit: Any, quiet: Any) -> None:
    _late(stage)
    stage.clock(61 * S)
    page = quiet()
    expect(page.get_by_test_id("muted")).to_contain_text("ALARM MUTED")
    expect(page.locator("[data-alarm]")).to_have_attribute("data-alarm", "muted")
    page.get_by_test_id("muted").get_by_role("button").click()
    expect(page.get_by_test_id("muted")).to_be_hidden()
    expect(page.locator("[data-alarm]")).to_have_attribute("data-alarm", "FLASH")


NOTES = """() => {
    window.notes = [];
    const Real = window.Notification;
    window.Notification = class extends Real {
        constructor(title, options) { super(title, options); window.notes.push([title, options.body]); }
    };
    Object.defineProperty(document, "hidden", {configurable: true, get: () => window.isHidden ?? false});
}"""


def test_a_hidden_page_notifies_with_words_of_the_channel_alone(stage: Any, visit: Any) -> None:
    page = visit("watch")
    page.context.grant_permissions(["notifications"], origin=stage.origin)
    page.context.add_init_script(f"({NOTES})()")
    page.reload()
    expect(page.get_by_role("grid")).to_be_visible()
    assert page.evaluate("Notification.permission") == "granted"
    _late(stage, text="Secret words of a party.")
    stage.clock(61 * S)
    expect(page.locator("[data-alarm]")).to_have_attribute("data-alarm", "FLASH")
    assert page.evaluate("window.notes") == [], "who looks at the page needs none"
    page.evaluate("window.isHidden = true")
    stage.notice("coalition", 62 * S, "regime", text="More secret words.")
    stage.clock(124 * S)
    page.wait_for_function("() => window.notes.length > 0")
    said = str(page.evaluate("window.notes"))
    assert "NO ANSWER from" in said or "NOT RECEIVED by" in said
    assert "ecret words" not in said


def test_the_wall_display_is_large_and_has_no_controls(stage: Any, visit: Any) -> None:
    late = _late(stage)
    stage.clock(61 * S)
    page = visit("viewer", "/?wall")
    row = page.locator(f".row[data-of='{late}']")
    expect(row).to_contain_text("OVERDUE")
    assert row.bounding_box()["height"] >= 40
    size = row.locator(".big").evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 30
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(page.get_by_role("navigation")).to_have_count(0)
