"""A running client: the session on real time, the one connection of a party's home, and who watches.

One process of a home owns the link; others queue and follow the store, and take the link when it is free. Nothing is
judged here. Times: `clock` is the net's, which a scenario may hold still; pacing is always real.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol

from channel.protocol import frames, topics
from channel.protocol.errors import TransientError
from channel.wire.link import MqttLink
from clients.core import trust
from clients.core.clock import Clock, SystemClock, jitter
from clients.core.events import Event, LinkDown, LinkUp, Stopped
from clients.core.home import PartyHome
from clients.core.session import Session

POLL_S = 0.1  # how often the store is looked at for what other processes wrote
TICK_S = 1.0  # deadlines are in seconds
LOCK_S = 0.5  # how often a link that another process holds is asked for
GOODBYE_S = 1.0
WATCHED_MAX = 10_000  # events kept for a watcher that does not read; then the oldest go
PROOF_FILE = "fork-proof.json"


class Link(Protocol):
    """What the runtime needs of `channel.wire.MqttLink`."""

    last_error: str | None

    @property
    def connected(self) -> bool: ...

    async def run(
        self, on_payload: Callable[[str, bytes], Awaitable[None]], on_state: Callable[[bool], None]
    ) -> None: ...

    async def publish(self, topic: str, payload: bytes) -> None: ...


class Runtime:
    """Runs a session until closed. `failure` is what ended it early; `pulse` is set and replaced at every change."""

    def __init__(
        self, home: PartyHome, session: Session, clock: Clock, *, make_link: Callable[[], Link] | None = None
    ) -> None:
        self.home = home
        self.session = session
        self.clock = clock
        self.failure: BaseException | None = None
        self.pulse = asyncio.Event()
        self.owner = False
        self.elsewhere = False
        """Whether another process of this home has the link, and it is up."""
        self._net, self._party = session.ledger.charter.net, session.party
        self._make_link = make_link or self._mqtt
        self._link: Link | None = None
        self._why_down: str | None = None
        self._said_up: bool | None = None
        self._mono_ms = SystemClock().monotonic_ms
        self._kick = asyncio.Event()
        self._online = asyncio.Event()
        self._offline = asyncio.Event()
        self._closing = False
        self._watchers: set[asyncio.Queue[Event | None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    # --- life -------------------------------------------------------------------------------------------------------

    def start(self, *, link: bool) -> None:
        """Begin following the store, and with `link` ask for the connection."""
        if (self.home.path / PROOF_FILE).exists():
            self.session.halt(f"a fork was seen before; judge {self.home.path / PROOF_FILE} and move it away")
        jobs: dict[str, Callable[[], Awaitable[None]]] = {"follow": self._follow}
        if link:
            self.set_online(True)
            jobs["link"] = self._keep_link
        self._tasks = [
            asyncio.create_task(self._watched(job), name=f"{self._party} {name}") for name, job in jobs.items()
        ]

    async def close(self) -> None:
        """Say goodbye and leave nothing running."""
        self._closing = True
        self.set_online(False)
        if self.owner:
            await asyncio.wait(self._tasks, timeout=2 * GOODBYE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watched(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits on this client
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Nothing goes on by itself any more: `events`, and whoever waits for a receipt, end with this error."""
        self.failure = self.failure or error
        for queue in self._watchers:
            _put(queue, None)
        self._notify()

    async def failed(self) -> BaseException:
        """Wait for what ends this client early."""
        while self.failure is None:
            await self.pulse.wait()
        return self.failure

    def set_online(self, online: bool) -> None:
        """Whether a link is wanted: a scenario takes it away and gives it back."""
        if online and not self._online.is_set():
            self.session.listen(self._mono_ms())
            self._offline.clear()
            self._online.set()
        elif not online:
            self.session.deaf()
            self._online.clear()
            self._offline.set()

    @property
    def connected(self) -> bool:
        """Whether our link is up and the relay has answered our `have` over it."""
        return self._online.is_set() and self._link is not None and self._link.connected and self.session.greeted

    @property
    def why_down(self) -> str | None:
        """Why there is no link, for people."""
        if self._link is None:
            return self._why_down
        if self._link.connected:
            return None if self.session.greeted else "the broker is there, and the relay does not answer"
        return self._link.last_error

    # --- what others ask --------------------------------------------------------------------------------------------

    def queued(self) -> None:
        """This process has put something into the outbox."""
        self.session.out.changed()
        self._kick.set()

    def refresh(self) -> None:
        """Take in what another process of this home has stored."""
        self._tell(self.session.follow())

    def tick(self) -> None:
        """Look at what time has brought, now."""
        self._tell(self.session.tick(self.clock.now_ms(), self._mono_ms()))
        self._kick.set()

    async def events(self) -> AsyncIterator[Event]:
        """Everything from now on; then raises `failure`.

        What is not read in time is dropped, the oldest first; the store keeps it anyway.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(WATCHED_MAX)
        self._watchers.add(queue)
        try:
            while self.failure is None or not queue.empty():
                event = await queue.get()
                if event is not None:
                    yield event
        finally:
            self._watchers.discard(queue)
        raise self.failure

    def _tell(self, events: Iterable[Event]) -> None:
        told = list(events)
        for event in told:
            if isinstance(event, Stopped):
                self._keep_proof(event)
            for queue in self._watchers:
                _put(queue, event)
        if told:
            self._notify()

    def _notify(self) -> None:
        pulse, self.pulse = self.pulse, asyncio.Event()
        pulse.set()

    def _keep_proof(self, stopped: Stopped) -> None:
        (self.home.path / PROOF_FILE).write_bytes(trust.proof_file(self.home.charter_token(), stopped.proof))

    # --- the store --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """What other processes of this home wrote, and what time brings."""
        rest_s = 0.0
        while not self._closing:
            if self.session.store.changed():
                self.refresh()
                self.queued()
                self._notify()
            if rest_s <= 0:
                self.tick()
                rest_s = TICK_S
            self._kick.set()  # a `have` that had to wait, or something to send again
            await asyncio.sleep(POLL_S)
            rest_s -= POLL_S

    # --- the link ---------------------------------------------------------------------------------------------------

    async def _keep_link(self) -> None:
        """Own the home's connection whenever it is wanted and free."""
        while not self._closing:
            await self._online.wait()
            with self.home.connection_lock() as owned:
                if owned:
                    await self._linked()
            self.elsewhere = not owned and self.home.link_elsewhere()
            down = "" if self.elsewhere else ", and cannot reach the channel"
            self._why_down = None if owned else f"another process of this home has the link{down}"
            self._notify()
            if not owned:
                await asyncio.sleep(LOCK_S)

    async def _linked(self) -> None:
        """Until the link is not wanted any more."""
        self._link, self.owner, self.elsewhere = self._make_link(), True, False
        self._said_up = None  # who had the link last may have said something else
        self._say_link(up=False)
        self.refresh()
        self.session.recover(self.clock.now_ms())
        jobs = [self._link.run(self._arrived, self._state), self._send(self._link), self._wait_offline()]
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._goodbye(self._link)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.session.disconnected()
            self._link, self.owner = None, False

    async def _wait_offline(self) -> None:
        await self._offline.wait()

    async def _goodbye(self, link: Link) -> None:
        """A clean stop sends no will, so the relay is told; whoever stops at a fork has not told it of that yet."""
        with contextlib.suppress(TransientError, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                for frame in self.session.parting():
                    await link.publish(topics.up(self._net, self._party), frames.encode(frame))
                await link.publish(topics.presence(self._net, self._party), _absent(self._party))

    async def _arrived(self, topic: str, payload: bytes) -> None:
        """Returns when what came is durable: then the broker may forget it."""
        if topic == topics.down(self._net, self._party) and self._online.is_set():
            self._tell(self.session.receive(payload, self.clock.now_ms(), self._mono_ms()))
            self._notify()
            self._kick.set()
            self._say_link(self.connected)

    def _state(self, up: bool) -> None:
        if up and not self._online.is_set():
            return  # about to end
        if up:
            self.session.connected()
            self._tell([LinkUp(self.clock.now_ms())])
        else:
            self.session.disconnected()
            why = self._link.last_error if self._link is not None else None
            self._tell([LinkDown(self.clock.now_ms(), why or "stopped")])
        self._kick.set()
        self._say_link(self.connected)

    def _say_link(self, up: bool) -> None:
        if up is not self._said_up:
            self._said_up = up
            self.home.say_link(up)

    async def _send(self, link: Link) -> None:
        """Publish what is due, one frame after the other; what fails goes again over the next connection."""
        topic = topics.up(self._net, self._party)
        while True:
            await self._kick.wait()
            self._kick.clear()
            if not link.connected:
                continue
            try:
                for frame in self.session.frames(self.clock.now_ms(), self._mono_ms()):
                    await link.publish(topic, frames.encode(frame))
            except TransientError:
                self.session.resend()

    def _mqtt(self) -> Link:
        """No will is set by clean stops; a lost link's will tells the relay that nobody listens."""
        return MqttLink(
            self.home.endpoint(),
            subscribe=[topics.down(self._net, self._party)],
            will=(topics.presence(self._net, self._party), _absent(self._party)),
            random=jitter,
        )


def _put(queue: asyncio.Queue[Event | None], event: Event | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)


def _absent(party: str) -> bytes:
    return json.dumps({"party": party, "online": False}, separators=(",", ":")).encode()
