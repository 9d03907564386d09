"""From stored leaves to ledger and tree: the start of a relay, a replay, a console (protocol.md 7.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from channel.ledger.ledger import Ledger
from channel.log import leaf as leaves_format
from channel.log.merkle import Tree
from channel.log.store import StoredLeaf
from channel.protocol.envelope import Opened, open_charter, open_token
from channel.protocol.errors import ChannelError, FatalError


@dataclass(slots=True)
class Folded:
    """What a log adds up to."""

    ledger: Ledger
    tree: Tree

    def apply(self, leaf: StoredLeaf) -> Opened:
        """Open one more leaf under the keys known so far, and take it in. FatalError if it does not open."""
        try:
            opened = open_token(leaf.token, self.ledger.ring, net=self.ledger.charter.net)
        except ChannelError as error:
            raise FatalError(f"leaf {leaf.index} of the log does not open: {error}") from error
        self.take(leaf, opened)
        return opened

    def take(self, leaf: StoredLeaf, opened: Opened) -> None:
        """Take in a leaf that was opened before."""
        self.tree.append(leaves_format.leaf_hash(leaves_format.encode(leaf.stamp, leaf.token)))
        self.ledger.apply(leaf.index, leaf.stamp, opened)


def begin(leaf: StoredLeaf) -> Folded:
    """Ledger and tree of leaf 0, the charter. FatalError if it is not one."""
    try:
        charter, of = open_charter(leaf.token)
    except ChannelError as error:
        raise FatalError(f"leaf 0 of the log is not a charter: {error}") from error
    folded = Folded(Ledger(charter, of), Tree())
    kid = next(key.kid for key in charter.relay.keys if "/sig/machine-" in key.kid)
    folded.take(leaf, Opened(leaf.token, of, kid, charter.TYPE, charter))
    return folded


def fold(leaves: Iterable[StoredLeaf], progress: Callable[[int], None] | None = None) -> Folded:
    """Fold a whole log, or the part of it that is given from leaf 0 on. FatalError if there is none."""
    folded: Folded | None = None
    for leaf in leaves:
        if folded is None:
            folded = begin(leaf)
        else:
            folded.apply(leaf)
        if progress is not None:
            progress(leaf.index)
    if folded is None:
        raise FatalError("the log is empty: found the channel first with `channel init`")
    return folded
