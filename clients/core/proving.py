"""A bundle about one notice out of a party's own home (docs/evidence.md E2): what it may read, proven by the relay.

The leaves, receipts and heartbeats are in the store; the inclusion proofs under one checkpoint are asked for, by this
process or the one that has the link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from channel.log.bundle_build import build
from channel.log.bundle_files import UNWITNESSED, summary
from channel.log.case import belonging, select
from channel.log.checkpoint import split_note
from channel.log.cosignature import merge
from channel.protocol import ids
from channel.protocol.errors import FatalError, IncompleteError, TransientError, UsageError
from channel.protocol.statements import Notice

if TYPE_CHECKING:
    from clients.core.client import Client
    from clients.core.session import Session

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Proved:
    """A bundle's bytes, and what is told of it."""

    bundle: bytes
    told: dict[str, Any]


async def prove(
    client: Client, ref: str, wait: float = WAIT_S, *, disclose: bool = False, witnessed: bool = False
) -> Proved:
    """The bundle on the notice, line or call that `ref` begins. TransientError if the relay gives no proofs in time.

    `disclose`: with what was sealed. `witnessed`: under the newest checkpoint that a quorum has cosigned, though not
    everything at hand is below it. UsageError: it is not here. IncompleteError: no checkpoint here covers it yet.
    """
    of = await client.fresh(client.find, ref)
    session, ledger = client.session, client.ledger
    if of not in ledger.notices:
        raise UsageError("only what an intermediary told by voice is here, not the notice: ask who has it for a bundle")
    disclosed = disclosure(client, of) if disclose else []
    entries = list(ledger.entries.values())
    newest = ledger.index_of[of] if witnessed else belonging(entries, of)[-1].index
    size, note = checkpoint(session, newest, witnessed=witnessed)
    indexes = [entry.index for entry in select(entries, of, size)]
    came, proofs = await _proofs(client, size, indexes, wait)
    bundle = build(
        entries,
        of,
        note=note if came is None else merge(note, came.removeprefix(split_note(came)[0] + "\n").splitlines(True)),
        prove=lambda index: [ids.unb64url(node) for node in proofs[index]],
        words=session.store.words(),
        disclosed=disclosed,
    )
    told = summary(bundle, ledger.entries[0].opened.token, list(entries))
    return Proved(bundle, {"nid": ledger.notices[of].nid, **told})


def disclosure(client: Client, of: ids.Hash) -> list[bytes]:
    """The inner token of a sealed notice. UsageError if there is nothing to disclose, or not by this party."""
    record = client.ledger.notices[of]
    sealed = record.body.sealed if isinstance(record.body, Notice) else None
    inner = client.session.store.inner(of)
    if sealed is None:
        raise UsageError("it is not sealed: `party prove` shows what it says")
    if inner is None:
        raise UsageError(f"what is sealed in it is not in this home: {record.author} or an addressee can disclose it")
    return [inner]


def checkpoint(session: Session, index: int, *, witnessed: bool = False) -> tuple[int, str]:
    """The newest checkpoint with a quorum of cosignatures, if it covers the leaf; else what is pinned, if that serves.

    IncompleteError: neither covers it.
    """
    size = session.store.cosigned()
    note = session.store.cosigned_note(size) if size > index else None
    if note is not None:
        return size, note
    if witnessed:
        raise IncompleteError(UNWITNESSED)
    pin = session.replica.pin
    if pin.size <= index:
        raise IncompleteError("no checkpoint here covers the notice yet: try again once the channel was reached")
    return pin.size, pin.note


async def _proofs(
    client: Client, size: int, indexes: Sequence[int], wait: float
) -> tuple[str | None, Mapping[int, tuple[ids.Hash, ...]]]:
    """The relay's note of that size and its proofs, verified when they came; taken out of the store again."""
    store, runtime = client.session.store, client.runtime
    try:
        async with asyncio.timeout(wait):
            while True:
                pulse = runtime.pulse
                note, found = store.proofs(size)
                missing = [index for index in indexes if index not in found]
                if not missing:
                    return note, found
                store.want_proofs(size, missing)
                client.session.prover.changed()
                runtime.queued()
                if runtime.failure is not None:
                    raise runtime.failure
                if client.session.stopped is not None:
                    raise FatalError(client.session.stopped)
                await pulse.wait()
    except TimeoutError:
        why = f" ({runtime.why_down})" if runtime.why_down else ""
        raise TransientError(f"the relay has given no proofs{why}: nothing was written; try again") from None
    finally:
        store.drop_proofs(size)
