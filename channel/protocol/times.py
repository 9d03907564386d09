"""Time as data: RFC 3339 UTC with milliseconds on the wire, integer milliseconds since 1970 inside, DTG for people.

No clock is read here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from channel.protocol.errors import UsageError

_WIRE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{3})Z$")
_DURATION = re.compile(r"^\+?(\d{1,15})(ms|s|min|m|h|d)$")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DTG = re.compile(r"^(\d{2})(\d{2})(\d{2})([A-IK-Z]) ?([A-Z]{3}) ?(\d{2})$")
_OFFSET = re.compile(r"^(.*\d) ?UTC(?:([+-]\d{1,2})(?::(\d{2}))?)?$", re.IGNORECASE)  # as screens show local times
_ZONES = {letter: hours for hours, letter in enumerate("ABCDEFGHIKLM", 1)}
_ZONES |= {letter: -hours for hours, letter in enumerate("NOPQRSTUVWXY", 1)} | {"Z": 0}
"""The letter of a DTG -> hours ahead of UTC (ACP 121). J, the reader's own time, says too little."""
_ABSOLUTE = "2017-09-16T00:30Z, or 160030Z SEP 17"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DURATION_MS_MAX = 36_525 * 86_400_000  # a century: longer than anything here lasts
MOMENT_MS_MAX = (datetime(9000, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)  # and one more can be added


def to_wire(ms: int) -> str:
    """Milliseconds since 1970 -> `2017-09-16T00:30:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def from_wire(text: str) -> int:
    """The one accepted wire form -> milliseconds since 1970. ValueError on anything else."""
    match = _WIRE.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError("expected RFC 3339 UTC with milliseconds, like 2017-09-16T00:30:00.000Z")
    year, month, day, hour, minute, second, milli = (int(part) for part in match.groups())
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    if moment < _EPOCH:
        raise ValueError("expected a time after 1970")
    return (moment - _EPOCH) // timedelta(milliseconds=1) + milli


def dtg(ms: int) -> str:
    """For people only, never a key: `160030Z SEP 17` (ACP 121)."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment:%d%H%M}Z {_MONTHS[moment.month - 1]} {moment:%y}"


def duration_ms(text: str) -> int:
    """`90s`, `10min`, `2h`, `1d`, with or without a leading `+` -> milliseconds, at most a century. UsageError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"a duration looks like 90s, 10min, 2h or 1d, not {text[:40]!r}")
    span_ms = int(match[1]) * _UNIT_MS[match[2]]
    if span_ms > DURATION_MS_MAX:
        raise UsageError(f"a duration is at most {DURATION_MS_MAX // _UNIT_MS['d']}d, not {text!r}")
    return span_ms


def moment_ms(text: str, now_ms: int, *, utc_offset_min: int = 0) -> int:
    """What a person types -> milliseconds: `+10min`, or a `typed` time, which without a zone is at the local offset."""
    if text == "now":
        return now_ms
    if text.startswith("+"):
        return now_ms + duration_ms(text)
    try:
        ms, zoned = typed(text)
    except UsageError as error:
        raise UsageError(f"cannot read the time {text!r}; write +10min, {_ABSOLUTE}") from error
    return ms if zoned else ms - utc_offset_min * 60_000


def typed(text: str) -> tuple[int, bool]:
    """An absolute time as typed -> milliseconds, and whether it names its zone; if not, it is taken as UTC.

    RFC 3339, a DTG of any zone letter (`160330C SEP 17`), or a date and time with or without `UTC+3`.
    """
    try:
        if (match := _DTG.fullmatch(text.upper())) is not None:
            day, hour, minute, letter, month, year = match.groups()
            zone = timezone(timedelta(hours=_ZONES[letter]))
            moment = datetime(2000 + int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), tzinfo=zone)
        elif (match := _OFFSET.fullmatch(text)) is not None:
            hours = int(match[2] or 0)
            minutes = int(match[3] or 0) * (-1 if (match[2] or "").startswith("-") else 1)
            zone = timezone(timedelta(hours=hours, minutes=minutes))
            moment = datetime.fromisoformat(match[1])
            if moment.tzinfo is not None:
                raise ValueError("two zones")
            moment = moment.replace(tzinfo=zone)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"cannot read the time {text!r}; write {_ABSOLUTE}") from error
    zoned = moment.tzinfo is not None
    ms = ((moment if zoned else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
    if not 0 <= ms <= MOMENT_MS_MAX:
        raise UsageError(f"a time is between the years 1970 and 9000, not {text!r}")
    return ms, zoned


def short(ms: int) -> str:
    """A span for people: `45 s`, `12 min`, `3 h 05 min`."""
    seconds = abs(ms) // 1000
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
