"""Findings in the fold: which answers fall due earlier because of one (protocol.md 16.4). No geometry is here.

What makes a finding, and whether its cause stands, is the picture's (channel/picture); the fold takes the leaf's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from channel.protocol.statements import Finding, Precedence

if TYPE_CHECKING:
    from channel.ledger.ledger import Ledger

SHORTENING = frozenset({"overlap", "converging"})


def shortened(ledger: Ledger, body: Finding, stamp_ms: int) -> Iterator[tuple[str, str, int]]:
    """(notice, addressee, latest answer time) of each delivery that a raised finding makes due earlier."""
    if body.kind not in SHORTENING or not ledger.charter.terms.shorten:
        return
    told = {desk.party for desk in body.told}
    for of in body.rests_on:
        record = ledger.notices.get(of)
        if record is None:
            continue
        due_ms = stamp_ms + ledger.charter.deadlines.row(_higher(record.body.precedence)).answer_ms
        for party in record.parties:
            via = ledger.deliveries[of, party].via
            if party in told and (via is None or via in told):  # who is told that the answer is late (9.3.4)
                yield of, party, due_ms


def _higher(precedence: Precedence) -> Precedence:
    """The next higher precedence; FLASH has none above it."""
    row = tuple(Precedence)
    return row[min(precedence.rank + 1, len(row) - 1)]
