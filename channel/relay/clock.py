"""The relay's clock and randomness: the one file of `channel` that asks the machine for either.

The relay's time is the last stamp plus monotonic time, slewed towards the wall clock (protocol.md section 7). A step of
the wall clock beyond `STEP_MS_MAX` is a value that waits until the operator has it applied. Stamps never decrease.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from channel.protocol import limits
from channel.protocol.errors import FatalError, InvariantError

CLOCK_FILE = "clock.json"
SLEW_DIVISOR = 100  # 10 ms a second: a drift of 2 s is gone in 200 s, and no deadline is wrong by more than 1 percent
CATCH_UP_DIVISOR = 2  # after a step back that the operator applied: half speed, so that deadlines still pass meanwhile
ADJUST_MS = 1_000  # how often the wall clock is looked at


class Clock(Protocol):
    """Milliseconds since 1970 in the net's own time, and milliseconds that never jump."""

    def now_ms(self) -> int:
        """The net's time: the wall clock's, or the scenario's."""
        ...

    def monotonic_ms(self) -> int:
        """For spans only: its zero means nothing."""
        ...


class SystemClock:
    """The machine's clock, moved by `offset_ms` in a net whose scenario plays at another date."""

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset_ms = offset_ms

    @classmethod
    def of_home(cls, home: Path) -> SystemClock:
        """The clock of a home: it goes on from what `clock.json` says, if there is one."""
        return cls(offset_ms(home))

    def now_ms(self) -> int:
        return wall_ms() + self._offset_ms

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class SteppedClock:
    """Stands still until it is set: the scenario's clock, and the tests'."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def set(self, now_ms: int) -> None:
        """InvariantError if it would go back."""
        if now_ms < self._now_ms:
            raise InvariantError(f"the stepped clock is at {self._now_ms} and cannot go back to {now_ms}")
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._now_ms


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the wall clock that nobody has applied yet: the relay is at `old_ms`, the wall clock at `new_ms`."""

    old_ms: int
    new_ms: int


class RelayClock:
    """Never goes back and never jumps by itself, whatever the wall clock does.

    `behind_ms` is how far the wall clock was before the last stamp at the start: if it is not 0, the caller decides
    whether to wait for the operator. After `apply_step` forward it is at the wall clock's time at once; after one back
    it runs at half speed until the wall clock has caught up, because stamps never decrease and deadlines must pass.
    """

    def __init__(self, source: Clock, last_stamp_ms: int = 0) -> None:
        self._source = source
        wall = source.now_ms()
        self.behind_ms = max(0, last_stamp_ms - wall)
        self._base_ms = max(wall, last_stamp_ms)
        self._base_mono_ms = source.monotonic_ms()
        self._owed_ms = 0  # what is left of an applied step back: at most 0
        self._step: Step | None = None
        self._newest_ms = self._base_ms
        if self.behind_ms > limits.STEP_MS_MAX:
            self._step = Step(self._base_ms, wall)

    def now_ms(self) -> int:
        """The relay's time; never less than it said before."""
        elapsed = self._source.monotonic_ms() - self._base_mono_ms
        if elapsed >= ADJUST_MS:
            self._adjust(elapsed)
            elapsed = 0
        self._newest_ms = max(self._newest_ms, self._base_ms + elapsed)
        return self._newest_ms

    def monotonic_ms(self) -> int:
        """The source's, for spans."""
        return self._source.monotonic_ms()

    def stamp(self, last_stamp_ms: int) -> int:
        """The stamp of the next leaf: now, but never before the last one (law 3)."""
        return max(self.now_ms(), last_stamp_ms)

    def step(self) -> Step | None:
        """The step that waits for the operator, if there is one."""
        self.now_ms()
        return self._step

    def apply_step(self) -> Step:
        """Take over the wall clock's time, on the operator's command. InvariantError if no step waits."""
        old_ms = self.now_ms()
        if self._step is None:
            raise InvariantError("no step of the clock waits to be applied")
        new_ms = self._source.now_ms()
        self._base_ms = max(old_ms, new_ms)
        self._base_mono_ms = self._source.monotonic_ms()
        self._owed_ms = min(0, new_ms - old_ms)
        self._step = None
        self.behind_ms = 0
        return Step(old_ms, new_ms)

    def _adjust(self, elapsed: int) -> None:
        """Rebase on the present instant and slew; a drift that is not expected and too large is a step."""
        reached = self._base_ms + elapsed
        wall = self._source.now_ms()
        drift = wall - reached
        change = 0
        if abs(drift - self._owed_ms) > limits.STEP_MS_MAX:
            self._step = Step(reached, wall)
        else:
            self._step = None
            most = elapsed // (CATCH_UP_DIVISOR if self._owed_ms else SLEW_DIVISOR)
            change = max(-most, min(most, drift))
            self._owed_ms = min(0, self._owed_ms - min(0, change))
        self._base_ms = reached + change
        self._base_mono_ms += elapsed


def wall_ms() -> int:
    """Real time, whatever the net plays: for TLS certificates only."""
    return time.time_ns() // 1_000_000


def pause(seconds: float) -> None:
    """Wait, in a command that has nothing else to do."""
    time.sleep(seconds)


def random_bytes(count: int) -> bytes:
    """From the operating system, good for keys."""
    return os.urandom(count)


def jitter() -> float:
    """0 <= x < 1, to spread retries; not for secrets."""
    return random.random()  # noqa: S311


def offset_ms(home: Path) -> int:
    """How far the home's time is from the wall clock: 0 without a `clock.json`. FatalError if it is damaged."""
    path = home / CLOCK_FILE
    try:
        value = json.loads(path.read_bytes())
        return int(value["scenario_ms"]) - int(value["wall_ms"])
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FatalError(f"{path} should hold scenario_ms and wall_ms; restore it or make a new home") from error


def clock_json(scenario_ms: int, wall_ms: int) -> bytes:
    """The file that makes a home's time go on from `scenario_ms`, which it was at the wall's `wall_ms`."""
    return json.dumps({"scenario_ms": scenario_ms, "wall_ms": wall_ms}).encode() + b"\n"
