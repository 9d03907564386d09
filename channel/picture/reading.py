"""Who may read what a finding rests on, and what of a notice's end a party may know (protocol.md 16.3.2, 16.3.3).

Everything here is asked of the feeds: a party may read a leaf when it was released to it. No geometry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

from channel.ledger import Ledger, NoticeRecord
from channel.protocol import ids
from channel.protocol.statements import DeskOf, Kind, Notice, Precedence


def reads(ledger: Ledger, party: str, indexes: Iterable[int]) -> bool:
    """Whether all these leaves were released to the party."""
    record = ledger.parties.get(party)
    return record is not None and record.released.issuperset(indexes)


def reads_all(ledger: Ledger, parties: Iterable[str], indexes: tuple[int, ...]) -> bool:
    """Whether each of these parties may read all these leaves."""
    for party in parties:
        record = ledger.parties.get(party)
        if record is None or not record.released.issuperset(indexes):
            return False
    return True


def way(ledger: Ledger, record: NoticeRecord, to: str) -> str | None:
    """The intermediary through whose hands a notice went to a party; None: it went there directly."""
    delivery = ledger.deliveries.get((record.of, to))
    return None if delivery is None else delivery.via


def told_of_two(ledger: Ledger, a: NoticeRecord, b: NoticeRecord, needs: Iterable[int]) -> tuple[str, ...]:
    """Both authors, if both may read everything, and the one intermediary between them, if there is one. Else nobody.

    A second intermediary would learn from it that the other one has passed something on.
    """
    leaves = tuple(needs)
    authors = (a.author, b.author) if a.author != b.author else (a.author,)
    if not reads_all(ledger, authors, leaves):
        return ()
    there, back = way(ledger, a, b.author), way(ledger, b, a.author)
    if there is None and back is None:
        return authors
    between = {there, back} - {None, *authors}
    also = [party for party in between if party is not None and len(between) == 1 and reads(ledger, party, leaves)]
    return (*authors, *also)


def told_of_incident(ledger: Ledger, records: Sequence[NoticeRecord], concerns: Sequence[str]) -> tuple[str, ...]:
    """Of those concerned each that may read both notices; nobody, unless the incident's author knows that somebody may.

    That author sees by the size of the log whether there is a finding, and may report one incident after the other.
    """
    needs = [record.index for record in records]
    said = next(one for one in records if isinstance(one.body, Notice) and one.body.kind is Kind.INCIDENT)
    area = next(one for one in records if one is not said)
    if not reads(ledger, said.author, needs):
        return ()
    told = tuple(party for party in concerns if reads(ledger, party, needs))
    sure = [party for party in told if way(ledger, area, party) in (None, said.author)]  # not by another's forwarding
    return told if sure else ()


def knows_end(ledger: Ledger, of: ids.Hash, eyes: Iterable[str]) -> bool:
    """Whether each of these parties may read the statement that ended a notice."""
    record = ledger.notices.get(of)
    return record is not None and reads_all(ledger, eyes, (record.index,))


def lingers(ledger: Ledger, record: NoticeRecord) -> bool:
    """Whether a notice that was ended still stands for somebody who may read it, and may not read its end."""
    ended = record.ended_by
    return ended is not None and not knows_end(ledger, ended, ledger.readers(record.index))


def newest_two(ledger: Ledger, indexes: Sequence[int], me: str | None) -> set[int]:
    """Of a unit's positions in their order, the last two, of all and of what each party may read.

    Where each party knows the unit to be, and whence it came.
    """
    found = set(indexes[-2:])
    for party in ledger.parties.values() if me is None and len(indexes) > 2 else ():
        found.update(islice((index for index in reversed(indexes) if index in party.released), 2))
    return found


def desks(ledger: Ledger, parties: Iterable[str], precedence: Precedence) -> tuple[DeskOf, ...]:
    """The desks that are told: `operations`, of a FLASH the `staff` too."""
    levels = ("operations", "staff") if precedence is Precedence.FLASH else ("operations",)
    found = dict.fromkeys((party, ledger.desk(party, level)) for party in parties for level in levels)
    return tuple(_desk(*of) for of in found)


@lru_cache(maxsize=256)
def _desk(party: str, desk: str) -> DeskOf:
    return DeskOf(party=party, desk=desk)
