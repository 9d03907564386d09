"""The entries of a scenario file: one strict model an action (docs/scenario.md S20 to S35). No file is read here."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from channel.protocol.statements import (
    Altitude,
    Code,
    DeskName,
    Element,
    Kind,
    Level,
    Name,
    Party,
    Precedence,
    Prose,
    Reason,
    Response,
    Word,
)
from channel.scenario.values import (
    AnyKind,
    AnyLevel,
    AnyPrecedence,
    AnyResponse,
    AnyWord,
    Destination,
    Duration,
    Label,
    Metres,
    Moment,
    Texts,
    several,
)

REFERENCES = ("of", "amends", "replaces", "corrects")
WHOLE = "all"  # in `invented`: no source gives anything of this entry


class Part(BaseModel):
    """Base of everything in a scenario file: strict, frozen, unknown keys refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)


class ElementPart(Part):
    """A phrasebook element as the file writes it."""

    code: Code
    values: Texts = ()

    def wire(self) -> dict[str, Any]:
        """As a notice carries it."""
        return Element(code=self.code, values=self.values).model_dump(mode="json")


class Where(Part):
    """One volume: a place with radius or accuracy, or a path with a width, or a polygon; and its time window."""

    place: str | None = None
    radius: Metres | None = None
    accuracy: Metres | None = None
    path: Texts | None = None
    width: Metres | None = None
    polygon: Texts | None = None
    altitude: Altitude | None = None
    from_: str = Field("now", alias="from")
    until: str | None = None

    @property
    def given(self) -> bool:
        """Whether any place is given at all."""
        return self.place is not None or self.path is not None or self.polygon is not None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        shapes = [name for name in ("place", "path", "polygon") if getattr(self, name) is not None]
        if len(shapes) > 1:
            raise ValueError(f"give one of place, path and polygon, not {' and '.join(shapes)}")
        if self.radius is not None and self.accuracy is not None:
            raise ValueError("a place has a radius (an area) or an accuracy (a point), not both")
        if self.place is None and (self.radius is not None or self.accuracy is not None):
            raise ValueError("radius and accuracy belong to a place")
        if (self.width is not None) != (self.path is not None):
            raise ValueError("a path has a width, and only a path has one")
        if self.given and self.until is None:
            raise ValueError("a place needs `until`: a notice says from when and until when it holds")
        if not self.given and (self.until is not None or self.from_ != "now" or self.altitude is not None):
            raise ValueError("from, until and altitude belong to a place, a path or a polygon")
        return self


class Entry(Part):
    """What all entries have: when, who, and which members no source gives."""

    CAUSES: ClassVar[bool] = False  # whether other entries may point at it with `of`

    at: Moment | None = None
    after: Label | None = None
    delay: Duration | None = None
    by: Party
    label: Label | None = None
    every: Duration | None = None
    times: Annotated[int, Field(ge=2, le=1000)] | None = None
    expect: Code | None = None
    invented: Texts = ()
    source: Texts = ()

    @model_validator(mode="after")
    def _when(self) -> Self:
        if (self.at is None) == (self.after is None):
            raise ValueError("an entry says `at`, or `after` and `delay`")
        if (self.after is None) != (self.delay is None):
            raise ValueError("`after` and `delay` go together")
        if (self.every is None) != (self.times is None):
            raise ValueError("`every` and `times` go together")
        known = {field.alias or name for name, field in type(self).model_fields.items()} | {WHOLE}
        for member in self.invented:
            if member not in known:
                raise ValueError(f"invented names {member!r}, which this entry does not have")
        return self

    @property
    def references(self) -> tuple[str, ...]:
        """The members with which this entry points at another one's statement."""
        return tuple(name for name in REFERENCES if getattr(self, name, None) is not None)


class Statement(Entry):
    """An entry that signs something at a desk: the party's first at level operations, unless one is named."""

    desk: DeskName | None = None


class Send(Statement, Where):
    """A notice."""

    CAUSES: ClassVar[bool] = True

    do: Literal["send"]
    to: Annotated[tuple[Destination, ...], BeforeValidator(several)] = ()
    info: Annotated[tuple[Party, ...], BeforeValidator(several)] = ()
    kind: AnyKind
    precedence: AnyPrecedence = Precedence.ROUTINE
    response: AnyResponse | None = None
    how: Literal["machine", "human", "voice", "relayed"] = "human"
    status: Literal["operation", "exercise", "test"] = "operation"
    volumes: Annotated[tuple[Where, ...], BeforeValidator(several)] = ()
    elements: Annotated[tuple[ElementPart, ...], BeforeValidator(several)] = ()
    text: Prose = ""
    unit: Name | None = None
    alleged: Party | None = None
    read_back: bool = False
    amends: Label | None = None
    replaces: Label | None = None

    @property
    def owed(self) -> Response:
        """WILCO or UNABLE for an intent, ROGER for the rest, unless the entry says otherwise."""
        if self.response is not None:
            return self.response
        return Response.WU if self.kind is Kind.INTENT else Response.R

    @property
    def places(self) -> tuple[Where, ...]:
        """All volumes, the entry's own first."""
        return (self, *self.volumes) if self.given else self.volumes


