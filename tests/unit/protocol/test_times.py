"""Times as people type them: every form that a screen shows is read again, and a zone is never guessed twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel.protocol.errors import UsageError
from channel.protocol.times import dtg, moment_ms, to_wire, typed

HALF_PAST_ZERO = 1_505_521_800_000  # 2017-09-16T00:30Z


@pytest.mark.parametrize(
    "text",
    [
        "160030Z SEP 17",
        "160030zsep17",
        "160330C SEP 17",
        "152130P SEP 17",
        "2017-09-16T00:30Z",
        "2017-09-16T03:30+03:00",
        "2017-09-16 03:30 UTC+3",
        "2017-09-16 03:30 utc+03:00",
        "2017-09-16 05:00 UTC+4:30",
        "2017-09-15 20:00 UTC-4:30",
        "2017-09-16 00:30 UTC",
    ],
)
def test_a_time_with_its_zone_is_the_same_everywhere(text: str) -> None:
    assert typed(text) == (HALF_PAST_ZERO, True)
    assert moment_ms(text, 0, utc_offset_min=180) == HALF_PAST_ZERO


def test_a_time_without_a_zone_is_the_partys_own() -> None:
    assert typed("2017-09-16 03:30") == (HALF_PAST_ZERO + 3 * 3_600_000, False)
    assert moment_ms("2017-09-16 03:30", 0, utc_offset_min=180) == HALF_PAST_ZERO
    assert moment_ms("2017-09-16 03:30", 0) == HALF_PAST_ZERO + 3 * 3_600_000


@pytest.mark.parametrize(
    "text",
    ["0040Z", "160030J SEP 17", "320030Z SEP 17", "2017-09-16 03:30Z UTC+3", "2017-09-16T03:30+03:00 UTC+3",
     "2017-09-16 03:30 UTC+30", "", "+10min", "now", "1e400", "9999-99-99"],
)  # fmt: skip
def test_what_is_no_absolute_time_is_refused_with_what_to_type(text: str) -> None:
    with pytest.raises(UsageError, match="160030Z SEP 17"):
        typed(text)


@pytest.mark.parametrize(
    "text", ["+999999999999999999999h", "+999999999999d", "+36526d", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"]
)
def test_a_time_that_no_statement_could_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        moment_ms(text, 0)


@given(st.from_regex(r"\+[0-9]{1,25}(ms|s|min|m|h|d)", fullmatch=True))
def test_any_duration_that_is_read_can_be_said(text: str) -> None:
    try:
        to_wire(moment_ms(text, HALF_PAST_ZERO))
    except UsageError:
        pass


@given(st.text(max_size=80))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    try:
        typed(text)
    except UsageError:
        pass


@given(st.integers(min_value=946_684_800_000 // 60_000, max_value=4_000_000_000_000 // 60_000))
def test_a_dtg_is_read_as_it_is_shown(minute: int) -> None:
    assert typed(dtg(minute * 60_000)) == (minute * 60_000, True)
