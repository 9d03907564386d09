"""A log folded so that any moment of it is at hand: keyframes, and from them forward. No geometry, no decisions.

The same for the operator's whole log and for one party's feed, which is what that party's own client folds: "as PARTY
saw it" is a fold of that party's feed and of nothing else.
"""

from __future__ import annotations

from bisect import bisect_right
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
    """Leaves in the order in which they were released, their ledger now, and their ledger at any count of them."""

    def __init__(self, charter: Charter, of: Hash) -> None:
        self._charter, self._of = charter, of
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
        """When it was released: with itself, or if it is older than one before it, with the next newer leaf."""
        newest = self._released[-1] if self._released else -1
        if index < newest:
            self._late += 1
        else:
            for position in range(len(self._released) - self._late, len(self._released)):
                self._released[position], self._stamps[position] = index, stamp_ms
            self._late = 0
        self._released.append(max(index, newest))
        self._stamps.append(max(stamp_ms, self._stamps[-1] if self._stamps else 0))

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

    def of_party(self, party: str, before: Fold | None = None) -> Fold:
        """The fold of that party's feed up to now; `before` is an earlier answer, which is gone on with."""
        made = before or Fold(self._charter, self._of)
        for index in self.ledger.parties[party].feed[len(made) :]:
            entry = self.ledger.entries[index]
            made.take(index, entry.stamp_ms, entry.opened)
        return made


def branch(ledger: Ledger) -> Ledger:
    """A ledger that goes its own way: containers and records are copied, what cannot change is shared."""
    return _own(ledger)  # type: ignore[no-any-return]


def _own(value: Any) -> Any:
    if isinstance(value, dict):
        if any(_changes(item) for item in value.values()):
            return {key: _own(item) for key, item in value.items()}
        return dict(value)
    if isinstance(value, list):
        return [_own(item) for item in value]
    if isinstance(value, set):
        return set(value)
    if isinstance(value, Ledger | KeyRing):
        made = object.__new__(type(value))
        for name, item in vars(value).items():
            setattr(made, name, _own(item))
        return made
    if _is_record(value):
        made = object.__new__(type(value))
        for field in fields(value):
            setattr(made, field.name, _own(getattr(value, field.name)))
        return made
    return value


def _changes(value: Any) -> bool:
    return isinstance(value, dict | list | set) or _is_record(value)


def _is_record(value: Any) -> bool:
    """A dataclass whose members may change."""
    kind = type(value)
    if kind not in _RECORDS:
        _RECORDS[kind] = is_dataclass(kind) and not getattr(kind, "__dataclass_params__").frozen  # noqa: B009
    return _RECORDS[kind]


_RECORDS: dict[type, bool] = {}
