"""Stepped time: the clock jumps to the next due instant only when every process is idle at the present one.

So outcomes never depend on how fast the machine is, or on the pace at which somebody watches. The rules are S61 to S67
of docs/scenario.md. Nothing here starts processes or prints.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from channel.protocol import ids
from channel.protocol.errors import ChannelError, FatalError, RefusedError, UsageError
from channel.protocol.statements import Refusal
from channel.scenario import acts
from channel.scenario.control import Acted, ClientPoll, Message, Patience, Peer, PeerDied, RelayPoll, Reply, Sleep, ask
from channel.scenario.entries import (
    Ack,
    Answer,
    Call,
    Check,
    Display,
    Forward,
    Line,
    Offline,
    Online,
    Restart,
    Resume,
    Send,
    Statement,
    Suspend,
    Withdraw,
)
from channel.scenario.format import Scenario, Step
from channel.scenario.journal import Journal, Told
from channel.scenario.persons import Persons

R = TypeVar("R", bound=Reply)
OPERATOR_DESK = "operations"
ROUNDS_MAX = 100  # times that one instant may be looked at again before something due there is called stuck
LOOKS, LOOK_S = 20, 0.01  # at the relay alone, while the clients cosign: that takes some 20 ms


@dataclass(frozen=True, slots=True)
class Signed:
    """What an entry signed: its label, and the refusal that it expects."""

    step: Step
    of: str


class Audience:
    """Who watches a run. This one does not look; the narration overrides what it wants to see."""

    def signed(self, signed: Signed) -> None:
        """An entry's statement exists; its leaf comes later, or never."""

    async def told(self, told: Told) -> None:
        """A new leaf."""

    async def remark(self, at_ms: int, text: str) -> None:
        """Something that is no leaf: a link cut, a process restarted."""

    async def jump(self, from_ms: int, to_ms: int) -> None:
        """The clock is about to jump."""


