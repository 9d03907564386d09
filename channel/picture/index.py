"""Which of many solids are near a given one: a forest of R-trees that grows as a log-structured merge does.

What is added lies in a short list first; full lists become trees, and trees of like size are merged, so that an
addition costs little and a question goes to few trees. Answers are in the order of the keys, whatever came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from channel.picture.solid import Many, Solid, distances_m, widened

_LIST_MAX = 64  # solids without a tree: a list of this many is asked as fast as a tree
_TURN = 360.0


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


@dataclass(slots=True, eq=False)
class _Tree(Generic[K]):
    """Solids that were indexed together, as columns. `alive` says which are still in the index."""

    keys: NDArray[np.object_]
    many: Many
    spans: NDArray[np.int64]
    alive: NDArray[np.bool_]
    tree: Any

    @classmethod
    def of(cls, keys: list[K], solids: list[Solid]) -> _Tree[K]:
        boxes = np.array([solid.box for solid in solids])
        column = np.empty(len(keys), dtype=object)
        column[:] = keys  # an array of tuples, not a table
        spans = np.array([(solid.from_ms, solid.until_ms) for solid in solids])
        alive = np.ones(len(keys), dtype=bool)
        return cls(column, Many.of(solids), spans, alive, shapely.STRtree(shapely.box(*boxes.T)))

    def meeting(self, asked: NDArray[np.object_], solid: Solid) -> NDArray[np.int64]:
        """Rows of those whose boxes meet one of `asked`, and whose windows meet the solid's."""
        rows = np.unique(self.tree.query(asked)[1])
        spans = self.spans[rows]
        kept = self.alive[rows] & (spans[:, 0] < solid.until_ms) & (solid.from_ms < spans[:, 1])
        found: NDArray[np.int64] = rows[kept]
        return found


class Index(Generic[K]):
    """Solids by key, and the question which of them are near. Keys of one index are of one sortable type."""

    def __init__(self) -> None:
        self._solids: dict[K, Solid] = {}
        self._list: dict[K, None] = {}
        self._trees: list[_Tree[K]] = []
        self._row_of: dict[K, tuple[_Tree[K], int]] = {}

    def __len__(self) -> int:
        return len(self._solids)

    def __contains__(self, key: K) -> bool:
        return key in self._solids

    def __getitem__(self, key: K) -> Solid:
        return self._solids[key]

    def __iter__(self) -> Iterator[K]:
        return iter(sorted(self._solids))

    def add(self, key: K, solid: Solid) -> None:
        """Take a solid in; under a key that is there already it takes the other's place."""
        self.remove(key)
        self._solids[key] = solid
        self._list[key] = None
        if len(self._list) >= _LIST_MAX:
            self._grow()

    def remove(self, key: K) -> None:
        """Take a solid out; nothing happens if there is none."""
        if self._solids.pop(key, None) is None:
            return
        self._list.pop(key, None)
        tree, row = self._row_of.pop(key, (None, 0))
        if tree is not None:
            tree.alive[row] = False
            if 2 * int(tree.alive.sum()) < len(tree.keys):
                self._trees.remove(tree)
                self._plant(tree.keys[tree.alive].tolist())

    def near(self, solid: Solid, within_m: float) -> list[Near[K]]:
        """Those no further away than `within_m` (0: those that touch) whose time window has a moment in common."""
        west, south, east, north = widened(solid.box, within_m + 1)
        asked = shapely.box(west + _SHIFTS, south, east + _SHIFTS, north)
        found = list(self._near_in_list(asked, solid, within_m))
        for tree in self._trees:
            rows = tree.meeting(asked, solid)
            if len(rows):
                many = tree.many.at(rows)
                metres = distances_m(solid, many, within_m)
                kept = metres <= within_m
                columns = (tree.keys[rows][kept].tolist(), many.solids[kept].tolist(), metres[kept].tolist())
                found.extend(Near(*row) for row in zip(*columns, strict=True))
        return sorted(found, key=_key)

    # --- the forest ---------------------------------------------------------------------------------------------------

    def _near_in_list(self, asked: NDArray[np.object_], solid: Solid, within_m: float) -> Iterator[Near[K]]:
        keys = list(self._list)
        if not keys:
            return
        tree = _Tree.of(keys, [self._solids[key] for key in keys])
        rows = tree.meeting(asked, solid)
        if not len(rows):
            return
        metres = distances_m(solid, tree.many.at(rows), within_m)
        for row, apart_m in zip(rows.tolist(), metres.tolist(), strict=True):
            if apart_m <= within_m:
                yield Near(keys[row], self._solids[keys[row]], apart_m)

    def _grow(self) -> None:
        """The list becomes a tree, together with every tree that is not larger than what is merged so far."""
        keys = list(self._list)
        self._list.clear()
        while self._trees and len(self._trees[-1].keys) <= len(keys):
            tree = self._trees.pop()
            keys.extend(tree.keys[tree.alive].tolist())
        self._plant(keys)

    def _plant(self, keys: list[K]) -> None:
        """A tree of these, in its place by size: largest first."""
        if not keys:
            return
        tree = _Tree.of(keys, [self._solids[key] for key in keys])
        self._row_of.update((key, (tree, row)) for row, key in enumerate(keys))
        self._trees.append(tree)
        self._trees.sort(key=lambda other: -len(other.keys))


_SHIFTS = np.array([-_TURN, 0.0, _TURN])


def _key(near: Near[K]) -> Any:
    return near.key
