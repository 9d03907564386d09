"""What the ledger holds: entries, notices, alerts, devices. Plain data; the rules are in ledger.py and delivery.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from channel.protocol.answering import asked
from channel.protocol.envelope import Opened
from channel.protocol.ids import Hash
from channel.protocol.statements import Addressed, Alert, Finding, Notice, Response


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf in the ledger."""

    index: int
    stamp_ms: int
    opened: Opened


@dataclass(slots=True)
class NoticeRecord:
    """A notice, line or call that has deliveries. `ended_by` is the statement that withdrew or superseded it."""

    of: Hash
    index: int
    stamp_ms: int
    author: str
    body: Addressed
    parties: tuple[str, ...]
    """Addressees, action first, in the order in which they were named."""
    ended_by: Hash | None = None
    unsealed: bool = False
    """In a client's ledger: the notice was sealed, and `body` says what its inner says (protocol.md 6.5.2)."""

    @property
    def nid(self) -> str:
        """The author's id of the notice."""
        return self.body.nid

    @property
    def response(self) -> Response:
        """What is asked for."""
        return asked(self.body)

    @property
    def kind(self) -> str:
        """`position`, `intent`, ... or `line`, `call`."""
        return self.body.kind.value if isinstance(self.body, Notice) else self.body.TYPE


@dataclass(slots=True)
class AlertRecord:
    """An alert and what became of it. `acked` is by party, `relay` for the operator."""

    body: Alert
    index: int
    raised_ms: int
    acked: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    cleared_ms: int | None = None
    subject: str = ""

    @property
    def standing(self) -> bool:
        """Whether its cause still stands, as far as the log says."""
        return self.cleared_ms is None

    @property
    def first_ack_ms(self) -> int | None:
        """The stamp of its first acknowledgement by anybody."""
        return min(self.acked.values()) if self.acked else None


@dataclass(slots=True)
class FindingRecord:
    """A finding as it was raised, and when its cause ended."""

    body: Finding
    index: int
    raised_ms: int
    cleared_ms: int | None = None

    @property
    def standing(self) -> bool:
        """Whether its cause still stands, as far as the log says."""
        return self.cleared_ms is None


@dataclass(slots=True)
class DeviceRecord:
    """A signing key's sequence: which numbers are taken, by which token, and which are missing since when."""

    taken: dict[int, Hash] = field(default_factory=dict)
    highest: int = 0
    missing: dict[int, int] = field(default_factory=dict)
    """Sequence number -> stamp at which the hole was first seen."""

    def occupy(self, seq: int, of: Hash, stamp_ms: int) -> None:
        """Take a number; numbers jumped over are holes from this stamp on, while there is room for them."""
        if seq < 1 or seq in self.taken:
            return
        self.taken[seq] = of
        self.missing.pop(seq, None)
        for skipped in range(self.highest + 1, min(seq, self.highest + 1 + HOLES_MAX - len(self.missing))):
            self.missing[skipped] = stamp_ms
        self.highest = max(self.highest, seq)


HOLES_MAX = 100  # holes remembered of a key at a time: one statement must not make the relay owe many alerts


@dataclass(slots=True)
class PartyRecord:
    """What the ledger knows of a party beside its keys."""

    acceded: bool = False
    suspended: bool = False
    on_watch_ms: int | None = None
    heard_ms: int | None = None
    notice_stamps: list[int] = field(default_factory=list)
    flash_stamps: list[int] = field(default_factory=list)
    rare_stamps: list[int] = field(default_factory=list)
    refusal_stamps: list[int] = field(default_factory=list)
    watch_alerts: int = 0
    feed: list[int] = field(default_factory=list)
    """Indexes of the leaves released to it, in order of release."""
    released: set[int] = field(default_factory=set)
