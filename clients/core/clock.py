"""The clients' clock and randomness: the one file of `clients` that asks the machine for either.

Everything else gets time and randomness as arguments. The relay has a file of its own for the same purpose.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import Protocol

from channel.protocol.errors import FatalError, InvariantError

CLOCK_FILE = "clock.json"


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


def wall_ms() -> int:
    """Real time, whatever the net plays: for TLS certificates only."""
    return time.time_ns() // 1_000_000


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
