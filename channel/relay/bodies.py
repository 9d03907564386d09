"""Bodies of sealed notices in the relay: which is taken with its outer, who is still owed it, when it may go
(protocol.md 6.5.2, 10.12). Sans I/O; the bytes are the log store's, and nothing here can read them.

All of it follows from the log, so a start makes it anew. Whom a body is for is what the signed outer says.
"""

from __future__ import annotations

from collections.abc import Mapping

from channel.ledger import policy
from channel.ledger.ledger import Ledger
from channel.ledger.records import NoticeRecord
from channel.protocol import ids, limits, outer
from channel.protocol.envelope import Opened
from channel.protocol.statements import Notice, Receiving, Sealed

NONE: Mapping[ids.Hash, bytes] = {}


def sealed_of(body: object) -> Sealed | None:
    """The hashes that a sealed notice carries; None of anything else."""
    return body.sealed if isinstance(body, Notice) else None


def own(opened: Opened, bodies: Mapping[ids.Hash, bytes]) -> Mapping[ids.Hash, bytes]:
    """Of what came in one frame the body that this token names: what is held keeps no others'."""
    sealed = sealed_of(opened.body)
    return NONE if sealed is None or sealed.ct not in bodies else {sealed.ct: bodies[sealed.ct]}


class Bodies:
    """Ciphertexts by `ct`: `arrived` must become durable with the staged leaves, `spent` may be deleted with them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._owed: dict[ids.Hash, set[tuple[ids.Hash, str]]] = {}
        self.arrived: dict[ids.Hash, bytes] = {}
        self.spent: dict[ids.Hash, None] = {}
        self._rebuild()

    @property
    def owed(self) -> set[ids.Hash]:
        """Those that must be in the store."""
        return set(self._owed)

    def judge(self, opened: Opened, bodies: Mapping[ids.Hash, bytes]) -> policy.Verdict | None:
        """What is wrong with the body of an outer that policy accepts; None if nothing, or it is not sealed."""
        notice = opened.body
        if not isinstance(notice, Notice) or notice.sealed is None:
            return None
        jwe = bodies.get(notice.sealed.ct)
        if jwe is None or ids.sha256(jwe) != notice.sealed.ct:
            return policy.Wait("body-missing", limits.RESEND_MS)  # a link may lose it: no fault of the author's
        fault = outer.body_fault(notice, jwe, self._ledger.ring, self._ledger.size)
        return None if fault is None else policy.Refuse("sealed-body", fault)

    def staged(self, opened: Opened, bodies: Mapping[ids.Hash, bytes] = NONE) -> None:
        """A leaf was taken by the ledger: a body is owed from now on, or one less."""
        match opened.body:
            case Notice() as notice:
                if notice.sealed is not None:
                    ct, record = notice.sealed.ct, self._ledger.notices[opened.of]
                    self._owed.setdefault(ct, set()).update((opened.of, party) for party in record.parties)
                    self.spent.pop(ct, None)
                    self.arrived[ct] = bodies[ct]
                for of in (notice.amends, notice.withdraws):
                    earlier = self._ledger.notices.get(of) if of is not None else None
                    if earlier is not None:
                        self._settle(
                            earlier, [party for party in earlier.parties if not self._released(earlier, party)]
                        )
            case Receiving(of=of):
                record_of = self._ledger.notices.get(of)
                if record_of is not None and self._released(record_of, opened.party):
                    self._settle(record_of, [opened.party])
            case _:
                pass

    def leave(self, stored: set[ids.Hash]) -> None:
        """Of what is in the store, what nobody is owed may go: who received it may have said so to a log now lost."""
        self.spent |= dict.fromkeys(sorted(stored - set(self._owed)))

    def committed(self) -> None:
        """What was staged is durable."""
        self.arrived.clear()
        self.spent.clear()

    def may_have(self, party: str, ct: ids.Hash, visible: int) -> bool:
        """Whether a body that is owed to somebody may go to `party`, of whose feed so much is durable."""
        feed = self._ledger.parties[party].feed[:visible]
        records = (self._ledger.notices[of] for of in {of for of, _ in self._owed.get(ct, ())})
        return any(party in record.parties and record.index in feed for record in records)

    def _released(self, record: NoticeRecord, party: str) -> bool:
        known = self._ledger.parties.get(party)
        return known is not None and record.index in known.released

    def _settle(self, record: NoticeRecord, parties: list[str]) -> None:
        """These are owed it no more; what nobody is owed may go."""
        sealed = sealed_of(record.body)
        if sealed is None or sealed.ct not in self._owed:
            return
        self._owed[sealed.ct] -= {(record.of, party) for party in parties}
        if not self._owed[sealed.ct]:
            del self._owed[sealed.ct]
            self.spent[sealed.ct] = None
            self.arrived.pop(sealed.ct, None)

    def _rebuild(self) -> None:
        """From the whole log: a receiving counts if it stands behind the notice in its signer's feed."""
        for record in self._ledger.notices.values():
            sealed = sealed_of(record.body)
            if sealed is not None:
                open_ = [p for p in record.parties if record.ended_by is None or self._released(record, p)]
                self._owed.setdefault(sealed.ct, set()).update((record.of, party) for party in open_)
        for party, known in self._ledger.parties.items():
            released: dict[ids.Hash, ids.Hash] = {}
            for index in known.feed:
                opened = self._ledger.entries[index].opened
                sealed = sealed_of(opened.body)
                if sealed is not None:
                    released[opened.of] = sealed.ct
                elif isinstance(opened.body, Receiving) and opened.party == party and opened.body.of in released:
                    self._owed[released[opened.body.of]].discard((opened.body.of, party))
        self._owed = {ct: owed for ct, owed in self._owed.items() if owed}
