"""Every statement: strict, frozen pydantic models of the payloads (protocol.md sections 4 to 8).

Optional members are absent, never null. Names of members are signed bytes: they never change. Meaning that needs the
log (who may answer what) is policy's; here is only what one statement says of itself.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from channel.protocol import ids, limits
from channel.protocol.forms import (
    AlertId,
    Altitude,
    Circle,
    Code,
    Count,
    DeskName,
    Hash,
    Index,
    Kid,
    Kind,
    Lat,
    Level,
    Line,
    Lon,
    Millis,
    Model,
    Name,
    NetName,
    Nid,
    Party,
    Point,
    Polygon,
    Position,
    Precedence,
    Prose,
    Reason,
    Response,
    Ring,
    Seen,
    Shape,
    Stage,
    Statement,
    Time,
    Volume,
    Word,
    Word_,
)

# --- keys and founding ----------------------------------------------------------------------------------------------


class Key(Model):
    """A public key: Ed25519 (`root`, `sig`, `wit`) or X25519 (`enc`), 32 bytes as base64url."""

    kid: Kid
    pub: Hash  # 32 bytes too
    held: Literal["person", "machine"]


class Desk(Model):
    """A role address at a level, with the voice line to ring. Roles, never people."""

    desk: DeskName
    level: Level
    contact: Name


class Member(Model):
    """A signatory: its keys to begin with and its desks."""

    party: Party
    name: Name
    language: Literal["en", "ru", "ar", "ku"]
    keys: Annotated[tuple[Key, ...], Field(min_length=3, max_length=limits.KEYS_MAX)]
    desks: Annotated[tuple[Desk, ...], Field(min_length=1, max_length=8)]


Span = Annotated[int, Field(ge=1, le=limits.WINDOW_MS_MAX)]
"""A span in milliseconds, at most 366 days: longer ones would only overflow when they fall due."""


class Deadlines(Model):
    """One row of the table of protocol.md 9.2, milliseconds from the relay's stamp."""

    receipt_ms: Span
    forward_ms: Span
    answer_ms: Span
    staff_ms: Span
    ministry_ms: Span


class DeadlineTable(Model):
    FLASH: Deadlines
    IMMEDIATE: Deadlines
    PRIORITY: Deadlines
    ROUTINE: Deadlines

    def row(self, precedence: Precedence) -> Deadlines:
        """The deadlines of one precedence."""
        row: Deadlines = getattr(self, precedence.value)
        return row


class Terms(Model):
    """Limits that the parties agree on, with the unit in the name. 0 switches a check off where the clause says so."""

    quorum: Annotated[int, Field(ge=1, le=limits.PARTIES_MAX)]
    watch_ms: Annotated[int, Field(ge=0, le=limits.WINDOW_MS_MAX)]  # nobody on duty for this long is an alert; 0: off
    hole_ms: Span  # a missing sequence number older than this is an alert to that party
    silent_ms: Span  # a party unheard for this long that owes a FLASH or IMMEDIATE is an alert
    unwitnessed_ms: Span  # a checkpoint without a quorum of cosignatures for this long is an alert
    notices_per_minute: Count  # per party, FLASH apart
    flash_per_minute: Count  # per party: the reserved lane
    refusals_per_minute: Count  # beyond it one summary refusal a minute
    proximity_m: Count
    shorten: bool  # findings shorten deadlines


class Previous(Model):
    """The head of the log that this net goes on from, and what nobody held any more."""

    net: NetName
    size: Index
    root: Hash
    missing: Annotated[tuple[Index, ...], Field(max_length=1000)]


class Charter(Model):
    """Leaf 0: the terms and every key to begin with. Signed by the relay; its trust rests on its hash alone."""

    TYPE: ClassVar[str] = "charter"

    v: Literal[1] = 1
    net: NetName
    from_: Literal["relay"] = Field("relay", alias="from")
    issued: Time
    title: Name
    trial: bool  # made by one hand on one machine, for trying out only
    relay: Member
    parties: Annotated[tuple[Member, ...], Field(min_length=2, max_length=limits.PARTIES_MAX)]
    deadlines: DeadlineTable
    terms: Terms
    previous: Previous | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [member.party for member in self.parties]
        if len(set(names)) != len(names) or ids.RELAY in names:
            raise ValueError("party names must differ, and none may be 'relay'")
        if self.relay.party != ids.RELAY:
            raise ValueError("the relay's own entry must be named 'relay'")
        for member in (self.relay, *self.parties):
            kids = [key.kid for key in member.keys]
            if len(set(kids)) != len(kids):
                raise ValueError(f"{member.party}: key ids must differ")
            if any(ids.kid_party(kid) != member.party for kid in kids):
                raise ValueError(f"{member.party}: holds a key of another party")
            if not any(desk.level is Level.OPERATIONS for desk in member.desks):
                raise ValueError(f"{member.party}: needs a desk at level operations")
        if self.terms.quorum > len(self.parties):
            raise ValueError("the quorum is larger than the number of parties")
        return self


