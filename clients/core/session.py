"""A party's end of the channel, without sockets or clock (protocol.md sections 10 and 11).

Bytes and times in, frames and events out. Everything that comes is verified here, and what counts is durable in the
store before anything is told of it. Frames are nobody's word: what breaks a rule is counted and dropped, never raised.
Two kinds of time come in: `now_ms`, the net's, for deadlines; `mono_ms`, real spans, for resending and silence.
"""

from __future__ import annotations

from collections import Counter

from channel.ledger import Ledger
from channel.log.checkpoint import Checkpoint, parse_body, split_note
from channel.protocol import frames, ids
from channel.protocol.answering import READ_BACK
from channel.protocol.envelope import Opened
from channel.protocol.errors import InvariantError, PeerError, ProofError
from channel.protocol.frames import (
    CheckpointItem,
    ComparedItem,
    CosignedItem,
    DownFrame,
    LeafItem,
    ProofsItem,
    ReturnItem,
    ShowItem,
    UpFrame,
    WordItem,
)
from channel.protocol.statements import Addressed, Answer, Charter, KeyStatement, Refusal
from clients.core import trust
from clients.core.alarms import Alarms
from clients.core.comparing import Comparer
from clients.core.events import Alarm, AlarmRaised, Event, LeafSeen, SealedOpened, Settled, Stopped
from clients.core.outgoing import Outgoing
from clients.core.proofs import Prover
from clients.core.receiving import Receiver
from clients.core.replica import Replica
from clients.core.returning import Returner
from clients.core.signers import Signing
from clients.core.store import LeafRow, PinRow, Store
from clients.core.unsealing import Seeds, Unsealing, no_seeds
from clients.core.witness import Witness
from clients.core.words import Words

DOUBT_MS = 30_000  # a tree that is not shown to be of our history within this is a fork (protocol.md 11.4)


