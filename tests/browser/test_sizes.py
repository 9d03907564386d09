"""Whoever has not answered is seen whole on every screen: nothing of an overdue row is cut off, whatever its size."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from channel.protocol.statements import Answer, Forwarding, Receiving
from channel.protocol.times import to_wire
from tests.browser.stage import S
from tests.unit.ledger.nets import START_MS

WIDE, LAPTOP, SMALL, TABLET, PHONE = (1920, 1080), (1366, 768), (1280, 720), (800, 900), (320, 800)
SIZES = (WIDE, LAPTOP, SMALL, TABLET, PHONE)
HOUR = 3600 * S
VOICE = {"role": "watch officer", "contact": "+000 02 555 0031", "at": to_wire(START_MS), "readback": "hold fire"}

CUT = """row => {
    const faults = [];
    const within = (box, all, spare) => box.left >= all.left - 1 && box.right <= all.right + 1
        && box.top >= all.top - spare && box.bottom <= all.bottom + spare;
    for (const one of row.querySelectorAll(".left, .left *, .kind, .kind *, .author, .type, .tag, .cells, .cells *")) {
        if (one.closest("svg, .hidden") || !one.getClientRects().length) continue;
        const name = `${one.className.split(" svelte")[0]} (${one.textContent.trim()})`;
        const around = one.parentElement.closest(".cell, .left, .kind, .cells, .notice, .row");
        if (!within(one.getBoundingClientRect(), around.getBoundingClientRect(), 2)) faults.push(`${name} reaches out`);
        if (getComputedStyle(one).overflow === "visible") continue;
        if (one.scrollWidth > one.clientWidth + 1) faults.push(`${name} is too wide`);
        if (one.scrollHeight > one.clientHeight + 1) faults.push(`${name} is too high`);
    }
    return faults;
}"""


def _story(stage: Any) -> str:
    """Of three addressees two have answered, the last one has not even received it; others are late in other ways."""
    of: str = stage.notice("coalition", 0, "russia sdf regime", text="Hold all fire off this circle.")
    for party in ("russia", "sdf"):
        stage.sign(party, Answer, 5 * S, of=of, word="WILCO")
    through = stage.notice("coalition", 1 * S, "russia sdf regime:russia", text="Passed on, but who knows.")
    stage.sign("russia", Answer, 6 * S, of=through, word="WILCO")
    stage.sign("russia", Forwarding, 7 * S, of=through, to="regime", by="voice", voice=VOICE)
    seen = stage.notice("sdf", 2 * S, "coalition russia regime:russia", precedence="IMMEDIATE")
    stage.sign("russia", Receiving, 8 * S, of=seen, stage="displayed")
    third = stage.notice("coalition", 3 * S, "sdf russia regime:russia")
    for party in ("sdf", "russia"):
        stage.sign(party, Receiving, 9 * S, of=third, stage="displayed")
    stage.sign("russia", Forwarding, 10 * S, of=third, to="regime", by="channel")
    stage.sign("regime", Receiving, 11 * S, of=third, stage="received")
    stage.clock(70 * S)
    return of


def _cut(page: Any) -> list[str]:
    rows = page.locator(".row.late")
    expect(rows.first).to_be_visible()
    return [fault for number in range(rows.count()) for fault in rows.nth(number).evaluate(CUT)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["en", "ru", "ar", "ku"])
def test_who_has_not_answered_is_seen_whole(stage: Any, visit: Any, size: tuple[int, int], language: str) -> None:
    of = _story(stage)
    page = visit("watch", "/", language)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("document.fonts.ready")
    row = page.locator(f".row[data-of='{of}']")
    expect(row).to_be_visible()
    for later in (70 * S, 150 * S, 20 * HOUR + 37 * 60 * S):
        stage.clock(later)
        expect(page.locator(f".list[data-index='{stage.net.ledger.size - 1}']")).to_be_attached()
        late = row.locator(".cell.late")
        expect(late).to_contain_text("regime")
        row.evaluate("row => row.scrollIntoView({block: 'nearest'})")
        late.scroll_into_view_if_needed()
        expect(late).to_be_in_viewport(ratio=0.99)
        assert _cut(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_has_no_room_is_counted(stage: Any, visit: Any) -> None:
    of = _story(stage)
    page = visit("watch")
    cells, more = (page.locator(f".row[data-of='{of}'] {part}") for part in (".cell", ".more"))
    expect(cells).to_have_count(3)
    expect(more).to_have_count(0)
    page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    expect(cells).to_have_count(2)
    expect(cells.first).to_contain_text("regime")
    expect(more).to_contain_text("+1")
    assert more.locator(".ltr").evaluate("element => getComputedStyle(element).direction") == "ltr"


def test_the_slider_of_replay_keeps_its_width_on_a_narrow_screen(stage: Any, visit: Any) -> None:
    _story(stage)
    page = visit("viewer", "/#/replay")
    page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
    slider = page.get_by_role("slider")
    expect(slider).to_be_enabled()
    assert slider.bounding_box()["width"] > 600


def test_a_long_unit_does_not_hide_who_a_notice_is_from(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", kind="position", unit="U" * 64, text="Here.")
    page = visit("watch")
    page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
    author = page.locator(f".row[data-of='{of}'] .author")
    expect(author).to_have_text("coalition")
    assert author.evaluate("element => element.scrollWidth <= element.clientWidth || !element.clientWidth")
    assert author.bounding_box()["width"] > 50
    unit = page.locator(f".row[data-of='{of}'] .unit bdi")
    assert unit.evaluate("element => element.scrollWidth > element.clientWidth")


def test_in_arabic_a_text_is_left_out_at_its_own_end(stage: Any, visit: Any) -> None:
    words = "Hold all fire and aircraft off this circle: our personnel are inside, and we fly out wounded until 0130Z."
    of = stage.notice("coalition", 0, "russia", text=words, elements=[])
    page = visit("watch", "/", "ar")
    page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
    text = page.locator(f".row[data-of='{of}'] .text > div").last
    expect(text).to_contain_text("Hold all fire")
    assert text.evaluate("element => getComputedStyle(element).direction") == "ltr"


@pytest.mark.parametrize("height", [256, 800])
def test_a_page_enlarged_four_times_shows_everything_under_each_other(stage: Any, visit: Any, height: int) -> None:
    of = _story(stage)
    page = visit("watch")
    page.set_viewport_size({"width": PHONE[0], "height": height})
    for part in (
        ".clock",
        ".out",
        ".sound",
        "#board-search",
        ".sort select",
        ".drop > button",
        ".tabs button",
        ".canvas",
    ):
        for one in page.locator(part).all():
            one.scroll_into_view_if_needed()
            box = one.bounding_box()
            assert box["x"] >= 0, part
            assert box["x"] + box["width"] <= PHONE[0], part
    text = page.locator(".row .text").first.bounding_box()
    assert text["width"] > 200
    for path in ("replay", "health", "settings", f"notice/{of}"):
        page.goto(f"{stage.origin}/#/{path}")
        expect(page.locator("main").locator("h2, section").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        panels = page.locator("main .panel, main section, main h2")
        wide = panels.evaluate_all("all => all.filter(one => one.getBoundingClientRect().right > innerWidth).length")
        assert wide == 0, path


@pytest.mark.parametrize("size", [LAPTOP, SMALL], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_long_title_of_the_net_does_not_wrap_the_bar(stage: Any, visit: Any, size: tuple[int, int]) -> None:
    page = visit("admin")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    heading = page.locator("header.bar h1")
    heading.locator("bdi").evaluate("element => (element.textContent = 'A very long title of a net '.repeat(8))")
    boxes = [page.locator(f"header.bar {part}").bounding_box() for part in ("h1", ".mode >> nth=0", "nav", ".clock")]
    middles = [box["y"] + box["height"] / 2 for box in boxes]
    assert max(middles) - min(middles) < 20
    assert heading.get_attribute("title") == "River line"
    assert boxes[-1]["x"] + boxes[-1]["width"] <= size[0]


def test_a_wall_display_shows_several_rows_on_a_small_screen_and_no_empty_column(stage: Any, visit: Any) -> None:
    _story(stage)
    page = visit("watch", "/?wall")
    page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    rows = page.locator(".row.late")
    expect(rows).to_have_count(4)
    for number in range(4):
        expect(rows.nth(number)).to_be_in_viewport(ratio=0.99)
        assert rows.nth(number).bounding_box()["height"] >= 40
    page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
    for panel in page.locator(".watch > div").all():
        assert panel.bounding_box()["width"] > TABLET[0] - 40


def test_in_arabic_a_duration_does_not_run_into_the_word_under_it(stage: Any, visit: Any) -> None:
    _story(stage)
    big = visit("watch", "/", "ar").locator(".row.late .big").first
    style = "element => [getComputedStyle(element).lineHeight, getComputedStyle(element).fontSize].map(parseFloat)"
    line, font = big.evaluate(style)
    assert line >= 1.35 * font


PLACEHOLDER = """field => {
    const pen = document.createElement("canvas").getContext("2d");
    const style = getComputedStyle(field);
    pen.font = style.font;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return room - pen.measureText(field.placeholder).width;
}"""


@pytest.mark.parametrize("size", [WIDE, LAPTOP], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["en", "ru", "ar", "ku"])
def test_the_hint_of_the_search_is_seen_whole(stage: Any, visit: Any, size: tuple[int, int], language: str) -> None:
    page = visit("watch", "/", language)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("document.fonts.ready")
    assert page.locator("#board-search").evaluate(PLACEHOLDER) >= 0
