"""Frames down: one sender a party, one frame after the other (protocol.md section 10). What goes: `session`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from channel.log.store import LogStore
from channel.protocol import frames, limits, topics
from channel.protocol.errors import TransientError
from channel.protocol.frames import DownFrame
from channel.relay.answers import answers
from channel.relay.core import Core
from channel.relay.guard import Guard
from channel.relay.session import Head, Session
from channel.wire import MqttLink


class Sending:
    """The way down to every party. `head` and `now_ms` are asked each time: both change."""

    def __init__(
        self,
        core: Core,
        store: LogStore,
        guard: Guard,
        sessions: Mapping[str, Session],
        links: Mapping[str, MqttLink],
        *,
        head: Callable[[], Head],
        now_ms: Callable[[], int],
        mono_ms: Callable[[], int],
    ) -> None:
        self._core, self._store, self._guard = core, store, guard
        self._sessions, self._links = sessions, links
        self._head, self._now_ms, self._mono_ms = head, now_ms, mono_ms
        self._net = core.folded.ledger.charter.net
        self._log = structlog.get_logger("relay", net=self._net)
        self._event = {party: asyncio.Event() for party in sessions}
        self._beat: dict[str, bool] = dict.fromkeys(sessions, False)

    def wake(self) -> None:
        """Something may be due to anybody."""
        for event in self._event.values():
            event.set()

    def beat(self, party: str) -> None:
        """A heartbeat to one party, with the next that goes to it."""
        self._beat[party] = True

    def beat_all(self) -> None:
        """A heartbeat to each party, whether it is there or not."""
        for party in self._beat:
            self._beat[party] = True
        self.wake()

    async def beats(self) -> None:
        """Heartbeats every `HEARTBEAT_MS` of real time."""
        while True:
            self.beat_all()
            await asyncio.sleep(limits.HEARTBEAT_MS / 1000)

    async def run(self, party: str) -> None:
        """Publish what is due to one party; what fails is sent again from its `have`."""
        session, link, event = self._sessions[party], self._links[party], self._event[party]
        topic = topics.down(self._net, party)
        while True:
            await event.wait()
            event.clear()
            if not link.connected:
                continue
            session.muted = self._guard.closed
            try:
                for frame in self._due(party, session):
                    # For who is not there a broker would keep one every 10 s, of no use to anybody.
                    await link.publish(topic, frames.encode(frame), keep=session.live)
                while (following := self._following(session)) is not None:
                    await link.publish(topic, frames.encode(following))
            except TransientError as error:
                self._log.info("send_failed", party=party, why=str(error))
                session.gone()

    def _following(self, session: Session) -> DownFrame | None:
        return session.next_frame(self._core.folded, self._head(), self._mono_ms(), self._store.body)

    def _due(self, party: str, session: Session) -> list[DownFrame]:
        """A heartbeat if it is time for one, what is asked of the party, and what it has asked."""
        due: list[DownFrame] = []
        core, now_ms = self._core, self._now_ms()
        beat, self._beat[party] = self._beat[party], False
        if beat and self._guard.closed:
            due.append(self._guard.beat(party, now_ms))
        elif beat:
            due.append(session.beat(core.folded, self._head(), core.heartbeat(party, now_ms)))
        due += self._guard.wants(party)
        if not self._guard.closed:
            due += answers(session, core, self._head(), self._store, partial(core.heartbeat, party, now_ms))
        return due
