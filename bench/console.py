#!/usr/bin/env python3
"""The console under load: `make bench-console`. 1,000 open notices, 10 changes a second, real browsers. One table.

Server, log writer and all browsers share this machine, so ten browsers are measured at their worst. Each figure stands
beside a reference taken in the same minutes: an idle echo over a WebSocket, painted by the same browser and seen the
same way. Compare the ratios; milliseconds depend on the machine and on what else it does. No timed test.

From commit to paint: from the moment in which the log's `append` returned to the frame after the one in which the
board shows that leaf (`data-index`), by every browser, for every leaf.
"""

from __future__ import annotations

import argparse
import bisect
import math
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from console_net import BenchNet, Writer
from console_server import MIB, Child, Clients, ConsoleServer

NOTICES, RATE = 1_000, 10.0
WARM_S, WARM_TURNS = 3.0, 3  # of each round, not counted: so long, and until all have caught up, so often
CAUGHT_UP_MS = 120_000
CLIENTS = 50
STALLED = 20
STALLED_S = 30.0  # a browser that answers no ping for 40 s is closed
SERVER = Path(__file__).with_name("console_server.py")
TARGETS = {1: 150.0, 10: 600.0}
MEMORY_MIB_MAX, LOAD_KB_MAX = 0.2, 400.0
WIDE = {"width": 1920, "height": 1080}
# Of the page only `data-index` is looked at; nothing in it is made for this.
PROBE = """(() => {
  window.painted = [];
  let shown = -1;
  new MutationObserver(() => {
    const index = Number(document.querySelector("[data-index]")?.dataset.index ?? -1);
    if (index <= shown) return;
    shown = index;
    requestAnimationFrame(() => painted.push([index, performance.timeOrigin + performance.now()]));
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-index"] });
})()"""
CLOCK = "performance.timeOrigin + performance.now()"


class Watchers:
    """Browsers that look on: contexts of one Chromium, each with a cache, a page and a renderer of its own."""

    def __init__(self, chromium: Any, count: int, url: str, cookie: str | None = None) -> None:
        self._contexts = [chromium.new_context(viewport=WIDE, locale="en-GB") for _ in range(count)]
        self.pages = []
        for context in self._contexts:
            if cookie is not None:
                name, _, value = cookie.partition("=")
                context.add_cookies([{"name": name, "value": value, "url": url}])
            context.add_init_script(PROBE)
            page = context.new_page()
            page.goto(url)
            self.pages.append(page)
        for page in self.pages:
            page.wait_for_selector("[data-index]", state="attached")

    def until(self, index: int) -> None:
        """Wait until each page shows that leaf."""
        for page in self.pages:
            page.wait_for_function(
                "index => Number(document.querySelector('[data-index]').dataset.index) >= index",
                arg=index,
                timeout=CAUGHT_UP_MS,
            )

    def painted(self) -> list[list[tuple[int, float]]]:
        """Of each page: (leaf, milliseconds since 1970 by our clock), ascending."""
        return [
            [(index, at_ms - ahead) for index, at_ms in page.evaluate("painted")]
            for page, ahead in ((page, _ahead_ms(page)) for page in self.pages)
        ]

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def _ahead_ms(page: Any) -> float:
    """How far the page's clock is ahead of ours."""
    found = []
    for _ in range(5):
        before = time.time()
        theirs = page.evaluate(CLOCK)
        after = time.time()
        found.append((after - before, theirs - (before + after) * 500))
    return float(min(found)[1])


def painted_ms(commits: list[tuple[int, float]], seen: list[list[tuple[int, float]]]) -> list[float]:
    """Milliseconds from each commit to each page's frame, ascending."""
    found = []
    for frames in seen:
        indexes = [index for index, _ in frames]
        for index, at_s in commits:
            place = bisect.bisect_left(indexes, index)
            found.append(frames[place][1] - at_s * 1000 if place < len(frames) else math.inf)
    return sorted(found)


