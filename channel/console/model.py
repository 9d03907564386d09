"""The live board as encoded rows: kept up leaf by leaf, and each row encoded once for all browsers.

Only the worker's thread calls `refresh`; readers of `rows`, `alerts`, `features` and `health` see whole strings.
"""

from __future__ import annotations

import heapq
import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from channel.console import queue, rows, view
from channel.console.picture import picture
from channel.console.source import Source, Standing, have
from channel.ledger import Ledger
from channel.ledger.records import Entry, NoticeRecord
from channel.protocol.ids import Hash
from channel.protocol.statements import Acknowledgement, Addressed, Alert, Finding
from channel.protocol.times import to_wire

PICTURE_MS = 1_000  # the map is drawn anew at most so often
HEALTH_MS = 2_000  # so are links and disk


@dataclass(slots=True)
class Delta:
    """What `refresh` found new. Ids that are not in the model any more have left their list."""

    board: set[str] = field(default_factory=set)
    alerts: set[str] = field(default_factory=set)
    picture: set[str] = field(default_factory=set)
    health: bool = False

    def __bool__(self) -> bool:
        return bool(self.board or self.alerts or self.picture or self.health)


class Model:
    """Everything on the live screens, as JSON."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.rows: dict[Hash, str] = {}
        self.alerts: dict[str, str] = {}
        self.features: dict[str, str] = {}
        self.health = "null"
        self.index, self.at_ms = -1, 0
        self._marks = rows.Marks()
        self._taken = 0
        self._indexes: list[int] = []
        self._notices: list[Hash] = []
        self._over: dict[Hash, None] = {}
        self._left: set[Hash] = set()
        self._cleared: dict[str, None] = {}
        self._standing: dict[str, queue.Raised] = {}
        self._have: Mapping[str, int] = {}
        self._untold: set[str] = set()
        """Alerts that the client of somebody who was told does not have yet, or of which nobody knows."""
        self._timers: list[tuple[int, Hash]] = []
        self._due: dict[Hash, int] = {}
        self._witnessed = 0
        self._picture_ms = self._health_ms = -HEALTH_MS
        self._picture_taken = -1
        self._drawn: dict[str, dict[str, Any]] = {}

    def refresh(self, standing: Standing, mono_ms: int) -> Delta:
        """Take in what the source has taken in, and what time alone has changed. `mono_ms` paces map and health."""
        ledger, self.at_ms = self._source.fold.ledger, self._source.now_ms()
        moment = rows.Moment(
            ledger, self._marks, self.at_ms, standing.witnessed, self._source.facts.party, have(self._source, standing)
        )
        delta = Delta()
        notices, alerts = self._touched(ledger, standing.witnessed)
        if moment.have != self._have:
            self._have = moment.have
            alerts |= self._untold
        records = [ledger.notices[of] for of in notices if of in ledger.notices]
        for record in sorted(records, key=lambda one: (rows.settled_ms(ledger, one), one.index)):
            self._row(moment, record, delta)
        raised = [one for one in map(partial(_raised, ledger), alerts) if one is not None]
        for alert in sorted(raised, key=lambda one: (one.cleared_ms or 0, one.index)):
            self._alert(moment, alert, delta)
        self._trim(delta)
        self._slow(ledger, standing, mono_ms, delta)
        self.index = self._source.fold.index
        return delta

    def at(self) -> str:
        """The channel's clock at the newest `refresh`."""
        return to_wire(self.at_ms)

    def _touched(self, ledger: Ledger, witnessed: int) -> tuple[set[Hash], set[str]]:
        notices, alerts = set(self._source.fold.retouched), set[str]()
        self._source.fold.retouched.clear()
        for entry in self._source.fold.entries[self._taken :]:
            self._marks.take(entry)
            _refers(ledger, entry, notices, alerts)
            if isinstance(entry.opened.body, Addressed):
                self._indexes.append(entry.index)
                self._notices.append(entry.opened.of)
        self._taken = len(self._source.fold)
        while self._timers and self._timers[0][0] <= self.at_ms:
            at_ms, of = heapq.heappop(self._timers)
            if self._due.get(of) == at_ms:
                del self._due[of]
                notices.add(of)
        if witnessed != self._witnessed:
            old, new = sorted((witnessed, self._witnessed))
            notices.update(self._notices[bisect_left(self._indexes, old) : bisect_left(self._indexes, new)])
            self._witnessed = witnessed
        alerts.update(id_ for id_, record in self._standing.items() if not record.standing)
        return notices, alerts

    def _row(self, moment: rows.Moment, record: NoticeRecord, delta: Delta) -> None:
        of = record.of
        row = rows.notice_row(moment, record)
        changes_ms = rows.changes_ms(moment, record)
        if changes_ms is not None and self._due.get(of) != changes_ms:
            self._due[of] = changes_ms
            heapq.heappush(self._timers, (changes_ms, of))
        if row.rank != rows.ENDED:
            self._over.pop(of, None)
        elif of in self._left:
            return  # it left the board before
        else:
            self._over[of] = None
        text = row.model_dump_json()
        if self.rows.get(of) != text:
            self.rows[of] = text
            delta.board.add(of)

    def _alert(self, moment: rows.Moment, record: queue.Raised, delta: Delta) -> None:
        id_ = queue.queue_id(record)
        if record.standing:
            self._standing[id_] = record
        else:
            self._standing.pop(id_, None)
            self._cleared[id_] = None
        row = queue.queue_row(moment, record)
        unknown = not moment.have  # nothing was looked up yet: it is said anew when it is
        (self._untold.add if unknown or any(told.has is False for told in row.told) else self._untold.discard)(id_)
        text = row.model_dump_json()
        if self.alerts.get(id_) != text:
            self.alerts[id_] = text
            delta.alerts.add(id_)

    def _trim(self, delta: Delta) -> None:
        """The oldest of what is over leaves the lists."""
        while len(self._over) > view.ENDED_MAX:
            oldest = next(iter(self._over))
            del self._over[oldest]
            self._left.add(oldest)
            self.rows.pop(oldest, None)
            delta.board.add(oldest)
        while len(self._cleared) > view.CLEARED_MAX:
            oldest = next(iter(self._cleared))
            del self._cleared[oldest]
            self.alerts.pop(oldest, None)
            self._untold.discard(oldest)
            delta.alerts.add(oldest)

    def _slow(self, ledger: Ledger, standing: Standing, mono_ms: int, delta: Delta) -> None:
        """Map and health: looked at whole each time, so seldom."""
        if self._picture_taken != self._taken and mono_ms - self._picture_ms >= PICTURE_MS:
            self._picture_ms, self._picture_taken = mono_ms, self._taken
            self._draw(
                {one["id"]: one for one in picture(ledger, self.at_ms, self._source.facts.party).features}, delta
            )
        if mono_ms - self._health_ms >= HEALTH_MS:
            self._health_ms = mono_ms
            text = view.health(ledger, self._marks, standing).model_dump_json()
            delta.health, self.health = text != self.health, text

    def _draw(self, found: dict[str, dict[str, Any]], delta: Delta) -> None:
        """Only features that differ are encoded, and told."""
        for id_, feature in found.items():
            if self._drawn.get(id_) != feature:
                self.features[id_] = json.dumps(feature, ensure_ascii=False, separators=(",", ":"))
                delta.picture.add(id_)
        for id_ in self._drawn.keys() - found.keys():
            del self.features[id_]
            delta.picture.add(id_)
        self._drawn = found


def _refers(ledger: Ledger, entry: Entry, notices: set[Hash], alerts: set[str]) -> None:
    """What a leaf may have changed: its notice, those that it ends, the alert that it is or that it is about."""
    body = entry.opened.body
    if isinstance(body, Addressed):
        notices.add(entry.opened.of)
    for name in ("of", "amends", "withdraws"):
        of = getattr(body, name, None)
        if of is not None:
            notices.add(of)
    if isinstance(body, Alert | Acknowledgement):
        alerts.add(body.alert)
        record = ledger.alerts.get(body.alert)
        if record is not None and record.body.of is not None:
            notices.add(record.body.of)
    if isinstance(body, Finding):
        notices.update(body.rests_on)
        alerts.add(body.finding)


def _raised(ledger: Ledger, id_: str) -> queue.Raised | None:
    """What has that id in the queue."""
    finding = ledger.findings.get(id_)
    noted = finding is not None and finding.body.kind == view.NOTED
    return ledger.alerts.get(id_) or (None if noted else finding)
