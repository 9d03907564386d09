"""The relay's core, without sockets, clock or disk: statements in, what to persist, then what to send (law 1).

It never sends. The shell hands it tokens and time, takes a `Batch`, makes it durable, says `committed`, and only then
takes what goes out. Decisions are policy's; here they become leaves, receipts and refusals, signed by the relay.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from channel.ledger import deadlines, policy
from channel.ledger.deadlines import Agenda, AlertDraft
from channel.ledger.fold import Folded
from channel.log import checkpoint
from channel.log.store import StoredLeaf
from channel.picture import readback
from channel.protocol import ids, limits
from channel.protocol.envelope import Opened, Signer, open_token, seal
from channel.protocol.errors import Attributable, Unattributable
from channel.protocol.statements import (
    Alert,
    Busy,
    Device,
    Finding,
    Heartbeat,
    Receipt,
    Refusal,
    Seen,
    Start,
    Statement,
    Word_,
)
from channel.protocol.times import to_wire
from channel.relay.bodies import NONE, Bodies, own
from channel.relay.findings import Findings
from channel.relay.history import RETRY_MS, History
from channel.relay.holding import Held, Holding


@dataclass(frozen=True, slots=True)
class Keys:
    """The relay's own keys: `machine` signs statements, `log` signs checkpoints."""

    machine: Signer
    log: Signer