class Line(Statement):
    """A version of a de-confliction line: proposed; or, with `of`, accepted or withdrawn as it was proposed."""

    CAUSES: ClassVar[bool] = True

    do: Literal["line"]
    action: Literal["propose", "accept", "withdraw"] = "propose"
    of: Label | None = None
    to: Annotated[tuple[Destination, ...], BeforeValidator(several)] = ()
    info: Annotated[tuple[Party, ...], BeforeValidator(several)] = ()
    precedence: AnyPrecedence = Precedence.ROUTINE
    line: Code | None = None
    version: Annotated[int, Field(ge=1)] = 1
    title: Name | None = None
    parts: Annotated[tuple[Texts, ...], BeforeValidator(several)] = ()
    keeps: dict[Party, Literal["left", "right"]] = Field(default_factory=dict)
    excluded: Annotated[tuple[Texts, ...], BeforeValidator(several)] = ()
    precision: Metres = 0
    from_: Moment | None = Field(None, alias="from")
    until: Moment | None = None
    beyond: Prose = ""
    text: Prose = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        proposal = self.line is not None and self.title is not None and bool(self.parts) and self.from_ is not None
        if self.action == "propose" and (self.of is not None or not proposal):
            raise ValueError("a line is proposed with line, title, parts and from, and without of")
        if self.action != "propose" and (self.of is None or self.line is not None or self.parts):
            raise ValueError("a line is accepted or withdrawn with `of` alone: its terms are the proposal's")
        return self


class Call(Statement):
    """A phone call of the past hours, put on record."""

    CAUSES: ClassVar[bool] = True

    do: Literal["call"]
    to: Annotated[tuple[Destination, ...], BeforeValidator(several)]
    info: Annotated[tuple[Party, ...], BeforeValidator(several)] = ()
    precedence: AnyPrecedence = Precedence.ROUTINE
    level: AnyLevel
    began: Moment
    ended: Moment
    desks: Annotated[tuple[str, ...], BeforeValidator(several), Field(min_length=1)]
    readout: Prose

    @model_validator(mode="after")
    def _desks(self) -> Self:
        for name in self.desks:
            if not re.fullmatch(r"[a-z][a-z0-9-]*/[a-z][a-z0-9-]*", name):
                raise ValueError(f"a desk of a call is written party/desk, not {name!r}")
        if self.ended < self.began:
            raise ValueError("a call ends after it began")
        return self


class Display(Statement):
    """The notice is put before a person on watch."""

    do: Literal["display"]
    of: Label


class Answer(Statement):
    """A desk's signed word."""

    do: Literal["answer"]
    of: Label
    word: AnyWord
    reason: Reason | None = None
    until: str | None = None
    readback_place: str | None = None
    readback_time: str | None = None
    corrects: Label | None = None

    @model_validator(mode="after")
    def _until(self) -> Self:
        if (self.word is Word.STANDBY) != (self.until is not None):
            raise ValueError("STANDBY needs `until`, and no other word takes it")
        if (self.readback_place is None) != (self.readback_time is None):
            raise ValueError("readback_place and readback_time go together")
        return self


class Forward(Statement):
    """The intermediary passes a notice on, over the channel or by voice."""

    do: Literal["forward"]
    of: Label
    to: Party
    how: Literal["channel", "voice"] = "channel"
    role: Name | None = None
    contact: Name | None = None
    readback: Prose | None = None

    @model_validator(mode="after")
    def _voice(self) -> Self:
        voice = [self.role, self.contact, self.readback]
        if (self.how == "voice") != all(part is not None for part in voice):
            raise ValueError("a forwarding by voice says role, contact and readback, and no other does")
        return self


class Withdraw(Statement):
    """The author takes a notice back."""

    CAUSES: ClassVar[bool] = True

    do: Literal["withdraw"]
    of: Label
    text: Prose = ""
    response: AnyResponse = Response.R
    precedence: AnyPrecedence | None = None


class Check(Statement):
    """Roll call."""

    do: Literal["check"]
    state: Literal["on-watch", "off-watch"] = "on-watch"


class Ack(Statement):
    """A person takes notice of an alert; the alert is found by what it is about."""

    do: Literal["ack"]
    of: Label | None = None
    party: Party | None = None
    stage: Code
    rung: AnyLevel = Level.OPERATIONS
    addressee: Party | None = None
    round: Annotated[int, Field(ge=1)] = 1
    reason: Annotated[Reason, Field(min_length=1)]

    @model_validator(mode="after")
    def _about(self) -> Self:
        if (self.of is None) == (self.party is None):
            raise ValueError("an alert is found by `of` (a notice) or by `party` (an alarm about a party)")
        return self


class Suspend(Statement):
    """A party suspends its part in the agreement."""

    do: Literal["suspend"]
    reason: Reason = ""


class Resume(Statement):
    """A party takes part again."""

    do: Literal["resume"]
    reason: Reason = ""


class Offline(Entry):
    """The party's link is cut; what it does meanwhile waits in its outbox."""

    do: Literal["offline"]


class Online(Entry):
    """The link is back."""

    do: Literal["online"]


class Restart(Entry):
    """The process is killed and started again."""

    do: Literal["restart"]


AnyEntry = Annotated[
    Send
    | Line
    | Call
    | Display
    | Answer
    | Forward
    | Withdraw
    | Check
    | Ack
    | Suspend
    | Resume
    | Offline
    | Online
    | Restart,
    Field(discriminator="do"),
]
RELAY_ACTIONS = frozenset({"ack", "restart"})  # what the operator does; all else is a party's
