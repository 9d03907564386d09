"""What an officer reads back: typed text -> what is signed, and how it compares with the notice, in the party's words.

The comparing itself is the relay's too (channel/protocol/readback.py, protocol.md 16.6). Nothing here ever offers the
notice's own place or time as what to type: what is copied is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from channel.ledger import Ledger
from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.readback import SAYS, TIME_MS, Comparison, compare
from channel.protocol.statements import Notice, ReadBack
from channel.protocol.times import dtg, from_wire, short, to_wire, typed
from clients.defaults import Defaults

EXAMPLE_AT = (182_500_000, 365_000_000)  # in the open sea, far from anybody's notices


@dataclass(frozen=True, slots=True)
class Heard:
    """A read-back and how it compares; `found` is None where this party holds nothing to compare it with."""

    readback: ReadBack
    found: Comparison | None

    @property
    def fits(self) -> bool:
        """Whether the answer can count."""
        return self.found is None or self.found.fits

    @property
    def document(self) -> dict[str, Any] | None:
        """For `--json`."""
        if self.found is None:
            return None
        document: dict[str, Any] = {
            "fits": self.found.fits,
            "distance_m": self.found.distance_m,
            "tolerance_m": self.found.named.tolerance_m,
            "apart_s": self.found.apart_ms // 1000,
        }
        optional = {"fault": self.found.fault, "hint": self.found.hint}
        return document | {name: value for name, value in optional.items() if value is not None}


def split(text: str) -> tuple[str, str]:
    """`PLACE,TIME`: the time is behind the last comma."""
    place, comma, time = text.rpartition(",")
    if not comma or not place.strip() or not time.strip():
        raise UsageError(f"--read-back takes PLACE,TIME, not {text!r}")
    return place.strip(), time.strip()


def example(habits: Defaults, now_ms: int) -> str:
    """What to type, in this party's own ways, of another place and a round time."""
    place = habits.show_place(EXAMPLE_AT)
    return f'--read-back "{place},{habits.show_time(now_ms - now_ms % 3_600_000)}"'


def understood(habits: Defaults, now_ms: int, place: str, time: str) -> ReadBack:
    """As typed, and as this party's ways understand it. UsageError, with an example, for what cannot be read."""
    try:
        if time == "now" or time.startswith("+"):
            raise UsageError(
                f"{time!r} counts from now, and reads nothing back: type the date and time that are written"
            )
        typed(time)  # nor does a time without its date
        when = to_wire(habits.read_time(time, now_ms))
        return ReadBack(place=place, time=time, at=habits.read_place(place).position, when=when)
    except UsageError as error:
        raise UsageError(f"{error}; a whole read-back looks like {example(habits, now_ms)}") from None


def heard(ledger: Ledger, of: ids.Hash, readback: ReadBack) -> Heard:
    """Compared with the notice, if it is here."""
    record = ledger.notices.get(of)
    body = record.body if record is not None else None
    return Heard(readback, compare(body, readback) if isinstance(body, Notice) else None)


def missing(habits: Defaults, now_ms: int) -> UsageError:
    """What is said to an officer who answers without one."""
    return UsageError(
        "the author asks for a read-back: type the place and the beginning of the window as you read them, like "
        f"{example(habits, now_ms)}"
    )


def says(habits: Defaults, heard_: Heard) -> str:
    """What was compared, in this party's own places and times."""
    found, readback = heard_.found, heard_.readback
    if found is None:
        return "the notice is not here: what you read back was not compared"
    there, when = habits.show_place(found.named.position), show(habits, found.named.from_ms)
    here, then = habits.show_place(readback.at), show(habits, from_wire(readback.when))
    match found.fault:
        case None:
            return f"read-back fits: {here}, {then}"
        case "place":
            hint = f" ({found.hint})" if found.hint else ""
            return f"you read back {here}; the notice says {there}: {_place_off(found)} apart{hint}"
        case "time":
            hint = f" ({found.hint})" if found.hint else ""
            return f"you read back {then}; the notice says {when}: {short(found.apart_ms)} apart{hint}"
        case fault:
            return f"{SAYS[fault]}: type the place to about {found.named.tolerance_m} m, and date and time"


def show(habits: Defaults, at_ms: int) -> str:
    """A time in the party's way, and in Zulu where that is another: this is where the two are taken for each other."""
    own = habits.show_time(at_ms)
    return own if own == dtg(at_ms) else f"{own} ({dtg(at_ms)})"


def _place_off(found: Comparison) -> str:
    return found.how_far if found.apart_ms <= TIME_MS else found.how_far.split(" and ")[0]
