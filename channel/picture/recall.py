"""By which notices somebody goes: of each side the newest that each party may read. For the start from a ledger.

No geometry and no state: what of a log is still asked for, and what a standing finding is held against.
"""

from __future__ import annotations

from collections.abc import Iterator

from channel.ledger import FindingRecord, Ledger, NoticeRecord
from channel.picture import reading
from channel.picture.causes import Side, side_of
from channel.picture.moves import in_order
from channel.picture.topics import INCIDENT, Topic


class Recall:
    """The notices of a ledger by side; of a unit from its first position to its newest."""

    def __init__(self, ledger: Ledger, me: str | None) -> None:
        self._ledger, self._me = ledger, me
        self._of: dict[Side, list[NoticeRecord]] = {}
        for record in sorted(ledger.notices.values(), key=_index):
            self._of.setdefault(side_of(record), []).append(record)
        for side, records in self._of.items():
            if len(records) > 1:
                self._of[side] = in_order(ledger, records)

    def kept(self) -> list[NoticeRecord]:
        """Of each side those by which somebody goes; in the order of the log."""
        return sorted((record for records in self._of.values() for record in self._last(records)), key=_index)

    def _last(self, records: list[NoticeRecord]) -> Iterator[NoticeRecord]:
        needed = reading.newest_two(self._ledger, [record.index for record in records], self._me)
        return (record for record in records if record.index in needed)

    def known(self, topic: Topic, finding: FindingRecord) -> Iterator[list[NoticeRecord]]:
        """Of each of a finding's notices, or sides, the newest two that all who were told it know of."""
        if finding.body.kind == INCIDENT:  # of what stood at the time, whatever came later
            yield from ([self._ledger.notices[of]] for of in finding.body.rests_on)
            return
        for side in topic.sides:
            records = self._of.get(side, ())
            yield [record for record in records if reading.reads_all(self._ledger, eyes_of(finding), (record.index,))][
                -2:
            ]


def eyes_of(finding: FindingRecord) -> tuple[str, ...]:
    """The parties that were told a finding."""
    return tuple(dict.fromkeys(desk.party for desk in finding.body.told))


def _index(record: NoticeRecord) -> int:
    return record.index