def p(values: list[float], share: float) -> float:
    """A quantile of ascending values."""
    return values[min(len(values) - 1, int(len(values) * share))]


class Bench:
    """The console with its net, the echo, and a Chromium."""

    def __init__(self, net: BenchNet, server: ConsoleServer, echo: Child, chromium: Any, seconds: float) -> None:
        self.net, self.server, self.echo, self.chromium, self.seconds = net, server, echo, chromium, seconds

    @contextmanager
    def watching(self, count: int, url: str, cookie: str | None = None) -> Iterator[Watchers]:
        found = Watchers(self.chromium, count, url, cookie)
        try:
            yield found
        finally:
            found.close()

    def echoed(self, count: int) -> list[float]:
        """What a round trip to the painted frame takes where nothing else is to be done, ascending."""
        turns = int(RATE * self.seconds / 2)
        with self.watching(count, self.echo.origin) as watchers:
            for page in watchers.pages:
                page.evaluate("([rate, count]) => begin(rate, count)", [RATE, turns])
            watchers.until(turns - 1)
            found: list[float] = []
            for page in watchers.pages:
                page.wait_for_timeout(100)
                took = page.evaluate("painted.map(([index, at]) => at - sent.get(index))")
                found += took[len(took) // 4 :]
        return sorted(found)

    def loaded(self, count: int, plain: int = 0) -> tuple[list[float], float]:
        """(milliseconds from commit to paint, ascending; the server's share of a core) under the load."""
        with ExitStack() as stack:
            watchers = stack.enter_context(self.watching(count, self.server.origin + "/", self.server.cookie))
            clients = Clients(self.server)
            stack.callback(clients.close)
            clients.resize(plain)
            with Writer(self.net, RATE) as writer:
                for _ in range(WARM_TURNS):  # what it takes to load a page is not counted
                    watchers.pages[0].wait_for_timeout(WARM_S * 1000)
                    watchers.until(writer.commits[-1][0])
                skip = len(writer.commits)
                began, used = time.monotonic(), self.server.processor_s()
                watchers.pages[0].wait_for_timeout(self.seconds * 1000)
                share = (self.server.processor_s() - used) / (time.monotonic() - began)
                counted = writer.commits[skip:]
            watchers.until(counted[-1][0])
            watchers.pages[0].wait_for_timeout(200)
            return painted_ms(counted, watchers.painted()), share

    def paint_table(self, rounds: int) -> None:
        print(f"\nFrom commit in the log to painted frame: {NOTICES:,} open notices, {RATE:g} changes a second")
        print(
            f"{'':26} {'p50 ms':>7} {'p95 ms':>7} {'p99 ms':>7} {'echo p95':>9} {'ratio':>6} {'server':>7} {'load':>5}"
        )
        for name, count, plain in (("1 browser", 1, 0), ("1 browser, 9 plain clients", 1, 9), ("10 browsers", 10, 0)):
            best = math.inf
            for _ in range(rounds):
                echo = self.echoed(count)
                took, share = self.loaded(count, plain)
                best = min(best, p(took, 0.95))
                print(
                    f"{name:26} {p(took, 0.5):>7.0f} {p(took, 0.95):>7.0f} {p(took, 0.99):>7.0f} {p(echo, 0.95):>9.0f}"
                    f" {p(took, 0.95) / p(echo, 0.95):>6.1f} {share:>6.0%} {os.getloadavg()[0]:>6.1f}",
                    flush=True,
                )
            if not plain:
                verdict = "within" if best <= TARGETS[count] else "ABOVE"
                print(f"{'':26} best p95 {best:.0f} ms, {verdict} {TARGETS[count]:g} ms")

    def memory_table(self, rounds: int) -> None:
        print(f"\nServer memory a browser: {CLIENTS} more plain clients each time, while the log changes")
        clients, found = Clients(self.server), []
        try:
            with Writer(self.net, RATE):
                clients.resize(1)
                before = self.server.settled_rss()
                # Never fewer than before: what Python has freed and kept would hide what the next ones take.
                for count in range(CLIENTS + 1, CLIENTS * rounds + 2, CLIENTS):
                    clients.resize(count)
                    after = self.server.settled_rss()
                    found.append((after - before) / CLIENTS / MIB)
                    print(
                        f"  {before / MIB:6.1f} MiB, {after / MIB:6.1f} MiB with {count}: {found[-1]:.3f} each",
                        flush=True,
                    )
                    before = after
        finally:
            clients.close()
        verdict = "within" if max(found) <= MEMORY_MIB_MAX else "ABOVE"
        middle = statistics.median(found)
        print(f"  largest {max(found):.3f} MiB, {verdict} {MEMORY_MIB_MAX:g} MiB; median {middle:.3f} MiB")

    def stalled_table(self) -> None:
        print(f"\n{STALLED} browsers that stop reading, for {STALLED_S:g} s each")
        with Writer(self.net, RATE):
            for name, count in (("none", 0), (f"{STALLED} stalled", STALLED), ("none again", 0)):
                sockets = [self.server.stalled(number) for number in range(count)]
                first = self.server.settled_rss()
                time.sleep(STALLED_S - 10)
                last, still = self.server.settled_rss(), self.server.browsers()
                for one in sockets:
                    one.close()
                grown = f"{first / MIB:6.1f} MiB at first, {last / MIB:6.1f} MiB at the end"
                print(f"  {name:12} {grown} ({(last - first) / MIB:+.1f}), {still} still connected", flush=True)

    def first_load(self) -> None:
        context = self.chromium.new_context(viewport=WIDE, locale="en-GB")
        name, _, value = self.server.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": self.server.origin}])
        page = context.new_page()
        log = context.new_cdp_session(page)
        urls: dict[str, str] = {}
        sizes: dict[str, float] = {}
        log.on("Network.responseReceived", lambda said: urls.update({said["requestId"]: said["response"]["url"]}))
        log.on("Network.loadingFinished", lambda said: sizes.update({said["requestId"]: said["encodedDataLength"]}))
        log.send("Network.enable")
        page.goto(self.server.origin)
        page.locator(".canvas[data-ready=true]").first.wait_for()
        page.wait_for_load_state("networkidle")
        context.close()
        total = sum(sizes.values()) / 1000
        print("\nFirst load, as the browser's log counts it")
        for id_, size in sorted(sizes.items(), key=lambda one: -one[1]):
            print(f"  {size / 1000:7.1f} KB  {urls.get(id_, '?').removeprefix(self.server.origin)}")
        verdict = "within" if total <= LOAD_KB_MAX else "ABOVE"
        print(f"  {total:7.1f} KB in {len(sizes)} files, {verdict} {LOAD_KB_MAX:g} KB")


def main() -> None:
    """All tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=20.0, help="of each round (20)")
    asked.add_argument("--rounds", type=int, default=3, help="of each row (3)")
    asked.add_argument("--only", choices=("paint", "memory", "stalled", "load"), help="one table")
    given = asked.parse_args()
    binary = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if binary is None:
        raise SystemExit("needs Chromium (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        net = BenchNet(home)
        stack.callback(net.close)
        net.fill(NOTICES)
        server = ConsoleServer(home)
        stack.callback(server.close)
        echo = Child(str(SERVER))
        stack.callback(echo.close)
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        stack.callback(chromium.close)
        machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
        print(f"{machine}, Chromium {chromium.version}; load is the machine's average of one minute")
        bench = Bench(net, server, echo, chromium, given.seconds)
        if given.only in (None, "load"):
            bench.first_load()
        if given.only in (None, "memory"):
            bench.memory_table(given.rounds)
        if given.only in (None, "stalled"):
            bench.stalled_table()
        if given.only in (None, "paint"):
            bench.paint_table(given.rounds)
        if net.refused:
            print(f"\nrefused: {len(net.refused)}, first {net.refused[0]}")


if __name__ == "__main__":
    main()