class Accession(Statement):
    """We sign the charter with hash H. Signed by the party's root key."""

    TYPE: ClassVar[str] = "accession"
    charter: Hash


class KeyStatement(Statement):
    """A root enrols a key of its own party; valid after this leaf's position."""

    TYPE: ClassVar[str] = "key"
    key: Key
    keys: Hash  # chain of all key-affecting leaves before


class Revocation(Statement):
    """A root withdraws a key; invalid after this leaf's position. `compromised_since` marks, and changes no past."""

    TYPE: ClassVar[str] = "revocation"
    kid: Kid
    reason: Reason
    compromised_since: Index | None = None
    keys: Hash


# --- notices and what answers them ----------------------------------------------------------------------------------


class Addressee(Model):
    """An action addressee; `via` names the intermediary that has the duty to forward."""

    party: Party
    via: Party | None = None


class Element(Model):
    """A phrasebook element: a code and its values, so that each side reads it in its own language."""

    code: Code
    values: Annotated[tuple[Name, ...], Field(max_length=8)]


class Sealed(Model):
    """Hashes of the ciphertext and of the inner token of a sealed notice."""

    ct: Hash
    pt: Hash


class Addressed(Statement):
    """What gets deliveries: a notice, a line, a call."""

    nid: Nid
    precedence: Precedence
    to: Annotated[tuple[Addressee, ...], Field(max_length=limits.ADDRESSEES_MAX)]
    info: Annotated[tuple[Party, ...], Field(max_length=limits.ADDRESSEES_MAX)]


class Notice(Addressed):
    """Signed statement by a party to addressees: where it is, what it intends."""

    TYPE: ClassVar[str] = "notice"
    kind: Kind
    status: Literal["operation", "exercise", "test"]
    response: Response
    how: Literal["machine", "human", "voice", "relayed"]
    volumes: Annotated[tuple[Volume, ...], Field(max_length=limits.VOLUMES_MAX)]
    elements: Annotated[tuple[Element, ...], Field(max_length=limits.ELEMENTS_MAX)]
    text: Prose
    unit: Name | None = None  # positions of one unit supersede each other
    alleged: Party | None = None  # an incident's alleged author
    accounts_for: Annotated[tuple[Hash, ...], Field(max_length=64)] | None = None  # notices of others taken account of
    read_back: bool = False  # an answer must read place and time back
    warn: Shape | None = None  # a coarse area that the channel may use to warn others
    amends: Hash | None = None
    withdraws: Hash | None = None
    replaces: Hash | None = None
    sealed: Sealed | None = None


class Receiving(Statement):
    """The addressee's client stored it (machine), or put it before a person on watch."""

    TYPE: ClassVar[str] = "receiving"
    of: Hash
    stage: Stage


class ReadBack(Model):
    """Place and time as the answering officer typed them, and as they were understood."""

    place: Name
    time: Name
    at: Position
    when: Time


class Answer(Statement):
    """The addressee's signed word. A desk key signs it."""

    TYPE: ClassVar[str] = "answer"
    of: Hash
    word: Word
    reason: Reason | None = None
    until: Time | None = None  # STANDBY only, and always with it
    readback: ReadBack | None = None
    corrects: Hash | None = None
    pt: Hash | None = None  # of a sealed notice: what was read

    @model_validator(mode="after")
    def _until(self) -> Self:
        if (self.word is Word.STANDBY) != (self.until is not None):
            raise ValueError("STANDBY needs `until`, and no other word takes it")
        return self


class Voice(Model):
    """How a notice was passed on by voice: on whose watch, to which line, when, and what was read back."""

    role: Name
    contact: Name
    at: Time
    readback: Prose


