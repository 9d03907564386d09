"""What is new goes to every browser: one loop that polls the source, one encoding of each change for all of them.

A browser that does not keep up costs a set of ids, never a queue: when it is ready again it gets the newest state of
each, or the whole view if there were too many. The loop's own time only paces; the channel's time is the source's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from channel.console.model import Delta, Model
from channel.console.moments import Feeds
from channel.console.source import Source, Standing
from channel.protocol.errors import ChannelError

T = TypeVar("T")
POLL_S = 0.025  # how soon a committed leaf is noticed; a look costs some 30 us
FLUSH_S = 0.05  # browsers are told at most so often: faster than the eye, and changes of one moment come together
STANDING_S = 1.0  # witnesses, links, disk
TICK_S = 1.0
WARM_LEAVES = 100  # leaves of one party's feed folded ahead in an idle moment
LIVE_SESSION_MAX = 16  # live sockets of one session: tabs and walls of one person
LIVE_MAX = 256  # of all: one that stalls costs the bytes of a whole view, until it is closed
IDS_MAX = 5_000  # ids that a slow browser may owe; beyond it the whole view is smaller
log = structlog.get_logger()


class Browser:
    """One open live socket: what it has still to be told."""

    def __init__(self, owner: object = None) -> None:
        self.owner = owner
        """The session whose socket it is."""
        self.board: set[str] = set()
        self.alerts: set[str] = set()
        self.picture: set[str] = set()
        self.health = self.tick = False
        self.whole = True
        """The view goes first; and again when it fell behind too far."""
        self.shared: str | None = None
        """The one change that waits, encoded for all, as long as it is only one."""
        self.ready = asyncio.Event()
        self.ready.set()

    @property
    def waiting(self) -> int:
        """How many ids it owes."""
        return len(self.board) + len(self.alerts) + len(self.picture)

    def owe(self, delta: Delta, text: str) -> None:
        """One more change to tell it."""
        if self.whole:
            return
        alone = not self.waiting and not self.health
        self.board |= delta.board
        self.alerts |= delta.alerts
        self.picture |= delta.picture
        self.health |= delta.health
        self.shared = text if alone else None
        if self.waiting > IDS_MAX:
            self.clear(whole=True)
        self.ready.set()

    def clear(self, whole: bool = False) -> None:
        """Nothing is owed any more, or everything."""
        self.board, self.alerts, self.picture = set(), set(), set()
        self.health = self.tick = False
        self.shared, self.whole = None, whole
        self.ready.clear()


class Live:
    """The console's heart: one worker thread that owns source and model, and the browsers that look on."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.model = Model(source)
        self.feeds = Feeds(source.fold)
        """What each party saw, on the operator's console; the worker's."""
        self.browsers: set[Browser] = set()
        self.stale: str | None = "the log is being read"
        self.folded = asyncio.Event()
        """Everything that was there at the start is taken in."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="console")
        self._standing = Standing()
        self._view: str | None = None
        """The view, encoded once for all who join before anything changes."""
        self._standing_s = self._tick_s = self._flush_s = float("-inf")

    def join(self, owner: object) -> Browser | None:
        """One more live socket of a session; None if there are too many."""
        mine = sum(browser.owner is owner for browser in self.browsers)
        if mine >= LIVE_SESSION_MAX or len(self.browsers) >= LIVE_MAX:
            return None
        browser = Browser(owner)
        self.browsers.add(browser)
        return browser

    async def work(self, act: Callable[[], T]) -> T:
        """Do something with source or model where nobody else is at it."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, act)

    @property
    def standing(self) -> Standing:
        """As it was looked up last."""
        return self._standing

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            try:
                more, pause_s = await self.turn(clock()), POLL_S
            except Exception as error:  # noqa: BLE001 - browsers hear nothing, and say so, until one goes well
                self._fails(error)
                more, pause_s = False, TICK_S
            await sleep(0 if more else pause_s)

    async def turn(self, now_s: float) -> bool:
        """One look; True if there may be more at once."""
        try:
            more = await self.work(self.source.poll)
            if now_s - self._standing_s >= STANDING_S:
                self._standing = await self.work(self.source.standing)
                self._standing_s = now_s
            self.stale = None
        except Exception as error:  # noqa: BLE001 - the next look may go well; until then the pages say that
            self._fails(error)
            more = False
        if more and not self.folded.is_set():
            return True
        if self.stale is None and not self.folded.is_set():
            log.info("console-read", size=self.source.fold.ledger.size)
            self._flush_s = float("-inf")
        if now_s - self._flush_s >= FLUSH_S:
            self._flush_s = now_s
            await self._flush(now_s)
        if self.stale is None:
            self.folded.set()
            if not more and self.source.facts.party is None:
                await self.work(lambda: self.feeds.warm(WARM_LEAVES))
        return more

    def _fails(self, error: Exception) -> None:
        if self.stale is None:
            foreseen = isinstance(error, (ChannelError, OSError))  # another's text may quote contents
            log.error("console-stale", kind=type(error).__name__, detail=str(error) if foreseen else "")
        self.stale = str(error) or type(error).__name__

    async def _flush(self, now_s: float) -> None:
        index = self.model.index
        delta = await self.work(lambda: self.model.refresh(self._standing, int(now_s * 1000)))
        if delta or self.model.index != index:
            self._view = None
        if delta:
            text = self.change(delta.board, delta.alerts, delta.picture, delta.health)
            for browser in self.browsers:
                browser.owe(delta, text)
        if now_s - self._tick_s >= TICK_S:
            self._tick_s, self._view = now_s, None  # it says what time it is
            for browser in self.browsers:
                browser.tick = True
                browser.ready.set()

    def message(self, browser: Browser) -> str | None:
        """The next thing to tell it; None: nothing. Afterwards it owes nothing."""
        text: str | None
        shared, tick, owes = browser.shared, browser.tick, browser.waiting or browser.health
        if browser.whole:
            self._view = text = self._view or self.view()
        elif shared is not None:
            text = shared
        elif owes:
            text = self.change(browser.board, browser.alerts, browser.picture, browser.health)
        else:
            text = self.tick() if tick else None
        again = tick and (owes or browser.whole)
        browser.clear()
        if again:  # the sign of life comes after what is new
            browser.tick = True
            browser.ready.set()
        return text

    def view(self) -> str:
        """The live view, whole, of encoded rows."""
        m = self.model
        board, alerts = ",".join(list(m.rows.values())), ",".join(list(m.alerts.values()))
        picture = _collection(list(m.features.values()))
        party = "null" if self.source.facts.party is None else f'"{self.source.facts.party}"'
        head = f'{{"kind":"view","index":{m.index},"at":"{m.at()}","party":{party},"live":true'
        return f'{head},"board":[{board}],"alerts":[{alerts}],"picture":{picture},"health":{m.health}}}'

    def change(self, board: set[str], alerts: set[str], picture: set[str], health: bool) -> str:
        """The newest state of those ids; what is not there any more is gone."""
        m = self.model
        parts = [f'"kind":"change","index":{m.index},"at":"{m.at()}"']
        for name, ids_, shown in (("board", board, m.rows), ("alerts", alerts, m.alerts)):
            texts, gone = _newest(ids_, shown)
            parts.append(f'"{name}":[{",".join(texts)}],"{name}_gone":[{gone}]')
        texts, gone = _newest(picture, m.features)
        drawn = _collection(texts) if texts else "null"
        parts.append(f'"picture":{drawn},"picture_gone":[{gone}],"health":{m.health if health else "null"}')
        return "{" + ",".join(parts) + "}"

    def tick(self) -> str:
        """The sign of life."""
        m = self.model
        stale = "false" if self.stale is None else "true"
        return f'{{"kind":"tick","at":"{m.at()}","stale":{stale},"index":{m.index}}}'

    def close(self) -> None:
        """The worker ends, and the source is closed."""
        self._worker.submit(self.source.close)
        self._worker.shutdown(wait=True)


def _newest(ids_: set[str], shown: dict[str, str]) -> tuple[list[str], str]:
    """(texts of what is there, ids of what is not there any more)."""
    found = {id_: shown.get(id_) for id_ in sorted(ids_)}
    texts = [text for text in found.values() if text is not None]
    return texts, ",".join(f'"{id_}"' for id_, text in found.items() if text is None)


def _collection(features: list[str]) -> str:
    return '{"type":"FeatureCollection","features":[' + ",".join(features) + "]}"
