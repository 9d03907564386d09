"""What a client tells whoever watches it. Plain data; each is a thing that happened."""

from __future__ import annotations

from dataclasses import dataclass

from channel.ledger import AlertRecord
from channel.protocol.envelope import Opened


@dataclass(frozen=True, slots=True)
class LeafSeen:
    """A verified leaf at position `n` of the own feed is stored."""

    n: int
    index: int
    stamp_ms: int
    opened: Opened


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that this client itself noticed, no `alert` of the channel. One for each code and subject."""

    code: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    alarm: Alarm
    at_ms: int


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    alarm: Alarm
    at_ms: int


@dataclass(frozen=True, slots=True)
class AlertRepeated:
    """An alert told to this party that none of its desks has acknowledged (protocol.md 9.3.6)."""

    record: AlertRecord
    at_ms: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A statement of ours has its receipt or its refusal."""

    of: str
    state: str


@dataclass(frozen=True, slots=True)
class SealedOpened:
    """A sealed notice whose body came later than its leaf can be read now."""

    of: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LinkUp:
    at_ms: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    at_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Two histories: `proof` holds both checkpoints. Nothing more is taken from the relay."""

    proof: dict[str, str]


Event = LeafSeen | AlarmRaised | AlarmCleared | AlertRepeated | Settled | SealedOpened | LinkUp | LinkDown | Stopped
