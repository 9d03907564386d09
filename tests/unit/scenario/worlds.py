"""A channel in one process for tests of scenarios: the relay's real core, real signatures, and a wire without sockets.

`wire` decides how much moves between two looks, so that tests can vary the speed of everything without a clock.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from random import Random
from typing import Any

from channel.ledger.fold import Folded, begin
from channel.log import checkpoint
from channel.log.store import StoredLeaf
from channel.protocol import charter as charters
from channel.protocol import ids
from channel.protocol.envelope import Opened, Signer, open_token, seal
from channel.protocol.statements import (
    BY_TYPE,
    Accession,
    Acknowledgement,
    Addressed,
    Answer,
    Forwarding,
    Key,
    Member,
    Notice,
    Receiving,
    Statement,
)
from channel.protocol.times import to_wire
from channel.relay.core import Core, Keys
from channel.scenario.agreement import deadlines_of, terms_of
from channel.scenario.control import PeerDied
from channel.scenario.format import Scenario
from channel.scenario.journal import Journal
from channel.scenario.stepping import Audience, Stepper
from channel.testing.memory import MemoryLog


def seed(kid: str) -> bytes:
    return hashlib.sha256(kid.encode()).digest()


def signer(kid: str) -> Signer:
    return Signer(kid, seed(kid))


def member(party: str, name: str, language: str, desks: Any, labels: Any) -> Member:
    keys = tuple(
        Key(kid=f"{party}/{label}", pub=ids.b64url(signer(f"{party}/{label}").public), held="machine")
        for label in labels
    )
    return Member(party=party, name=name, language=language, keys=keys, desks=tuple(desks))  # type: ignore[arg-type]


class World:
    """A net in force at the scenario's start, its relay and its parties' clients behind their control lines."""

    def __init__(self, scenario: Scenario, wire: Random | None = None) -> None:
        self.wire = wire or Random(0)
        self.store = MemoryLog()
        self.core = self._found(scenario)
        self.relay = FakeRelay(self)
        self.clients = {party.party: FakeClient(self, party.party) for party in scenario.parties}
        self.journal = Journal(self.store)

    def _found(self, scenario: Scenario) -> Core:
        operator = charters.OPERATOR_DESKS
        relay = member("relay", "Operator", "en", operator, charters.relay_labels(operator))
        parties = [
            member(p.party, p.name, p.language, p.wire_desks(), charters.key_labels(p.wire_desks()))
            for p in scenario.parties
        ]
        charter = charters.draft(
            scenario.name, relay, parties, issued_ms=scenario.start_ms, title=scenario.title, trial=True,
            deadlines=deadlines_of(scenario), terms=terms_of(scenario),
        )  # fmt: skip
        machine, log = signer("relay/sig/machine-1"), signer("relay/sig/log-1")
        leaf = StoredLeaf(0, scenario.start_ms, seal(charter, machine))
        folded: Folded = begin(leaf)
        origin = f"dcn/{scenario.name}"
        note = checkpoint.sign(checkpoint.Checkpoint(origin, 1, folded.tree.root()), origin, log)
        self.store.append([leaf], note)
        core = Core(folded, Keys(machine, log), note)
        for party in charter.parties:
            body = self.statement(
                Accession, folded, party.party, "root/1", 1, scenario.start_ms, charter=folded.ledger.charter_of
            )
            core.submit(seal(body, signer(f"{party.party}/root/1")), scenario.start_ms, party.party)
        core.start(scenario.start_ms, "test")
        self.commit(core)
        return core

    def commit(self, core: Core) -> int:
        batch = core.batch()
        if batch is not None:
            self.store.append(batch.leaves, batch.note)
        core.committed(batch)
        return 0 if batch is None else len(batch.leaves)

    def statement(
        self, model: type[Statement], folded: Folded, party: str, label: str, seq: int, now_ms: int, **members: Any
    ) -> Statement:
        ledger, prev = folded.ledger, members.pop("prev", folded.ledger.charter_of)
        common = {
            "v": 1,
            "net": ledger.charter.net,
            "from": party,
            "desk": members.pop("desk", None) or ledger.desk(party, "operations"),
            "issued": to_wire(now_ms),
            "seen": {"size": 0, "root": ids.sha256(b"")},
            "seq": seq,
            "prev": prev,
        }
        return model.model_validate_json(json.dumps({**common, **members}))

    def stepper(self, scenario: Scenario, audience: Audience | None = None) -> Stepper:
        async def no_wait(_: float) -> None:
            return

        clients: Mapping[str, Any] = self.clients
        return Stepper(scenario, self.relay, clients, self.journal, audience or Audience(), sleep=no_wait)


class FakePeer(ABC):
    """What both sides share: dying when told to, and a log of what was asked."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.now_ms = 0
        self.dies_at: set[str] = set()
        self.starts = 1
        self.asked: list[str] = []

    async def request(self, message: Mapping[str, Any]) -> bytes:
        do = message["do"]
        self.asked.append(do)
        if do in self.dies_at:
            self.dies_at.discard(do)
            raise PeerDied(f"{self.name} died at {do}")
        if do == "time":
            self.now_ms = message["now_ms"]
        return json.dumps(self.answer(message)).encode() + b"\n"

    @abstractmethod
    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The reply, as the process behind it would give it."""

    async def restart(self) -> None:
        self.starts += 1
        self.now_ms = 0
        self.forget()

    async def revive(self) -> bool:
        await self.restart()
        return self.starts <= 4

    @abstractmethod
    def forget(self) -> None:
        """What does not survive the process."""


class FakeRelay(FakePeer):
    def __init__(self, world: World) -> None:
        super().__init__(world, "relay")
        self.gate: dict[str, dict[str, bytes]] = {}
        self.offline: dict[str, int] = {}

    def forget(self) -> None:
        self.gate.clear()
        self.offline.clear()

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        core = self.world.core
        match message["do"]:
            case "time":
                self._tick()
            case "poll":
                return {
                    "ok": True,
                    "next_due_ms": self._next_due(),
                    "tree_size": core.committed_size,
                    "feeds": {party: len(record.feed) for party, record in core.folded.ledger.parties.items()},
                    "gated": {party: list(held) for party, held in self.gate.items()},
                }
            case "commit":
                waiting = [(party, token) for party, held in self.gate.items() for token in held.values()]
                self.gate.clear()
                for party, token in sorted(waiting, key=lambda row: (row[0], *core.order(row[1]))):
                    core.submit(token, self.now_ms, party)
                return {"ok": True, "leaves": self._tick()}
            case "presence":
                party = message["party"]
                self.offline.pop(party, None) if message["online"] else self.offline.setdefault(party, self.now_ms)
            case "ack":
                return self._acknowledge(message["alert"], message["reason"])
        return {"ok": True}

    def _tick(self) -> int:
        silent_ms = self.world.core.folded.ledger.charter.terms.silent_ms
        silent = [party for party, since in self.offline.items() if since + silent_ms <= self.now_ms]
        self.world.core.tick(self.now_ms, silent)
        return self.world.commit(self.world.core)

    def _next_due(self) -> int | None:
        silent_ms = self.world.core.folded.ledger.charter.terms.silent_ms
        times = [since + silent_ms for since in self.offline.values() if since + silent_ms > self.now_ms]
        due = self.world.core.next_ms()
        return min([*times, *([] if due is None else [due])], default=None)

    def _acknowledge(self, alert: str, reason: str) -> dict[str, Any]:
        core, kid = self.world.core, "relay/sig/desk-operations"
        device = core.folded.ledger.devices.get(kid)
        seq = 1 if device is None else device.highest + 1
        body = self.world.statement(
            Acknowledgement, core.folded, "relay", kid, seq, self.now_ms, alert=alert, reason=reason
        )
        token = seal(body, signer(kid))
        outcome = core.submit(token, self.now_ms, "relay")
        self._tick()
        of = ids.sha256(token) if outcome.index is not None else None
        return {"ok": of is not None, "of": of, "code": outcome.code or "", "detail": outcome.detail}


class FakeClient(FakePeer):
    """A party's client: stores what comes, signs `received`, does what it is told. Its stores survive a restart."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.online = True
        self.n = 0
        self.outbox: dict[str, bytes] = {}
        self.seqs: dict[str, tuple[int, str]] = {}

    def forget(self) -> None:
        self.online = True

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        match message["do"]:
            case "poll":
                if self.online:
                    self._move()
                return {
                    "ok": True, "connected": self.online, "n": self.n, "size": 0, "outbox": sorted(self.outbox),
                }  # fmt: skip
            case "act":
                return self._act(dict(message["act"]))
            case "online":
                self.online = message["online"]
        return {"ok": True}

    def _move(self) -> None:
        """Some of what is under way arrives: how much is the wire's choice."""
        ledger = self.world.core.folded.ledger
        feed = ledger.parties[self.name].feed
        for _ in range(self.world.wire.randint(0, 3)):
            if self.n < len(feed):
                self._received(ledger.entries[feed[self.n]].opened)
                self.n += 1
        for of, token in list(self.outbox.items()):
            if of in ledger.index_of or of in ledger.refused:
                del self.outbox[of]
                if self.world.wire.random() < 0.2:  # sent again just before the receipt came
                    self.world.relay.gate.setdefault(self.name, {})[of] = token
            elif self.world.wire.random() < 0.7:
                self.world.relay.gate.setdefault(self.name, {})[of] = token

    def _received(self, opened: Opened) -> None:
        body = opened.body
        if not isinstance(body, Addressed) or opened.party == self.name:
            return
        named = {*(a.party for a in body.to), *body.info, *(a.via for a in body.to)}
        if self.name in named:
            self._sign(Receiving, "sig/machine-1", {"of": opened.of, "stage": "received"})

    def _act(self, act: dict[str, Any]) -> dict[str, Any]:
        do = act.pop("do")
        model = {
            "send": "notice", "withdraw": "notice", "call": "call", "line": "line", "answer": "answer",
            "forward": "forwarding", "display": "receiving", "check": "check", "ack": "acknowledgement",
            "suspend": "suspension", "resume": "suspension",
        }[do]  # fmt: skip
        desk = f"sig/desk-{act.get('desk', 'operations')}"
        if do in ("send", "call", "line", "withdraw"):
            act["nid"] = ids.uuid7(
                self.now_ms, hashlib.sha256(f"{self.name}{len(self.seqs)}{self.seqs}".encode()).digest()
            )
        if do == "withdraw":
            notice: dict[str, Any] = {
                "kind": "text", "status": "operation", "how": "human", "volumes": [], "elements": [],
                "withdraws": act.pop("of"),
            }  # fmt: skip
            act = notice | act
        if do == "display":
            act["stage"] = "displayed"
        if do in ("suspend", "resume"):
            act["action"] = do
        return self._sign(BY_TYPE[model], desk, act)  # type: ignore[arg-type]

    def _sign(self, model: type[Statement], label: str, members: dict[str, Any]) -> dict[str, Any]:
        core, kid = self.world.core, f"{self.name}/{label}"
        seq, prev = self.seqs.get(kid, (0, core.folded.ledger.charter_of))
        body = self.world.statement(model, core.folded, self.name, label, seq + 1, self.now_ms, prev=prev, **members)
        token = seal(body, signer(kid))
        opened = open_token(token, core.folded.ledger.ring)
        self.outbox[opened.of] = token
        self.seqs[kid] = (seq + 1, opened.of)
        return {"ok": True, "of": opened.of, "nid": getattr(body, "nid", None)}


__all__ = ["Answer", "Forwarding", "Notice", "World"]
