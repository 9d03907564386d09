"""A console over a net that has no files: its source takes leaves from a `Net`, its acts are written down.

`Room` is the whole application without a socket; requests go to it through httpx, and the loop is turned by hand.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from channel.console.access import Access
from channel.console.app import application
from channel.console.asked import AnswerAsked, DisputeAsked, ForwardingAsked, HeardAsked, NoticeAsked
from channel.console.audit import AUDIT_FILE, Audit
from channel.console.console import Console
from channel.console.guard import Place
from channel.console.live import Live
from channel.console.moments import Fold
from channel.console.people import PEOPLE_FILE, People
from channel.console.shapes import Picture, Role
from channel.console.shapes_before import CheckedShown, HeardShown
from channel.console.source import Done, Facts, Standing, Surroundings
from tests.unit.ledger.nets import START_MS, Net

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ORIGIN = "http://127.0.0.1:8800"
PASSWORD = "correct horse battery"
WALL_MS = 1_790_000_000_000


FITS = HeardShown(
    fits=True, compared=True, fault=None, place="here", time="then", notice_place="there", notice_time="when",
    distance_m=0, tolerance_m=50, apart_s=0, hint=None, slip=None,
)  # fmt: skip
PLAIN = CheckedShown(
    to=(), info=(), precedence="FLASH", response="WU", read_back=True, picture=Picture(features=()),
    begins_at=None, ends_at=None, box=None, findings=(),
)  # fmt: skip


class NetSource:
    """`net`'s log, or what `party` may read of it. `acts`: what was done through it."""

    def __init__(self, net: Net, party: str | None = None) -> None:
        self.net, self.party = net, party
        self.facts = Facts(party, "latlon", "UTC")
        self.fold = Fold(net.ledger.charter, net.ledger.charter_of, party)
        self.clock_ms = START_MS
        self.state = Standing(relay="up", broker="up")
        self.fault: Exception | None = None
        self.standing_fault: Exception | None = None
        self.acts: list[tuple[Any, ...]] = []
        self.closed = False
        self.hears, self.checks = FITS, PLAIN

    def poll(self) -> bool:
        if self.fault is not None:
            raise self.fault
        whole = self.net.ledger
        feed = list(whole.entries) if self.party is None else whole.parties[self.party].feed
        new = feed[len(self.fold) :]
        for index in new:
            entry = whole.entries[index]
            self.fold.take(index, entry.stamp_ms, entry.opened)
        return bool(new)

    def now_ms(self) -> int:
        return max(self.clock_ms, self.fold.ledger.last_stamp_ms)

    def scenario(self) -> bool:
        return False

    def standing(self) -> Standing:
        if self.standing_fault is not None:
            raise self.standing_fault
        return self.state

    async def acknowledge(self, alert: str, reason: str) -> Done:
        return self._did("acknowledge", alert, reason)

    async def apply_clock(self, reason: str) -> Done:
        return self._did("clock", reason)

    async def go_without(self, party: str) -> Done:
        return self._did("go-without", party)

    async def answer(self, asked: AnswerAsked) -> Done:
        return self._did("answer", asked)

    async def heard(self, asked: HeardAsked) -> HeardShown:
        self._did("heard", asked)
        return self.hears

    async def forward(self, asked: ForwardingAsked) -> Done:
        return self._did("forward", asked)

    async def check(self, asked: NoticeAsked) -> CheckedShown:
        self._did("check", asked)
        return self.checks

    async def send(self, asked: NoticeAsked) -> Done:
        return self._did("send", asked)

    async def displayed(self, of: str) -> Done | None:
        return self._did("displayed", of)

    async def bundle(self, of: str) -> bytes:
        return b'{"of":"' + of.encode() + b'"}'

    async def dispute(self, asked: DisputeAsked) -> bytes:
        self._did("dispute", asked)
        return b"<!doctype html>" if asked.html else b"{}"

    def _did(self, *act: Any) -> Done:
        self.acts.append(act)
        return Done(7)

    def close(self) -> None:
        self.closed = True


class Counter:
    """Bytes that differ each time and are the same in each run."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(4, "big").rjust(size, b"\x5a")


class Room:
    """A console and its wall clock."""

    def __init__(self, home: Path, source: NetSource, static: Path | None = None, *, secure: bool = False) -> None:
        self.home, self.source, self.wall_ms = home, source, WALL_MS
        random = Counter()
        around = Surroundings(lambda: self.wall_ms, random)
        self.audit = Audit(home / AUDIT_FILE)
        self.access = Access(People(home / PEOPLE_FILE, random), self.audit, around)
        self.live = Live(source)
        origin = ORIGIN.replace("http", "https") if secure else ORIGIN
        place = Place((origin,), secure, 8800)
        self.console = Console(self.live, self.access, place, static=static or home / "static", layers=home / "layers")
        self.app = application(self.console)
        self._turns = 0.0

    async def turn(self) -> None:
        """The loop, until there is nothing more at once."""
        self._turns += 10.0
        while await self.live.turn(self._turns):
            pass
        await self.live.turn(self._turns + 1)

    def person(self, name: str, role: Role) -> None:
        """Somebody who may sign in with PASSWORD."""
        self.access.people.make_link(name, role, self.wall_ms)
        self.access.people.set_password(name, PASSWORD)

    def browser(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        """One that is not signed in, and whose requests carry the right origin."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        given = {"Origin": ORIGIN} if headers is None else headers
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=given)

    @asynccontextmanager
    async def signed_in(self, role: Role = "admin", name: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody with that role, with its token."""
        who = name or f"some-{role}"
        if who not in self.access.people.users:
            self.person(who, role)
        async with self.browser() as browser:
            answer = await browser.post("/api/v1/sign-in", json={"name": who, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            browser.headers["X-CSRF"] = answer.json()["csrf"]
            yield browser

    def close(self) -> None:
        self.live.close()
        self.audit.close()
