"""Which leaves a bundle on one notice holds, and what a verified one says. Nothing is verified or worded here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from channel.protocol.envelope import Opened
from channel.protocol.ids import Hash
from channel.protocol.keys import KeyRing
from channel.protocol.limits import BUNDLE_BYTES_MAX, BUNDLE_ROWS_MAX
from channel.protocol.statements import (
    Accession,
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Charter,
    Finding,
    Forwarding,
    KeyStatement,
    LineStatement,
    Notice,
    Receiving,
    Revocation,
)

FOUNDING = (Charter, Accession, KeyStatement, Revocation)
"""What a verifier needs of the log beside the notice's own leaves: the charter and the key chain (protocol.md 5.6)."""


_NODE_BYTES = 46  # one digest of a proof: base64url, quotes, a comma
_ROW_BYTES = 120  # the rest of a row, and its index once more in `stated`
_BESIDE_BYTES_MAX = 1024 * 1024  # note, words and a disclosed token


class Leaf(Protocol):
    """A leaf that was opened; the ledger's entries are such."""

    @property
    def index(self) -> int: ...
    @property
    def stamp_ms(self) -> int: ...
    @property
    def opened(self) -> Opened: ...


L = TypeVar("L", bound=Leaf)


@dataclass(frozen=True, slots=True)
class CaseLeaf:
    """A leaf of a bundle, its inclusion and signature verified."""

    index: int
    stamp_ms: int
    opened: Opened


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A disclosed inner token: its hash, the key that signed it, and the sealed notice that names it."""

    of: Hash
    kid: str
    outer: CaseLeaf


@dataclass(frozen=True, slots=True)
class Case:
    """What a bundle that verifies holds. `attested`: up to this place the relay's words confirm the key chain.

    `times`: party -> second of its cosignature. `uncounted`: cosignatures beyond what is attested, of which nobody can
    say here whether their keys were still valid.
    """

    charter: Charter
    ring: KeyRing
    notice: CaseLeaf
    leaves: tuple[CaseLeaf, ...]
    size: int
    times: Mapping[str, int]
    uncounted: int
    attested: int
    receipts: tuple[int, ...]
    disclosed: tuple[Disclosed, ...]
    pinned: bool


@dataclass(slots=True)
class _About:
    of: Hash
    alerts: set[str] = field(default_factory=set)

    def holds(self, opened: Opened) -> bool:
        match opened.body:
            case Addressed() if opened.of == self.of:
                return True
            case Receiving(of=of) | Answer(of=of) | Forwarding(of=of) | LineStatement(of=of):
                return of == self.of
            case Alert(of=of, alert=alert) if of == self.of:
                self.alerts.add(alert)
                return True
            case Acknowledgement(alert=alert):
                return alert in self.alerts
            case Notice(amends=amends, withdraws=withdraws):
                return self.of in (amends, withdraws)
            case Finding(rests_on=rests_on):
                return self.of in rests_on
            case _:
                return False


def about(leaves: Iterable[L], of: Hash) -> Iterator[L]:
    """Those of the leaves, in the order of the log, that are the notice `of` or about it (evidence.md E3)."""
    case = _About(of)
    return (leaf for leaf in leaves if case.holds(leaf.opened))


def belonging(leaves: Iterable[L], of: Hash) -> list[L]:
    """All that belong in a bundle on `of`, in the order of the log: the charter, the key chain, what is about it."""
    ordered = sorted(leaves, key=lambda leaf: leaf.index)
    wanted = {leaf.index for leaf in about(ordered, of)}
    return [leaf for leaf in ordered if leaf.index in wanted or isinstance(leaf.opened.body, FOUNDING)]


def select(leaves: Iterable[L], of: Hash, size: int) -> list[L]:
    """What a bundle on `of` under a checkpoint of `size` holds: of what belongs in it as much as fits (evidence.md E3).

    Who says a thing again and again crowds out nothing but more of the same.
    """
    belong = [leaf for leaf in belonging(leaves, of) if leaf.index < size]
    turns: Counter[tuple[str, str]] = Counter()
    ranked: list[tuple[int, L]] = []
    for leaf in belong:
        kind = (leaf.opened.party, leaf.opened.type)
        ranked.append((-1 if isinstance(leaf.opened.body, FOUNDING) else turns[kind], leaf))
        turns[kind] += 1
    room, kept = BUNDLE_BYTES_MAX - _BESIDE_BYTES_MAX, set[int]()
    for _, leaf in sorted(ranked, key=lambda one: (one[0], one[1].index))[:BUNDLE_ROWS_MAX]:
        room -= len(leaf.opened.token) + _NODE_BYTES * size.bit_length() + _ROW_BYTES
        if room < 0:
            break
        kept.add(leaf.index)
    # An acknowledgement has no place there without its alert.
    return belonging((leaf for leaf in belong if leaf.index in kept), of)