class Session:
    """One party's link to the channel. `stopped` says why nothing more is taken from the relay."""

    def __init__(
        self,
        charter: Charter,
        of: ids.Hash,
        party: str,
        store: Store,
        signers: Signing,
        *,
        witness: bool = False,
        seeds: Seeds = no_seeds,
    ) -> None:
        self.party = party
        self.store = store
        self.replica = Replica(charter, of, party, store)
        self.out = Outgoing(store)
        self.witness = Witness(self.replica, store, signers if witness else None)
        self.dropped: Counter[str] = Counter()
        self.stopped: str | None = None
        self.greeted = False
        """Whether the relay has answered the `have` of this connection."""
        self._origin = f"dcn/{charter.net}"
        self._log_key = next(ids.unb64url(key.pub) for key in charter.relay.keys if "/sig/log-" in key.kid)
        self.prover = Prover(self.replica, store, self._origin, self._log_key)
        self._comparer = Comparer(self.replica, store)
        self._returner = Returner(self.replica, store)
        self._unsealing = Unsealing(self.replica, store, seeds)
        self._watch = Alarms(self.replica, store, self.out)
        self._receiver = Receiver(self.replica, store, self.out, self._watch, signers)
        self._words = Words(self.replica, store, self.out, self.witness, self._watch, self._comparer, self.dropped)
        self._doubt: tuple[trust.Doubted, int, int] | None = None  # the newest; when the first came, and when it

    @property
    def alarms(self) -> dict[tuple[str, str], Alarm]:
        """What this client noticed by itself and that has not ended, by code and subject."""
        return self._watch.standing

    @property
    def ledger(self) -> Ledger:
        """What this party knows."""
        return self.replica.ledger

    # --- the link ---------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The link is up: say where we are, and send again what has no receipt."""
        self.greeted = False
        self._watch.steady_ms = None
        self.out.connected()
        self._again()

    def disconnected(self) -> None:
        """The link is down: everything unconfirmed goes over the next one."""
        self.out.disconnected()

    def resend(self) -> None:
        """A frame was lost on the way out: begin again."""
        if self.out.up:
            self.out.connected()
            self._again()

    def _again(self) -> None:
        self.witness.again()
        self.prover.again()
        self._unsealing.again()
        self._comparer.again()
        self._returner.show = self.stopped is not None  # the relay must not be left in the belief that all is well

    def listen(self, mono_ms: int) -> None:
        """A link is wanted from now on, so silence means something."""
        self._watch.heard_at_ms, self._watch.steady_ms = mono_ms, None

    def deaf(self) -> None:
        """No link is wanted: silence means nothing."""
        self._watch.heard_at_ms = None
        self.out.disconnected()

    def follow(self) -> list[LeafSeen]:
        """Take in what another process of this home has written."""
        self.out.changed()
        self.witness.follow()
        self.prover.changed()
        found = self.replica.follow()
        self._watch.follow()
        return found

    def frames(self, now_ms: int, mono_ms: int) -> list[UpFrame]:
        """What is due to the relay now."""
        if not self.out.up:
            return []
        returned = self._returner.frames()
        if self.stopped is not None:
            return returned
        doubtful = self._doubt is not None or self._comparer.late(mono_ms)
        cosignatures = [] if doubtful else self.witness.items(now_ms, mono_ms)
        return returned + self.out.frames(
            self.replica,
            now_ms,
            mono_ms,
            [
                *cosignatures,
                *self.prover.items(mono_ms),
                *self._comparer.items(mono_ms),
                *self._unsealing.items(mono_ms),
            ],
        )

    def parting(self) -> list[UpFrame]:
        """What the relay must be told before we go: after a fork, which checkpoint we hold."""
        return self._returner.frames() if self.stopped is not None else []

    # --- what comes -------------------------------------------------------------------------------------------------

    def receive(self, payload: bytes, now_ms: int, mono_ms: int) -> list[Event]:
        """Judge one payload from the down-topic. Never raises for what is in it; FatalError if the store fails."""
        try:
            frame = frames.decode_down(payload)
        except PeerError as error:
            self.dropped[error.code] += 1
            return []
        if self.stopped is not None:
            self.dropped["stopped"] += 1
            self._asked_back(frame)
            return []
        events: list[Event] = []
        self._unsealing.arrived(frames.bodies(frame))
        for item in frame.items:
            if isinstance(item, WordItem) and self.stopped is None:
                said = self._words.take(item.token.encode("ascii", "replace"), now_ms, mono_ms)
                events += self._stop(said.proof, now_ms) if isinstance(said, trust.Contradiction) else said
        if self.stopped is None:
            events += self._tree_and_leaves(frame, now_ms, mono_ms)
            events += self._opened_late(now_ms)
        for item in frame.items:
            if isinstance(item, ProofsItem | ComparedItem):
                events += self._proofs(item, now_ms) if self.stopped is None else []
        self._asked_back(frame)
        return events

    def _opened_late(self, now_ms: int) -> list[Event]:
        """Bodies of sealed notices whose leaves came before."""
        with self.store.transaction():
            found = self._unsealing.open_here()
            for of in found:
                self._receiver.sign(of, now_ms)
        return [SealedOpened(of, now_ms) for of in found]

    def _asked_back(self, frame: DownFrame) -> None:
        """What the relay wants of us: the checkpoint always, leaves only if it says that it lacks some."""
        self._comparer.paused = self._watch.quarantine is not None
        for item in frame.items:
            if isinstance(item, ShowItem):
                self._returner.show = True
            elif isinstance(item, ReturnItem) and (self._comparer.paused or self.stopped is not None):
                self._returner.start = item.start

    def _proofs(self, item: ProofsItem | ComparedItem, now_ms: int) -> list[Event]:
        contradiction = None
        try:
            if isinstance(item, ComparedItem):
                self._comparer.answer(item)
            else:
                contradiction = self.prover.take(item)
        except ProofError as error:
            self.dropped[error.code] += 1
            return []
        return [] if contradiction is None else self._stop(contradiction.proof, now_ms)

    def _tree_and_leaves(self, frame: DownFrame, now_ms: int, mono_ms: int) -> list[Event]:
        items = [item for item in frame.items if isinstance(item, LeafItem)]
        believed: trust.Believed | None = None
        pin: PinRow | None = None
        for item in frame.items:
            if isinstance(item, CheckpointItem):
                judgement = self._judge_tree(item, pin or self.replica.pin, mono_ms)
                if isinstance(judgement, trust.Contradiction):
                    return self._stop(judgement.proof, now_ms)
                believed = judgement
                pin = pin if believed is None else believed.pin or pin
        if believed is None:
            self.out.hello = self.out.hello or any(item.n > self.replica.n for item in items)
            return []
        rows, opened = self._judge_leaves(items, believed.checkpoint, mono_ms)
        with self.store.transaction():
            events = self._keep(pin, rows, opened, now_ms, mono_ms)
            return events + self._witnessed(frame, believed.checkpoint, now_ms)

    def _judge_tree(
        self, item: CheckpointItem, pin: PinRow, mono_ms: int
    ) -> trust.Believed | trust.Contradiction | None:
        try:
            judgement = trust.judge(item, pin, self._origin, self._log_key, self.replica.trees)
        except ProofError:
            self.dropped["bad-checkpoint"] += 1
            return None
        if isinstance(judgement, trust.Doubted):
            self.out.hello = self._returner.show = True
            self._doubt = (judgement, mono_ms if self._doubt is None else self._doubt[1], mono_ms)
            return None
        if isinstance(judgement, trust.Believed):
            self._doubt = None
            self.greeted = self.greeted or not self.out.hello
            if item.old != pin.size:
                self.out.hello = True  # the relay does not know where we are
        return judgement

    def _witnessed(self, frame: DownFrame, newest: Checkpoint, now_ms: int) -> list[Event]:
        """What other witnesses have signed of this tree, or of one that it has grown from (protocol.md 7.8)."""
        for item in frame.items:
            if not isinstance(item, CheckpointItem | CosignedItem) or not self.witness.wants(item.note):
                continue
            proof = item.proof if isinstance(item, CosignedItem) else ()
            try:
                known = self.replica.tree_of(parse_body(split_note(item.note)[0]).size)
                older = trust.judge_older(item.note, proof, newest, self._origin, self._log_key, known)
                if isinstance(older, trust.Contradiction):
                    return self._stop(older.proof, now_ms)
                self.witness.read(item.note, older.size)
            except ProofError as error:
                self.dropped[error.code] += 1
        return []

    def _judge_leaves(
        self, items: list[LeafItem], checkpoint: Checkpoint, mono_ms: int
    ) -> tuple[list[LeafRow], list[Opened]]:
        """The leaves that go on from what we hold, up to the first that does not hold; they are folded then."""
        rows: list[LeafRow] = []
        accepted: list[Opened] = []
        for item in items:
            if item.n <= self.replica.n:
                self.dropped["other-leaf-at-position"] += not self.replica.same(item)
                continue
            if item.n > self.replica.n + 1:
                self.out.hello = self.out.hello or self._watch.pending is None
                break
            row = LeafRow(item.n, item.index, item.stamp, item.token.encode("ascii", "replace"))
            try:
                opened = self.replica.judge(row, item, checkpoint)
                self.replica.take(row, opened)
            except (PeerError, ProofError) as error:
                self._watch.wait_for(item.n, error.code, mono_ms)
                break
            except (KeyError, ValueError, InvariantError):
                # Only a relay that logs what policy forbids gets here. The fold stopped half way: make it anew.
                self._watch.wait_for(item.n, "unlawful", mono_ms)
                self.replica.reset()
                for kept, leaf in zip(rows, accepted, strict=True):
                    self.replica.take(kept, leaf)
                break
            rows.append(row)
            accepted.append(opened)
            self._watch.pending = None
        return rows, accepted

    def _keep(
        self, pin: PinRow | None, rows: list[LeafRow], opened: list[Opened], now_ms: int, mono_ms: int
    ) -> list[Event]:
        """Make it durable, `received` with it, in one transaction; and only then tell."""
        if pin is not None:
            self.replica.believe(pin)  # so that what is signed now carries it
        if pin is None and not rows:
            return []
        with self.store.transaction():
            if pin is not None:
                self.store.put_pin(pin)
            self.store.put_leaves(rows)
            self._unsealing.open_here()
            for leaf in opened:
                self._consequences(leaf, now_ms)
            others = [found for leaf in opened if (found := self._comparer.take(leaf)) is not None]
            if pin is not None:
                self._watch.quarantine = None  # in quarantine no tree is shown
                others += [found for found in [self._comparer.grown(mono_ms)] if found is not None]
        self.out.have = self.out.have or bool(rows)
        events: list[Event] = [
            LeafSeen(row.n, row.index, row.stamp, leaf) for row, leaf in zip(rows, opened, strict=True)
        ]
        refusals = [leaf.body for leaf in opened if isinstance(leaf.body, Refusal)]
        events += [Settled(body.of, "refused") for body in refusals if body.party == self.party]
        self._words.check_chains()
        return events + (self._stop(others[0].proof, now_ms) if others else [])

    def _consequences(self, opened: Opened, now_ms: int) -> None:
        body = opened.body
        if opened.party == self.party:
            self.store.raise_device(opened.kid, getattr(body, "seq", 0), opened.of)
            row = self.store.outbox_row(opened.of)
            if row is not None and row.state == "logged":
                self._words.compare_receipt(row)
            if isinstance(body, KeyStatement):
                self._receiver.sign_all(now_ms)  # it may be the key that was missing
        elif isinstance(body, Refusal) and body.party == self.party:
            self.store.settle_refused(body.of, body.code, body.detail, now_ms)
            self._receiver.refused(body.of, now_ms)
            self._watch.refusals = True
            self.out.changed()
        elif isinstance(body, Addressed):
            self._receiver.sign(opened.of, now_ms)
        elif isinstance(body, Answer) and body.readback is not None:
            self._compare_read_back(opened, body)

    def _compare_read_back(self, opened: Opened, body: Answer) -> None:
        """Of an answer to our own notice: the relay must have found what we find (protocol.md 16.6.4)."""
        record = self.ledger.notices.get(body.of)
        if record is None or record.author != self.party or opened.of in self.ledger.misread:
            return
        from channel.picture import readback  # geometry takes a while to import

        if readback.mismatch(self.ledger, opened) is not None:
            says = f"{opened.party} read back what the notice does not say, and the relay lets its answer count"
            self._watch.fault(READ_BACK, opened.of, says)

    def recover(self, now_ms: int) -> None:
        """Sign for every notice that we hold and have not signed for: after a store was restored, else none."""
        self._unsealing.try_again()
        self._receiver.sign_all(now_ms)

    # --- faults and time --------------------------------------------------------------------------------------------

    def tick(self, now_ms: int, mono_ms: int) -> list[Event]:
        """What time alone brings: alarms raised and cleared, alerts repeated, a doubt that became a fork."""
        events: list[Event] = []
        if self.stopped is None and self._doubt is not None:
            doubted, first_ms, last_ms = self._doubt
            # It is the relay that insists, not a broker that repeats, nor one that was away: it was asked in between.
            steady_ms = self._watch.steady_ms
            since_ms = last_ms if steady_ms is None else max(first_ms, steady_ms)
            if last_ms - since_ms >= DOUBT_MS and (self._watch.heard_at_ms or 0) > since_ms:
                events += self._stop(trust.contradiction(self.replica.pin.note, doubted.note, doubted.why), now_ms)
        unproven = self._comparer.overdue(mono_ms, self._watch.heard_at_ms, self._watch.steady_ms)
        if self.stopped is None and unproven is not None:
            events += self._stop(unproven.proof, now_ms)
        return events + self._watch.tick(
            now_ms, mono_ms, [*self._comparer.late(mono_ms), *self._late(mono_ms), *self._unsealing.alarms(mono_ms)]
        )

    def _late(self, mono_ms: int) -> list[Alarm]:
        """A tree that is in doubt for long, whatever the connection: nothing of it is shown."""
        if self.stopped is not None or self._doubt is None or self._watch.quarantine is not None:
            return []
        doubted, first_ms, _ = self._doubt
        why = f"{doubted.why}: what the relay sends is not shown until it proves its tree; ring the operator"
        return [Alarm("tree-unproven", "relay", why)] if mono_ms - first_ms >= DOUBT_MS else []

    def _stop(self, proof: dict[str, str], now_ms: int) -> list[Event]:
        self.stopped, self._returner.show = proof["why"], True
        alarm = self._fork(proof["why"])
        self.alarms["fork", self._origin] = alarm
        return [Stopped(proof), AlarmRaised(alarm, now_ms)]

    def halt(self, why: str) -> None:
        """Take nothing more from the relay: two histories were seen, now or before a restart."""
        self.stopped = why
        self._fork(why)

    def _fork(self, why: str) -> Alarm:
        detail = f"{why}: nothing more is taken from the relay, and both sides are kept"
        return self._watch.fault("fork", self._origin, detail)