class Forwarding(Statement):
    """The intermediary passed it on. `voice` is present when it was by voice: then a desk key signs."""

    TYPE: ClassVar[str] = "forwarding"
    of: Hash
    to: Party
    by: Literal["channel", "voice"]
    voice: Voice | None = None

    @model_validator(mode="after")
    def _voice(self) -> Self:
        if (self.by == "voice") != (self.voice is not None):
            raise ValueError("`voice` is there exactly when `by` is voice")
        return self


class Keeps(Model):
    party: Party
    side: Literal["left", "right"]


class LineStatement(Addressed):
    """A version of a de-confliction line: proposed, accepted or withdrawn. Response WU."""

    TYPE: ClassVar[str] = "line"
    line: Code
    version: Count
    action: Literal["propose", "accept", "withdraw"]
    of: Hash | None = None  # the proposal that is accepted or withdrawn
    title: Name
    parts: Annotated[tuple[Annotated[tuple[Position, ...], Field(min_length=2)], ...], Field(max_length=32)]
    keeps: Annotated[tuple[Keeps, ...], Field(max_length=limits.PARTIES_MAX)]
    excluded: Annotated[tuple[Ring, ...], Field(max_length=32)]
    precision_m: Annotated[int, Field(ge=0, le=limits.RADIUS_M_MAX)]
    from_time: Time
    until_time: Time | None = None
    beyond: Prose  # where it does not reach, in words
    text: Prose

    @model_validator(mode="after")
    def _action(self) -> Self:
        if (self.action == "propose") != (self.of is None):
            raise ValueError("`of` is there exactly when a proposal is accepted or withdrawn")
        return self


class DeskOf(Model):
    party: Party
    desk: DeskName


class Call(Addressed):
    """A phone call: time, desks, readout. Response R."""

    TYPE: ClassVar[str] = "call"
    level: Level
    began: Time
    ended: Time
    desks: Annotated[tuple[DeskOf, ...], Field(min_length=1, max_length=16)]
    readout: Prose


class Check(Statement):
    """Roll call: a person at this desk is on watch, or goes off it."""

    TYPE: ClassVar[str] = "check"
    state: Literal["on-watch", "off-watch"]


class Acknowledgement(Statement):
    """A person at this desk has taken notice of an alert. It silences repetition for that party only."""

    TYPE: ClassVar[str] = "acknowledgement"
    alert: AlertId
    reason: Annotated[Reason, Field(min_length=1)]


class Suspension(Statement):
    """A party suspends or resumes: while suspended only new notices to and from it are refused."""

    TYPE: ClassVar[str] = "suspension"
    action: Literal["suspend", "resume"]
    reason: Reason


class ClockStep(Statement):
    """The operator applies a step of the relay's clock beyond 2 s. Signed by the operator's desk key."""

    TYPE: ClassVar[str] = "clock"
    old: Time
    new: Time
    reason: Reason


# --- the relay's own ------------------------------------------------------------------------------------------------


class Refusal(Statement):
    """Final for those bytes. With code `summary`: `count` more refusals, `of` the hash of their hashes."""

    TYPE: ClassVar[str] = "refusal"
    of: Hash
    code: Code
    detail: Reason
    party: Party
    kid: Kid
    refused_seq: Index  # 0: it could not be read
    nid: Nid | None = None
    count: Count = 1


class Alert(Statement):
    """A passed deadline or other alarm: once per stage, rung and round."""

    TYPE: ClassVar[str] = "alert"
    alert: AlertId
    stage: Code
    rung: Level
    round: Count
    due: Time
    fault: Party  # whose leg it is
    told: Annotated[tuple[DeskOf, ...], Field(min_length=1, max_length=16)]
    ring: DeskOf
    precedence: Precedence
    of: Hash | None = None
    nid: Nid | None = None
    author: Party | None = None
    addressee: Party | None = None
    via: Party | None = None
    detail: Reason = ""


class Finding(Statement):
    """What the picture shows: a conflict, a crossing, a WILCO not heeded; raised, then cleared."""

    TYPE: ClassVar[str] = "finding"
    finding: AlertId
    kind: Code
    state: Literal["raised", "cleared"]
    precedence: Precedence
    response: Response
    rests_on: Annotated[tuple[Hash, ...], Field(max_length=16)]
    concerns: Annotated[tuple[Party, ...], Field(max_length=limits.PARTIES_MAX)]
    told: Annotated[tuple[DeskOf, ...], Field(min_length=1, max_length=32)]
    measures: dict[Code, int]
    area: Shape | None = None
    line: Hash | None = None
    detail: Reason


