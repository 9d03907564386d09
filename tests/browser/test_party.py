"""A party's own console: what is put before a person is signed as displayed; answers and notices go out from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.stage import START_MS, Net, Stage, StageSource, circle


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


def test_an_answer_is_given_with_its_read_back(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "russia", read_back=True)
    page = visit("watch", f"/#/notice/{of}")
    page.get_by_role("button", name="WILCO").click()
    page.get_by_label("Place, as you read it").fill("SK42 3912555 7603827")
    page.get_by_label("Time, as you read it").fill("160030Z SEP 17")
    page.get_by_role("button", name="Sign answer").click()
    expect(page.get_by_text("The answer is signed")).to_be_visible()
    [(asked,)] = _acts(stage, "answer")
    assert (asked.of, asked.word, asked.corrects) == (of, "WILCO", False)
    assert (asked.read_back.place, asked.read_back.time) == ("SK42 3912555 7603827", "160030Z SEP 17")


def test_a_notice_is_sent_to_whom_it_was_addressed(stage: Any, visit: Any) -> None:
    page = visit("watch", "/#/send")
    button = page.get_by_role("button", name="Sign and send")
    expect(button).to_be_disabled()
    routes = page.locator(".parties select")
    routes.nth(0).select_option("to")
    routes.nth(2).select_option("to:coalition")
    routes.nth(1).select_option("info")
    page.get_by_label("Place", exact=True).fill("35.3359,40.1408")
    page.locator("textarea").fill("Column at rest.")
    button.click()
    expect(page.get_by_text("Signed and in the outbox.")).to_be_visible()
    [(asked,)] = _acts(stage, "send")
    assert (asked.to, asked.info) == (("coalition", "regime:coalition"), ("sdf",))
    assert (asked.kind, asked.at, asked.text) == ("position", "35.3359,40.1408", "Column at rest.")


def test_the_matters_of_others_are_not_shown_as_late(stage: Any, visit: Any) -> None:
    of = stage.notice("coalition", 0, "sdf", info=["russia"], volumes=[circle(START_MS)])
    stage.clock(3_600_000)
    row = visit("watch").locator(f".row[data-of='{of}']")
    expect(row).to_contain_text("NOT SHOWN TO US")
    expect(row).not_to_contain_text("NO ANSWER")
