"""A log store in memory, for tests. Nothing in it survives the process; otherwise it keeps the port's promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from channel.log.leaf import encode, leaf_hash
from channel.log.store import Cosignature, LinkRow, StoredLeaf, check_group
from channel.protocol.errors import FatalError, InvariantError
from channel.protocol.ids import Hash


class MemoryLog:
    """A `LogStore` without a disk. `fail_next` makes the next append fail as a disk would."""

    def __init__(self) -> None:
        self._leaves: list[StoredLeaf] = []
        self._notes: list[tuple[int, str]] = []
        self._cosignatures: dict[int, dict[str, str]] = {}
        self._cosignatures_new: list[Cosignature] = []
        self._bodies: dict[Hash, bytes] = {}
        self._links: dict[str, LinkRow] = {}
        self._ended: str | None = None
        self._closed = False
        self.fail_next = False

    @property
    def size(self) -> int:
        """How many leaves there are."""
        self._check_usable()
        return len(self._leaves)

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[StoredLeaf]:
        """Leaves start..stop in order; `stop` defaults to the size now."""
        size = self.size
        return (self._leaves[index] for index in range(max(start, 0), size if stop is None else min(stop, size)))

    def append(
        self,
        leaves: Sequence[StoredLeaf],
        note: str,
        bodies: Mapping[Hash, bytes] | None = None,
        spent: Sequence[Hash] = (),
    ) -> None:
        """Store leaves and the checkpoint that covers them."""
        self._check_usable()
        check_group(leaves, len(self._leaves), self._leaves[-1].stamp if self._leaves else 0)
        stored = [
            StoredLeaf(leaf.index, leaf.stamp, leaf.token, leaf_hash(encode(leaf.stamp, leaf.token))) for leaf in leaves
        ]
        self.flush()
        self._leaves += stored
        self._notes.append((len(self._leaves), note))
        self._bodies.update(bodies or {})
        for ct in spent:
            self._bodies.pop(ct, None)

    def body(self, ct: Hash) -> bytes | None:
        """The body of a sealed notice, while it is kept."""
        self._check_usable()
        return self._bodies.get(ct)

    def bodies(self) -> set[Hash]:
        """Which bodies are kept."""
        self._check_usable()
        return set(self._bodies)

    def newest_note(self) -> str | None:
        """The note of the last append."""
        self._check_usable()
        return self._notes[-1][1] if self._notes else None

    def notes(self) -> Iterator[tuple[int, str]]:
        """Every (size, note) in order of size."""
        self._check_usable()
        return iter(tuple(self._notes))

    def note(self, size: int) -> str | None:
        """The note of the checkpoint of that size."""
        self._check_usable()
        return dict(self._notes).get(size)

    def put_cosignatures(self, rows: Sequence[Cosignature]) -> None:
        """Remember them; the first of a party on a size stays."""
        self._check_usable()
        sizes = dict(self._notes)
        for row in rows:
            if row.size not in sizes:
                raise InvariantError(f"there is no checkpoint of size {row.size}")
        self._cosignatures_new += rows

    def flush(self) -> None:
        """Report from now on what was remembered."""
        self._check_usable()
        self._fail_if_asked()
        for row in self._cosignatures_new:
            self._cosignatures.setdefault(row.size, {}).setdefault(row.party, row.line)
        self._cosignatures_new.clear()

    def cosignatures(self, size: int) -> dict[str, str]:
        """Party -> line on the checkpoint of that size."""
        self._check_usable()
        return dict(sorted(self._cosignatures.get(size, {}).items()))

    def witnessed(self, quorum: int) -> int:
        """The largest size that so many parties have cosigned."""
        self._check_usable()
        return max((size for size, lines in self._cosignatures.items() if len(lines) >= quorum), default=0)

    def links(self) -> dict[str, LinkRow]:
        """How far each party had got."""
        self._check_usable()
        return dict(self._links)

    def put_links(self, rows: Mapping[str, LinkRow]) -> None:
        """Remember rows."""
        self._check_usable()
        self._links.update(rows)

    def close(self) -> None:
        """Refuse further work; calling it twice is allowed."""
        self._closed = True

    def _fail_if_asked(self) -> None:
        if self.fail_next:
            self._ended = "a failure that the test asked for"
            raise FatalError(f"cannot write: {self._ended}")

    def _check_usable(self) -> None:
        if self._ended is not None:
            raise FatalError(f"the log failed before ({self._ended}): stop and start again")
        if self._closed:
            raise InvariantError("the log is closed")
