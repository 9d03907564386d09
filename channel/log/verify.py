"""Offline verification of a whole log against its checkpoints and charter. Pure: rows come in, a report comes out.

The checkpoints, not the rows, are the truth: a changed byte in any row makes it differ from a root that the log signed.
The hash kept beside each row names the leaf; if that was changed too, the checkpoints before and after it do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from channel.log import checkpoint as checkpoints
from channel.log import claims, cosignature
from channel.log.leaf import leaf_hash
from channel.log.merkle import Tree
from channel.log.report import Reasons, Report, Verdict
from channel.log.store import StoredLeaf
from channel.log.tokens import Statements
from channel.protocol import ids
from channel.protocol.envelope import open_charter
from channel.protocol.errors import PeerError, ProofError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Charter

Lines = Callable[[int], Mapping[str, str]]
"""Size of a checkpoint -> party -> its cosignature line, as kept beside the log; unverified."""


def verify_log(
    leaves: Iterable[StoredLeaf], notes: Iterable[tuple[int, str]], charter: bytes | None, lines: Lines | None = None
) -> Report:
    """Verify rows (in the order of their index) and notes (in the order of size) under a charter token.

    Cosignatures are verified too: those in the notes, and those that `lines` gives for a size. Without a charter the
    log is verified under its own leaf 0, which anybody can make: the verdict is then at best `incomplete`. FatalError
    only if the rows cannot be read at all.
    """
    return _Verifier(iter(notes), charter, lines).run(leaves)


def unreadable(detail: str) -> Report:
    """The report on a file that cannot be read as a log: refuted, whatever was in it."""
    reasons = Reasons()
    reasons.add("bad-log", None, detail)
    return Report(Verdict.REFUTED, None, 0, None, 0, reasons.listed(), (), ("anything: the log cannot be read",))


class _Verifier:
    def __init__(self, notes: Iterator[tuple[int, str]], charter: bytes | None, lines: Lines | None) -> None:
        self._notes = notes
        self._lines = lines
        self._next = next(notes, None)
        self._given = charter
        self._reasons = Reasons()
        self._charter: Charter | None = None
        self._statements: Statements | None = None
        self._tree: Tree | None = Tree()  # None from where the rows are known not to be the tree's
        self._expected = 0  # index of the row that must come next
        self._count = 0
        self._covered = 0  # size of the newest checkpoint that holds
        self._held = 0  # checkpoints that hold
        self._promised = 0  # size of the newest signed checkpoint of more leaves than there are
        self._root: bytes | None = None
        self._trusted = True  # the charter is the one given, as far as one was given
        self._quorum: tuple[int, str, tuple[str, ...]] | None = None  # the newest with one: size, note, lines beside it
        self._stamp = 0
        self._kept: dict[int, bytes] = {}  # since then: hashes kept beside rows whose bytes give another

    def run(self, leaves: Iterable[StoredLeaf]) -> Report:
        for leaf in leaves:
            self._count += 1
            self._take(leaf)
            self._take_notes(self._expected)
        if self._count == 0:
            self._found_without_leaves()
        self._take_notes(None)
        self._take_end()
        return self._report()

    def _take_end(self) -> None:
        if self._promised > self._expected:
            detail = f"a signed checkpoint covers {self._promised} leaves, there are {self._expected}"
            self._reasons.add("truncated", self._expected, detail)
        elif self._covered < self._expected and self._tree is not None:
            detail = f"leaves {self._covered} to {self._expected - 1} are under no checkpoint"
            self._reasons.add("unsigned-leaves", self._covered, detail)
        self._name_changed("the row's bytes differ from the hash kept beside it")

    def _take(self, leaf: StoredLeaf) -> None:
        if leaf.index != self._expected:
            self._misplaced(leaf.index)
            if leaf.index < self._expected:
                return
        self._expected = leaf.index + 1
        if leaf.stamp < self._stamp:
            self._reasons.add("stamp-decreased", leaf.index, f"{leaf.stamp} comes after {self._stamp}")
        self._stamp = max(self._stamp, leaf.stamp)
        digest = leaf_hash(b"%d %s" % (leaf.stamp, leaf.token))
        if leaf.leaf_hash and leaf.leaf_hash != digest:
            self._kept[leaf.index] = leaf.leaf_hash
        if self._tree is not None:
            self._tree.append(digest)
        if leaf.index == 0:
            self._found(leaf)
        elif self._statements is not None:
            self._statements.check(leaf, self._tree)

    def _misplaced(self, index: int) -> None:
        if index < self._expected:
            self._reasons.add("misplaced-leaf", index, f"expected leaf {self._expected}")
        else:
            detail = f"leaves {self._expected} to {index - 1} are missing"
            self._reasons.add("missing-leaf", self._expected, detail)
            self._break("the row's bytes differ from the hash kept beside it")

    def _found(self, leaf: StoredLeaf) -> None:
        """Choose the charter that everything else is verified under: the given one, unless the log has another."""
        given = self._read_given()
        try:
            own = open_charter(leaf.token)
        except PeerError as error:
            self._reasons.add("no-charter", 0, f"{error.code}: {error.detail}")
            own = None
        if given is not None and leaf.token != self._given:
            detail = (
                f"the log begins with the charter {own[1]}, not with {given[1]}" if own else "not the charter given"
            )
            self._reasons.add("wrong-charter", 0, detail)
            self._trusted = False
        chosen = own or given
        if chosen is not None:
            self._charter = chosen[0]
            self._statements = Statements(*chosen, self._reasons)

    def _read_given(self) -> tuple[Charter, ids.Hash] | None:
        if self._given is None:
            return None
        try:
            return open_charter(self._given)
        except PeerError as error:
            self._reasons.add("bad-charter", None, f"{error.code}: {error.detail}")
            self._trusted = False
            return None

    def _found_without_leaves(self) -> None:
        self._read_given()
        if self._next is not None:
            self._reasons.add("missing-leaf", 0, "there are checkpoints, but no leaves")

    def _take_notes(self, size: int | None) -> None:
        """Check the notes up to `size`; None: all that are left."""
        while self._next is not None and (size is None or self._next[0] <= size):
            at, note = self._next
            self._next = next(self._notes, None)
            self._take_note(at, note, is_past=size is None or at < size)

    def _take_note(self, size: int, note: str, *, is_past: bool) -> None:
        opened = self._open(size, note)
        if opened is None:
            return
        if size > self._expected:
            self._promised = size
        elif is_past:
            self._reasons.add("bad-note", max(size - 1, 0), f"the checkpoint of size {size} is not at its place")
        elif self._tree is not None:
            self._compare(opened, note)

    def _open(self, size: int, note: str) -> checkpoints.Checkpoint | None:
        if self._charter is None:
            return None  # nothing says whose signature to expect: `no-charter` is told already
        leaf = max(size - 1, 0)
        try:
            opened = checkpoints.open_under(note, self._charter)
        except ProofError as error:
            self._reasons.add(error.code, leaf, f"checkpoint of size {size}: {error.detail}")
            return None
        if opened.size == size:
            return opened
        self._reasons.add("bad-note", leaf, f"a checkpoint of size {opened.size} is kept as one of size {size}")
        return None

    def _cosigned(self, size: int, note: str) -> None:
        """The cosignatures of a checkpoint that holds, in its note and beside it."""
        if self._charter is None or self._statements is None:
            return
        net, keys = self._charter.net, cosignature.witnesses(self._statements.ring, size)
        times: dict[str, int] = {}
        lines = {} if self._lines is None else self._lines(size)
        for party, line in (("", ""), *lines.items()):
            try:
                found = (
                    [cosignature.open_line(note, line, net, keys)] if party else cosignature.open_all(note, net, keys)
                )
            except ProofError as error:
                of = f" of {party}" if party else ""
                detail = f"checkpoint of size {size}, cosignature{of}: {error.detail}"
                self._reasons.add("bad-cosignature", size - 1, detail)
                continue
            times |= dict(found)
        if len(times) >= self._charter.terms.quorum:
            self._quorum = (size, note, tuple(lines.values()))

    def _compare(self, opened: checkpoints.Checkpoint, note: str) -> None:
        """The rows since the newest checkpoint that holds, against this one."""
        tree = self._tree
        if tree is None:
            return
        if tree.root() == opened.root:
            self._cosigned(opened.size, note)
            for index in self._kept:
                self._reasons.add("hash-changed", index, "the row is the signed one; the hash kept beside it is not")
        elif self._kept and self._with_kept(tree).root() == opened.root:
            self._name_changed("the row's bytes are not those that were signed for")
        else:
            last = opened.size - 1
            where = f"leaf {last}" if last == self._covered else f"at least one of the leaves {self._covered} to {last}"
            self._reasons.add("root-mismatch", self._covered, f"{where} differs from the signed tree of {opened.size}")
            self._break("the row's bytes differ from the hash kept beside it")
            return
        self._kept.clear()
        self._covered, self._root, self._held = opened.size, opened.root, self._held + 1

    def _with_kept(self, tree: Tree) -> Tree:
        """Put the kept hashes in the place of the rows' own: if the root is right then, exactly those rows changed."""
        start = min(self._kept)
        hashes = [self._kept.get(index, tree.leaf(index)) for index in range(start, tree.size)]
        tree.cut(start)
        for digest in hashes:
            tree.append(digest)
        return tree

    def _break(self, detail: str) -> None:
        self._name_changed(detail)
        self._tree = None

    def _name_changed(self, detail: str) -> None:
        for index in self._kept:
            self._reasons.add("leaf-changed", index, detail)
        self._kept.clear()

    def _report(self) -> Report:
        pinned = self._given is not None
        reasons = self._reasons.listed()
        if reasons:
            verdict = Verdict.REFUTED
        else:
            verdict = Verdict.VERIFIED if pinned and self._count else Verdict.INCOMPLETE
        return Report(
            verdict=verdict,
            net=self._charter.net if self._charter else None,
            size=self._expected,
            root=ids.b64url(self._root) if self._root is not None else None,
            checkpoints=self._held,
            reasons=reasons,
            proven=tuple(self._proven()),
            unproven=tuple(self._unproven(pinned)),
            witnessed=self._quorum[0] if self._quorum is not None and self._trusted else 0,
        )

    def _proven(self) -> Iterator[str]:
        if self._statements is None or self._charter is None or self._root is None or not self._trusted:
            return
        named = ", save those named" if self._reasons else ""
        signed_for = f"leaves 0 to {self._covered - 1} are those that the log signed for"
        yield f"{signed_for}, in this order and with these stamps{named}"
        yield f"{self._held} checkpoints, each signed by the log, are heads of this one tree"
        yield f"{self._statements.opened + 1} statements are signed with keys valid at their position"
        yield from self._statements.confirmed()
        size, times, doubtful = self._witnessed(self._charter, self._statements.ring)
        yield from claims.witnessed(times, size, self._charter.terms.quorum, doubtful)

    def _unproven(self, pinned: bool) -> Iterator[str]:
        if not self._count:
            yield "anything: there are no leaves"
            return
        if not pinned:
            yield "that this is the charter which the parties signed: none was given to compare with"
        if self._charter is not None:
            yield from claims.of_trial(self._charter)
        yield "that nobody was shown another log: compare the newest root with those that the parties hold"
        yield from self._unwitnessed()
        yield "that anything said in it is true, or that a person read it"
        if self._statements is not None:
            yield from claims.of_machines(self._statements.ring, self._statements.signers)
            yield from self._statements.doubts()

    def _unwitnessed(self) -> Iterator[str]:
        """What the cosignatures leave open."""
        if self._charter is None or self._statements is None:
            return
        size, times, doubtful = self._witnessed(self._charter, self._statements.ring)
        quorum = self._charter.terms.quorum
        if size < self._expected:
            yield (
                f"that a quorum of witnesses ({quorum}) had verified leaves {size} to {self._expected - 1}: "
                "no checkpoint that covers them has so many cosignatures here"
            )
        yield from claims.without_doubtful(times, quorum, doubtful)

    def _witnessed(self, charter: Charter, ring: KeyRing) -> tuple[int, dict[str, int], set[str]]:
        """Of the newest quorum: size, party -> second, and who cosigned with a key called compromised by then."""
        if self._quorum is None:
            return 0, {}, set()
        size, note, lines = self._quorum
        times = cosignature.cosigners(note, lines, charter.net, cosignature.witnesses(ring, size))
        sound = cosignature.cosigners(note, lines, charter.net, cosignature.sound(ring, size))
        return size, times, times.keys() - sound.keys()
