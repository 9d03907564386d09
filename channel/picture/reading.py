"""Who may read what a finding rests on, and what of a notice's end a party may know (protocol.md 16.3.2, 16.3.3).

Everything here is asked of the feeds: a party may read a leaf when it was released to it. No geometry.
"""

from __future__ import annotations

from collections.abc import Iterable

from channel.ledger import Ledger, NoticeRecord
from channel.protocol import ids
from channel.protocol.statements import DeskOf, Precedence


def reads(ledger: Ledger, party: str, indexes: Iterable[int]) -> bool:
    """Whether all these leaves were released to the party."""
    record = ledger.parties.get(party)
    return record is not None and all(index in record.released for index in indexes)


def reads_all(ledger: Ledger, parties: Iterable[str], indexes: tuple[int, ...]) -> bool:
    """Whether each of these parties may read all these leaves."""
    return all(reads(ledger, party, indexes) for party in parties)


def way(ledger: Ledger, record: NoticeRecord, to: str) -> str | None:
    """The intermediary through whose hands a notice went to a party; None: it went there directly."""
    delivery = ledger.deliveries.get((record.of, to))
    return None if delivery is None else delivery.via


def told_of_two(ledger: Ledger, a: NoticeRecord, b: NoticeRecord, needs: Iterable[int]) -> tuple[str, ...]:
    """Both authors, if both may read everything, and the one intermediary between them, if there is one. Else nobody.

    A second intermediary would learn from it that the other one has passed something on.
    """
    leaves = tuple(needs)
    authors = tuple(dict.fromkeys((a.author, b.author)))
    if not reads_all(ledger, authors, leaves):
        return ()
    between = {way(ledger, a, b.author), way(ledger, b, a.author)} - {None, *authors}
    also = [party for party in between if party is not None and len(between) == 1 and reads(ledger, party, leaves)]
    return (*authors, *also)


def knows_end(ledger: Ledger, of: ids.Hash, eyes: Iterable[str]) -> bool:
    """Whether each of these parties may read the statement that ended a notice."""
    record = ledger.notices.get(of)
    return record is not None and reads_all(ledger, eyes, (record.index,))


def desks(ledger: Ledger, parties: Iterable[str], precedence: Precedence) -> tuple[DeskOf, ...]:
    """The desks that are told: `operations`, of a FLASH the `staff` too."""
    levels = ("operations", "staff") if precedence is Precedence.FLASH else ("operations",)
    found = [DeskOf(party=party, desk=ledger.desk(party, level)) for party in parties for level in levels]
    return tuple(dict.fromkeys(found))