class Stepper:
    """One run of a scenario on stepped time. `run` returns at the scenario's end, with every process idle."""

    def __init__(
        self,
        scenario: Scenario,
        relay: Peer,
        clients: Mapping[str, Peer],
        journal: Journal,
        audience: Audience,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._scenario = scenario
        self._relay = relay
        self._clients = clients
        self._journal = journal
        self._audience = audience
        self._sleep = sleep
        self._offline: set[str] = set()
        self._signed: dict[str, Signed] = {}
        self._tokens: dict[str, str] = {}
        self._refused: set[str] = set()
        self._persons = Persons()
        self._missed: set[str] = set()
        """Entries that did not come off because of what a person did."""
        self._due_ms: int | None = None
        self._shown: tuple[int, list[str]] = (0, [])
        self.now_ms = scenario.start_ms

    async def run(self) -> None:
        """Every entry and every deadline up to the scenario's end."""
        await self._instant(self._scenario.start_ms)
        steps = deque(self._scenario.steps)
        while (at_ms := self._next(steps)) is not None:
            await self._settle(witnessed=True)
            await self._audience.jump(self.now_ms, at_ms)
            await self._instant(at_ms)
            while steps and steps[0].at_ms == at_ms:
                await self._perform(steps.popleft())
                await self._settle()
        await self._settle(witnessed=True)
        if self.now_ms < self._scenario.end_ms:
            await self._audience.jump(self.now_ms, self._scenario.end_ms)
            await self._instant(self._scenario.end_ms)
            await self._settle(witnessed=True)
        await self._tell_witnessed()

    def _next(self, steps: deque[Step]) -> int | None:
        """The next instant at which anything is due, none after the end."""
        times = [steps[0].at_ms] if steps else []
        if self._due_ms is not None:
            times.append(self._due_ms)
        at_ms = min(times, default=None)
        return at_ms if at_ms is not None and at_ms <= self._scenario.end_ms else None

    async def _tell_witnessed(self) -> None:
        """One beat more, so that every party knows what is witnessed before it may be left alone."""
        await self._say(self._relay, {"do": "beat"})
        patience = Patience(self._sleep)
        while True:
            clients = {name: await self._poll(name) for name in self._clients if name not in self._offline}
            relay = await self._supervised(self._relay, {"do": "poll"}, RelayPoll)
            behind = [name for name, client in clients.items() if client.witnessed < relay.witnessed]
            if not behind:
                return
            if not await patience.wait((tuple(clients.items()), relay)):
                raise FatalError(f"stuck at the end: {', '.join(behind)} was not told what is witnessed")

    # --- one instant ------------------------------------------------------------------------------------------------

    async def _instant(self, at_ms: int) -> None:
        """Set every clock, and go on until nothing is due there any more."""
        self.now_ms = at_ms
        for _ in range(ROUNDS_MAX):
            await self._say(self._relay, {"do": "time", "now_ms": at_ms})
            for peer in self._clients.values():
                await self._say(peer, {"do": "time", "now_ms": at_ms})
            await self._settle()
            if self._due_ms is None or self._due_ms > at_ms:
                return
        raise FatalError(f"relay: something stays due at {self._due_ms} however often it is told the time {at_ms}")

    async def _settle(self, *, witnessed: bool = False) -> None:
        """Until every online process is idle and the relay's gate is empty. FatalError names who is stuck on what.

        `witnessed`: and every online party has cosigned the newest checkpoint, which is asked for before time goes on.
        """
        patience = Patience(self._sleep)
        while True:
            clients = {name: await self._poll(name) for name in self._clients if name not in self._offline}
            relay = await self._supervised(self._relay, {"do": "poll"}, RelayPoll)
            busy = _busy(clients, relay)
            if not busy and any(relay.gated.values()):
                await self._say(self._relay, {"do": "commit"})
                continue
            missing = _unwitnessed(clients, relay) if witnessed and not busy else []
            if missing and await self._witness(relay.tree_size, missing):
                continue
            busy += [f"{name} has not cosigned the checkpoint of {relay.tree_size} leaves" for name in missing]
            if not busy:
                self._due_ms = relay.next_due_ms
                await self._tell()
                return
            if not await patience.wait((tuple(clients.items()), relay)):
                raise FatalError(f"stuck at {self.now_ms}: " + "; ".join(busy))

    async def _witness(self, size: int, missing: list[str]) -> bool:
        """Have the newest checkpoint cosigned: a beat shows it to all. Whether they have soon done so."""
        if self._shown != (size, missing):
            self._shown = (size, missing)
            await self._say(self._relay, {"do": "beat"})
        for name in missing:
            await self._say(self._clients[name], {"do": "cosign", "size": size})
        for _ in range(LOOKS):
            await self._sleep(LOOK_S)
            relay = await self._supervised(self._relay, {"do": "poll"}, RelayPoll)
            if not any(name in relay.unwitnessed for name in missing):
                return True
        return False

    async def _poll(self, name: str) -> ClientPoll:
        return await self._supervised(self._clients[name], {"do": "poll"}, ClientPoll)

    async def _say(self, peer: Peer, message: Message) -> None:
        await self._supervised(peer, message, Reply)

    async def _supervised(self, peer: Peer, message: Message, reply: type[R]) -> R:
        """Ask what may be asked twice; a process that died meanwhile is started again first."""
        while True:
            try:
                return await ask(peer, message, reply)
            except PeerDied:
                if not await peer.revive():
                    raise
                await self._remind(peer)

    async def _remind(self, peer: Peer) -> None:
        """A process that was just started knows neither the time nor whose link is cut."""
        await ask(peer, {"do": "time", "now_ms": self.now_ms}, Reply)
        if peer is self._relay:
            for party in sorted(self._offline):
                await ask(peer, {"do": "presence", "party": party, "online": False}, Reply)
        elif peer.name in self._offline:
            await ask(peer, {"do": "online", "online": False}, Reply)

    async def _tell(self) -> None:
        """New leaves to the audience; a refusal of an entry that expects none ends the run."""
        for told in self._journal.news():
            if told.opened.of not in self._signed:
                self._persons.take(told, self._journal.ledger)
            await self._audience.told(told)
            body = told.opened.body
            if isinstance(body, Refusal):
                await self._refusal(body)

    async def _refusal(self, body: Refusal) -> None:
        """What a person signed beside the scenario was refused to that person: it is told, and no more."""
        self._refused.add(body.of)
        signed = self._signed.get(body.of)
        if signed is None or signed.step.entry.expect == body.code:
            return
        said = RefusedError(body.code, f"a statement of entry {signed.step.label!r} of {body.party}: {body.detail}")
        await self._excused(signed.step, said)
        self._persons.upset(body.of)

    async def _excused(self, step: Step, error: ChannelError) -> None:
        """Go on where a person's act explains why an entry did not come off (S19). The error, if none does."""
        entry = step.entry
        labels = {str(getattr(entry, name)) for name in entry.references}
        about = {self._tokens[label] for label in labels if label in self._tokens}
        parties = {entry.by, entry.party} if isinstance(entry, Ack) and entry.party is not None else {entry.by}
        if self._missed.isdisjoint(labels) and not self._persons.explain(about, parties):
            raise error
        self._missed.add(step.label)
        await self._audience.remark(self.now_ms, f"without entry {step.label!r}, after what a person did: {error}")

    # --- entries ----------------------------------------------------------------------------------------------------

    async def _perform(self, step: Step) -> None:
        entry = step.entry
        match entry:
            case Offline() | Online():
                await self._link(entry.by, online=isinstance(entry, Online))
            case Restart():
                peer = self._relay if entry.by == ids.RELAY else self._clients[entry.by]
                await peer.restart()
                await self._remind(peer)
                await self._audience.remark(self.now_ms, f"{entry.by}'s process was killed and started again")
            case Ack():
                await self._acknowledge(step, entry)
            case Statement():
                await self._sign(step, entry)
            case _:
                raise UsageError(f"{step.label}: nothing is known of how to do this")

    async def _link(self, party: str, *, online: bool) -> None:
        (self._offline.discard if online else self._offline.add)(party)
        await self._say(self._clients[party], {"do": "online", "online": online})
        await self._say(self._relay, {"do": "presence", "party": party, "online": online})
        await self._audience.remark(self.now_ms, f"{party} is {'online again' if online else 'offline'}")

    async def _acknowledge(self, step: Step, entry: Ack) -> None:
        of = self._tokens.get(entry.of) if entry.of is not None else None
        record = self._journal.alert(
            of=of,
            party=entry.party,
            stage=entry.stage,
            rung=entry.rung,
            addressee=entry.addressee,
            round_=entry.round,
            by=entry.by,
        )
        if record is None:
            about = entry.of or entry.party
            what = f"{step.label}: there is no alert {entry.stage}/{entry.rung.value} about {about} by now"
            await self._excused(step, UsageError(what))
        elif entry.by == ids.RELAY:
            act = acts.acknowledge(entry, OPERATOR_DESK, record.body.alert)
            await self._judge(step, await ask(self._relay, act, Acted))
        else:
            await self._act(step, acts.acknowledge(entry, self._scenario.desk(entry), record.body.alert))

    async def _sign(self, step: Step, entry: Statement) -> None:
        try:
            act = self._act_of(step, entry)
        except UsageError as error:  # what it points at was never signed
            await self._excused(step, error)
        else:
            await self._act(step, act)

    def _act_of(self, step: Step, entry: Statement) -> acts.Act:
        known = Send | Line | Call | Display | Answer | Forward | Withdraw | Check | Suspend | Resume
        if not isinstance(entry, known):
            raise UsageError(f"{step.label}: nothing is known of how to do this")
        earlier = self._scenario.step(entry.of).entry if isinstance(entry, Withdraw | Line) and entry.of else None
        about = earlier if isinstance(earlier, Send | Line) else None
        try:
            desk = self._scenario.desk(entry)
            return acts.resolve(entry, step.at_ms, desk, self._scenario.places, self._tokens, about)
        except KeyError as error:
            raise UsageError(f"{step.label}: {error.args[0]!r} was never signed") from error

    async def _act(self, step: Step, act: acts.Act) -> None:
        party = step.entry.by
        acted = await ask(self._clients[party], {"do": "act", "act": act}, Acted)
        await self._judge(step, acted)
        if acted.ok and step.entry.expect is not None and party not in self._offline:
            await self._settle()
            if acted.of not in self._refused:
                said = f"{step.label}: expected to be refused with {step.entry.expect!r}, and was accepted"
                await self._excused(step, FatalError(said))

    async def _judge(self, step: Step, acted: Acted) -> None:
        if not acted.ok and acted.code != step.entry.expect:
            await self._settle()  # what a person signed meanwhile
            said = f"entry {step.label!r} of {step.entry.by}: {acted.detail}"
            await self._excused(step, RefusedError(acted.code, said))
        if acted.ok and acted.of is not None:
            signed = Signed(step, acted.of)
            self._signed[acted.of], self._tokens[step.label] = signed, acted.of
            self._audience.signed(signed)


def _busy(clients: Mapping[str, ClientPoll], relay: RelayPoll) -> list[str]:
    """What still moves, in words; empty when every online process is idle."""
    found = []
    for name, client in clients.items():
        feed, gated = relay.feeds.get(name, 0), set(relay.gated.get(name, ()))
        if not client.connected:
            found.append(f"{name} is not connected")
        if client.n != feed:
            found.append(f"{name} holds {client.n} of {feed} leaves")
        # The gate may hold more: what was sent again just before its receipt came. The relay knows those bytes.
        if missing := set(client.outbox) - gated:
            found.append(f"{name} has {len(client.outbox)} statements out, and {len(missing)} are not at the gate yet")
    return found


def _unwitnessed(clients: Mapping[str, ClientPoll], relay: RelayPoll) -> list[str]:
    """Online witnesses that have not cosigned the newest checkpoint."""
    return [name for name in clients if name in relay.unwitnessed]