@dataclass(frozen=True, slots=True)
class Batch:
    """One commit group: leaves and the checkpoint that covers them, to be stored together.

    With them `bodies` of sealed notices become durable, and those of `spent` are deleted.
    """

    leaves: tuple[StoredLeaf, ...]
    note: str
    bodies: Mapping[ids.Hash, bytes] = field(default_factory=dict)
    spent: tuple[ids.Hash, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What became of the last statement handed in: for the operator's own commands."""

    index: int | None = None
    code: str | None = None
    detail: str = ""


@dataclass(slots=True)
class Core:
    """One net's relay. Time is an argument everywhere; `now_ms` is the relay's clock, stamps never decrease."""

    folded: Folded
    keys: Keys
    note: str
    dropped: Counter[str] = field(default_factory=Counter)
    committed_size: int = field(init=False)
    committed_root: bytes = field(init=False)
    committed_seqs: dict[str, int] = field(init=False)
    _staged: list[StoredLeaf] = field(default_factory=list)
    _staged_words: list[tuple[str, Word_]] = field(default_factory=list)
    _holding: Holding = field(default_factory=Holding)
    _suppressed: dict[str, dict[str, None]] = field(default_factory=dict)
    agenda: Agenda = field(init=False)
    bodies: Bodies = field(init=False)
    history: History = field(default_factory=History)
    findings: Findings = field(init=False)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.folded.ledger)
        self.findings = Findings(self.folded.ledger)
        self.bodies = Bodies(self.folded.ledger)
        self._mark_committed()

    # --- in ---------------------------------------------------------------------------------------------------------

    def submit(self, token: bytes, now_ms: int, link: str, bodies: Mapping[ids.Hash, bytes] = NONE) -> Outcome:
        """Take one token that came over `link` (a party, or `relay` for the operator's own commands).

        `bodies`: by `ct`, what came beside it; a sealed notice is taken with its own only.

        A signature counts whatever link it came over, but only a token that came over its signer's own link is
        refused in the log: nobody can have another party's statements refused.
        """
        ledger = self.folded.ledger
        try:
            opened = open_token(token, ledger.ring, net=ledger.charter.net)
        except Unattributable as error:
            self.dropped[error.code] += 1
            return Outcome(code=error.code, detail=error.detail)
        except Attributable as error:
            if ids.kid_party(error.kid) != link:
                self.dropped["foreign-refused"] += 1
            elif self.history.closed:
                self._busy(link, error.of, "quarantine")
            elif error.of not in ledger.refused:
                self._refuse(error, now_ms)
            return Outcome(code=error.code, detail=error.detail)
        if (opened.party == ids.RELAY) != (link == ids.RELAY):
            self.dropped["relay-only"] += 1
            return Outcome(code="relay-only", detail="the channel's own statements come over no link")
        return self._judge(opened, now_ms, link, own(opened, bodies))

    def _judge(self, opened: Opened, now_ms: int, link: str, bodies: Mapping[ids.Hash, bytes]) -> Outcome:
        ledger = self.folded.ledger
        judged = opened.of in ledger.index_of or opened.of in ledger.refused
        seen = None if judged else getattr(opened.body, "seen", None)
        verdict = self.history.judge(opened.party, seen, self.folded.tree)
        verdict = verdict or policy.judge(ledger, opened, self._stamp(now_ms))
        if isinstance(verdict, policy.Accept):
            verdict = self.bodies.judge(opened, bodies) or verdict
        match verdict:
            case policy.Accept():
                if (misread := readback.mismatch(ledger, opened)) is not None:
                    self._say(Finding, now_ms, **misread)  # before the answer: so the fold knows that it does not count
                index = self._stage(opened, now_ms, bodies)
                self._receipt(index)
                self._release_held(opened.of, now_ms)
                return Outcome(index=index)
            case policy.Known(index):
                if opened.party == link:
                    self._receipt(index)
                else:
                    self.dropped["foreign-known"] += 1
                return Outcome(index=index)
            case policy.Wait(code, retry_ms):
                if opened.party == link:
                    self._busy(link, opened.of, code, retry_ms)
                else:
                    self.dropped["foreign-busy"] += 1
                return Outcome(code=code, detail=f"try again in {retry_ms} ms")
            case policy.Hold(of):
                self._holding.hold(of, Held(opened, link, now_ms, bodies))
                return Outcome(code="unknown-reference", detail="what it refers to is not known yet")
            case policy.RefusedBefore():
                return Outcome(code=ledger.refused[opened.of].code, detail=ledger.refused[opened.of].detail)
            case policy.Refuse(code, detail):
                if opened.party != link:
                    self.dropped["foreign-refused"] += 1
                else:
                    body = opened.body
                    seq, nid = getattr(body, "seq", 0), getattr(body, "nid", None)
                    fault = Attributable(code, detail, of=opened.of, kid=opened.kid, seq=seq, nid=nid)
                    self._refuse(fault, now_ms)
                return Outcome(code=code, detail=detail)

    def order(self, token: bytes) -> tuple[str, int]:
        """(key id, sequence number) of a token, to sort by; ("", 0) if it does not open."""
        try:
            opened = open_token(token, self.folded.ledger.ring)
        except (Unattributable, Attributable):
            return ("", 0)
        return (opened.kid, getattr(opened.body, "seq", 0))

    def start(self, now_ms: int, version: str) -> None:
        """Stage the `start` leaf: how long the relay was down. At the founding nothing was down."""
        ledger = self.folded.ledger
        downtime_ms = max(0, self._stamp(now_ms) - ledger.last_stamp_ms)
        self._say(Start, now_ms, size=self.committed_size, downtime_ms=downtime_ms, version=version)

    def tick(self, now_ms: int, silent: Iterable[str] = ()) -> None:
        """Make what is due at `now_ms` into leaves: alerts, summaries, what was held too long."""
        ledger = self.folded.ledger
        while (draft := self.agenda.due(now_ms)) is not None:
            self._alert(draft, now_ms)
        for party in silent:
            for draft in list(deadlines.silent(ledger, party, now_ms)):
                self._alert(draft, now_ms)
        while due := self.findings.due(self._stamp(now_ms)):
            for members in due:
                self._say(Finding, now_ms, **members)
        self._expire_held(now_ms)
        self._summarise(now_ms)

    def next_ms(self) -> int | None:
        """When `tick` has something to do next; None if nothing is owed."""
        times = self._holding.times()
        times += [self._summary_ms(party) for party in self._suppressed]
        due = (self.agenda.next_ms(), self.findings.next_ms())
        return min([*times, *(at_ms for at_ms in due if at_ms is not None)], default=None)

    # --- persist ----------------------------------------------------------------------------------------------------

    def batch(self) -> Batch | None:
        """What must be durable before anything is said of it; None if nothing is."""
        if not self._staged:
            return None
        tree = self.folded.tree
        origin = f"dcn/{self.folded.ledger.charter.net}"
        note = checkpoint.sign(checkpoint.Checkpoint(origin, tree.size, tree.root()), origin, self.keys.log)
        return Batch(tuple(self._staged), note, dict(self.bodies.arrived), tuple(self.bodies.spent))

    def committed(self, batch: Batch | None) -> list[tuple[str, bytes]]:
        """The batch is durable: (party, signed relay word) that may now be sent."""
        if batch is not None:
            self._staged.clear()
            self.bodies.committed()
            self.note = batch.note
            self._mark_committed()
        words = [(party, seal(word, self.keys.machine)) for party, word in self._staged_words]
        self._staged_words.clear()
        return words

    def clock_stepped(self, old_ms: int, new_ms: int, now_ms: int) -> None:
        """Stage the alert that the wall clock has moved and waits for the operator; once for each such step."""
        draft = deadlines.clock_stepped(self.folded.ledger, old_ms, new_ms, self._stamp(now_ms))
        if draft.alert not in self.folded.ledger.alerts:
            self._alert(draft, now_ms)

    def raise_alert(self, draft: AlertDraft, now_ms: int) -> None:
        """Stage an alert that the shell has found due at `now_ms`."""
        self._alert(draft, now_ms)

    def feeds(self) -> dict[str, int]:
        """How long each party's feed is. Durable only right after `committed`."""
        return {party: len(record.feed) for party, record in self.folded.ledger.parties.items()}

    def heartbeat(self, party: str, now_ms: int, size: int | None = None) -> bytes:
        """A signed heartbeat to one party, with the highest durable sequence number of each of its keys.

        `size`: of an earlier tree, whose key chain it confirms (protocol.md 10.11); without it the newest.
        """
        ledger, size = self.folded.ledger, self.committed_size if size is None else size
        root = self.committed_root if size == self.committed_size else self.folded.tree.root(size)
        kids = [record.kid for record in ledger.ring.of_party(party) if record.kid in self.committed_seqs]
        devices = [Device(kid=kid, seq=self.committed_seqs[kid]) for kid in kids]
        word = Heartbeat(
            net=ledger.charter.net,
            issued=to_wire(self._stamp(now_ms)),
            to=party,
            size=size,
            root=ids.b64url(root),
            keys=ledger.ring.chain_at(size),
            devices=tuple(devices[:64]),
        )
        return seal(word, self.keys.machine)

    def rebuild(self, leaves: Iterable[StoredLeaf], note: str) -> None:
        """Leaves that were taken back and are durable again (protocol.md 10.15)."""
        for leaf in leaves:
            self.folded.apply(leaf)
        self.findings = Findings(self.folded.ledger)  # the situation is derived from the ledger: look at it anew
        self.bodies = Bodies(self.folded.ledger)
        self.note = note
        self._mark_committed()

    # --- own statements ---------------------------------------------------------------------------------------------

    def _mark_committed(self) -> None:
        self.committed_size = self.folded.tree.size
        self.committed_root = self.folded.tree.root()
        self.committed_seqs = {kid: device.highest for kid, device in self.folded.ledger.devices.items()}

    def _stamp(self, now_ms: int) -> int:
        return max(now_ms, self.folded.ledger.last_stamp_ms)

    def _stage(self, opened: Opened, now_ms: int, bodies: Mapping[ids.Hash, bytes] = NONE) -> int:
        leaf = StoredLeaf(self.folded.tree.size, self._stamp(now_ms), opened.token)
        self.folded.take(leaf, opened)
        self.bodies.staged(opened, bodies)
        self.findings.staged(leaf.index)
        self._staged.append(leaf)
        return leaf.index

    def _say(self, model: type[Statement], now_ms: int, **members: object) -> int:
        """Sign and stage a statement of the relay's own."""
        ledger, kid = self.folded.ledger, self.keys.machine.kid
        device = ledger.devices.get(kid)
        highest = device.highest if device is not None else 0
        body = model.model_validate(
            {
                "net": ledger.charter.net,
                "from": ids.RELAY,
                "desk": "operations",
                "issued": to_wire(self._stamp(now_ms)),
                "seen": Seen(size=self.committed_size, root=ids.b64url(self.committed_root)),
                "seq": highest + 1,
                "prev": device.taken[highest] if device is not None else ledger.charter_of,
                **members,
            }
        )
        token = seal(body, self.keys.machine)
        return self._stage(open_token(token, ledger.ring), now_ms)

    def _receipt(self, index: int) -> None:
        ledger = self.folded.ledger
        entry = ledger.entries[index]
        if entry.opened.party == ids.RELAY:
            return
        word = Receipt(
            net=ledger.charter.net,
            index=index,
            stamp=entry.stamp_ms,
            of=entry.opened.of,
            keys=ledger.ring.chain_at(index),
        )
        self._staged_words.append((entry.opened.party, word))

    def _alert(self, draft: AlertDraft, now_ms: int) -> None:
        members = {name: getattr(draft, name) for name in AlertDraft.__dataclass_fields__ if name != "due_ms"}
        members = {name: value for name, value in members.items() if value is not None}
        self._say(Alert, now_ms, **members, due=to_wire(draft.due_ms))
        self._release_held(f"alert/{draft.alert}", now_ms)

    def _refuse(self, fault: Attributable, now_ms: int) -> None:
        ledger, party = self.folded.ledger, ids.kid_party(fault.kid)
        if self._over_limit(party, now_ms):
            self._suppressed.setdefault(party, {})[fault.of] = None
            self._busy(party, fault.of, "refusals-limited", policy.MINUTE_MS)
            return
        optional = {} if fault.nid is None else {"nid": fault.nid}
        self._say(
            Refusal,
            now_ms,
            of=fault.of,
            code=fault.code,
            detail=fault.detail[: limits.REASON_CHARS_MAX],
            party=party,
            kid=fault.kid,
            refused_seq=fault.seq,
            **optional,
        )
        if fault.code == "equivocation" and party in ledger.parties:
            self._alert(deadlines.equivocation(ledger, party, fault.of, self._stamp(now_ms)), now_ms)

    def _busy(self, party: str, of: ids.Hash, code: str, retry_ms: int = RETRY_MS) -> None:
        net = self.folded.ledger.charter.net
        self._staged_words.append((party, Busy(net=net, of=of, code=code, retry_ms=retry_ms)))

    def _over_limit(self, party: str, now_ms: int) -> bool:
        record = self.folded.ledger.parties.get(party)
        allowed = self.folded.ledger.charter.terms.refusals_per_minute
        if record is None or len(record.refusal_stamps) < allowed:
            return False
        return record.refusal_stamps[-allowed] > self._stamp(now_ms) - policy.MINUTE_MS

    def _summary_ms(self, party: str) -> int:
        return self.folded.ledger.parties[party].refusal_stamps[-1] + policy.MINUTE_MS

    def _summarise(self, now_ms: int) -> None:
        """One refusal leaf for all that were over the minute's limit: their number, and the hash of their hashes."""
        for party in [name for name in self._suppressed if self._summary_ms(name) <= now_ms]:
            hashes = self._suppressed.pop(party)
            kid = next(record.kid for record in self.folded.ledger.ring.of_party(party))
            of = ids.b64url(hashlib.sha256("\n".join(hashes).encode()).digest())
            detail = f"{len(hashes)} more refusals within a minute"
            self._say(
                Refusal, now_ms, of=of, code="summary", detail=detail, party=party, kid=kid, refused_seq=0,
                count=len(hashes),
            )  # fmt: skip

    # --- held -------------------------------------------------------------------------------------------------------

    def _release_held(self, reference: str, now_ms: int) -> None:
        for held in self._holding.release(reference):
            self._judge(held.opened, now_ms, held.link, held.bodies)

    def _expire_held(self, now_ms: int) -> None:
        for held in list(self._holding.expire(now_ms)):
            if held.opened.party == held.link:
                seq = getattr(held.opened.body, "seq", 0)
                detail = "what it refers to did not come within 10 min"
                fault = Attributable("unknown-reference", detail, of=held.opened.of, kid=held.opened.kid, seq=seq)
                self._refuse(fault, now_ms)


__all__ = ["Batch", "Core", "Keys", "Outcome"]
