"""Which of many solids are near a given one: a forest of their boxes, and exact distances to what that finds.

Answers are in the order of the keys, whatever came first. Many questions at once take the steps of one, and get the
answers that each would get alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from channel.picture.forest import TAIL_MAX, Forest, Rows, longer
from channel.picture.solid import Many, Solid, apart_m, widened

_AT_ONCE = 512  # questions that are asked together: bounds the memory that they take


class Ordered(Protocol):
    """What a key can do: hash and compare."""

    def __lt__(self, other: Self, /) -> bool: ...
    def __hash__(self) -> int: ...


K = TypeVar("K", bound=Ordered)


class Near(NamedTuple, Generic[K]):
    """A solid near another one, and how far they are apart."""

    key: K
    solid: Solid
    distance_m: float


class Index(Generic[K]):
    """Solids by key, and the question which of them are near. Keys of one index are of one sortable type.

    Each solid has a row; the row of one that was taken out is not `alive`, until there are too many of these.
    """

    def __init__(self) -> None:
        self._row_of: dict[K, int] = {}
        self._forest = Forest()
        self._keys: NDArray[np.object_] = np.empty(TAIL_MAX, dtype=object)
        self._alive: NDArray[np.bool_] = np.zeros(TAIL_MAX, dtype=bool)
        self._many = Many.empty(TAIL_MAX)

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, key: K) -> bool:
        return key in self._row_of

    def __getitem__(self, key: K) -> Solid:
        found: Solid = self._many.solids[self._row_of[key]]
        return found

    def __iter__(self) -> Iterator[K]:
        return iter(sorted(self._row_of))

    def add(self, key: K, solid: Solid) -> None:
        """Take a solid in; under a key that is there already it takes the other's place."""
        self.remove(key)
        row = self._forest.add(solid.box, (solid.from_ms, solid.until_ms))
        if row == len(self._keys):
            self._keys, self._alive, self._many = longer(self._keys), longer(self._alive), self._many.longer()
        self._row_of[key] = row
        self._keys[row], self._alive[row] = key, True
        self._many.put(row, solid)

    def remove(self, key: K) -> None:
        """Take a solid out; nothing happens if there is none."""
        row = self._row_of.pop(key, None)
        if row is None:
            return
        self._alive[row] = False
        if 2 * len(self._row_of) + TAIL_MAX < len(self._forest):
            self._compact()

    def near(self, solid: Solid, within_m: float) -> list[Near[K]]:
        """Those no further away than `within_m` (0: those that touch) whose time window has a moment in common."""
        return next(self.near_each([solid], [within_m]))

    def near_each(
        self, solids: Sequence[Solid], within_m: Sequence[float], below: Sequence[K] | None = None
    ) -> Iterator[list[Near[K]]]:
        """`near` of each; with `below` of those whose keys are less than its own of these."""
        for begin in range(0, len(solids), _AT_ONCE):
            asked = slice(begin, begin + _AT_ONCE)
            yield from self._near(solids[asked], within_m[asked], None if below is None else below[asked])

    def _near(
        self, solids: Sequence[Solid], within_m: Sequence[float], below: Sequence[K] | None
    ) -> list[list[Near[K]]]:
        boxes = [widened(one.box, metres + 1) for one, metres in zip(solids, within_m, strict=True)]
        which, rows = self._forest.meeting(boxes, [(one.from_ms, one.until_ms) for one in solids])
        kept = self._alive[rows]
        if below is not None:
            kept &= self._are_below(rows, which, below)
        which, rows = which[kept], rows[kept]
        found: list[list[Near[K]]] = [[] for _ in solids]
        if not len(rows):
            return found
        limits_m = np.array(within_m, dtype=float)
        metres = apart_m(Many.of(solids), which, self._many.at(rows), limits_m)
        kept = metres <= limits_m[which]
        which, rows = which[kept], rows[kept]
        columns = (which.tolist(), self._keys[rows].tolist(), self._many.solids[rows].tolist(), metres[kept].tolist())
        for asked, key, solid, apart in zip(*columns, strict=True):
            found[asked].append(Near(key, solid, apart))
        for one in found:
            one.sort(key=_key)
        return found

    def _are_below(self, rows: Rows, which: Rows, below: Sequence[K]) -> NDArray[np.bool_]:
        limits = np.empty(len(below), dtype=object)
        limits[:] = below  # an array of keys, not a table of what they are made of
        found: NDArray[np.bool_] = (self._keys[rows] < limits[which]).astype(bool)
        return found

    def _compact(self) -> None:
        """Only the rows that are alive are kept."""
        rows = np.flatnonzero(self._alive[: len(self._forest)])
        self._forest = self._forest.rows(rows)
        self._keys, self._many = longer(self._keys[rows], TAIL_MAX), self._many.at(rows).longer(TAIL_MAX)
        self._alive = np.zeros(len(self._keys), dtype=bool)
        self._alive[: len(rows)] = True
        self._row_of = {key: row for row, key in enumerate(self._keys[: len(rows)].tolist())}


def _key(near: Near[K]) -> Any:
    return near.key
