"""What the console's API is asked with: one model for each request's body. Answers are in `shapes`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from channel.console.shapes import Precedence, Role
from channel.protocol import limits
from channel.protocol.errors import UsageError
from channel.protocol.forms import reason_of

Unreadable = Literal[
    "bad-place",
    "bad-time",
    "bad-length",
    "bad-altitude",
    "bad-path",
    "bad-area",
    "bad-text",
    "bad-name",
    "bad-password",
]


class UnreadableError(UsageError):
    """What a person typed into one field cannot be taken; `code` says what it should be."""

    def __init__(self, code: Unreadable, detail: str, value: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.value = value
        """As it was typed; never a password."""


class Asked(BaseModel):
    """Base of every request."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Secret = Annotated[str, Field(max_length=200)]
UserName = Annotated[str, Field(max_length=32)]


def _why(text: str) -> str:
    try:
        return reason_of(text)
    except UsageError as error:
        raise ValueError(str(error)) from None


Why = Annotated[str, Field(min_length=1, max_length=limits.REASON_CHARS_MAX), AfterValidator(_why)]
"""It is signed as it is, so the protocol's own rule for text holds here (docs/protocol.md 3.7)."""
NoticeHash = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""Whole: what is signed about a notice is about no other that begins alike."""
Typed = Annotated[str, Field(max_length=40_000, description="Places as this party's officers type them.")]


class SignIn(Asked):
    """By name and password, by a one-time link's token, or by the connection's client certificate: one of them."""

    name: UserName | None = None
    password: Secret | None = None
    link: Secret | None = None
    certificate: bool = False


class PasswordSet(Asked):
    """A new password for oneself. `old` is not asked for after a sign-in by link."""

    password: Secret
    old: Secret | None = None


class Acknowledged(Asked):
    """Why this desk needs to be told no more, or who has it in hand."""

    reason: Why


Fingerprint = Annotated[
    str, Field(pattern=r"^([0-9a-f]{64})?$", description="SHA-256 of the certificate; empty: none.")
]


class UserPut(Asked):
    """A new user, or another role for one that there is."""

    role: Role
    certificate: Fingerprint | None = None
    reason: Why


class Because(Asked):
    """Why."""

    reason: Why


class GoWithout(Because):
    """Without which party the relay is to go on (docs/operations.md, section 6.3)."""

    party: Annotated[str, Field(max_length=32)]


class DisputeAsked(Asked):
    """Who is proven to have known what about an area, between two times. `party`: only what it wrote or was to get."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    area: dict[str, Any]
    """GeoJSON: a polygon, a feature, or a collection of them."""
    from_: Annotated[str, Field(alias="from", max_length=40)]
    until: Annotated[str, Field(max_length=40)]
    party: Annotated[str, Field(max_length=32)] | None = None
    html: bool = False
    """The page to print, in place of JSON."""


class ReadBackAsked(Asked):
    """Place and time as the officer typed them."""

    place: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)]
    time: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)]


class AnswerAsked(Asked):
    """The word of this party's desk on a notice."""

    of: NoticeHash
    word: Literal["ROGER", "WILCO", "UNABLE", "STANDBY"]
    reason: Annotated[str, Field(max_length=limits.REASON_CHARS_MAX)] | None = None
    until: Annotated[str, Field(max_length=40)] | None = None
    """With STANDBY, and only then: until when, like +5min."""
    read_back: ReadBackAsked | None = None
    corrects: bool = False
    """It takes the place of an earlier answer."""


class HeardAsked(ReadBackAsked):
    """How that compares with a notice: asked before the answer is signed."""

    of: NoticeHash


class ForwardingAsked(Asked):
    """This party passes a notice on to `to`. By voice: on whose watch, on which line, and what was read back."""

    of: NoticeHash
    to: Annotated[str, Field(max_length=32)]
    by: Literal["channel", "voice"] = "channel"
    role: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)] | None = None
    contact: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)] | None = None
    """Without it the charter's line of that desk."""
    read_back: Annotated[str, Field(max_length=limits.TEXT_CHARS_MAX)] | None = None


class NoticeAsked(Asked):
    """A notice to be signed by this party's desk; places and times as its officers type them."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    to: Annotated[tuple[str, ...], Field(max_length=limits.ADDRESSEES_MAX)] = ()
    """`PARTY:VIA` through an intermediary, `PARTY:` directly, `PARTY` by this party's usual route."""
    info: Annotated[tuple[str, ...], Field(max_length=limits.ADDRESSEES_MAX)] = ()
    kind: Literal["position", "intent", "site", "incident", "text"] = "text"
    precedence: Precedence = "ROUTINE"
    response: Literal["WU", "R", "NE"] | None = None
    text: Annotated[str, Field(max_length=limits.TEXT_CHARS_MAX)] = ""
    at: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)] | None = None
    radius: Annotated[str, Field(max_length=20)] | None = None
    accuracy: Annotated[str, Field(max_length=20)] | None = None
    area: dict[str, Any] | None = None
    """A GeoJSON polygon drawn on the map, in place of `at`."""
    path: Typed | None = None
    """`PLACE;PLACE;...,WIDTH`."""
    polygon: Typed | None = None
    """`PLACE;PLACE;PLACE;...`, an area."""
    altitude: Annotated[str, Field(max_length=40)] | None = None
    from_: Annotated[str, Field(alias="from", max_length=40)] = "now"
    until: Annotated[str, Field(max_length=40)] | None = None
    unit: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)] | None = None
    read_back: bool | None = None
    """None: a FLASH with a place asks for one."""
    amends: NoticeHash | None = None
    withdraws: NoticeHash | None = None
    """A notice of this party's to take back; only `text` goes with it."""
