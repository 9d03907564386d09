"""What a relay does that was shown another history of its log (protocol.md 10.14, 10.15). Sans I/O.

Evidence is a checkpoint that the log's own key signed. Leaves that parties hand back count only if they give the roots
that the log signed; whose leaf it was that did not fit is nowhere asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, islice

from channel.log import checkpoint
from channel.log.checkpoint import Checkpoint
from channel.log.leaf import decode, encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.store import StoredLeaf
from channel.protocol import ids
from channel.protocol.errors import ProofError, Unattributable
from channel.protocol.frames import DownItem, ReturnedItem, ReturnItem, ShowItem
from channel.relay.history import contains

HANDED_MAX = 200_000  # leaves taken from one party: above what a backup misses
HANDED_BYTES_MAX = 256 * 1024 * 1024  # and their tokens: below what fills the memory
TRIES_MAX = 256  # sets of parties that are believed last in turn, where what was handed back does not add up
OWN = "relay"  # under which name the relay hands in what it kept apart itself
RECEIPTED = "receipts"  # and under which stands what the relay's own receipts say: no party has that name

_Leaf = tuple[int, bytes]


def _nothing(receipt: str, index: int, stamp: int, token: bytes) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it has come. `waiting`: parties not heard to the end; `missing`: indexes that nobody handed back.

    `forked`: the log signed two histories. `unfit`: nothing is missing, and what was handed back does not give the
    trees that were shown: something of it never was. `given_up`: indexes of which the relay's own checkpoint alone says
    that there were leaves, and that reached nobody.
    """

    since_ms: int
    why: str
    size: int
    shown: int
    waiting: tuple[str, ...]
    missing: tuple[int, ...]
    forked: bool
    unfit: bool = False
    given_up: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The leaves that follow on the log's own, and the tree that they reach."""

    leaves: tuple[StoredLeaf, ...]
    size: int
    root: bytes


@dataclass(slots=True)
class _Party:
    shown: bool = False
    start: int = 0
    done: bool = False
    asked: bool = False
    handed: int = 0
    handed_bytes: int = 0
    at: tuple[int, int] | None = None
    """Where it said it is: feed and tree."""


