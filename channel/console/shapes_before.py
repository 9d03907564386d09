"""What a party's own console says before something is signed: how a read-back compares, what a notice would cause."""

from __future__ import annotations

from typing import Literal

from channel.console.shapes import Fact, Picture, Precedence, Shown


class HeardShown(Shown):
    """A read-back against its notice (docs/protocol.md 16.6), in the places and times of this party."""

    fits: bool
    """Whether the answer would count."""
    compared: bool
    """The notice is here, so there was something to compare with; else the rest says nothing."""
    fault: (
        Literal["place-unreadable", "time-unreadable", "misunderstood", "too-coarse", "place", "time"] | None
    )  # fmt: skip
    place: str
    time: str
    """As they were understood."""
    notice_place: str | None
    notice_time: str | None
    distance_m: int | None
    tolerance_m: int | None
    apart_s: int | None
    hint: str | None
    """A slip that would explain it, in English."""
    slip: Literal["swapped", "sign", "datum", "zone"] | None
    """The same for pages."""


class OtherShown(Shown):
    """A notice that one to be sent would conflict with."""

    of: str
    nid: str
    author: str
    kind: str


class CausedShown(Shown):
    """A finding that a notice would cause (docs/protocol.md 16.7), by what this party has been shown."""

    kind: str
    precedence: Precedence
    concerns: tuple[str, ...]
    rests_on: tuple[OtherShown, ...]
    measures: dict[str, int]
    says: str
    """Sentence of the channel, in English."""
    facts: tuple[Fact, ...]
    """What was measured, for pages."""


class RouteShown(Shown):
    """One addressee of a notice to be sent. `via` reads it in full, and passes it on."""

    party: str
    via: str | None


class CheckedShown(Shown):
    """What a notice would be, and would cause, if it were signed now."""

    to: tuple[RouteShown, ...]
    info: tuple[str, ...]
    precedence: Precedence
    response: Literal["R", "WU", "NE"]
    read_back: bool
    picture: Picture
    """Its places, as they will be on the map."""
    begins_at: str | None
    ends_at: str | None
    box: tuple[float, float, float, float] | None
    """West, south, east, north of all of them."""
    findings: tuple[CausedShown, ...]