class Start(Statement):
    """A start of the relay, with how long it was down (0 at the first)."""

    TYPE: ClassVar[str] = "start"
    size: Index
    downtime_ms: Millis
    version: Name


class Receipt(Word_):
    """In the log at `index`. It depends on index, stamp and token only, so it is made again identically."""

    TYPE: ClassVar[str] = "receipt"
    index: Index
    stamp: Millis
    of: Hash
    keys: Hash


class Busy(Word_):
    """Not now, for a temporary cause: try the same bytes again after `retry_ms`."""

    TYPE: ClassVar[str] = "busy"
    of: Hash
    code: Code
    retry_ms: Millis


class Device(Model):
    """The highest sequence number that the relay knows of a key."""

    kid: Kid
    seq: Index


class Heartbeat(Word_):
    """The relay is there: its newest tree, key chain, and the receiver's own sequence numbers."""

    TYPE: ClassVar[str] = "heartbeat"
    issued: Time
    to: Party
    size: Index
    root: Hash
    keys: Hash
    devices: Annotated[tuple[Device, ...], Field(max_length=64)]


class Quarantine(Word_):
    """The relay takes nothing: it was shown a signed tree that its log of `size` leaves does not contain."""

    TYPE: ClassVar[str] = "quarantine"
    issued: Time
    to: Party
    size: Index
    since: Time
    shown: Index


LEAVES: tuple[type[Statement] | type[Charter], ...] = (
    Charter, Accession, KeyStatement, Revocation, Notice, Receiving, Answer, Forwarding, LineStatement, Call, Check,
    Acknowledgement, Suspension, ClockStep, Refusal, Alert, Finding, Start,
)  # fmt: skip
WORDS: tuple[type[Word_], ...] = (Receipt, Busy, Heartbeat, Quarantine)
RELAY_ONLY: frozenset[str] = frozenset(
    {"charter", "refusal", "alert", "finding", "start", "receipt", "busy", "heartbeat", "quarantine", "clock"}
)
DESK_ONLY: frozenset[str] = frozenset({"answer", "check", "call", "acknowledgement", "clock"})
ROOT_ONLY: frozenset[str] = frozenset({"accession", "key", "revocation"})
BY_TYPE: dict[str, type[Model]] = {model.TYPE: model for model in (*LEAVES, *WORDS)}

Body = (
    Charter | Accession | KeyStatement | Revocation | Notice | Receiving | Answer | Forwarding | LineStatement | Call
    | Check | Acknowledgement | Suspension | ClockStep | Refusal | Alert | Finding | Start | Receipt | Busy | Heartbeat
)  # fmt: skip

__all__ = [
    "BY_TYPE",
    "DESK_ONLY",
    "LEAVES",
    "RELAY_ONLY",
    "ROOT_ONLY",
    "WORDS",
    "Accession",
    "Acknowledgement",
    "Addressed",
    "Addressee",
    "Alert",
    "AlertId",
    "Altitude",
    "Answer",
    "Body",
    "Busy",
    "Call",
    "Charter",
    "Check",
    "Circle",
    "ClockStep",
    "Code",
    "Count",
    "DeadlineTable",
    "Deadlines",
    "Desk",
    "DeskName",
    "DeskOf",
    "Device",
    "Element",
    "Finding",
    "Forwarding",
    "Hash",
    "Heartbeat",
    "Index",
    "Keeps",
    "Key",
    "KeyStatement",
    "Kid",
    "Kind",
    "Lat",
    "Level",
    "Line",
    "LineStatement",
    "Lon",
    "Member",
    "Millis",
    "Model",
    "Name",
    "NetName",
    "Nid",
    "Notice",
    "Party",
    "Point",
    "Polygon",
    "Position",
    "Precedence",
    "Previous",
    "Prose",
    "ReadBack",
    "Reason",
    "Receipt",
    "Receiving",
    "Refusal",
    "Response",
    "Revocation",
    "Ring",
    "Sealed",
    "Seen",
    "Shape",
    "Stage",
    "Start",
    "Statement",
    "Suspension",
    "Terms",
    "Time",
    "Voice",
    "Volume",
    "Word",
    "Word_",
]
