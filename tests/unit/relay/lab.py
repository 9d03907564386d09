"""A small net for tests: four parties with keys from fixed seeds, the relay's core, a log in memory, a clock by hand.

Nothing here has a socket or waits. `turn` is what the relay's loop does: tick, make durable, and only then send.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from channel.ledger.fold import Folded, begin, fold
from channel.log import checkpoint
from channel.log.store import StoredLeaf
from channel.protocol import charter as charters
from channel.protocol import ids, sealing
from channel.protocol.envelope import Opened, Signer, open_token, seal
from channel.protocol.frames import DownFrame, HaveItem
from channel.protocol.statements import (
    BY_TYPE,
    DESK_ONLY,
    ROOT_ONLY,
    Alert,
    Charter,
    DeadlineTable,
    Desk,
    Key,
    Member,
    Refusal,
)
from channel.protocol.times import from_wire, to_wire
from channel.relay.core import Core, Keys
from channel.relay.session import Body, Head, Session, no_body
from channel.testing.memory import MemoryLog
from tests.vectors import bodies

NET = "lab-net"
T0_MS = from_wire("2017-09-16T00:00:00.000Z")
PARTIES = ("coalition", "russia", "sdf", "regime")
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
NO_WATCH = {"watch_ms": 0}

_NOTICE = {
    "precedence": "FLASH", "info": [], "kind": "text", "status": "operation", "response": "WU", "how": "human",
    "volumes": [], "elements": [], "text": "",
}  # fmt: skip
_CIRCLE = {"type": "circle", "center": [401_500_000, 353_300_000], "radius_m": 2000}


def signer(kid: str) -> Signer:
    """The key behind a key id of the lab."""
    return Signer(kid, bodies.seed(kid))


def public_key(kid: str) -> dict[str, str]:
    """A key as it stands in a charter or a `key` statement."""
    return {"kid": kid, "pub": ids.b64url(bodies.public(kid)), "held": "machine"}


def volume(begin_ms: int, end_ms: int, shape: dict[str, Any] | None = None) -> dict[str, Any]:
    """A volume with its window, in milliseconds since 1970."""
    return {"shape": shape or _CIRCLE, "from": to_wire(begin_ms), "until": to_wire(end_ms)}


def addressees(*names: str) -> list[dict[str, str]]:
    """`regime via russia` -> the member of `to`."""
    return [dict(zip(("party", "via"), name.split(" via "), strict=False)) for name in names]


def charter(terms: dict[str, Any], deadlines: DeadlineTable, desks: dict[str, tuple[Desk, ...]]) -> Charter:
    """The lab's charter: the default parties, with other terms, deadlines or desks."""
    operator = charters.OPERATOR_DESKS
    parties = [
        _member(f.party, f.name, f.language, desks.get(f.party, f.desks), charters.key_labels(f.desks))
        for f in charters.DEFAULT_PARTIES
    ]
    return charters.draft(
        NET,
        _member(ids.RELAY, "Operator", "en", operator, charters.relay_labels(operator)),
        parties,
        issued_ms=T0_MS,
        trial=True,
        deadlines=deadlines,
        terms=charters.DEFAULT_TERMS.model_copy(update=NO_WATCH | terms),
    )


def _member(
    party: str, name: str, language: charters.Language, desks: tuple[Desk, ...], labels: tuple[str, ...]
) -> Member:
    keys = tuple(Key.model_validate(public_key(f"{party}/{label}")) for label in labels)
    return Member(party=party, name=name, language=language, keys=keys, desks=desks)


@dataclass(frozen=True, slots=True)
class Said:
    """A token that was handed in, and what became of it."""

    token: bytes
    of: ids.Hash
    index: int | None
    code: str | None
    detail: str


