"""Statements that came before what they refer to (protocol.md 9.5). Sans I/O; nothing here is durable: a client sends
what has no receipt again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from channel.protocol import ids, limits
from channel.protocol.envelope import Opened


@dataclass(slots=True)
class Held:
    """One of them, the link that it came over, and the bodies that came beside it."""

    opened: Opened
    link: str
    since_ms: int
    bodies: Mapping[ids.Hash, bytes]


class Holding:
    """By what they wait for."""

    def __init__(self) -> None:
        self._held: dict[str, list[Held]] = {}

    def hold(self, of: str, new: Held) -> None:
        """Keep it until what it refers to comes; at most `HELD_STATEMENTS_MAX` a party, the oldest goes first."""
        mine = [
            (held.since_ms, key, held)
            for key, group in self._held.items()
            for held in group
            if held.opened.party == new.opened.party
        ]
        same = next((held for _, _, held in mine if held.opened.of == new.opened.of), None)
        if same is not None:
            same.link = new.link if new.link == new.opened.party else same.link
            same.bodies = new.bodies or same.bodies
            return
        if len(mine) >= limits.HELD_STATEMENTS_MAX:
            _, key, oldest = min(mine, key=lambda row: row[0])
            self._held[key].remove(oldest)
        self._held.setdefault(of, []).append(new)

    def release(self, reference: str) -> list[Held]:
        """Those that waited for this."""
        return self._held.pop(reference, [])

    def expire(self, now_ms: int) -> Iterator[Held]:
        """Those that waited too long."""
        for key in list(self._held):
            late = [held for held in self._held[key] if held.since_ms + limits.HELD_MS_MAX <= now_ms]
            self._held[key] = [held for held in self._held[key] if held not in late]
            yield from late
            if not self._held[key]:
                del self._held[key]

    def times(self) -> list[int]:
        """When each has waited too long."""
        return [held.since_ms + limits.HELD_MS_MAX for group in self._held.values() for held in group]
