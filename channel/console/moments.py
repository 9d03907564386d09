"""A log folded so that any moment of it is at hand: keyframes, and from them forward. No geometry, no decisions.

The same for the operator's whole log and for one party's feed, which is what that party's own client folds: "as PARTY
saw it" is a fold of that party's feed and of nothing else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from typing import Any

from channel.ledger import Ledger
from channel.ledger.records import Entry
from channel.protocol.envelope import Opened
from channel.protocol.ids import Hash
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Addressed, Charter

KEYFRAME_LEAVES = 1_000  # leaves between two: a moment costs at most so many applications, some 40 ms
KEYFRAMES_MAX = 64  # beyond it every second one goes, and the distance doubles


class Fold:
    """Leaves in the order in which they were released, their ledger now, and their ledger at any count of them.

    `party`: whose feed it is. None: the whole log, in which each leaf is released with itself.
    """

    def __init__(self, charter: Charter, of: Hash, party: str | None = None) -> None:
        self._party = party
        self.ledger = Ledger(charter, of)
        self.entries: list[Entry] = []
        self._released: list[int] = []
        self._stamps: list[int] = []
        self._late = 0
        """How many of the newest entries wait for the leaf that released them: a feed may hold earlier leaves."""
        self._every = KEYFRAME_LEAVES
        self._frames: dict[int, Ledger] = {0: Ledger(charter, of)}
        self._revealed: dict[Hash, Addressed] = {}
        self.retouched: set[Hash] = set()
        """Notices that changed without a leaf; whoever shows them empties it."""

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def index(self) -> int:
        """The newest leaf; -1 before the first."""
        return self.ledger.size - 1

    def take(self, index: int, stamp_ms: int, opened: Opened) -> None:
        """Fold one more leaf."""
        self.ledger.apply(index, stamp_ms, opened)
        self.ledger.touched.clear()  # for an index of due times, which nobody keeps here
        self.entries.append(self.ledger.entries[index])
        self._note(index, stamp_ms)
        if len(self.entries) % self._every == 0:
            self._keep()

    def _note(self, index: int, stamp_ms: int) -> None:
        """When it was released: with itself; a notice that an intermediary passed on, with the forwarding after it."""
        newest = self._released[-1] if self._released else -1
        if index < newest or self._passed_on(index):
            self._late += 1
        else:
            for position in range(len(self._released) - self._late, len(self._released)):
                self._released[position], self._stamps[position] = index, stamp_ms
            self._late = 0
        self._released.append(max(index, newest))
        self._stamps.append(max(stamp_ms, self._stamps[-1] if self._stamps else 0))

    def _passed_on(self, index: int) -> bool:
        delivery = self.ledger.deliveries.get((self.ledger.entries[index].opened.of, self._party or ""))
        return delivery is not None and delivery.via is not None and delivery.author != self._party

    def _keep(self) -> None:
        self._frames[len(self.entries)] = branch(self.ledger)
        if len(self._frames) > KEYFRAMES_MAX:
            self._every *= 2
            self._frames = {count: ledger for count, ledger in self._frames.items() if count % self._every == 0}

    def reveal(self, of: Hash, body: Addressed) -> None:
        """What a notice that was sealed to the owner of this feed says: from now on, and at every moment of it."""
        self._revealed[of] = body
        self._show(self.ledger, of)
        self.retouched.add(of)

    def _show(self, ledger: Ledger, of: Hash) -> None:
        record = ledger.notices.get(of)
        if record is not None:
            record.body, record.unsealed = self._revealed[of], True

    def upto_index(self, index: int) -> int:
        """How many entries there were after that leaf."""
        return bisect_right(self._released, index)

    def upto_time(self, at_ms: int) -> int:
        """How many entries there were at that time."""
        return bisect_right(self._stamps, at_ms)

    def moment(self, count: int) -> tuple[int, int]:
        """(leaf index, stamp) of the newest of the first `count` entries; (-1, 0) of none."""
        return (self._released[count - 1], self._stamps[count - 1]) if count else (-1, 0)

    def at(self, count: int) -> Ledger:
        """The ledger over the first `count` entries: the caller's own, or the live one, which must not be changed."""
        if count >= len(self.entries):
            return self.ledger
        frame = max(known for known in self._frames if known <= count)
        ledger = branch(self._frames[frame])
        for entry in self.entries[frame:count]:
            ledger.apply(entry.index, entry.stamp_ms, entry.opened)
        ledger.touched.clear()
        for of in self._revealed:
            self._show(ledger, of)
        return ledger


class Feeds:
    """The folds of single parties' feeds, out of the fold of the whole log."""

    def __init__(self, whole: Fold) -> None:
        self._whole = whole
        self._folds: dict[str, Fold] = {}

    def of(self, party: str) -> Fold:
        """Up to date. KeyError if there is no such party."""
        while self._extend(party, KEYFRAME_LEAVES):
            pass
        return self._folds[party]

    def warm(self, leaves: int) -> bool:
        """Get some leaves further with one that is behind, so that nobody has to wait for it; False: none is."""
        return any(self._extend(party, leaves) for party in self._whole.ledger.parties)

    def _extend(self, party: str, leaves: int) -> bool:
        ledger = self._whole.ledger
        if party not in self._folds:
            self._folds[party] = Fold(ledger.charter, ledger.charter_of, party)
        made = self._folds[party]
        feed = ledger.parties[party].feed
        for index in feed[len(made) : len(made) + leaves]:
            entry = ledger.entries[index]
            made.take(index, entry.stamp_ms, entry.opened)
        return len(made) < len(feed)


def branch(ledger: Ledger) -> Ledger:
    """A ledger that goes its own way: containers and records are copied, what cannot change is shared."""
    return _own(ledger)  # type: ignore[no-any-return]


def _own(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        plain = _plain(value.values())
        return dict(value) if plain else {key: _own(item) for key, item in value.items()}
    if kind is list:
        return list(value) if _plain(value) else [_own(item) for item in value]
    if kind is set:
        return set(value)
    names = _members(kind)
    if names is None and kind not in (Ledger, KeyRing):
        return value
    made = object.__new__(kind)
    for name in names or vars(value):
        setattr(made, name, _own(getattr(value, name)))
    return made


def _plain(values: Collection[Any]) -> bool:
    """Whether what a container holds is shared. The ledger's containers hold one kind of thing each."""
    first = next(iter(values), None)
    return type(first) not in (dict, list, set, KeyRing) and _members(type(first)) is None


def _members(kind: type) -> tuple[str, ...] | None:
    """Names of the members of a dataclass that may change; None for everything else."""
    if kind not in _MEMBERS:
        record = is_dataclass(kind) and not getattr(kind, "__dataclass_params__").frozen  # noqa: B009
        _MEMBERS[kind] = tuple(field.name for field in fields(kind)) if record else None
    return _MEMBERS[kind]


_MEMBERS: dict[type, tuple[str, ...] | None] = {}
