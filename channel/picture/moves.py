"""The positions of one unit in the order of what they say: where it was first, and where it is now (16.3.1). Pure.

A report may come late. So the order is by time, and that of the log only where times are equal.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from channel.ledger import Ledger, NoticeRecord
from channel.protocol.statements import Notice
from channel.protocol.times import from_wire


def said_ms(record: NoticeRecord) -> int:
    """Of when a position is: its first window's beginning; its stamp, if that is earlier: what is ahead is a plan."""
    volumes = record.body.volumes if isinstance(record.body, Notice) else ()
    return min([record.stamp_ms, *(from_wire(volume.from_) for volume in volumes[:1])])


def in_order(ledger: Ledger, records: Iterable[NoticeRecord]) -> list[NoticeRecord]:
    """Positions of a unit from the first to the newest.

    One that was given after another had been amended or withdrawn is later than that, whatever time it says: its author
    took that other place back, and it would never be seen behind it.
    """
    found: list[tuple[int, int, NoticeRecord]] = []
    ends: list[tuple[int, int]] = []
    least_ms = 0
    for record in sorted(records, key=lambda record: record.index):
        while ends and ends[0][0] <= record.index:
            least_ms = max(least_ms, heapq.heappop(ends)[1])
        at_ms = max(said_ms(record), least_ms)
        found.append((at_ms, record.index, record))
        ended = None if record.ended_by is None else ledger.notices.get(record.ended_by)
        if ended is not None:
            heapq.heappush(ends, (ended.index, at_ms))
    return [record for _, _, record in sorted(found, key=lambda one: one[:2])]
