"""By the keyboard alone: where the focus goes, which keys do what, and that they can be turned off (WCAG 2.2)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.stage import S


def _late(stage: Any) -> str:
    of: str = stage.notice("coalition", 0, "russia", text="Strike at the bridge.")
    stage.clock(61 * S)
    return of


def test_the_focus_goes_to_the_notice_and_back_to_its_row(stage: Any, visit: Any) -> None:
    for number in range(40):
        stage.notice("sdf", number, "coalition", kind="text", precedence="ROUTINE", volumes=[], text=f"Plan {number}.")
    page = visit("watch")
    expect(page.locator(".row").first).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".row[aria-selected=true]")).to_contain_text("Plan 39.")
    page.keyboard.press("Enter")
    expect(page.locator(".page.notice h2").first).to_be_focused()
    page.go_back()
    expect(page.get_by_role("grid")).to_be_focused()
    chosen = page.locator(".row[aria-selected=true]")
    expect(chosen).to_contain_text("Plan 39.")
    expect(chosen).to_be_in_viewport()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".row[aria-selected=true]")).to_contain_text("Plan 38.")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("grid")).to_be_focused()


def test_a_key_is_not_typed_into_what_it_opens(stage: Any, visit: Any) -> None:
    of = _late(stage)
    page = visit("watch")
    page.locator(f".row[data-of='{of}']").click()
    page.keyboard.press("a")
    reason = page.get_by_role("dialog").get_by_role("textbox")
    expect(reason).to_be_visible()
    expect(reason).to_have_value("")


def test_a_viewer_acknowledges_nothing_by_a_key_either(stage: Any, visit: Any) -> None:
    of = _late(stage)
    page = visit("viewer")
    page.locator(f".row[data-of='{of}']").click()
    page.keyboard.press("a")
    expect(page.locator(f".row[data-of='{of}'][aria-selected=true]")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_acknowledgement_says_of_what(stage: Any, visit: Any) -> None:
    of = _late(stage)
    stage.clock(181 * S)
    page = visit("watch")
    page.locator(f".row[data-of='{of}']").click()
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    for what in ("FLASH", "coalition → russia", "NOT RECEIVED", "NO ANSWER", "Staff", "raised", "160031Z SEP 17"):
        expect(dialog).to_contain_text(what)


def test_the_frames_of_focus_and_choice_lie_over_the_rows(stage: Any, visit: Any) -> None:
    of = _late(stage)
    page = visit("watch")
    page.locator(f".row[data-of='{of}']").click()
    page.keyboard.press("ArrowDown")
    over = "(element, name) => getComputedStyle(element, '::after')[name]"
    assert "3px inset" in page.locator(f".row[data-of='{of}']").evaluate(over, "boxShadow")
    assert page.locator(".frame").evaluate(over, "outlineStyle") == "solid"


def test_no_single_stray_key_mutes_the_alarm(stage: Any, visit: Any) -> None:
    _late(stage)
    page = visit("watch")
    alarm = page.locator("[data-alarm]")
    expect(alarm).to_have_attribute("data-alarm", "FLASH")
    page.keyboard.press("m")
    expect(alarm).to_have_attribute("data-alarm", "FLASH")
    page.keyboard.press("Shift+M")
    expect(alarm).to_have_attribute("data-alarm", "muted")


def test_single_keys_can_be_turned_off(stage: Any, visit: Any) -> None:
    of = _late(stage)
    page = visit("watch", "/#/settings")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("heading", name="Settings").click()
    page.keyboard.press("1")
    expect(page.get_by_label("Single-key shortcuts")).to_be_visible()
    page.get_by_role("link", name="Watch").click()
    page.locator(f".row[data-of='{of}']").click()
    for key in ("a", "?", "Shift+M", "3"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("[data-alarm]")).to_have_attribute("data-alarm", "FLASH")
    page.get_by_role("grid").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".says")).to_contain_text("Strike at the bridge.")


def test_escape_closes_the_filter_wherever_the_focus_is(stage: Any, visit: Any) -> None:
    _late(stage)
    page = visit("watch")
    button = page.get_by_role("button", name="Filter", exact=True)
    button.click()
    expect(page.get_by_role("group", name="State")).to_contain_text("Overdue")
    page.get_by_role("button", name="FLASH").click()
    # It is of no use after that, and loses the focus.
    page.get_by_role("button", name="Clear filter").click()
    expect(page.locator("#board-filters")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#board-filters")).to_have_count(0)
    expect(button).to_be_focused()


def test_a_time_is_filtered_by_the_keyboard_and_what_is_urgent_stays(stage: Any, visit: Any) -> None:
    stage.notice("coalition", 0, "russia", text="FLASH, owed.")
    stage.notice("sdf", 0, "coalition", kind="text", precedence="ROUTINE", volumes=[], text="Early words.")
    page = visit("watch")
    expect(page.locator(".row")).to_have_count(2)
    page.get_by_role("button", name="Filter", exact=True).press("Enter")
    page.get_by_label("From", exact=True).fill("yesterday")
    page.get_by_label("From", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Write a time")
    page.get_by_label("From", exact=True).fill("170000Z SEP 17")
    page.get_by_label("From", exact=True).press("Tab")
    expect(page.get_by_text("Early words.")).to_have_count(0)
    expect(page.locator(".row")).to_contain_text("outside the filter")
    expect(page.locator(".row")).to_contain_text("FLASH, owed.")


@pytest.mark.parametrize("path", ["/#/notice/%", "/#/notice/nothing", "/#/notice/%F0%9F"])
def test_an_address_of_no_notice_says_so(stage: Any, visit: Any, path: str) -> None:
    page = visit("viewer", path)
    expect(page.get_by_role("alert")).to_contain_text("There is no such notice here.")
    page.faults.clear()  # the browser reports the 404 itself
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("grid")).to_be_visible()


@pytest.mark.parametrize("path", ["/#/send", "/#/people"])
def test_an_address_opens_no_page_that_is_not_for_this_person(stage: Any, visit: Any, path: str) -> None:
    page = visit("watch", path)
    expect(page.get_by_role("grid")).to_be_visible()
    expect(page).to_have_url(f"{stage.origin}/#/watch")


def test_after_an_attempt_that_failed_the_dialog_keeps_the_focus_and_escape_leaves_it(stage: Any, visit: Any) -> None:
    of = _late(stage)
    page = visit("watch")
    page.locator(f".row[data-of='{of}']").click()
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("Ringing them.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.route("**/acknowledge", lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_be_visible()
    page.faults.clear()  # the browser reports the request itself
    expect(dialog.get_by_role("button", name="Acknowledge")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()


def test_no_key_acts_behind_a_dialog(stage: Any, visit: Any) -> None:
    _late(stage)
    page = visit("watch")
    expect(page.locator(".row")).to_have_count(1)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    dialog.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("3")
    page.keyboard.press("Shift+M")
    expect(page.locator("[data-alarm]")).to_have_attribute("data-alarm", "FLASH")
    expect(page).to_have_url(f"{stage.origin}/")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("by_row", [True, False])
def test_after_an_acknowledgement_the_focus_goes_back(stage: Any, visit: Any, by_row: bool) -> None:
    of = _late(stage)
    page = visit("watch")
    page.locator(f".row[data-of='{of}']").click()
    if by_row:
        page.keyboard.press("a")
    else:
        page.locator(".alerts .ack").press("Enter")
    page.get_by_role("dialog").get_by_role("textbox").fill("Ringing them.")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").press("Enter")
    expect(page.locator(".alerts .card")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("grid") if by_row else page.locator("#alerts-list")).to_be_focused()