class Lab:
    """One net, in force unless told otherwise. `now_ms` is the relay's clock: tests move it."""

    def __init__(
        self,
        *,
        in_force: bool = True,
        terms: dict[str, Any] | None = None,
        deadlines: DeadlineTable = charters.DEFAULT_DEADLINES,
        desks: dict[str, tuple[Desk, ...]] | None = None,
    ) -> None:
        self.now_ms = T0_MS
        self.store = MemoryLog()
        self.words: list[tuple[str, Opened]] = []
        self.word_tokens: list[tuple[str, bytes]] = []
        self._seqs: dict[str, tuple[int, ids.Hash]] = {}
        self._nids = 0
        keys = Keys(signer("relay/sig/machine-1"), signer("relay/sig/log-1"))
        leaf = StoredLeaf(0, T0_MS, seal(charter(terms or {}, deadlines, desks or {}), keys.machine))
        folded = begin(leaf)
        origin = f"dcn/{NET}"
        note = checkpoint.sign(checkpoint.Checkpoint(origin, 1, folded.tree.root()), origin, keys.log)
        self.store.append([leaf], note)
        self.core = Core(folded, keys, note)
        self.sessions = {party: Session(party) for party in PARTIES}
        if in_force:
            for party in PARTIES:
                self.accede(party)
        self.turn()
        self.words.clear()
        self.word_tokens.clear()

    # --- what parties say -------------------------------------------------------------------------------------------

    def accede(self, party: str) -> Said:
        return self.say(party, "accession", charter=self.folded.ledger.charter_of)

    def sign(
        self, party: str, type_: str, *, label: str | None = None, seq: int | None = None, **members: Any
    ) -> bytes:
        """A token under the key that rightly signs this type, with the next number of that key, `prev` and all."""
        kid = f"{party}/{label or _label(type_, members)}"
        last, prev = self._seqs.get(kid, (0, self.folded.ledger.charter_of))
        number = last + 1 if seq is None else seq
        key_label = kid.rpartition("/")[2]
        payload = {
            "v": 1,
            "net": NET,
            "from": party,
            "desk": key_label.removeprefix("desk-") if key_label.startswith("desk-") else "operations",
            "issued": to_wire(self.now_ms),
            "seen": {"size": 0, "root": ids.sha256(b"")},
            "seq": number,
            "prev": prev,
            **members,
        }
        token = seal(BY_TYPE[type_].model_validate_json(json.dumps(payload)), signer(kid))
        if number > last:
            self._seqs[kid] = (number, ids.sha256(token))
        return token

    def submit(self, token: bytes, link: str, *beside: bytes) -> Said:
        """Hand a token in as it came over `link`, with the bodies `beside` it."""
        outcome = self.core.submit(token, self.now_ms, link, {ids.sha256(body): body for body in beside})
        return Said(token, ids.sha256(token), outcome.index, outcome.code, outcome.detail)

    def say(self, party: str, type_: str, **members: Any) -> Said:
        """Sign, and hand in over the party's own link."""
        return self.submit(self.sign(party, type_, **members), party)

    def nid(self) -> str:
        """A fresh notice id."""
        self._nids += 1
        return ids.uuid7(self.now_ms, self._nids.to_bytes(10, "big"))

    def notice(self, party: str, *to: str, **members: Any) -> Said:
        """A text notice, FLASH and WU if nothing else is said: `lab.notice("coalition", "regime via russia")`."""
        return self.say(party, "notice", **self.notice_members(*to, **members))

    def sealed_members(self, *to: str, recipients: tuple[str, ...] | None = None, **members: Any) -> tuple[Any, bytes]:
        """(members of a sealed outer, its body): what is sealed is no inner token, which the relay cannot see."""
        named = [*(one["party"] for one in addressees(*to)), *members.get("info", [])]
        kids = recipients or tuple(f"{party}/enc/1" for party in named)
        inner = b"no.inner.token%d" % self._nids
        jwe = sealing.seal_inner(
            inner, {kid: bodies.public(kid) for kid in kids}, random=lambda size: ids.sha256(inner).encode()[:size]
        )
        hashes = sealing.hashes(jwe, inner).model_dump()
        return {**self.notice_members(*to, **members), "how": "machine", "sealed": hashes} | members, jwe

    def sealed(self, party: str, *to: str, **members: Any) -> Said:
        """A sealed notice with its body."""
        outer, jwe = self.sealed_members(*to, **members)
        return self.submit(self.sign(party, "notice", **outer), party, jwe)

    def notice_members(self, *to: str, **members: Any) -> dict[str, Any]:
        return {**_NOTICE, "nid": self.nid(), "to": addressees(*to), **members}

    def answer(self, party: str, of: ids.Hash, word: str = "WILCO", **members: Any) -> Said:
        return self.say(party, "answer", of=of, word=word, **members)

    def received(self, party: str, of: ids.Hash, stage: str = "received") -> Said:
        label = "sig/desk-operations" if stage == "displayed" else None
        return self.say(party, "receiving", of=of, stage=stage, label=label)

    def forward(self, party: str, of: ids.Hash, to: str, by: str = "channel") -> Said:
        return self.say(party, "forwarding", of=of, to=to, by=by, **({"voice": VOICE} if by == "voice" else {}))

    def acknowledge(self, party: str, alert: str) -> Said:
        return self.say(party, "acknowledgement", alert=alert, reason="ringing them")

    # --- the relay --------------------------------------------------------------------------------------------------

    @property
    def folded(self) -> Folded:
        return self.core.folded

    @property
    def head(self) -> Head:
        """As the relay's loop makes it after each commit."""
        return Head(self.core.committed_size, self.core.note, self.core.feeds())

    def turn(self, *silent: str) -> int:
        """Tick, make durable, take the words. How many leaves there were."""
        self.core.tick(self.now_ms, silent)
        batch = self.core.batch()
        if batch is not None:
            self.store.append(batch.leaves, batch.note, batch.bodies, batch.spent)
        for party, token in self.core.committed(batch):
            self.word_tokens.append((party, token))
            self.words.append((party, open_token(token, self.folded.ledger.ring)))
        return 0 if batch is None else len(batch.leaves)

    def at(self, after_ms: int) -> Lab:
        """Move the clock to that long after the lab's beginning, and do nothing else."""
        self.now_ms = T0_MS + after_ms
        return self

    def run_to(self, after_ms: int) -> None:
        """Let the time pass as it does: a turn at each instant at which something falls due, and one at the end."""
        while (due_ms := self.core.next_ms()) is not None and due_ms <= T0_MS + after_ms:
            self.now_ms = max(due_ms, self.now_ms)
            self.turn()
        self.at(after_ms).turn()

    def restart(self) -> None:
        """A new process: everything again from the stored leaves."""
        note = self.store.newest_note()
        assert note is not None
        self.core = Core(fold(self.store.leaves()), self.core.keys, note)

    # --- looking ----------------------------------------------------------------------------------------------------

    def alerts(self) -> list[tuple[int, Alert]]:
        """(time since the beginning, alert) in the order of the log."""
        entries = self.folded.ledger.entries.values()
        return [(e.stamp_ms - T0_MS, e.opened.body) for e in entries if isinstance(e.opened.body, Alert)]

    def raised(self) -> list[tuple[int, str, str, int, str]]:
        """(time since the beginning, stage, rung, round, party at fault) of every alert."""
        return [(at, a.stage, a.rung.value, a.round, a.fault) for at, a in self.alerts()]

    def refusals(self) -> list[Refusal]:
        entries = self.folded.ledger.entries.values()
        return [e.opened.body for e in entries if isinstance(e.opened.body, Refusal)]

    def feed(self, party: str) -> list[int]:
        return self.folded.ledger.parties[party].feed

    def frames(self, party: str, mono_ms: int = 0) -> list[DownFrame]:
        """What goes down to the party now."""
        return all_frames(self.sessions[party], self.folded, self.head, mono_ms, self.store.body)

    def hello(self, party: str, n: int = 0, size: int = 0) -> None:
        item = HaveItem(n=n, size=size, root=ids.sha256(b""), hello=True)
        self.sessions[party].have(item, 0, self.head)

    def beat(self, party: str) -> DownFrame:
        return self.sessions[party].beat(self.folded, self.head, self.core.heartbeat(party, self.now_ms))


VOICE = {"role": "duty officer", "contact": "+000 1", "at": to_wire(T0_MS), "readback": "understood"}


def _label(type_: str, members: dict[str, Any]) -> str:
    if type_ in ROOT_ONLY:
        return "root/1"
    return "sig/desk-operations" if type_ in DESK_ONLY or members.get("by") == "voice" else "sig/machine-1"


def all_frames(session: Session, folded: Folded, head: Head, mono_ms: int, body: Body = no_body) -> list[DownFrame]:
    """Frame after frame until nothing is due, as the relay's sender takes them."""
    return list(iter(lambda: session.next_frame(folded, head, mono_ms, body), None))
