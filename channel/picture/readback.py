"""What the relay finds of a read-back that does not fit its notice (protocol.md 16.6.3). Pure.

The comparing is channel/protocol/readback.py. Findings are made here as members; the relay signs them before the
answer that they speak of.
"""

from __future__ import annotations

from collections.abc import Iterator

from channel.ledger import Ledger
from channel.ledger import delivery as dl
from channel.protocol import ids
from channel.protocol.answering import READ_BACK
from channel.protocol.envelope import Opened
from channel.protocol.readback import Comparison, compare
from channel.protocol.statements import Answer, Finding, Level, Notice, Precedence

Members = dict[str, object]
_LEVELS = (Level.OPERATIONS.value, Level.STAFF.value)  # as of every finding of FLASH


def mismatch(ledger: Ledger, opened: Opened) -> Members | None:
    """The finding that must stand in the log before this answer; None if it has none, or reads back what is there."""
    body = opened.body
    record = ledger.notices.get(body.of) if isinstance(body, Answer) else None
    if record is None or not isinstance(body, Answer) or body.readback is None or not isinstance(record.body, Notice):
        return None
    found = compare(record.body, body.readback)
    if found is None or found.fits:
        return None
    finding = finding_id(body.of, opened.of, opened.party)
    if finding in ledger.findings:
        return None
    via = next((d.via for d in ledger.deliveries_of(body.of) if d.addressee == opened.party), None)
    concerned = [party for party in (record.author, via, opened.party) if party is not None]
    return {
        "finding": finding,
        "kind": READ_BACK,
        "state": "raised",
        "precedence": Precedence.FLASH,
        "response": record.response,
        "rests_on": (body.of, opened.of),
        "concerns": tuple(concerned),
        "told": tuple(
            {"party": party, "desk": desk}
            for party in concerned
            if record.index in ledger.parties[party].released
            for desk in dict.fromkeys(ledger.desk(party, level) for level in _LEVELS)
        ),
        "measures": {
            "apart-s": found.apart_ms // 1000,
            "distance-m": found.distance_m,
            "tolerance-m": found.named.tolerance_m,
        },
        "detail": detail(opened.party, found),
    }


def detail(party: str, found: Comparison) -> str:
    """A mismatch in words, without any place in it: the finding may be read by people who ring, not plot."""
    hint = f" ({found.hint})" if found.hint is not None else ""
    return f"{party} read back {found.says}{hint}. The answer does not count: the notice is still to be answered."


def over(ledger: Ledger) -> Iterator[Finding]:
    """Standing mismatches whose cause has ended: a later answer counted, or the author took the notice back."""
    for record in [ledger.findings[finding] for finding in ledger.misread.values()]:
        if not record.standing:
            continue
        body = record.body
        delivery = ledger.deliveries.get((body.rests_on[0], body.concerns[-1]))
        if delivery is None:
            continue
        counted = delivery.answer_of is not None and ledger.index_of[delivery.answer_of] > record.index
        if counted or delivery.end in (dl.End.WITHDRAWN, dl.End.SUPERSEDED):
            yield body


def cleared(body: Finding) -> Members:
    """The same finding, over."""
    members: Members = {name: getattr(body, name) for name in _SAME}
    return members | {"state": "cleared", "detail": f"{body.concerns[-1]} has answered anew, or need not any more."}


_SAME = ("finding", "kind", "precedence", "response", "rests_on", "concerns", "told", "measures")


def finding_id(of: ids.Hash, answer: ids.Hash, party: str) -> str:
    """The id of the finding on one answer (protocol.md 6.17)."""
    return ids.alert_id(",".join(sorted((of, answer))), party, READ_BACK, Level.OPERATIONS.value, 1)
