"""What a console shows and does it through: the port that the operator's and a party's source implement.

A source is asked by one thread at a time (the console's worker); only its actions are coroutines of the event loop.
No clock is read in this room: time and randomness come in with `Surroundings`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from channel.console.asked import AnswerAsked, DisputeAsked, ForwardingAsked, HeardAsked, NoticeAsked
from channel.console.moments import Fold
from channel.console.shapes_before import CheckedShown, HeardShown

State = Literal["up", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Real time and randomness, from the one file of the program that may ask the machine for them."""

    wall_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while a console runs. `party` None: the operator's."""

    party: str | None
    coordinates: Literal["latlon", "mgrs", "sk42"]
    zone: str
    routes: Mapping[str, str] = field(default_factory=dict)
    """Of a party: addressee -> the intermediary through whom it usually goes."""
    place_example: str = ""
    time_example: str = ""
    """How a party's officers type a place and a time: of nowhere in particular."""


@dataclass(frozen=True, slots=True)
class Link:
    """How far a party's client has got, and when it was last heard."""

    has: int
    heard_ms: int | None
    present: bool | None = None
    cosigned_size: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the installation, beside the ledger."""

    root: str = ""
    witnessed: int = 0
    cosigned: tuple[str, ...] = ()
    relay: State = "unknown"
    broker: State = "unknown"
    quarantined: bool = False
    store: str = ""
    """The kind of store that holds the log."""
    log_bytes: int = 0
    disk_free_bytes: int = 0
    links: Mapping[str, Link] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    """What a party's own client has noticed by itself, in sentences."""
    queued: int = 0
    """Statements of a party that wait for the channel."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an action: in the log at `index`, or queued (None) until the channel can be reached."""

    index: int | None
    of: str | None = None


def stored_bytes(path: Path) -> int:
    """What a database takes on the disk: its file, and what was written since and is not in the file yet."""
    size = path.stat().st_size
    with contextlib.suppress(FileNotFoundError):
        size += path.with_name(f"{path.name}-wal").stat().st_size
    return size


class Source(Protocol):
    """A log that grows, and what its owner may do about it."""

    facts: Facts
    fold: Fold
    """What was taken in so far. Changed by `poll` alone."""

    def poll(self) -> bool:
        """Take in what is new, some hundred leaves at most; True if there was anything. ChannelError: it is stale."""
        ...

    def now_ms(self) -> int:
        """The channel's clock."""
        ...

    def scenario(self) -> bool:
        """Whether that is a scenario's clock."""
        ...

    def standing(self) -> Standing:
        """Looked up, not folded: links, witnesses, disk."""
        ...

    async def acknowledge(self, alert: str, reason: str) -> Done:
        """Sign that the desk of this console has taken notice. RefusedError, TransientError."""
        ...

    async def apply_clock(self, reason: str) -> Done:
        """Take over the wall clock's time, for the operator's desk."""
        ...

    async def go_without(self, party: str) -> Done:
        """After a restore: let the relay wait no longer for that party. UsageError: it does not wait."""
        ...

    async def answer(self, asked: AnswerAsked) -> Done:
        """A party's word on a notice. Only a party's source is asked."""
        ...

    async def heard(self, asked: HeardAsked) -> HeardShown:
        """How a read-back compares; nothing is signed. UsageError for what cannot be read. Only a party's."""
        ...

    async def forward(self, asked: ForwardingAsked) -> Done:
        """A party passes a notice on. Only a party's source is asked."""
        ...

    async def check(self, asked: NoticeAsked) -> CheckedShown:
        """What a notice would be and cause; nothing is signed. Only a party's source is asked."""
        ...

    async def send(self, asked: NoticeAsked) -> Done:
        """A notice of the party's. Only a party's source is asked."""
        ...

    async def displayed(self, of: str) -> Done | None:
        """Sign that a notice was put before a person on watch; None if it was signed before. Only a party's."""
        ...

    async def bundle(self, of: str) -> bytes:
        """The evidence about a notice, as one file."""
        ...

    async def dispute(self, asked: DisputeAsked) -> bytes:
        """The report about an area and a time: JSON, or the page. Only the operator's source is asked."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


def have(source: Source, standing: Standing) -> Mapping[str, int]:
    """How many leaves of its feed each party's client has, as far as that is known here."""
    own = source.facts.party
    return {own: len(source.fold)} if own is not None else {party: link.has for party, link in standing.links.items()}
