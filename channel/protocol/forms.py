"""The forms that all wire models are made of: field types, base models, shapes (protocol.md section 2).

Strict, frozen, no unknown members. Names of members are signed bytes: they never change.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from channel.protocol import ids, limits
from channel.protocol.errors import UsageError
from channel.protocol.times import from_wire

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _plain(text: str) -> str:
    """Names and codes: no control characters, no bidi controls (protocol.md 3.7)."""
    if any(char in _BIDI or unicodedata.category(char) == "Cc" for char in text):
        raise ValueError("control or bidi characters are not allowed here")
    return text


def _prose(text: str) -> str:
    """Free text: line breaks and tabs are allowed, other control characters are not; bidi controls are shown inert."""
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in text):
        raise ValueError("control characters are not allowed in text")
    return text


def reason_of(text: str) -> str:
    """A reason that a person types: something to read, as prose, without the blanks around it. UsageError."""
    said = text.strip()
    if not any(unicodedata.category(char)[0] in "LNPS" for char in said):
        raise UsageError("say why, in words: it goes into the log")
    if len(said) > limits.REASON_CHARS_MAX:
        raise UsageError(f"a reason has at most {limits.REASON_CHARS_MAX} characters, not {len(said)}")
    try:
        return _prose(said)
    except ValueError as error:
        raise UsageError(f"a reason is plain text: {error}") from None


def _hash(text: str) -> str:
    if not ids.is_hash(text):
        raise ValueError("expected a SHA-256 as base64url, 43 characters")
    return text


def _time(text: str) -> str:
    from_wire(text)
    return text


Name = Annotated[str, Field(min_length=1, max_length=limits.NAME_CHARS_MAX), AfterValidator(_plain)]
Reason = Annotated[str, Field(max_length=limits.REASON_CHARS_MAX), AfterValidator(_prose)]
Prose = Annotated[str, Field(max_length=limits.TEXT_CHARS_MAX), AfterValidator(_prose)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
NetName = Annotated[str, Field(pattern=ids.NET.pattern)]
Party = Annotated[str, Field(pattern=ids.PARTY.pattern)]
DeskName = Annotated[str, Field(pattern=ids.DESK.pattern)]
Kid = Annotated[
    str, Field(pattern=ids.KID.pattern.replace("?P<party>", "").replace("?P<purpose>", "").replace("?P<label>", ""))
]
Nid = Annotated[str, Field(pattern=ids.UUID7.pattern)]
Hash = Annotated[str, AfterValidator(_hash)]
Time = Annotated[str, AfterValidator(_time)]
Index = Annotated[int, Field(ge=0, le=limits.SEQ_MAX)]
Count = Annotated[int, Field(ge=1, le=limits.SEQ_MAX)]
Millis = Annotated[int, Field(ge=0, le=limits.SEQ_MAX)]
AlertId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Lon = Annotated[int, Field(ge=-1_800_000_000, le=1_800_000_000)]
Lat = Annotated[int, Field(ge=-900_000_000, le=900_000_000)]
Position = tuple[Lon, Lat]
"""`[lon_e7, lat_e7]`: degrees x 1e7, WGS 84."""


class Precedence(StrEnum):
    """Speed of service, not importance (RFC 6477, ACP 127)."""

    ROUTINE = "ROUTINE"
    PRIORITY = "PRIORITY"
    IMMEDIATE = "IMMEDIATE"
    FLASH = "FLASH"

    @property
    def rank(self) -> int:
        """0 for ROUTINE to 3 for FLASH."""
        return tuple(Precedence).index(self)


class Kind(StrEnum):
    POSITION = "position"
    INTENT = "intent"
    SITE = "site"
    INCIDENT = "incident"
    TEXT = "text"


class Response(StrEnum):
    """What the author asks for: WILCO or UNABLE, ROGER, or nothing (CPDLC response attributes)."""

    WU = "WU"
    R = "R"
    NE = "NE"


class Word(StrEnum):
    ROGER = "ROGER"
    WILCO = "WILCO"
    UNABLE = "UNABLE"
    STANDBY = "STANDBY"


class Stage(StrEnum):
    """Custody stages that an addressee signs for."""

    RECEIVED = "received"
    DISPLAYED = "displayed"


class Level(StrEnum):
    """Levels of contact, in the order in which they are told."""

    OPERATIONS = "operations"
    STAFF = "staff"
    MINISTRY = "ministry"


class Model(BaseModel):
    """Base of everything on the wire: strict, frozen, no unknown members."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)


class Seen(Model):
    """The newest checkpoint that the signer had verified: gossip, and a lower bound in time."""

    size: Index
    root: Hash


class Word_(Model):
    """A relay word: signed, never a leaf."""

    TYPE: ClassVar[str]

    v: Literal[1] = 1
    net: NetName
    from_: Literal["relay"] = Field("relay", alias="from")


class Statement(Model):
    """Members common to all statements that are leaves, save the charter."""

    TYPE: ClassVar[str]

    v: Literal[1] = 1
    net: NetName
    from_: Party = Field(alias="from")
    desk: DeskName
    issued: Time
    seen: Seen
    seq: Count
    prev: Hash


# --- geometry -------------------------------------------------------------------------------------------------------


class Point(Model):
    """A place with its accuracy in metres (radius of the 95 percent circle)."""

    type: Literal["point"] = "point"
    at: Position
    accuracy_m: Annotated[int, Field(ge=0, le=limits.RADIUS_M_MAX)]


class Circle(Model):
    type: Literal["circle"] = "circle"
    center: Position
    radius_m: Annotated[int, Field(ge=1, le=limits.RADIUS_M_MAX)]


class Line(Model):
    """A path with its full width in metres."""

    type: Literal["line"] = "line"
    path: Annotated[tuple[Position, ...], Field(min_length=2, max_length=limits.VERTICES_MAX)]
    width_m: Annotated[int, Field(ge=0, le=limits.RADIUS_M_MAX)]


Ring = Annotated[tuple[Position, ...], Field(min_length=3, max_length=limits.VERTICES_MAX)]


class Polygon(Model):
    """Outer ring first, then holes; the closing vertex is not repeated."""

    type: Literal["polygon"] = "polygon"
    rings: Annotated[tuple[Ring, ...], Field(min_length=1, max_length=64)]


Shape = Annotated[Point | Circle | Line | Polygon, Field(discriminator="type")]


class Altitude(Model):
    """A band in metres above mean sea level (`msl`) or ground (`agl`)."""

    floor_m: Annotated[int, Field(ge=limits.ALTITUDE_M_MIN, le=limits.ALTITUDE_M_MAX)]
    ceiling_m: Annotated[int, Field(ge=limits.ALTITUDE_M_MIN, le=limits.ALTITUDE_M_MAX)]
    reference: Literal["msl", "agl"]


class Volume(Model):
    """A 4D volume: shape, altitude band (absent: all altitudes) and time window."""

    shape: Shape
    altitude: Altitude | None = None
    from_: Time = Field(alias="from")
    until: Time
