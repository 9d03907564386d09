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

from channel.picture.solid import Solid, distances_m, widened

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
    """Solids that were indexed together. `gone` counts those that were removed since."""

    keys: list[K]
    boxes: NDArray[np.float64]
    spans: NDArray[np.int64]
    tree: Any
    gone: int = 0


class Index(Generic[K]):
    """Solids by key, and the question which of them are near. Keys of one index are of one sortable type."""

    def __init__(self) -> None:
        self._solids: dict[K, Solid] = {}
        self._list: dict[K, None] = {}
        self._trees: list[_Tree[K]] = []
        self._tree_of: dict[K, _Tree[K]] = {}

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
        tree = self._tree_of.pop(key, None)
        if tree is not None:
            tree.gone += 1
            if tree.gone * 2 > len(tree.keys):
                self._trees.remove(tree)
                self._plant(self._alive(tree))

    def near(self, solid: Solid, within_m: float) -> list[Near[K]]:
        """Those no further away than `within_m` (0: those that touch) whose time window has a moment in common."""
        keys = sorted(self._candidates(solid, within_m))
        others = [self._solids[key] for key in keys]
        found = zip(keys, others, distances_m(solid, others, within_m), strict=True)
        return [Near(key, other, metres) for key, other, metres in found if metres <= within_m]

    # --- the forest ---------------------------------------------------------------------------------------------------

    def _candidates(self, solid: Solid, within_m: float) -> Iterator[K]:
        """Keys of those whose boxes come that near, and whose windows meet."""
        box = widened(solid.box, within_m + 1)
        for key in self._list:
            other = self._solids[key]
            meet = other.from_ms < solid.until_ms and solid.from_ms < other.until_ms
            if meet and any(_meet(box, other.box, shift) for shift in (-_TURN, 0.0, _TURN)):
                yield key
        for tree in self._trees:
            yield from self._found(tree, box, solid)

    def _found(self, tree: _Tree[K], box: tuple[float, float, float, float], solid: Solid) -> Iterator[K]:
        west, south, east, north = box
        asked = shapely.box(west + _SHIFTS, south, east + _SHIFTS, north)
        positions = np.unique(tree.tree.query(asked)[1])
        spans = tree.spans[positions]
        positions = positions[(spans[:, 0] < solid.until_ms) & (solid.from_ms < spans[:, 1])]
        for position in positions.tolist():
            key = tree.keys[position]
            if self._tree_of.get(key) is tree:
                yield key

    def _alive(self, tree: _Tree[K]) -> list[K]:
        return [key for key in tree.keys if self._tree_of.get(key) is tree]

    def _grow(self) -> None:
        """The list becomes a tree, together with every tree that is not larger than what is merged so far."""
        keys = list(self._list)
        self._list.clear()
        while self._trees and len(self._trees[-1].keys) <= len(keys):
            keys.extend(self._alive(self._trees.pop()))
        self._plant(keys)

    def _plant(self, keys: list[K]) -> None:
        """A tree of these, in its place by size: largest first."""
        if not keys:
            return
        solids = [self._solids[key] for key in keys]
        boxes = np.array([solid.box for solid in solids])
        spans = np.array([(solid.from_ms, solid.until_ms) for solid in solids])
        tree = _Tree(keys, boxes, spans, shapely.STRtree(shapely.box(*boxes.T)))
        self._tree_of.update(dict.fromkeys(keys, tree))
        self._trees.append(tree)
        self._trees.sort(key=lambda other: -len(other.keys))


_SHIFTS = np.array([-_TURN, 0.0, _TURN])


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float], shift: float) -> bool:
    return a[0] + shift <= b[2] and b[0] <= a[2] + shift and a[1] <= b[3] and b[1] <= a[3]