@dataclass(slots=True)
class Quarantine:
    """One quarantine, from its beginning on. `tree` is the log's own, which nothing changes meanwhile."""

    since_ms: int
    why: str
    tree: Tree
    origin: str
    log_key: bytes
    parties: tuple[str, ...]
    notes: dict[str, str] = field(default_factory=dict)
    """Checkpoints that the log signed, by who showed them: the largest of each."""
    without: set[str] = field(default_factory=set)
    receipted: Callable[[str, int, int, bytes], bool] = _nothing
    """Whether a token is the relay's receipt for that index, stamp and statement."""
    _own_void: bool = False  # the relay's own newest leaves reached nobody
    _parties: dict[str, _Party] = field(init=False)
    _leaves: dict[str, dict[int, _Leaf]] = field(default_factory=dict)  # by who handed them in

    def __post_init__(self) -> None:
        self._parties = {party: _Party(start=self.tree.size) for party in self.parties}

    # --- what parties hand in ---------------------------------------------------------------------------------------

    def shown(self, party: str, note: str) -> None:
        """The checkpoint that a party has pinned; what the log did not sign counts as none."""
        state = self._parties[party]
        state.shown, state.asked = True, False
        found = signed(note, self.origin, self.log_key)
        before = signed(self.notes.get(party, ""), self.origin, self.log_key)
        if found is not None and (before is None or self._tells_more(found, before)):
            self.notes[party] = note

    def _tells_more(self, found: Checkpoint, before: Checkpoint) -> bool:
        """One that contradicts the log stays, whatever else the party shows later."""
        beyond = before.size > self.tree.size or contains(self.tree, before.size, ids.b64url(before.root))
        return beyond and found.size > before.size

    def returned(self, party: str, item: ReturnedItem) -> None:
        """Leaves that a party holds; what was not asked for is passed over."""
        state = self._parties[party]
        if item.start != state.start or state.done:
            return
        state.asked, state.done = False, item.done or not item.leaves
        for leaf in item.leaves:
            token = leaf.token.encode("ascii", "replace")
            state.handed, state.handed_bytes = state.handed + 1, state.handed_bytes + len(token)
            if leaf.index < state.start or state.handed > HANDED_MAX or state.handed_bytes > HANDED_BYTES_MAX:
                state.done = True  # not in order, or without end: nothing more is asked of it
                return
            state.start = leaf.index + 1
            self.hold(party, leaf.index, leaf.stamp, token)
            if leaf.receipt is not None and self.receipted(leaf.receipt, leaf.index, leaf.stamp, token):
                self.hold(RECEIPTED, leaf.index, leaf.stamp, token)

    def hold(self, party: str, index: int, stamp: int, token: bytes) -> None:
        """A leaf that a party holds, or that the relay kept apart; what has not the form of one is no leaf."""
        try:
            decode(b"%d %s" % (stamp, token))
        except Unattributable:
            return
        if index >= self.tree.size:
            self._leaves.setdefault(party, {})[index] = (stamp, token)

    # --- what is asked ----------------------------------------------------------------------------------------------

    def wants(self, party: str) -> list[DownItem]:
        """What is to be asked of a party now; each once until `again`."""
        state = self._parties[party]
        if state.asked or (state.shown and state.done):
            return []
        state.asked = True
        return [ReturnItem(start=state.start)] if state.shown else [ShowItem()]

    def again(self, party: str, at: tuple[int, int] | None = None) -> None:
        """What was asked, or its answer, may be lost. Who comes back from elsewhere (`at`) may hold more by now."""
        state = self._parties[party]
        state.asked = False
        if at is not None and state.at is not None and at != state.at:
            state.shown, state.done, state.start = False, False, self.tree.size
        state.at = at or state.at

    # --- how it stands ----------------------------------------------------------------------------------------------

    def checkpoints(self) -> list[Checkpoint]:
        """Those that were shown and count, the smallest first."""
        notes = [note for by, note in self.notes.items() if by != OWN or not self._own_void]
        found = [signed(note, self.origin, self.log_key) for note in notes]
        return sorted((one for one in found if one is not None), key=lambda one: one.size)

    @property
    def largest(self) -> int:
        """The size of the largest tree that was shown, or the log's own."""
        return max([self.tree.size, *(one.size for one in self.checkpoints())])

    @property
    def waiting(self) -> tuple[str, ...]:
        """Parties that may hold more than is known."""
        open_ = [party for party, state in self._parties.items() if not (state.shown and state.done)]
        return tuple(party for party in open_ if party not in self.without)

    def settle(self) -> tuple[Standing, Rebuilt | None]:
        """How it stands; and the rebuilt end of the log, once every party was heard and every tree is reached."""
        self._own_void = False
        standing, rebuilt = self._stands()
        if rebuilt is None and self._reached_nobody():
            self._own_void = True
            standing, rebuilt = self._stands()
            own = signed(self.notes[OWN], self.origin, self.log_key)
            if rebuilt is not None and own is not None:
                standing = replace(standing, given_up=tuple(range(rebuilt.size, own.size)))
        return standing, rebuilt

    def _reached_nobody(self) -> bool:
        """Whether the relay's own newest leaves reached nobody: every party was heard, and none pinned a tree of them,
        nor holds the receipt of one. Then they count for nothing, unless they are all here."""
        own = signed(self.notes.get(OWN, ""), self.origin, self.log_key)
        others = [signed(note, self.origin, self.log_key) for by, note in self.notes.items() if by != OWN]
        reached = max([self.tree.size, *(one.size for one in others if one is not None)])
        return not self.waiting and own is not None and own.size > max(reached, self._promised)

    @property
    def _promised(self) -> int:
        """The size of the smallest log that holds every leaf of which there is a receipt."""
        return max(self._leaves.get(RECEIPTED, ()), default=-1) + 1

    def _stands(self) -> tuple[Standing, Rebuilt | None]:
        shown, waiting = self.checkpoints(), self.waiting
        roots = {one.size: one.root for one in shown}
        here = [one for one in shown if one.size <= self.tree.size]
        forked = any(not contains(self.tree, one.size, ids.b64url(one.root)) for one in here)
        forked = forked or any(roots[one.size] != one.root for one in shown)
        missing, unfit, rebuilt = self._missing(list(self._leaves)), False, None
        if not (waiting or missing or forked):
            rebuilt = self._rebuild({size: root for size, root in roots.items() if size > self.tree.size})
            if rebuilt is None:
                missing = self._missing([source for source in self._leaves if source not in self.without])
                unfit = not missing
        return (
            Standing(self.since_ms, self.why, self.tree.size, self.largest, waiting, tuple(missing), forked, unfit),
            rebuilt,
        )

    def _missing(self, sources: Iterable[str]) -> list[int]:
        """Indexes that none of them holds; above the trees that were shown only a receipt says what was there."""
        held = {index for source in sources for index in self._leaves[source]}
        largest, promised = self.largest, self._leaves.get(RECEIPTED, {})
        missing = [index for index in range(self.tree.size, largest) if index not in held]
        return missing + [index for index in range(largest, self._promised) if index not in promised]

    def _rebuild(self, wanted: Mapping[int, bytes]) -> Rebuilt | None:
        """The end of the log that gives every root that was shown; None if nothing does.

        Where sources differ, some of them are believed last: they only fill what the others lack.
        """
        largest, promised = self.largest, self._leaves.get(RECEIPTED, {})
        sources = sorted(self._leaves, key=lambda source: (source != RECEIPTED, source != OWN, source in self.without))
        for first in islice(_fewer(self._differing(sources)), TRIES_MAX):
            held: dict[int, _Leaf] = {}
            for source in sorted(sources, key=lambda source: source not in first):
                held = self._leaves[source] | held
            held |= {index: leaf for index, leaf in promised.items() if index >= largest}  # no root judges these
            size = max(largest, self._promised)
            leaves = [StoredLeaf(index, *held[index]) for index in range(self.tree.size, size)]
            root = _reaches(self.tree, leaves, wanted)
            if root is not None:
                return Rebuilt(tuple(leaves), size, root)
        return None

    def _differing(self, sources: list[str]) -> list[str]:
        """Those that hold another leaf somewhere than one of the others."""
        found: dict[int, dict[_Leaf, list[str]]] = {}
        for source in sources:
            for index, leaf in self._leaves[source].items():
                found.setdefault(index, {}).setdefault(leaf, []).append(source)
        named = {source for leaves in found.values() if len(leaves) > 1 for by in leaves.values() for source in by}
        return [source for source in sources if source in named]


def _fewer(parties: list[str]) -> Iterator[tuple[str, ...]]:
    """All of them, then all but one, and so on: so many may have handed in what never was."""
    for count in range(len(parties), -1, -1):
        yield from combinations(parties, count)


def signed(note: str, origin: str, log_key: bytes) -> Checkpoint | None:
    """The checkpoint of a note that the log's own key signed; None of any other text."""
    try:
        return checkpoint.open_note(note, origin, log_key)
    except ProofError:
        return None


def _reaches(tree: Tree, leaves: Iterable[StoredLeaf], wanted: Mapping[int, bytes]) -> bytes | None:
    """The root after these leaves, if every wanted root is met on the way. The tree is left as it was."""
    size = tree.size
    try:
        for leaf in leaves:
            tree.append(leaf_hash(encode(leaf.stamp, leaf.token)))
            if tree.size in wanted and tree.root() != wanted[tree.size]:
                return None
        return tree.root()
    finally:
        tree.cut(size)
