"""What goes down to a party because it asked: proofs, comparisons, bodies (protocol.md 10.11 to 10.13). Sans I/O."""

from __future__ import annotations

from collections.abc import Callable

from channel.log.cosignature import merge
from channel.log.store import LogStore
from channel.protocol.errors import ProofError
from channel.protocol.frames import DownFrame
from channel.relay.core import Core
from channel.relay.session import Head, Session


def answers(session: Session, core: Core, head: Head, store: LogStore, beat: Callable[[int], bytes]) -> list[DownFrame]:
    """The frames due to one party; its questions are done with then. What is not answered is counted.

    `beat`: a heartbeat to that party at a size.
    """

    def note(size: int) -> str | None:
        """The checkpoint of that size with the cosignatures that there are."""
        text = store.note(size)
        try:
            return None if text is None else merge(text, store.cosignatures(size).values())
        except ProofError:
            return text  # a damaged line beside the log: `channel verify` names it, and nobody waits for it here

    due: list[DownFrame | None] = []
    if session.asked is not None:
        due.append(session.proofs(core.folded, head, note, beat))
        core.dropped["prove-unanswered"] += due[-1] is None
    if session.compare is not None:
        due.append(session.compared(core.folded, head))
        core.dropped["compare-unanswered"] += due[-1] is None
    due.append(session.bodies(core.bodies, head, store.body))
    return [frame for frame in due if frame is not None]
