"""Replay, notice page, area and dispute report, languages: what is not the watch itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from channel.console.people import PASSWORD_CHARS_MIN
from channel.console.source import Standing
from channel.protocol.statements import Answer
from tests.browser.stage import S

LANGUAGES = {"en": "Notices", "ru": "Извещения", "ar": "الإشعارات", "ku": "Daxuyanî"}


def _story(stage: Any) -> str:
    of: str = stage.notice("coalition", 10 * S, "russia regime:russia", info=["sdf"], text="Strike at the bridge.")
    stage.clock(80 * S)
    stage.sign("russia", Answer, 100 * S, of=of, word="WILCO")
    stage.notice("sdf", 200 * S, "coalition", text="Second notice.")
    return of


def test_a_moment_of_the_past_is_shown_and_cannot_be_taken_for_the_present(stage: Any, visit: Any) -> None:
    of = _story(stage)
    page = visit("viewer", "/#/replay?at=2017-09-16T00:31:15.000Z")
    expect(page.locator(".mode.replay")).to_have_text("REPLAY")
    expect(page.get_by_text("This is the past, not the present.")).to_be_visible()
    assert page.locator(".console").evaluate("element => getComputedStyle(element).borderTopWidth") == "6px"
    row = page.locator(f".row[data-of='{of}']")
    expect(row).to_contain_text("OVERDUE")
    expect(page.get_by_text("Second notice.")).to_have_count(0)
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.get_by_role("button", name="Next event").click()
    expect(row).to_contain_text("WILCO")
    page.get_by_label("As seen by").select_option("regime")
    expect(page.get_by_text("Strike at the bridge.")).to_have_count(0)
    page.get_by_role("button", name="Back to live").click()
    expect(page.locator(".mode.live")).to_be_visible()
    expect(page.get_by_text("Second notice.")).to_be_visible()


def test_replay_plays_on_and_stops_at_the_end(stage: Any, visit: Any) -> None:
    _story(stage)
    page = visit("viewer", "/#/replay?at=2017-09-16T00:30:00.000Z")
    page.get_by_label("Speed").select_option("3600")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_text("Second notice.").first).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_time_of_replay_that_cannot_be_read_stays_to_be_mended(stage: Any, visit: Any) -> None:
    _story(stage)
    page = visit("viewer", "/#/replay?at=2017-09-16T00:31:15.000Z")
    field = page.get_by_label("Go to time (UTC)")
    expect(field).to_have_value("2017-09-16 00:31:15")
    field.fill("yesterday")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Write a time")
    expect(field).to_have_value("yesterday")
    field.fill("160030Z SEP 17")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(field).to_have_value("2017-09-16 00:30:00")


def test_in_arabic_replay_s_buttons_point_as_its_slider_runs(stage: Any, visit: Any) -> None:
    _story(stage)
    glyph = visit("viewer", "/#/replay", "ar").locator(".bar .buttons svg").first
    assert glyph.evaluate("element => getComputedStyle(element).transform") == "matrix(-1, 0, 0, 1, 0, 0)"


def test_the_rule_for_a_password_is_said_before_one_is_typed(stage: Any, visit: Any) -> None:
    page = visit("viewer", "/#/settings")
    fresh = page.get_by_label("New password")
    expect(fresh).to_have_accessible_description("A password has 12 to 200 characters.")
    assert fresh.get_attribute("minlength") == str(PASSWORD_CHARS_MIN)


def test_a_notice_has_a_page_with_everything_signed_about_it(stage: Any, visit: Any) -> None:
    of = _story(stage)
    page = visit("viewer", f"/#/notice/{of}")
    expect(page.locator(".says")).to_have_text("Strike at the bridge.")
    expect(page.locator(".timeline li")).to_have_count(10)
    expect(page.locator(".timeline")).to_contain_text("Signature valid")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download evidence bundle").click()
    assert Path(download.value.path()).read_bytes()


def test_an_ended_notice_s_page_says_and_shows_where_it_was(stage: Any, visit: Any) -> None:
    of = _story(stage)
    stage.clock(3600 * S)
    page = visit("viewer", f"/#/notice/{of}")
    expect(page.locator("dd").first).to_contain_text("within \u20683 km\u2069 of")
    expect(page.locator(".mapbox .canvas")).to_have_attribute("data-features", "1")
    [drawn] = page.request.get(f"{stage.origin}/api/v1/notices/{of}").json()["picture"]["features"]
    assert (drawn["geometry"]["type"], drawn["properties"]["over"]) == ("Point", True)


def test_the_people_s_table_is_in_line(stage: Any, visit: Any) -> None:
    stage.token("watch")
    page = visit("admin", "/#/people")
    row = page.locator(".users tbody tr").first
    expect(row).to_be_visible()
    bottoms = row.locator("th, td").evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().bottom)")
    assert max(bottoms) - min(bottoms) < 0.5


def test_in_arabic_values_stand_on_the_side_of_their_names(stage: Any, visit: Any) -> None:
    of = _story(stage)
    page = visit("viewer", f"/#/notice/{of}", "ar")
    values = page.locator("dl dd")
    expect(values.last).to_be_visible()
    for value in values.all():
        assert value.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_in_arabic_how_long_an_alert_stands_is_at_the_end_of_its_card(stage: Any, visit: Any) -> None:
    _story(stage)
    stage.notice("sdf", 300 * S, "russia", text="Third notice.")
    stage.clock(400 * S)
    page = visit("watch", "/", "ar")
    card = page.locator("li.standing").first
    expect(card).to_be_visible()
    assert card.locator(".since").bounding_box()["x"] - card.bounding_box()["x"] < 30


def test_an_area_drawn_on_the_map_filters_and_starts_a_dispute_report(stage: Any, visit: Any) -> None:
    _story(stage)
    stage.notice(
        "sdf", 210 * S, "coalition", kind="text", precedence="ROUTINE", volumes=[], text="Nowhere in particular."
    )
    page = visit("watch")
    canvas = page.locator(".canvas")
    expect(canvas).to_have_attribute("data-ready", "true")
    box = canvas.bounding_box()
    page.get_by_role("button", name="Draw area").click()
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 80, box["y"] + box["height"] - 80, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Filter the board by this area").click()
    expect(page.get_by_text("Nowhere in particular.")).to_have_count(0)
    expect(page.get_by_text("Second notice.")).to_be_visible()
    page.get_by_role("button", name="Dispute report for this area").click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Make the report").click()
    assert "Dispute report" in Path(download.value.path()).read_text()
    [asked] = [act[1] for act in stage.source.acts if act[0] == "dispute"]
    assert asked.area["type"] == "Polygon"


def test_the_place_under_the_pointer_is_read_in_the_viewers_system(stage: Any, visit: Any) -> None:
    _story(stage)
    page = visit("viewer", "/", "en", coordinates="mgrs")
    canvas = page.locator(".canvas")
    expect(canvas).to_have_attribute("data-ready", "true")
    canvas.hover()
    expect(page.locator("output.readout")).to_contain_text("37S")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_words_and_its_direction(stage: Any, visit: Any, language: str) -> None:
    _story(stage)
    page = visit("watch", "/", language)
    expect(page.get_by_role("heading", name=LANGUAGES[language], exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    wide = page.evaluate(
        "document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight"
    )
    assert not wide


def test_choosing_a_language_is_kept(stage: Any, visit: Any) -> None:
    page = visit("viewer", "/#/settings")
    page.get_by_label("Language").select_option("ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "ar")


def test_an_admin_asks_to_go_on_after_a_restore_and_nothing_is_done_before_another_agrees(
    stage: Any, visit: Any
) -> None:
    stage.source.state = Standing(relay="up", broker="up", quarantined=True)
    stage.token("viewer")
    stage.access.people.make_link("other", "admin", stage.access.now_ms)
    page = visit("admin", "/#/people")
    part = page.locator("section.part").filter(has_text="After a restore")
    expect(part.get_by_role("button", name="Ask for it")).to_be_disabled()
    part.get_by_label("Party").select_option("russia")
    part.get_by_role("button", name="Ask for it").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("no link for days")
    page.get_by_role("dialog").get_by_role("button", name="Ask for it").click()
    expect(page.locator(".approval")).to_contain_text("Go on after the restore without")
    assert ("go-without", "russia") not in stage.source.acts, "another admin has to agree"
