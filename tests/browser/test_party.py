"""A party's own console: what is put before a person is signed as displayed; answers and notices go out from there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from channel.console.shapes import Picture
from channel.console.shapes_before import CausedShown, OtherShown, RouteShown
from channel.protocol.statements import Answer, Forwarding, Receiving
from channel.protocol.times import to_wire
from tests.browser.stage import START_MS, Net, S, Stage, StageSource, circle
from tests.unit.console.rooms import FITS, PLAIN


@pytest.fixture
def stage(tmp_path: Path, built: None) -> Iterator[Any]:
    """Russia's own console in the place of the operator's."""
    with Stage(tmp_path, StageSource(Net(), "russia")) as stage:
        yield stage


def _acts(stage: Any, name: str) -> list[Any]:
    return [act[1:] for act in stage.source.acts if act[0] == name]


def test_a_notice_before_a_person_on_watch_is_signed_as_displayed_once(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", text="Strike at the bridge.")
    page = visit("watch")
    page.locator(f".row[data-of='{of}']").click()
    assert _acts(stage, "displayed") == []
    page.keyboard.press("Tab")
    with page.expect_response("**/displayed"):
        page.locator(f".row[data-of='{of}']").dblclick()
    expect(page.locator(".says")).to_have_text("Strike at the bridge.")
    assert _acts(stage, "displayed") == [(of,)]


def test_a_viewer_who_opens_a_notice_signs_nothing(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia")
    page = visit("viewer", f"/#/notice/{of}")
    expect(page.locator(".timeline li")).to_have_count(1)
    expect(page.get_by_role("button", name="Sign answer")).to_have_count(0)
    assert _acts(stage, "displayed") == []


def test_a_notice_that_comes_rings_until_a_person_has_it_before_them(stage: Any, visit: Any) -> None:
    page = visit("watch")
    alarm = page.locator("[data-alarm]")
    expect(page.locator(".mode.live")).to_be_visible()
    expect(alarm).to_have_attribute("data-alarm", "silent")
    of = stage.notice("coalition", 0, "russia", text="Strike at the bridge.")
    row = page.locator(f".row[data-of='{of}']")
    expect(row).to_contain_text("NEW")
    expect(alarm).to_have_attribute("data-alarm", "FLASH")
    expect(page).to_have_title("(1) River line")
    expect(page.get_by_role("log")).to_contain_text("FLASH\u2069 FROM \u2068coalition\u2069")
    stage.sign("russia", Receiving, 5 * S, of=of, stage="displayed")
    expect(alarm).to_have_attribute("data-alarm", "silent")
    expect(row).not_to_contain_text("NEW")
    expect(page).to_have_title("River line")


def test_the_page_of_a_notice_follows_what_becomes_of_it(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia")
    page = visit("watch", f"/#/notice/{of}")
    expect(page.locator(".timeline li")).to_have_count(1)
    stage.sign("russia", Receiving, 5 * S, of=of, stage="displayed")
    expect(page.locator(".timeline li")).to_have_count(2)
    expect(page.locator(".cell")).to_contain_text("DISPLAYED")
    stage.clock(61 * S)
    expect(page.get_by_label("Alerts about it")).to_contain_text("NO ANSWER")


HIDDEN = """() => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => window.isHidden ?? true});
}"""


def test_a_page_that_nobody_can_see_signs_nothing_until_it_is_seen(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia")
    page = visit("watch")
    page.context.add_init_script(f"({HIDDEN})()")
    page.reload()
    page.goto(f"{stage.origin}/#/notice/{of}")
    expect(page.locator(".timeline li")).to_have_count(1)
    assert _acts(stage, "displayed") == []
    with page.expect_response("**/displayed"):
        page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    stage.notice("sdf", 5 * S, "coalition", info=["russia"], text="Another.")
    expect(page.locator(".timeline li")).to_have_count(1)
    assert _acts(stage, "displayed") == [(of,)]


def test_an_intermediary_that_has_a_notice_before_it_signs_so(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "regime:russia")
    page = visit("watch")
    with page.expect_response("**/displayed"):
        page.locator(f".row[data-of='{of}']").dblclick()
    assert _acts(stage, "displayed") == [(of,)]


def _read_back(page: Any, time: str) -> None:
    page.get_by_role("button", name="WILCO").click()
    page.get_by_label("Place, as you read it").fill("SK42 3912555 7603827")
    page.get_by_label("Time, as you read it").fill(time)
    page.get_by_role("button", name="Sign answer").click()


def test_an_answer_is_given_with_its_read_back(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", read_back=True)
    page = visit("watch", f"/#/notice/{of}")
    _read_back(page, "160030Z SEP 17")
    expect(page.get_by_text("The read-back fits.")).to_be_visible()
    expect(page.get_by_text("Signed, and in the log")).to_be_visible()
    [(asked,)] = _acts(stage, "answer")
    assert (asked.of, asked.word, asked.corrects) == (of, "WILCO", False)
    assert (asked.read_back.place, asked.read_back.time) == ("SK42 3912555 7603827", "160030Z SEP 17")
    read = {"place": "here", "time": "160030Z SEP 17", "at": [401_500_000, 353_300_000], "when": to_wire(START_MS)}
    stage.sign("russia", Answer, 30 * S, of=of, word="WILCO", readback=read)
    page.get_by_role("button", name="Correct this answer").click()
    expect(page.get_by_role("button", name="WILCO")).to_be_visible()


OFF = FITS.model_copy(update={"fits": False, "fault": "time", "apart_s": 10_800, "slip": "zone"})


def test_a_read_back_that_does_not_fit_is_shown_first_and_corrected(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", read_back=True)
    page = visit("watch", f"/#/notice/{of}")
    page.set_viewport_size({"width": 1366, "height": 768})
    stage.source.hears = OFF
    _read_back(page, "160330Z SEP 17")
    compared = page.get_by_role("alert")
    expect(compared).to_be_in_viewport(ratio=0.99)
    expect(page.get_by_role("button", name="Correct it")).to_be_in_viewport(ratio=0.99)
    expect(compared).to_contain_text("Another time than the notice's")
    expect(compared).to_contain_text("3h\u00a000m")
    expect(compared).to_contain_text("As if local time were read as Zulu.")
    assert _acts(stage, "answer") == [], "nothing is signed before the officer says so"
    page.get_by_role("button", name="Correct it").click()
    expect(page.get_by_label("Place, as you read it")).to_be_focused()
    stage.source.hears = FITS
    page.get_by_label("Time, as you read it").fill("160030Z SEP 17")
    page.get_by_role("button", name="Sign answer").click()
    expect(page.get_by_text("Signed, and in the log")).to_be_visible()
    assert [asked.read_back.time for (asked,) in _acts(stage, "answer")] == ["160030Z SEP 17"]


def test_an_officer_may_sign_what_does_not_fit(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", read_back=True)
    page = visit("watch", f"/#/notice/{of}")
    stage.source.hears = OFF
    _read_back(page, "160330Z SEP 17")
    page.get_by_role("button", name="Sign as typed").click()
    expect(page.get_by_text("Signed, and in the log")).to_be_visible()
    assert [asked.read_back.time for (asked,) in _acts(stage, "answer")] == ["160330Z SEP 17"]


def test_a_notice_is_passed_on_over_the_channel(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "regime:russia")
    page = visit("watch", f"/#/notice/{of}")
    duty = page.locator("[data-forward=regime]")
    expect(duty).to_contain_text("nobody there knows of it")
    duty.get_by_role("button", name="Pass on over the channel").click()
    expect(duty).to_contain_text("Signed, and in the log")
    [(asked,)] = _acts(stage, "forward")
    assert (asked.of, asked.to, asked.by, asked.role) == (of, "regime", "channel", None)
    stage.sign("russia", Forwarding, 20 * S, of=of, to="regime", by="channel")
    expect(duty).to_have_count(0)


def test_a_notice_is_passed_on_by_voice_and_later_over_the_channel(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "regime:russia")
    page = visit("watch", f"/#/notice/{of}")
    duty = page.locator("[data-forward=regime]")
    duty.get_by_role("button", name="Passed on by voice").click()
    expect(duty.get_by_label("Line that was rung")).not_to_have_value("")
    duty.get_by_label("On whose watch").fill("watch officer")
    duty.get_by_label("What they read back").fill("hold fire at the bridge")
    duty.get_by_role("button", name="Sign that it was passed on").click()
    expect(duty).to_contain_text("Signed, and in the log")
    [(asked,)] = _acts(stage, "forward")
    assert (asked.by, asked.role, asked.read_back) == ("voice", "watch officer", "hold fire at the bridge")
    voice = {"role": "watch officer", "contact": "line", "at": to_wire(START_MS), "readback": "hold"}
    stage.sign("russia", Forwarding, 20 * S, of=of, to="regime", by="voice", voice=voice)
    expect(duty).to_contain_text("Passed on by voice, not confirmed.")
    expect(duty.get_by_role("button", name="Passed on by voice")).to_have_count(0)
    expect(duty.get_by_role("button", name="Pass on over the channel")).to_be_visible()


def test_a_notice_of_ours_is_taken_back(stage: Any, visit: Any) -> None:
    of = stage.notice("russia", 0, "coalition")
    page = visit("watch", f"/#/notice/{of}")
    page.get_by_role("button", name="Withdraw this notice").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Cancelled.")
    dialog.get_by_role("button", name="Sign the withdrawal").click()
    expect(dialog).to_be_hidden()
    [(asked,)] = _acts(stage, "send")
    assert (asked.withdraws, asked.text) == (of, "Cancelled.")


def _filled(page: Any, precedence: str = "ROUTINE") -> None:
    page.get_by_label("coalition", exact=True).select_option("to:")
    page.get_by_label("Precedence").select_option(precedence)
    page.get_by_label("Place", exact=True).fill("35.3359,40.1408")
    page.get_by_label("Until").fill("+1h")
    page.get_by_role("textbox", name="Text").fill("Column at rest.")


def test_a_notice_is_sent_to_whom_it_was_addressed_and_who_reads_it_is_said(stage: Any, visit: Any) -> None:
    page = visit("watch", "/#/send")
    button = page.get_by_role("button", name="Sign and send")
    expect(button).to_be_disabled()
    _filled(page)
    page.get_by_label("regime", exact=True).select_option("to:coalition")
    expect(page.get_by_text("will read this in full")).to_have_text(
        "\u2068coalition\u2069 will read this in full, and passes it on to \u2068regime\u2069."
    )
    page.get_by_label("sdf", exact=True).select_option("info")
    button.click()
    expect(page.get_by_text("Signed, and in the log")).to_be_visible()
    [(asked,)] = _acts(stage, "send")
    assert (asked.to, asked.info) == (("coalition:", "regime:coalition"), ("sdf",))
    assert (asked.kind, asked.at, asked.text) == ("position", "35.3359,40.1408", "Column at rest.")
    assert (asked.response, asked.read_back, asked.until) == ("R", False, "+1h")


BRIDGE = {"type": "Point", "coordinates": [40.1408, 35.3359]}
CAUSES = PLAIN.model_copy(
    update={
        "to": (RouteShown(party="regime", via="coalition"),),
        "findings": (
            CausedShown(
                kind="proximity", precedence="IMMEDIATE", concerns=("russia", "sdf"), measures={"distance-m": 900},
                rests_on=(OtherShown(of="A" * 43, nid="015e9625-9b0f-7000", author="sdf", kind="position"),),
                says="two positions are 900 m apart", facts=(),
            ),
        ),
        "picture": Picture(features=({"type": "Feature", "geometry": BRIDGE, "properties": {"accuracy_m": 50}},)),
        "begins_at": to_wire(START_MS),
        "ends_at": to_wire(START_MS + 3600 * S),
    }
)  # fmt: skip


def test_an_urgent_notice_is_looked_at_before_it_is_signed(stage: Any, visit: Any) -> None:
    stage.source.facts = dataclasses.replace(stage.source.facts, zone="Etc/GMT-3")
    page = visit("watch", "/#/send")
    stage.source.checks = CAUSES
    _filled(page, "FLASH")
    page.get_by_label("Unit").fill("2-3 BDE")
    page.get_by_label("Altitude").fill("0-6000ft msl")
    expect(page.get_by_label("Ask for read-back of place and time")).to_be_checked()
    page.get_by_role("button", name="Check before signing").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("TOO CLOSE")
    expect(dialog).to_contain_text("two positions are 900 m apart")
    expect(dialog).to_contain_text("will read this in full")
    for whole in ("Column at rest.", "2-3 BDE", "0-6000ft msl", "(2017-09-16 03:30 UTC+3 – 2017-09-16 04:30 UTC+3)"):
        expect(dialog).to_contain_text(whole)
    assert _acts(stage, "send") == []
    dialog.get_by_role("button", name="Back to the notice").click()
    expect(page.get_by_role("textbox", name="Text")).to_have_value("Column at rest.")
    page.get_by_role("button", name="Check before signing").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign and send all the same").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    [(asked,)] = _acts(stage, "send")
    assert (asked.precedence, asked.read_back) == ("FLASH", True)


def test_an_area_is_drawn_on_the_map_or_typed(stage: Any, visit: Any) -> None:
    page = visit("watch", "/#/send")
    _filled(page)
    page.get_by_label("Area, typed").check()
    page.get_by_label("Area: its corners, in order").fill("35.33,40.14\n35.37,40.12\n35.36,40.18")
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("Signed, and in the log")).to_be_visible()
    _filled(page)
    page.get_by_label("Area drawn on the map").check()
    expect(page.get_by_role("button", name="Sign and send")).to_be_disabled()
    canvas = page.locator(".canvas")
    expect(canvas).to_have_attribute("data-ready", "true")
    box = canvas.bounding_box()
    page.get_by_role("button", name="Draw area").click()
    page.mouse.move(box["x"] + 120, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 300, steps=4)
    page.mouse.up()
    expect(page.get_by_text("The area drawn on the map is sent.")).to_be_visible()
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("Signed, and in the log")).to_be_visible()
    typed, drawn = [asked for (asked,) in _acts(stage, "send")]
    assert (typed.polygon, typed.at) == ("35.33,40.14; 35.37,40.12; 35.36,40.18", None)
    assert (drawn.area["type"], drawn.polygon) == ("Polygon", None)


def test_the_matters_of_others_are_not_shown_as_late(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "sdf", info=["russia"], volumes=[circle(START_MS)])
    stage.clock(3_600_000)
    row = visit("watch").locator(f".row[data-of='{of}']")
    expect(row).to_contain_text("NOT SHOWN TO US")
    expect(row).not_to_contain_text("NO ANSWER")
