"""What goes down to a party because it asked: proofs, comparisons, bodies (protocol.md 10.11 to 10.13). Sans I/O."""

from __future__ import annotations

from collections import Counter

from channel.ledger.fold import Folded
from channel.log.cosignature import merge
from channel.log.store import LogStore
from channel.protocol.frames import DownFrame
from channel.relay.bodies import Bodies
from channel.relay.session import Head, Session


def answers(
    session: Session, folded: Folded, bodies: Bodies, head: Head, store: LogStore, dropped: Counter[str]
) -> list[DownFrame]:
    """The frames due to one party; its questions are done with then. What is not answered is counted in `dropped`."""

    def note(size: int) -> str | None:
        """The checkpoint of that size with the cosignatures that there are."""
        text = store.note(size)
        return None if text is None else merge(text, store.cosignatures(size).values())

    due: list[DownFrame | None] = []
    if session.asked is not None:
        due.append(session.proofs(folded, head, note))
        dropped["prove-unanswered"] += due[-1] is None
    if session.compare is not None:
        due.append(session.compared(folded, head))
        dropped["compare-unanswered"] += due[-1] is None
    due.append(session.bodies(bodies, head, store.body))
    return [frame for frame in due if frame is not None]
