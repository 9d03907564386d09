"""The log store's port: what every backend promises. Backends: `sqlite`, and `channel.testing.memory` for tests.

In one sentence: a store MUST NOT report a leaf that is not durable, neither by `size` nor `leaves` nor by returning
from `append`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from channel.protocol.errors import InvariantError
from channel.protocol.ids import Hash


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """One leaf as it is stored. `leaf_hash` is what the store kept beside it, empty if it came from elsewhere."""

    index: int
    stamp: int  # ms since 1970
    token: bytes
    leaf_hash: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """How far one party has got: its feed position, its pinned tree, and when it was last heard (ms since 1970)."""

    have_n: int
    size: int
    root: Hash
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A party's signature line on the checkpoint of `size` (protocol.md 7.8), with its line break; verified before."""

    size: int
    party: str
    line: str


class LogStore(Protocol):
    """Leaves and checkpoints of one log, one writer. After a FatalError the object refuses all further work."""

    @property
    def size(self) -> int:
        """How many leaves are durable."""
        ...

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[StoredLeaf]:
        """Leaves start..stop in order, streamed; `stop` defaults to the size now. FatalError at a missing row."""
        ...

    def append(
        self,
        leaves: Sequence[StoredLeaf],
        note: str,
        bodies: Mapping[Hash, bytes] | None = None,
        spent: Sequence[Hash] = (),
    ) -> None:
        """Store leaves and the checkpoint that covers them, all or nothing; returns once they are durable.

        In the same transaction the `bodies` of sealed notices are kept, by `ct`, and those of `spent` are deleted.
        Indexes go on from `size` and stamps never decrease, else InvariantError and nothing is stored. FatalError when
        the outcome is unknown: exit, and let the next start read what is there.
        """
        ...

    def body(self, ct: Hash) -> bytes | None:
        """The body of a sealed notice, while it is kept (protocol.md 6.5.2)."""
        ...

    def bodies(self) -> set[Hash]:
        """Which bodies are kept."""
        ...

    def newest_note(self) -> str | None:
        """The note of the last append."""
        ...

    def notes(self) -> Iterator[tuple[int, str]]:
        """Every (size, note) in order of size, streamed."""
        ...

    def note(self, size: int) -> str | None:
        """The note of the checkpoint of that size; None if no commit ended there."""
        ...

    def put_cosignatures(self, rows: Sequence[Cosignature]) -> None:
        """Remember them beside the notes; the first of a party on a size stays.

        They are no leaves: nothing of size, leaves or notes changes. Durable with the next append, `flush` or `close`,
        and reported only then. InvariantError if there is no such checkpoint: nothing is remembered.
        """
        ...

    def flush(self) -> None:
        """Make durable what is only remembered. FatalError as for `append`."""
        ...

    def cosignatures(self, size: int) -> dict[str, str]:
        """Party -> line on the checkpoint of that size, in the order of the parties' names."""
        ...

    def witnessed(self, quorum: int) -> int:
        """The largest size that so many parties have cosigned; 0 if there is none."""
        ...

    def links(self) -> dict[str, LinkRow]:
        """How far each party had got: a hint that saves sending again, never evidence."""
        ...

    def put_links(self, rows: Mapping[str, LinkRow]) -> None:
        """Remember rows; they become durable with the next append, `flush` or `close`, and may be lost before."""
        ...

    def close(self) -> None:
        """Finish cleanly. Closing twice is allowed; any other call after it is an InvariantError."""
        ...


def check_group(leaves: Sequence[StoredLeaf], size: int, last_stamp: int) -> None:
    """The rule of `append`, the same in every backend: contiguous from `size`, stamps never decreasing, not empty."""
    if not leaves:
        raise InvariantError("a commit group needs at least one leaf")
    for index, leaf in enumerate(leaves, start=size):
        if leaf.index != index:
            raise InvariantError(f"the next leaf is {index}, not {leaf.index}")
        if leaf.stamp < last_stamp:
            raise InvariantError(f"leaf {index} is stamped {leaf.stamp}, before {last_stamp}")
        last_stamp = leaf.stamp
