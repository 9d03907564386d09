"""What really differs between parties: habits of place and time, language, routes, desks and whom they tell.

Only the shape, and how a party reads and shows places and times; the values are in one module a party. Defaults are
what a command takes when nothing else is said: the charter and the command line win over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from channel.protocol import times
from channel.protocol.phrasebook import Language
from channel.protocol.places import Reading, System, format_place, parse_place
from channel.protocol.statements import Addressee, Desk, Level

TimeStyle = Literal["zulu", "local"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Defaults:
    """One party's habits. `via`: addressee -> intermediary; a party not in it is reached directly."""

    party: str
    name: str
    language: Language
    place_system: System
    utc_offset_min: int
    time_style: TimeStyle
    via: Mapping[str, str]
    notify: tuple[str, ...]  # the release rule: whom a notice goes to when its author names nobody
    desks: tuple[Desk, ...]

    def addressees(self, parties: tuple[str, ...] = ()) -> tuple[Addressee, ...]:
        """Those parties, or by the release rule, each by the party's usual route."""
        return tuple(Addressee(party=party, via=self.via.get(party)) for party in parties or self.notify)

    def read_place(self, text: str) -> Reading:
        """What this party's officer types. UsageError says what to type instead."""
        return parse_place(text, system=self.place_system)

    def show_place(self, position: tuple[int, int]) -> str:
        """A position in this party's system."""
        return format_place(position, self.place_system)

    def read_time(self, text: str, now_ms: int) -> int:
        """What this party's officer types -> milliseconds; a time without a zone is the party's own."""
        return times.moment_ms(text, now_ms, utc_offset_min=self.utc_offset_min)

    def show_time(self, ms: int) -> str:
        """A time in this party's style: `160030Z SEP 17`, or `2017-09-16 03:30 UTC+3`."""
        if self.time_style == "zulu":
            return times.dtg(ms)
        local = _EPOCH + timedelta(milliseconds=ms, minutes=self.utc_offset_min)
        hours, minutes = divmod(abs(self.utc_offset_min), 60)
        sign = "-" if self.utc_offset_min < 0 else "+"
        return f"{local:%Y-%m-%d %H:%M} UTC{sign}{hours}{f':{minutes:02d}' if minutes else ''}"


def desks(first_line: int) -> tuple[Desk, ...]:
    """The three desks of a party, with lines that are plainly for trying out; a real charter names real ones."""
    return tuple(
        Desk(desk=level.value, level=level, contact=f"trial line {first_line + place}")
        for place, level in enumerate(Level)
    )
