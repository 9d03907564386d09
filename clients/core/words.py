"""The relay's own words to one party: receipts, busy, heartbeats (protocol.md 6.19 to 6.21). Sans I/O.

A word is signed and no leaf. What it promises is compared with the log as soon as that can be seen.
"""

from __future__ import annotations

from collections import Counter

from channel.protocol import ids, limits
from channel.protocol.envelope import Opened, open_token
from channel.protocol.errors import PeerError, Unattributable
from channel.protocol.statements import Busy, Heartbeat, Quarantine, Receipt
from channel.protocol.times import from_wire
from clients.core import trust
from clients.core.alarms import Alarms
from clients.core.comparing import Comparer
from clients.core.events import Event, Settled
from clients.core.outgoing import Outgoing
from clients.core.replica import Replica
from clients.core.store import OutboxRow, Store
from clients.core.witness import Witness


class Words:
    """Takes words in. What is no good word of the relay is counted in `dropped`."""

    def __init__(
        self,
        replica: Replica,
        store: Store,
        out: Outgoing,
        witness: Witness,
        alarms: Alarms,
        comparer: Comparer,
        dropped: Counter[str],
    ) -> None:
        self._replica, self._store, self._out = replica, store, out
        self._witness, self._alarms, self._dropped = witness, alarms, dropped
        self._comparer = comparer
        self._unchecked: list[tuple[int, ids.Hash, ids.Hash]] = []  # receipts whose key chain is not known yet
        self._quarantine_ms = -1  # `issued` of the newest word that the relay takes nothing
        self._beat_at: tuple[int, int] = (0, 0)  # (`issued` of the newest heartbeat, our time then)
        self._ahead: tuple[Heartbeat, bytes] | None = None  # the newest, if its keys or its tree are not ours yet

    def take(self, token: bytes, now_ms: int, mono_ms: int) -> list[Event] | trust.Contradiction:
        """Judge one word; a Contradiction if the relay signed another tree than we hold."""
        ring = self._replica.ledger.ring
        try:
            opened = open_token(token, ring, net=self._replica.charter.net)
            if not ring.valid_at(opened.kid, max(self._replica.pin.size, self._replica.ledger.size)):
                raise Unattributable("key-not-valid", f"{opened.kid} signs words no more")
        except PeerError as error:
            self._dropped[error.code] += 1
            return []
        self._out.heard(mono_ms)
        match opened.body:
            case Receipt() as receipt:
                return self._receipt(receipt, opened.token)
            case Busy(of=of, retry_ms=retry_ms):
                self._out.busy(of, min(retry_ms, limits.HELD_MS_MAX), now_ms, mono_ms)
            case Quarantine() as word:
                self._quarantine(word)
            case Heartbeat() as heartbeat:
                return self._beat(heartbeat, opened, now_ms, mono_ms) or []
            case _:
                self._dropped["not-a-word"] += 1
        return []

    def _quarantine(self, word: Quarantine) -> None:
        if word.to != self._replica.party or from_wire(word.issued) < max(self._quarantine_ms, self._beat_at[0]):
            self._dropped["foreign-quarantine"] += 1
            return
        self._quarantine_ms = from_wire(word.issued)
        more = f", and a signed checkpoint of {word.shown} was shown to it" if word.shown > word.size else ""
        self._alarms.closed(
            f"the relay takes nothing since {word.since}: its log of {word.size} leaves is old or another than the one "
            f"that parties hold{more}. What is sent now waits; ring who it is for"
        )

    def _receipt(self, receipt: Receipt, token: bytes) -> list[Event]:
        row = self._store.outbox_row(receipt.of)
        if row is None:
            self._dropped["foreign-receipt"] += 1
            return []
        if row.state == "logged":
            if (row.index, row.stamp) != (receipt.index, receipt.stamp):
                self._alarms.fault("receipt-broken", row.of, "two receipts for one statement name different leaves")
            return []
        self._store.settle_logged(receipt.of, receipt.index, receipt.stamp, token)
        self._out.changed()
        self._unchecked.append((receipt.index, receipt.keys, receipt.of))
        self.check_chains()
        settled = self._store.outbox_row(receipt.of)
        if settled is not None:
            self._alarms.receipted(settled)
            self.compare_receipt(settled)
        return [Settled(receipt.of, "logged")]

    def compare_receipt(self, row: OutboxRow) -> None:
        """What the receipt promised is what the log holds, as soon as we can see it."""
        ledger = self._replica.ledger
        index = ledger.index_of.get(row.of)
        if index is not None and (row.index, row.stamp) != (index, ledger.entries[index].stamp_ms):
            detail = f"its receipt names leaf {row.index}, and it is leaf {index}"
            self._alarms.fault("receipt-broken", row.of, detail)

    def check_chains(self) -> None:
        """Receipts whose position we have reached: their key chain must be ours (protocol.md 5.6). So a heartbeat's."""
        ledger = self._replica.ledger
        if self._ahead is not None:
            self._keep_beat(*self._ahead)
        ready = [entry for entry in self._unchecked if entry[0] < ledger.size]
        self._unchecked = [entry for entry in self._unchecked if entry[0] >= ledger.size]
        for index, keys, of in ready:
            if ledger.ring.chain_at(index) != keys:
                detail = "a receipt was made under other keys than those we were shown"
                self._alarms.fault("keys-differ", of, detail)

    def _beat(self, beat: Heartbeat, opened: Opened, now_ms: int, mono_ms: int) -> trust.Contradiction | None:
        party = self._replica.party
        if beat.to != party:
            self._dropped["foreign-heartbeat"] += 1
            return None
        contradiction = self._comparer.beat(opened, beat.size, beat.root)
        if contradiction is not None:
            return contradiction
        self._witness.beat(mono_ms)
        issued_ms = from_wire(beat.issued)
        if issued_ms > self._beat_at[0] or (issued_ms, now_ms) == self._beat_at:
            ahead_ms = issued_ms - self._beat_at[0] - (now_ms - self._beat_at[1])
            self._beat_at = (issued_ms, now_ms)
            if issued_ms > self._quarantine_ms:
                self._alarms.quarantine = None
            self._alarms.heard(mono_ms)  # an old one that a broker repeats is no sign of life
            if ahead_ms > limits.HEARTBEAT_MS // 2:  # they come faster than they were made: kept for us, not said to us
                self._alarms.steady_ms = None
        for device in beat.devices:
            if ids.kid_party(device.kid) == party and not self._store.hear_device(device.kid, device.seq):
                detail = f"the relay says that it signed number {device.seq}: not believed"
                self._alarms.fault("numbers-jump", device.kid, detail)
        if not self._keep_beat(beat, opened.token) and self._alarms.keys_differ_since is None:
            self._alarms.keys_differ_since = mono_ms
        self._out.have = True
        return None

    def _keep_beat(self, beat: Heartbeat, token: bytes) -> bool:
        """Once its key chain and its tree are ours: it comes before both. Whether the key chain is."""
        self._ahead = (beat, token)
        if self._replica.ledger.ring.chain_at(beat.size) != beat.keys:
            return False
        self._alarms.keys_differ_since = None
        known = self._replica.tree_of(beat.size)
        if known is not None and known[0] == beat.root:
            self._ahead = None
            self._store.put_beat(beat.size, token, self._witness.witnessed)
        return True
