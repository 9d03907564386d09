"""What a client has noticed by itself and says again until it ends (protocol.md 9.3.6, 11.6). Sans I/O.

Faults stay; the rest is looked at afresh with each tick. Nothing is judged here and nothing stops the client.
"""

from __future__ import annotations

from collections.abc import Iterable

from channel.protocol import ids, limits
from clients.core import duties
from clients.core.events import Alarm, AlarmCleared, AlarmRaised, AlertRepeated, Event
from clients.core.outgoing import Outgoing
from clients.core.replica import Replica
from clients.core.store import OutboxRow, Store

PATIENCE_MS = 10_000  # a leaf or key chain that cannot be judged is an alarm after this
AWAY_MS = 15_000  # between heartbeats: the relay was away, and begins again to answer


class Alarms:
    """The alarms of one session. `standing` are those that were told and have not ended."""

    def __init__(self, replica: Replica, store: Store, out: Outgoing) -> None:
        self.standing: dict[tuple[str, str], Alarm] = {}
        self.heard_at_ms: int | None = None
        """When the relay was heard last; None while no link is wanted."""
        self.steady_ms: int | None = None
        """Since when it was heard without a break over this connection, and took what was sent; None: it was not."""
        self.pending: tuple[int, str, int] | None = None
        """(n, why, since when) of a leaf that does not hold."""
        self.keys_differ_since: int | None = None
        self.quarantine: str | None = None
        """What the relay says of itself while it takes nothing; None: it does not."""
        self._replica, self._store, self._out = replica, store, out
        self._faults: dict[tuple[str, str], Alarm] = {}
        self._receipted = {row.of: row for row in store.receipted()}  # whose leaf has not come
        self._since: dict[ids.Hash, int] = {}  # when what has no leaf was seen first, on the monotonic clock
        self._repeated: dict[str, tuple[int, int]] = {}  # when last, on the net's clock and on the monotonic one
        self.refusals = True
        """Whether something of ours may have been refused of which nobody was told."""

    def fault(self, code: str, subject: str, detail: str) -> Alarm:
        """Something that is wrong until it is mended, or for good."""
        alarm = self._faults[code, subject] = Alarm(code, subject, detail)
        return alarm

    def mended(self, code: str, subject: str) -> None:
        """It was wrong, and is not any more."""
        self._faults.pop((code, subject), None)

    def heard(self, mono_ms: int) -> None:
        """A new heartbeat. What the relay owes a proof for runs only while it is there to give one."""
        if self.steady_ms is None or self.heard_at_ms is None or mono_ms - self.heard_at_ms >= AWAY_MS:
            self.steady_ms = mono_ms
        self.heard_at_ms = mono_ms

    def closed(self, why: str) -> None:
        """The relay says that it is in quarantine: it answers nothing, and owes nothing meanwhile."""
        self.quarantine, self.steady_ms = why, None

    def wait_for(self, n: int, why: str, mono_ms: int) -> None:
        """Not accepted, so not confirmed: the relay sends it again by itself."""
        since = self.pending[2] if self.pending is not None and self.pending[0] == n else mono_ms
        self.pending = (n, why, since)

    def receipted(self, row: OutboxRow) -> None:
        """A receipt came: its leaf must follow."""
        self._receipted[row.of] = row

    def follow(self) -> None:
        """Take in what another process of this home has written."""
        self.refusals = True
        self._receipted = {row.of: row for row in self._store.receipted()}

    def tick(self, now_ms: int, mono_ms: int, more: Iterable[Alarm] = ()) -> list[Event]:
        """What time alone brings: alarms raised and cleared, alerts repeated. `more`: what others found."""
        wanted = {(alarm.code, alarm.subject): alarm for alarm in (*self._conditions(now_ms, mono_ms), *more)}
        events: list[Event] = [AlarmRaised(alarm, now_ms) for key, alarm in wanted.items() if key not in self.standing]
        events += [AlarmCleared(alarm, now_ms) for key, alarm in self.standing.items() if key not in wanted]
        self.standing = wanted
        for record in duties.unacknowledged(self._replica.ledger, self._replica.party):
            last_ms, mono_last_ms = self._repeated.setdefault(record.body.alert, (record.raised_ms, mono_ms))
            span_ms = max(now_ms - last_ms, mono_ms - mono_last_ms)  # the net's clock may be put back, or wrong
            if span_ms >= duties.repeat_ms(self._replica.ledger, record.body.precedence):
                self._repeated[record.body.alert] = (now_ms, mono_ms)
                events.append(AlertRepeated(record, now_ms))
        return events

    def _conditions(self, now_ms: int, mono_ms: int) -> list[Alarm]:
        ledger, party = self._replica.ledger, self._replica.party
        found = list(self._faults.values())
        if self.heard_at_ms is not None and mono_ms - self.heard_at_ms >= limits.SILENT_MS:
            found.append(Alarm("no-heartbeat", "relay", "the relay has not been heard for 30 s"))
        if self.quarantine is not None:
            found.append(Alarm("quarantine", "relay", self.quarantine))
        if self.pending is not None and mono_ms - self.pending[2] >= PATIENCE_MS:
            n, why, _ = self.pending
            found.append(Alarm("pending-leaf", str(n), f"leaf {n} of our feed does not hold ({why}) and is not shown"))
        if self.keys_differ_since is not None and mono_ms - self.keys_differ_since >= PATIENCE_MS:
            found.append(Alarm("keys-differ", "heartbeat", "the relay goes by other keys than those we were shown"))
        self._receipted = {of: row for of, row in self._receipted.items() if of not in ledger.index_of}
        self._since = {of: self._since.get(of, mono_ms) for of in (*self._out.rows(), *self._receipted)}

        def at_ms(row: OutboxRow) -> int:
            return max(now_ms, row.created_ms + mono_ms - self._since[row.of])

        found += duties.unreceipted(self._out.rows().values(), at_ms)
        found += duties.unseen(self._receipted.values(), at_ms)
        found += duties.unalerted(ledger, party, now_ms)
        if self.refusals:  # looked up only while there may be some
            rows = self._store.refused(now_ms - duties.REFUSED_MS)
            self.refusals = bool(rows)
            found += duties.refused(rows, now_ms)
        return found
