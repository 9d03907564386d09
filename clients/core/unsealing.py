"""Sealed notices that come to this party (protocol.md 11.12): bodies judged, opened, asked for, missed. Sans I/O.

A body is nobody's word until it hashes to what its outer names. Until it is opened nothing is signed as received and
nothing is shown; what failed is kept, and an alarm says which rule it broke.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from channel.protocol import geometry, ids, limits, sealing
from channel.protocol.frames import WantItem
from channel.protocol.sealing import OpenedInner, SealedError
from channel.protocol.statements import Notice, Sealed
from channel.protocol.times import from_wire
from clients.core.events import Alarm
from clients.core.replica import Replica
from clients.core.store import Store

PATIENCE_MS = 10_000  # a body that did not come is an alarm after this
MISSING = "sealed-missing"

Seeds = Callable[[str], bytes | None]
"""The private half of an `enc` key of ours, by its kid; None if it is not here."""


def no_seeds(_: str) -> bytes | None:
    """For who opens nothing."""
    return None


class Unsealing:
    """What this party is waiting to open."""

    def __init__(self, replica: Replica, store: Store, seeds: Seeds = no_seeds) -> None:
        self._replica, self._store, self._seeds = replica, store, seeds
        self._here: Mapping[ids.Hash, bytes] = {}
        self._asked: dict[ids.Hash, int] = {}
        self._since: dict[ids.Hash, int] = {}
        self._faults: dict[ids.Hash, str] = {of: code for of, (code, _) in store.faults().items()}

    # --- bodies -----------------------------------------------------------------------------------------------------

    def arrived(self, bodies: Mapping[ids.Hash, bytes]) -> None:
        """What the frame in hand brings, by the `ct` that it gives."""
        self._here = bodies

    def try_again(self) -> list[ids.Hash]:
        """Open what could not be opened before: a key file may be back. What is open now."""
        kept = self._store.faults()
        return [of for of in self._replica.awaited() if of in kept and self._open(of, kept[of][1])]

    def open_here(self) -> list[ids.Hash]:
        """Open, of the notices to us that are closed, those whose body is in the frame in hand. What is open now."""
        if not self._here:
            return []
        found = ((of, self._here.get(self._outer(of).ct)) for of in self._replica.awaited())
        return [of for of, jwe in found if jwe is not None and self._open(of, jwe)]

    def _outer(self, of: ids.Hash) -> Sealed:
        return cast(Sealed, self._notice(of)[0].sealed)

    def _notice(self, of: ids.Hash) -> tuple[Notice, int]:
        """The outer as it stands in the log, and its index."""
        index = self._replica.ledger.index_of[of]
        return cast(Notice, self._replica.ledger.entries[index].opened.body), index

    def _open(self, of: ids.Hash, jwe: bytes) -> bool:
        sealed = self._outer(of)
        try:
            opened = self._judge(of, jwe)
        except SealedError as error:
            self._faults[of] = error.code
            if error.code != "sealed-ct-mismatch":  # else it is not what the author sent, and the right one may come
                self._store.put_fault(of, sealed.ct, jwe, error.code)
            return False
        self._faults.pop(of, None)
        self._store.put_inner(of, sealed.ct, opened.token)
        self._replica.reveal(of, opened)
        return True

    def _judge(self, of: ids.Hash, jwe: bytes) -> OpenedInner:
        """In the order of protocol.md 11.12."""
        notice, index = self._notice(of)
        inner = self._decrypted(jwe, cast(Sealed, notice.sealed))
        ring = self._replica.ledger.ring
        opened = sealing.open_inner_notice(inner, ring, notice)
        if not ring.valid_at(opened.kid, index):
            raise SealedError("sealed-key-not-valid", f"{opened.kid} is not valid at position {index}")
        issued_ms = from_wire(notice.issued)
        problem = geometry.check_volumes(opened.body.volumes, kind=opened.body.kind, issued_ms=issued_ms)
        if problem is not None:
            raise SealedError("sealed-bad-inner", f"{problem[0]}: {problem[1]}")
        return opened

    def _decrypted(self, jwe: bytes, sealed: Sealed) -> bytes:
        """With whichever of our keys opens it: somebody may have spoiled the entry of one."""
        sealing.check_ct(jwe, sealed)
        fault = SealedError("sealed-not-for-us", "no private key that it is sealed to is in this home")
        for kid in sealing.recipients_of(jwe):
            seed = self._seeds(kid) if ids.kid_party(kid) == self._replica.party else None
            if seed is None:
                continue
            try:
                return sealing.open_inner(jwe, kid, seed, sealed)
            except SealedError as error:
                fault = error
        raise fault

    # --- asking -----------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """A new connection: what was asked may be lost."""
        self._asked.clear()

    def items(self, mono_ms: int) -> list[WantItem]:
        """The question for bodies that is due now. Of what is over for us it is asked once a connection."""
        due = [of for of in self._replica.awaited() if self._due(of, mono_ms)][: limits.WANTED_BODIES_MAX]
        self._asked.update(dict.fromkeys(due, mono_ms))
        return [WantItem(cts=tuple(self._outer(of).ct for of in due))] if due else []

    def _due(self, of: ids.Hash, mono_ms: int) -> bool:
        if self._faults.get(of, "sealed-ct-mismatch") != "sealed-ct-mismatch":
            return False
        asked_ms = self._asked.get(of)
        return asked_ms is None or (not self._is_over(of) and mono_ms - asked_ms >= limits.RESEND_MS)

    def _is_over(self, of: ids.Hash) -> bool:
        """We signed for it before a store was lost, or its author has withdrawn it or put another in its place."""
        return of in self._replica.received or self._replica.ledger.notices[of].ended_by is not None

    # --- alarms -----------------------------------------------------------------------------------------------------

    def alarms(self, mono_ms: int) -> Iterator[Alarm]:
        """What is sealed to us and not open, and why. Not of what is over for us."""
        awaited = [of for of in self._replica.awaited() if not self._is_over(of)]
        self._since = {of: self._since.get(of, mono_ms) for of in awaited}
        for of in awaited:
            code = self._faults.get(of)
            record = self._replica.ledger.notices[of]
            ring = f"ring {record.author}: to them it is not received"
            if code is not None:
                why = sealing.CODES[code]
                yield Alarm(code, record.nid, f"a sealed notice of {record.author} cannot be taken: {why}; {ring}")
            elif mono_ms - self._since[of] >= PATIENCE_MS:
                yield Alarm(MISSING, record.nid, f"the body of a sealed notice of {record.author} has not come; {ring}")
