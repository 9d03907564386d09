"""Where alerts go beside the log and the parties' own links: the operator's screen (protocol.md 9.3).

An alert is shown when it is raised and again and again until the operator's desk acknowledges it or its cause ends:
every 30 s for FLASH, else every receipt deadline. Those that were in the log before the relay's start are shown at its
first turn. Repetition makes no leaf.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TextIO

from channel.ledger import wording
from channel.ledger.ledger import Ledger
from channel.ledger.records import AlertRecord
from channel.protocol import ids
from channel.protocol.statements import Precedence
from channel.relay.clock import Clock
from channel.relay.outlet import Outlet

FLASH_REPEAT_MS = 30_000


@dataclass(slots=True)
class Console:
    """Alert lines on a terminal or in a file. `out` never makes the loop wait: a relay's is an `Outlet`."""

    ledger: Ledger
    clock: Clock
    out: TextIO | Outlet
    _shown_ms: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recall()

    def recall(self) -> None:
        """What came into the log otherwise than through `raised` is due at once."""
        for alert, record in self.ledger.alerts.items():
            if record.standing and ids.RELAY not in record.acked:
                self._shown_ms.setdefault(alert, 0)

    def raised(self, record: AlertRecord) -> None:
        """A new alert is in the log."""
        self._show(record, self.clock.now_ms())

    def repeat(self) -> None:
        """Show again what nobody at the operator's desk has acknowledged; show once that a cause has ended."""
        now_ms = self.clock.now_ms()
        ended = [record for alert in self._shown_ms if not (record := self.ledger.alerts[alert]).standing]
        for records in wording.together(ended):
            self._write(wording.cleared_line(self.ledger, *records))
        for alert, shown_ms in list(self._shown_ms.items()):
            record = self.ledger.alerts[alert]
            if ids.RELAY in record.acked or not record.standing:
                del self._shown_ms[alert]
            elif now_ms - shown_ms >= self._interval_ms(record.body.precedence):
                self._show(record, now_ms)

    def _show(self, record: AlertRecord, now_ms: int) -> None:
        self._shown_ms[record.body.alert] = now_ms
        self._write(wording.alert_line(self.ledger, record, now_ms))

    def _interval_ms(self, precedence: Precedence) -> int:
        if precedence is Precedence.FLASH:
            return FLASH_REPEAT_MS
        return self.ledger.charter.deadlines.row(precedence).receipt_ms

    def _write(self, line: str) -> None:
        self.out.write(line + "\n")
        self.out.flush()


class Silent:
    """No screen: a scenario's narration reads the log."""

    def recall(self) -> None:
        """Nothing."""

    def raised(self, record: AlertRecord) -> None:
        """Nothing."""

    def repeat(self) -> None:
        """Nothing."""


AlertSink = Console | Silent
