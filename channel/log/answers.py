"""What keeps an answer in a bundle from counting, and what it read back: to be said beside its word.

The rules are those of protocol.md 6.7, 9.1.3 and 16.6, held against the leaves of one bundle (evidence.md E5.6); the
delivery itself, with its deadlines, is the ledger's. A maker may leave out what the relay found of a read-back, so it
is compared here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from channel.log.case import Leaf
from channel.protocol import ids
from channel.protocol.answering import READ_BACK, WORDS, asked, lacks_read_back
from channel.protocol.statements import (
    Addressed,
    Alert,
    Answer,
    Finding,
    Forwarding,
    Notice,
    Receiving,
    Word,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer. `counts`: nothing here shows that it changed nothing. `remarks`: what is to be said of it."""

    counts: bool
    remarks: tuple[str, ...]


def judge(notice: Leaf, leaves: Iterable[Leaf]) -> dict[int, Judged]:
    """Every answer to the notice, by its leaf. The leaves are those about the notice, in the order of the log."""
    judging = _Judging(notice)
    judged: dict[int, Judged] = {}
    for leaf in leaves:
        body = leaf.opened.body
        if isinstance(body, Answer) and body.of == notice.opened.of:
            judged[leaf.index] = judging.answer(leaf, body)
        else:
            judging.take(leaf)
    return judged


class _Judging:
    """Takes the leaves in order, and knows of each addressee what has come of its delivery so far."""

    def __init__(self, notice: Leaf) -> None:
        self._notice = notice
        body = notice.opened.body
        self._body = body if isinstance(body, Addressed) else None
        self._via = {} if self._body is None else {to.party: to.via for to in self._body.to}
        self._misread: set[ids.Hash] = set()
        self._had: set[str] = set()
        self._told: set[str] = set()
        self._over = ""
        self._expired: set[str] = set()
        self._final: set[str] = set()

    def take(self, leaf: Leaf) -> None:
        """What is no answer."""
        party, of = leaf.opened.party, self._notice.opened.of
        match leaf.opened.body:
            case Finding(kind=kind, state="raised", rests_on=rests_on) if party == ids.RELAY and kind == READ_BACK:
                self._misread.update(rests_on[1:])
            case Receiving():
                self._had.add(party)
            case Forwarding(to=to, by=by) if party == self._via.get(to):
                (self._had if by == "channel" else self._told).add(to)
            case Alert(stage="expired", of=about, addressee=str(addressee)) if about == of and party == ids.RELAY:
                self._expired.add(addressee)
            case Notice(amends=amends, withdraws=withdraws) if party == self._notice.opened.party:
                ended = "withdrawn" if withdraws == of else "amended" if amends == of else ""
                self._over = self._over or ended
            case _:
                pass

    def answer(self, leaf: Leaf, body: Answer) -> Judged:
        """Judged by what came before it. A delivery that ended answered stays so, and may be corrected for ever."""
        party = leaf.opened.party
        told = (self._wrong_word(party, body.word), self._unread(body), self._late(party))
        faults = [fault for fault in told if fault]
        fits, read = self._read(leaf.opened.of, body)
        if fits and not faults and body.word is not Word.STANDBY:
            self._final.add(party)
        return Judged(fits and not faults, tuple(filter(None, (*faults, read, self._unseen(party)))))

    def _wrong_word(self, party: str, word: Word) -> str:
        wanted = self._body is not None and party in self._via and word in WORDS[asked(self._body)]
        return "" if wanted else "a word that was not asked for"

    def _unread(self, body: Answer) -> str:
        lacks = self._body is not None and lacks_read_back(self._body, body.word, body.readback is not None)
        return "without the read-back that was asked for" if lacks else ""

    def _late(self, party: str) -> str:
        if party in self._final:
            return ""
        if self._over:
            return f"after it had been {self._over}"
        return "after it had expired" if party in self._expired else ""

    def _read(self, of: ids.Hash, body: Answer) -> tuple[bool, str]:
        """Whether what was read back fits, and what it was."""
        if body.readback is None:
            return True, ""
        said = f"reading back {_quoted(body.readback.place)}, {_quoted(body.readback.time)}"
        if of in self._misread:
            return False, f"{said}, which the relay found not to fit"
        if not isinstance(self._body, Notice):
            return True, said
        from channel.protocol import readback  # geometry takes a while to import, and few bundles need it

        found = readback.compare(self._body, body.readback)
        if found is None:
            return True, said
        return found.fits, f"{said}, which fits" if found.fits else f"{said}, which does not fit ({found.says})"

    def _unseen(self, party: str) -> str:
        """Behind an intermediary an answer counts also if its signer had no more than the notice's hash."""
        if self._via.get(party) is None or party in self._had:
            return ""
        if party in self._told:
            return "with nothing here to show that by then it had more of it than it was told by voice"
        return "with nothing here to show that by then it had been passed on to it"


def _quoted(typed: str) -> str:
    """As typed, and so that nothing in it can be taken for words of the report."""
    return json.dumps(typed, ensure_ascii=not typed.isprintable())
