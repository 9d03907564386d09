"""Whether what parties say they have seen is of this log (protocol.md 10.14). Sans I/O; nothing here is durable.

A `seen` is its signer's word, so it stops nothing: the statement waits, and the signer is asked for the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from channel.ledger import policy
from channel.log.merkle import Tree
from channel.protocol import ids
from channel.protocol.statements import Seen

RETRY_MS = 5_000
NAMED_MAX = 64  # trees of a party that wait for its checkpoint; then the oldest is asked about again


@dataclass(slots=True)
class History:
    """The trees that parties named and that are not of this log. `ask`: whose checkpoint is wanted."""

    closed: bool = False
    """In quarantine: nothing is taken at all."""
    ask: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    """Whom it was asked of."""
    _named: dict[str, dict[tuple[int, ids.Hash], bool]] = field(default_factory=dict)  # True: nobody signed it

    @property
    def asked(self) -> bool:
        """Whether a party was asked for its checkpoint and has not shown it."""
        return bool(self.ask or self.sent)

    def judge(self, party: str, seen: Seen | None, tree: Tree) -> policy.Verdict | None:
        """None: `seen` is of this log. Else what its statement gets."""
        if self.closed:
            return policy.Wait("quarantine", RETRY_MS)
        if seen is None or contains(tree, seen.size, seen.root):
            return None
        named = self._named.setdefault(party, {})
        if named.get((seen.size, seen.root)):
            return policy.Refuse("seen-false", f"its signer shows no checkpoint of such a tree of {seen.size} leaves")
        named[seen.size, seen.root] = False
        while len(named) > NAMED_MAX:
            named.pop(next(iter(named)))
        self.ask.add(party)
        return policy.Wait("other-tree", RETRY_MS)

    def shown(self, party: str) -> None:
        """The party showed a checkpoint of this log, or none: no signed tree stands behind what it named."""
        self.ask.discard(party)
        self.sent.discard(party)
        self._named[party] = dict.fromkeys(self._named.get(party, {}), True)


def contains(tree: Tree, size: int, root: ids.Hash) -> bool:
    """Whether the tree begins with that one."""
    return size <= tree.size and ids.b64url(tree.root(size)) == root
