"""Checks of the statements in a log, one leaf after the other: signature, key position, numbering, gossip.

These are the rules that a log must keep whatever its relay's policy was; whether a statement made sense is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from channel.log.merkle import Tree
from channel.log.report import Reasons
from channel.log.store import StoredLeaf
from channel.protocol import ids
from channel.protocol.envelope import Opened, open_token
from channel.protocol.errors import PeerError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import (
    LEAVES,
    Accession,
    Charter,
    KeyStatement,
    Refusal,
    Revocation,
    Statement,
)

_LISTED_MAX = 20  # remarks of one kind that a report spells out


class Statements:
    """Takes leaves 1.. in order. What is wrong goes to `reasons`; what the parties' own words add, to the remarks."""

    def __init__(self, charter: Charter, of: ids.Hash, reasons: Reasons) -> None:
        self.ring = KeyRing(charter, of)
        self._net = charter.net
        self._charter = of
        self._reasons = reasons
        self._seen_tokens = {of}
        self._numbers: dict[str, dict[int, ids.Hash]] = {}  # kid -> seq -> token; refused ones with an empty hash
        self._summarised: dict[str, int] = {}  # party -> refused statements of which only their number is in the log
        self._confirmed: dict[str, tuple[int, int]] = {}  # party -> (size of this log that it saw, leaf that says so)
        self._doubts: list[str] = []
        self._signed: dict[str, list[int]] = {}
        self.opened = 0

    def check(self, leaf: StoredLeaf, tree: Tree | None) -> None:
        """Check one leaf. `tree` holds the leaves up to this one, or is None where they are known to be damaged."""
        try:
            opened = open_token(leaf.token, self.ring, net=self._net)
        except PeerError as error:
            self._reasons.add(error.code, leaf.index, error.detail)
            return
        if not isinstance(opened.body, LEAVES) or not isinstance(opened.body, Statement):
            self._reasons.add("not-a-leaf", leaf.index, f"a {opened.type} is not a leaf here")
            return
        if self.ring.valid_at(opened.kid, leaf.index):
            self.opened += 1
            self._signed.setdefault(opened.kid, []).append(leaf.index)
        else:
            self._reasons.add("key-not-valid", leaf.index, f"{opened.kid} was not valid at this position")
        if opened.of in self._seen_tokens:
            self._reasons.add("duplicate-leaf", leaf.index, "the token is in the log already")
            return
        self._seen_tokens.add(opened.of)
        self._number(leaf.index, opened, opened.body)
        self._gossip(leaf.index, opened, opened.body, tree)
        self._keys(leaf.index, opened)

    def _keys(self, index: int, opened: Opened) -> None:
        fault = self._key_fault(opened)
        if fault is None:
            self.ring.apply(index, opened.of, opened.body)
        else:
            self._reasons.add(fault, index, f"the {opened.type} must not be in the log; it is passed over")

    def _key_fault(self, opened: Opened) -> str | None:
        """A root speaks for its own party's keys only, once for each, and knows what that party said of keys before."""
        match opened.body:
            case Accession(charter=charter):
                return None if charter == self._charter else "wrong-charter"
            case KeyStatement(key=key, keys=chain):
                if ids.kid_party(key.kid) != opened.party:
                    return "wrong-party"
                if key.kid in self.ring:
                    return "key-exists"
                return "keys-outdated" if self.ring.outdated(chain, opened.party) else None
            case Revocation(kid=kid, keys=chain):
                if ids.kid_party(kid) != opened.party:
                    return "wrong-party"
                if kid not in self.ring or self.ring.record(kid).until is not None:
                    return "unknown-key"
                return "keys-outdated" if self.ring.outdated(chain, opened.party) else None
            case _:
                return None

    def _number(self, index: int, opened: Opened, body: Statement) -> None:
        numbers = self._numbers.setdefault(opened.kid, {})
        if numbers.get(body.seq):
            self._reasons.add("equivocation", index, f"{opened.kid} signed two statements with number {body.seq}")
        numbers[body.seq] = opened.of
        before = numbers.get(body.seq - 1) or (self._charter if body.seq == 1 else None)
        if before is not None and before != body.prev:
            self._doubts.append(f"leaf {index}: {opened.kid} names another statement {body.seq - 1} than the log holds")
        if isinstance(body, Refusal) and body.refused_seq:
            self._numbers.setdefault(body.kid, {}).setdefault(body.refused_seq, "")
        if isinstance(body, Refusal) and body.code == "summary":
            self._summarised[body.party] = self._summarised.get(body.party, 0) + body.count

    def _gossip(self, index: int, opened: Opened, body: Statement, tree: Tree | None) -> None:
        seen = body.seen
        if seen.size > index:
            self._doubts.append(f"leaf {index}: {opened.kid} saw {seen.size} leaves before there were that many here")
        elif tree is None:
            return
        elif seen.root != ids.b64url(tree.root(seen.size)):
            self._doubts.append(f"leaf {index}: {opened.kid} saw another log of size {seen.size} than this one")
        elif seen.size > self._confirmed.get(opened.party, (0, 0))[0]:
            self._confirmed[opened.party] = (seen.size, index)

    @property
    def signers(self) -> tuple[str, ...]:
        """The keys that signed something here while they were valid."""
        return tuple(self._signed)

    def confirmed(self) -> list[str]:
        """What the parties' own signatures say for this log."""
        return [
            f"{party} had verified this log up to size {size}, by its own signature in leaf {index}"
            for party, (size, index) in sorted(self._confirmed.items())
            if party != ids.RELAY
        ]

    def doubts(self) -> list[str]:
        """What the parties' signatures leave open: another log that one saw, statements that are not here."""
        doubts = self._doubts[:_LISTED_MAX]
        if len(self._doubts) > _LISTED_MAX:
            doubts.append(f"{len(self._doubts) - _LISTED_MAX} more of this kind")
        return doubts + list(self._holes()) + list(self._compromised())

    def _holes(self) -> Iterator[str]:
        """Numbers of a key that are not here. A summary names the party and no number (protocol.md 6.15)."""
        for kid, numbers in sorted(self._numbers.items()):
            missing = max(numbers) - len(numbers)
            unnamed = min(missing, self._summarised.get(ids.kid_party(kid), 0))
            rest = f" by number; at most {unnamed} of them are in a summary of refusals" if unnamed else ""
            if missing:
                yield f"{kid} signed up to number {max(numbers)}; {missing} of these are neither here nor refused{rest}"

    def _compromised(self) -> Iterator[str]:
        """Statements of keys from the leaf on since which their own parties doubt them (protocol.md 5.5)."""
        for kid, indexes in sorted(self._signed.items()):
            doubtful = [index for index in indexes if self.ring.doubted(kid, index) is not None]
            if doubtful:
                since, more = self.ring.record(kid).compromised_since, len(doubtful) - _LISTED_MAX
                listed = ", ".join(map(str, doubtful[:_LISTED_MAX])) + (f" and {more} more" if more > 0 else "")
                said = f"its party calls it compromised since leaf {since}"
                yield f"that it was {ids.kid_party(kid)} who used {kid} at leaves {listed}: {said}"
