"""Whether two admins count as two persons: not while one of them may hold the other's account (decision 0044).

Who asked for an account, a role, a certificate or a link, or agreed to it, had a hand in that account. For `APART_MS`
from then, and again from when the link is used, the account and those hands count as one person. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from channel.console.people import User

APART_MS = 24 * 3_600_000
"""Long enough that somebody who never got their link, or whose password does not work any more, will say so."""


def hands(user: User | None, now_ms: int) -> frozenset[str]:
    """Who had a hand in that account lately."""
    return frozenset(user.hands) if user is not None and now_ms - user.hands_ms <= APART_MS else frozenset()


def touched(user: User, by: Iterable[str], now_ms: int) -> User:
    """The account, with more hands in it."""
    return user.model_copy(update={"hands": tuple(sorted({*hands(user, now_ms), *by})), "hands_ms": now_ms})


def apart(users: Mapping[str, User], one: str, other: str, now_ms: int) -> bool:
    """Whether these two count as two persons."""
    return _reach(users, one, now_ms).isdisjoint(_reach(users, other, now_ms))


def _reach(users: Mapping[str, User], name: str, now_ms: int) -> set[str]:
    """The account, those who had a hand in it, those who had a hand in theirs, and so on."""
    found, new = {name}, {name}
    while new:
        new = {hand for one in new for hand in hands(users.get(one), now_ms)} - found
        found |= new
    return found
