"""Boxes with time windows in rows, and which of them meet given ones: R-trees that grow as a log-structured merge does.

What is added lies in a short tail of rows first, which is scanned whole; full tails become trees, and trees of like
size are merged, so that an addition costs little and a question goes to few trees. Many questions go through the trees
together, by the same steps as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

TAIL_MAX = 512  # rows without a tree: so many are scanned as fast as a tree is asked
_TURNS = (-360.0, 0.0, 360.0)

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; west and east may lie beyond 180."""

Span = tuple[int, int]
"""From, until; what ends when the other begins does not meet it."""

Rows = NDArray[np.int64]


class _Tree(NamedTuple):
    """The rows from `begin` to before `end`."""

    begin: int
    end: int
    tree: Any


class Forest:
    """Rows are numbered from 0 in the order in which they were added, and never change."""

    def __init__(self) -> None:
        self._size = 0
        self._boxes: NDArray[np.float64] = np.empty((TAIL_MAX, 4))
        self._spans: Rows = np.empty((TAIL_MAX, 2), dtype=np.int64)
        self._west, self._east = math.inf, -math.inf
        self._trees: list[_Tree] = []

    def __len__(self) -> int:
        return self._size

    def add(self, box: Box, span: Span) -> int:
        """Its row."""
        row = self._size
        if row == len(self._boxes):
            self._boxes, self._spans = longer(self._boxes), longer(self._spans)
        self._boxes[row], self._spans[row] = box, span
        self._west, self._east = min(self._west, box[0]), max(self._east, box[2])
        self._size += 1
        if self._size - self._planted >= TAIL_MAX:
            self._grow()
        return row

    def meeting(self, boxes: list[Box], spans: list[Span]) -> tuple[Rows, Rows]:
        """(which of these, row) of all whose boxes and windows meet."""
        asked, asked_spans = np.array(boxes), np.array(spans)
        west, east = asked[:, 0].min(), asked[:, 2].max()
        turns = [turn for turn in _TURNS if west + turn <= self._east and east + turn >= self._west]
        pairs = [pair for turn in turns for pair in self._pairs(asked + np.array((turn, 0, turn, 0)))]
        if not pairs:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        which, rows = np.concatenate(pairs, axis=1)
        own, other = self._spans[rows], asked_spans[which]
        kept = (own[:, 0] < other[:, 1]) & (other[:, 0] < own[:, 1])
        which, rows = which[kept], rows[kept]
        if len(turns) > 1 and len(rows):  # what is wide may be met more than once around the world
            which, rows = np.unique((which, rows), axis=1)
        return which, rows

    def rows(self, kept: Rows) -> Forest:
        """A forest of these rows alone, numbered anew."""
        found = Forest()
        found._size = len(kept)
        found._boxes, found._spans = longer(self._boxes[kept], TAIL_MAX), longer(self._spans[kept], TAIL_MAX)
        if len(kept):
            found._west, found._east = float(self._boxes[kept, 0].min()), float(self._boxes[kept, 2].max())
        if len(kept) >= TAIL_MAX:
            found._grow()
        return found

    # --- trees --------------------------------------------------------------------------------------------------------

    @property
    def _planted(self) -> int:
        """How many rows are in trees."""
        return self._trees[-1].end if self._trees else 0

    def _pairs(self, boxes: NDArray[np.float64]) -> Iterator[Rows]:
        """(which, row) of those whose boxes meet: from each tree, and from the tail."""
        asked = shapely.box(*boxes.T)
        for tree in self._trees:
            found: Rows = tree.tree.query(asked)
            found[1] += tree.begin
            yield found
        tail, ask = self._boxes[self._planted : self._size], boxes[:, None, :]
        meets = (tail[:, 0] <= ask[..., 2]) & (ask[..., 0] <= tail[:, 2])
        meets &= (tail[:, 1] <= ask[..., 3]) & (ask[..., 1] <= tail[:, 3])
        which, rows = np.nonzero(meets)
        yield np.stack((which, rows + self._planted))

    def _grow(self) -> None:
        """The tail becomes a tree, together with every tree that is not larger than what is merged so far."""
        begin, end = self._planted, self._size
        while self._trees and self._trees[-1].end - self._trees[-1].begin <= end - begin:
            begin = self._trees.pop().begin
        self._trees.append(_Tree(begin, end, shapely.STRtree(shapely.box(*self._boxes[begin:end].T))))


def longer(column: NDArray[Any], least: int = 0) -> NDArray[Any]:
    """The same values with room for as many again, and for so many at least."""
    found = np.empty((max(2 * len(column), least), *column.shape[1:]), dtype=column.dtype)
    found[: len(column)] = column
    return found
