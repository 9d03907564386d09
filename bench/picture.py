#!/usr/bin/env python3
"""What a new notice, and a start, cost with 1,000 to 100,000 active volumes: `make bench-picture`.

It is the relay's own path that is measured: from a notice that the ledger has taken to the findings that are due, and
these taken in as leaves in turn, until nothing is due; and a start, which builds the situation from a ledger. Folding,
signing and storing are not. Times are the processor's, so that other work on the machine counts little; seconds depend
on the machine, the ratios much less. No timed test.

Beside them, in the same run, stands what the same notices cost the index alone: made ready, and what is near looked up.
"""

from __future__ import annotations

import argparse
import gc
import math
import platform
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from picture_net import NOW_MS, PROXIMITY_M, Net, World, filled

from channel.ledger import NoticeRecord
from channel.picture import Index, shaped
from channel.protocol.statements import Notice
from channel.protocol.times import from_wire
from channel.relay.findings import Findings

SIZES = (1_000, 10_000, 100_000)
JUDGED = 1_000
MOVES = 5  # one notice in so many is the next position of a unit
P99_MS_MAX = 5.0


T = TypeVar("T")


class Row(NamedTuple):
    """What was measured at one size. Milliseconds of each notice, ascending; seconds of a start."""

    size: int
    near: float
    findings: float
    judged_ms: list[float]
    looked_up_ms: list[float]
    start_s: float
    restart_s: float
    """With all findings in the log, as after a first start they are."""


class Relay:
    """A net, and the relay's findings over it. What is timed is theirs; the folding between is not."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.start_s, self._findings = timed(lambda: Findings(net.ledger))
        self.found = 0
        self._settle(self._findings.due(NOW_MS), NOW_MS)

    def judge(self, index: int) -> float:
        """Milliseconds of processor time for a notice: taken in, and its findings too, until nothing is due."""
        now_ms = self.net.ledger.last_stamp_ms
        spent_s, due = timed(lambda: self._taken([index], now_ms))
        return 1000 * (spent_s + self._settle(due, now_ms))

    def _settle(self, due: list[dict[str, object]], now_ms: int) -> float:
        spent_s = 0.0
        while due:
            self.found += len(due)
            leaves = [self.net.finding(members) for members in due]
            more_s, due = timed(lambda leaves=leaves: self._taken(leaves, now_ms))  # type: ignore[misc]
            spent_s += more_s
        return spent_s

    def _taken(self, indexes: list[int], now_ms: int) -> list[dict[str, object]]:
        for index in indexes:
            self._findings.staged(index)
        return self._findings.due(now_ms)


class Lookup:
    """The reference: volumes made ready and looked up in two indexes, and nothing made of what is near."""

    def __init__(self, net: Net) -> None:
        self._positions: Index[int] = Index()
        self._others: Index[int] = Index()
        self.near = 0
        for record in net.ledger.notices.values():
            self._take(record, ask=False)

    def judge(self, record: NoticeRecord) -> float:
        """Milliseconds of processor time for a notice."""
        spent_s, _ = timed(lambda: self._take(record, ask=True))
        return 1000 * spent_s

    def _take(self, record: NoticeRecord, *, ask: bool) -> None:
        body = record.body
        if not isinstance(body, Notice):
            return
        (volume,) = body.volumes
        position = body.kind.value == "position"
        solid = shaped(volume.shape, from_wire(volume.from_), from_wire(volume.until), volume.altitude)
        if ask:
            self.near += len(self._positions.near(solid, PROXIMITY_M if position else 0))
            self.near += len(self._others.near(solid, 0))
        (self._positions if position else self._others).add(record.index, solid)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """(seconds of processor time, what the work gave)."""
    begun = time.process_time()
    done = work()
    return time.process_time() - begun, done


def measured(size: int, share: float) -> Row:
    """A world of so many volumes, `share` of a theatre wide."""
    world = World(size, share)
    say(f"{size:,} notices are logged")
    net = filled(world, size)
    say("a start, and what is due at once")
    lookup, relay = Lookup(net), Relay(net)
    found, ledger = relay.found, net.ledger
    say(f"{JUDGED:,} more notices")
    judged_ms, looked_up_ms = [], []
    for number in range(JUDGED):
        index = net.notice(*(world.move() if number % MOVES == 0 else world.notice()))
        judged_ms.append(relay.judge(index))
        looked_up_ms.append(lookup.judge(ledger.notices[ledger.entries[index].opened.of]))
    say(f"a start with {len(ledger.findings):,} findings in the log")
    restart_s, _ = timed(lambda: Findings(ledger))
    per_notice = lookup.near / JUDGED, (relay.found - found) / JUDGED
    return Row(size, *per_notice, sorted(judged_ms), sorted(looked_up_ms), relay.start_s, restart_s)


def say(what: str) -> None:
    """Progress: not part of the table."""
    print(f"  ... {what}", file=sys.stderr, flush=True)


def table(title: str, density: float, sizes: tuple[int, ...]) -> None:
    print(f"\n{title}")
    print(
        f"{'':>9} {'per notice':>15} | {'one new notice':^42} | {'index':>8} | {'start':^27} |\n"
        f"{'volumes':>9} {'near':>6} {'findings':>8} | {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'p50':>5} {'p99':>5} "
        f"{'log n':>6} | {'p50 ms':>8} | {'s':>7} {'ms each':>8} {'again s':>10} |"
    )
    first: Row | None = None
    for size in sizes:
        row = measured(size, size * density)
        first = first or row
        print(line(row, first), flush=True)
        gc.collect()
    high = rank(row.judged_ms, 0.99)
    verdict = "within" if high <= P99_MS_MAX else "ABOVE"
    print(f"p99 at {row.size:,} volumes: {high:.2f} ms, {verdict} {P99_MS_MAX:g} ms")


def line(row: Row, first: Row) -> str:
    middle, high, highest = (rank(row.judged_ms, share) for share in (0.5, 0.99, 1))
    ratios = middle / rank(first.judged_ms, 0.5), high / rank(first.judged_ms, 0.99)
    growth = math.log(row.size) / math.log(first.size)
    return (
        f"{row.size:>9,} {row.near:>6.1f} {row.findings:>8.1f} | {middle:>7.2f} {high:>7.2f} {highest:>7.1f} "
        f"{ratios[0]:>5.2f} {ratios[1]:>5.2f} {growth:>6.2f} | {rank(row.looked_up_ms, 0.5):>8.2f} | "
        f"{row.start_s:>7.1f} {1000 * row.start_s / row.size:>8.2f} {row.restart_s:>10.1f} |"
    )


def rank(ascending: list[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def main() -> None:
    """Two tables, the denser one up to 10,000 volumes if nothing else is said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--all", action="store_true", help="the denser table up to 100,000 too: takes much memory and time"
    )
    wanted = parser.parse_args()
    print(f"{JUDGED:,} notices judged a row, processor time, Python {platform.python_version()}, {platform.machine()}")
    print(
        "Columns p50, p99: the ratio to 1,000 volumes; log n: what would be the ratio of a cost that grows with log n."
    )
    table("100,000 volumes in ten theatres of 400 km, fewer in less: as dense at every size", 1e-4, SIZES)
    table("Ten times as dense: 100,000 in one theatre", 1e-5, SIZES if wanted.all else SIZES[:2])


if __name__ == "__main__":
    main()
