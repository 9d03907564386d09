"""Signing that our machine has a notice (protocol.md 6.6, 11.3): once for each, in the transaction that stores it."""

from __future__ import annotations

from channel.protocol import ids
from channel.protocol.statements import Level, Receiving, Stage
from channel.protocol.times import to_wire
from clients.core.alarms import Alarms
from clients.core.outgoing import Outgoing
from clients.core.replica import Replica
from clients.core.signers import MACHINE, Signing
from clients.core.store import OutboxRow, Store


class Receiver:
    """Signs for one home; the statement waits in the outbox like any other."""

    def __init__(self, replica: Replica, store: Store, out: Outgoing, alarms: Alarms, signers: Signing) -> None:
        self._replica, self._store, self._out = replica, store, out
        self._alarms, self._signers = alarms, signers

    def sign_all(self, now_ms: int) -> None:
        """Every notice that we hold and have not signed for."""
        for of, record in self._replica.ledger.notices.items():
            if record.author != self._replica.party:
                self.sign(of, now_ms)

    def refused(self, of: ids.Hash, now_ms: int) -> None:
        """A statement of ours was: what it may have signed for is not signed for yet."""
        row = self._store.outbox_row(of)
        record = self._replica.ledger.notices.get(row.refers or "") if row is not None else None
        if record is not None and record.author != self._replica.party:
            self.sign(record.of, now_ms)

    def sign(self, of: ids.Hash, now_ms: int) -> None:
        """Our machine holds it, and of a sealed one what was sealed: signed once, whatever was interrupted before.

        What was refused only another key signs anew: the first was withdrawn meanwhile, or it would be refused again;
        the same key only if our clock was ahead, and has been put back since.
        """
        replica, ledger = self._replica, self._replica.ledger
        if replica.awaits(of) or of in replica.received:
            return
        before = self._store.signed_for("receiving", of)
        if any(row.state != "refused" for row in before):
            return
        machine = self._signers.find(ledger.ring, MACHINE, ledger.size)
        if machine is None:
            self._alarms.fault("no-key", MACHINE, "no valid machine key is in this home: nothing is signed as received")
            return
        self._alarms.mended("no-key", MACHINE)
        if any(row.kid == machine.kid and not _ahead(row, now_ms) for row in before):
            return

        def build(seq: int, prev: ids.Hash) -> Receiving:
            return Receiving(
                net=replica.charter.net,
                from_=replica.party,
                desk=ledger.desk(replica.party, Level.OPERATIONS.value),
                issued=to_wire(now_ms),
                seen=replica.seen,
                seq=seq,
                prev=prev,
                of=of,
                stage=Stage.RECEIVED,
            )

        row = replica.charter.deadlines.row(ledger.notices[of].body.precedence)
        self._store.sign_and_queue(build, machine, created_ms=now_ms, due_ms=now_ms + row.receipt_ms)
        for earlier in before:
            if not ids.is_desk_kid(earlier.kid):
                self._store.tell_refused(earlier.of)
        self._out.changed()


def _ahead(row: OutboxRow, now_ms: int) -> bool:
    return row.code == "issued-ahead" and now_ms < row.created_ms
