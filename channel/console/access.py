"""Sessions and sign-in: who is behind a request, and what they may do. The server decides; pages only follow."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from channel.console.audit import Audit
from channel.console.people import ROLES, Link, People, User
from channel.console.shapes import Role
from channel.console.source import Surroundings
from channel.protocol import ids
from channel.protocol.errors import TransientError

IDLE_MS = 12 * 3_600_000  # a watch; an open live socket counts as use
SESSION_MS = 7 * 24 * 3_600_000
SESSIONS_MAX = 1_000
FAILURES_MAX = 5  # failed sign-ins of one name from one address within FAILURES_MS; then that pair waits
FAILURES_ALL_MAX = 50  # of all; then everybody waits, save a name at an address where it has signed in before
FAILURES_MS = 60_000
KNOWN_MAX = 1_000  # such pairs that are remembered, the newest
HASHINGS_MAX = 2  # passwords checked at once: 64 MiB each


class Refused(Exception):
    """A request that is not answered. `code` is stable."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@dataclass(slots=True)
class Session:
    """One signed-in browser. `password_needed`: it came by a link, and may only set a password."""

    name: str
    csrf: str
    began_ms: int
    used_ms: int
    password_needed: bool = False


@dataclass(slots=True)
class _Failures:
    times: deque[int] = field(default_factory=deque)

    def recent(self, now_ms: int) -> int:
        while self.times and self.times[0] <= now_ms - FAILURES_MS:
            self.times.popleft()
        return len(self.times)


class Access:
    """The people's file, the sessions in memory, the audit."""

    def __init__(self, people: People, audit: Audit, surroundings: Surroundings) -> None:
        self.people, self._audit, self._around = people, audit, surroundings
        self._sessions: dict[str, Session] = {}
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._known = dict.fromkeys(audit.sign_ins(KNOWN_MAX))
        self._all_failures = _Failures()
        self._hashing = asyncio.Semaphore(HASHINGS_MAX)

    @property
    def now_ms(self) -> int:
        """Real time: sessions are no part of the channel."""
        return self._around.wall_ms()

    def write(self, who: str, what: str, **details: object) -> int:
        """One line of the audit; its number."""
        return self._audit.write(self.now_ms, who, what, **details)

    @contextlib.contextmanager
    def acting(self, who: str, what: str, **details: object) -> Iterator[dict[str, object]]:
        """An act in the audit: that it begins, before anything is done, and after it what became of it.

        What the block puts into the dictionary is said with `done`. An act without its second line was cut off.
        """
        begun = self.write(who, what, state="begun", **details)
        outcome: dict[str, object] = {}
        try:
            yield outcome
        except Exception as error:
            state = "unknown" if isinstance(error, TransientError) else "failed"  # it may have been handed over
            self.write(who, what, state=state, begun=begun, code=_code(error))
            raise
        self.write(who, what, state="done", begun=begun, **outcome)

    # --- signing in ---------------------------------------------------------------------------------------------------

    def first_link(self) -> Link | None:
        """The link of a first start: only while nobody could sign in otherwise."""
        if any(user.password or user.certificate for user in self.people.users.values()):
            return None
        self.write("console", "first-link")
        return self.people.make_link("admin", "admin", self.now_ms)

    async def by_password(self, name: str, password: str, address: str) -> str:
        """The cookie of a new session. Refused: `wrong-password`, `too-many`."""
        user = await self._known_by(name, password, address)
        if user is None:
            raise Refused(401, "wrong-password", "the name or the password is wrong")
        return self._begin(user, address, "password")

    async def _known_by(self, name: str, password: str, address: str) -> User | None:
        """Whose password it is. Refused: `too-many`.

        It counts as failed from the beginning until it is known to be right: many at once get no more than one by one.
        """
        self._patience(name, address)
        at_ms = self._count(name, address)
        async with self._hashing:
            user = await asyncio.to_thread(self.people.password_of, name, password)
        if user is None:
            self._refuse(name, address, "wrong-password")
        else:
            self._refund(name, address, at_ms)
        return user

    def by_link(self, token: str, address: str) -> str:
        """The cookie of a new session, which has first to set a password. Refused: `wrong-link`, `too-many`."""
        self._patience("", address)
        user = self.people.use_link(token, self.now_ms)
        if user is None:
            self._failed("", address, "wrong-link")
            raise Refused(401, "wrong-link", "this link was used before, or is too old: ask for another one")
        return self._begin(user, address, "link", password_needed=True)

    def by_certificate(self, fingerprint: str | None, address: str) -> str:
        """The cookie of a new session. Refused: `wrong-certificate`, `too-many`."""
        self._patience("", address)
        user = self.people.certificate_of(fingerprint)
        if user is None:
            self._failed("", address, "wrong-certificate")
            raise Refused(401, "wrong-certificate", "no user has this certificate: an admin can enter it")
        return self._begin(user, address, "certificate")

    def _patience(self, name: str, address: str) -> None:
        """By name and address, so that whoever fails elsewhere under somebody's name keeps nobody out."""
        now_ms, pair = self.now_ms, (name[:32], address)
        mine = self._failures.get(pair)
        crowd = pair not in self._known and self._all_failures.recent(now_ms) >= FAILURES_ALL_MAX
        if crowd or (mine is not None and mine.recent(now_ms) >= FAILURES_MAX):
            raise Refused(429, "too-many", "too many failed sign-ins: wait a minute")

    def _failed(self, name: str, address: str, why: str) -> None:
        self._count(name, address)
        self._refuse(name, address, why)

    def _count(self, name: str, address: str) -> int:
        """One more failure, at the time that is returned."""
        now_ms = self.now_ms
        if len(self._failures) > SESSIONS_MAX:
            self._failures = {key: one for key, one in self._failures.items() if one.recent(now_ms)}
        self._failures.setdefault((name[:32], address), _Failures()).times.append(now_ms)
        self._all_failures.times.append(now_ms)
        return now_ms

    def _refund(self, name: str, address: str, at_ms: int) -> None:
        """It was no failure."""
        for counted in (self._failures.get((name[:32], address)), self._all_failures):
            if counted is not None and at_ms in counted.times:
                counted.times.remove(at_ms)

    def _refuse(self, name: str, address: str, why: str) -> None:
        self.write(name[:32] or "unknown", "sign-in-refused", why=why, address=address)

    def _begin(self, user: User, address: str, how: str, password_needed: bool = False) -> str:
        self.write(user.name, "sign-in", how=how, role=user.role, address=address)
        self._known.pop((user.name, address), None)
        self._known[user.name, address] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        now_ms, token = self.now_ms, ids.b64url(self._around.random_bytes(32))
        csrf = ids.b64url(self._around.random_bytes(32))
        if len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used_ms)]
        self._sessions[_key(token)] = Session(user.name, csrf, now_ms, now_ms, password_needed)
        return token

    # --- sessions -----------------------------------------------------------------------------------------------------

    def session(self, token: str | None) -> Session | None:
        """Who is behind a cookie, if anybody is any more."""
        found = None if token is None else self._sessions.get(_key(token))
        if found is None or token is None:
            return None
        now_ms = self.now_ms
        if now_ms - found.used_ms > IDLE_MS or now_ms - found.began_ms > SESSION_MS or not self.role(found):
            del self._sessions[_key(token)]
            return None
        found.used_ms = now_ms
        return found

    def role(self, session: Session) -> Role | None:
        """What the person is now, whatever they were when they signed in."""
        user = self.people.users.get(session.name)
        return None if user is None else user.role

    def signed_in(self) -> set[str]:
        """Names with a session that was used lately."""
        now_ms = self.now_ms
        return {one.name for one in self._sessions.values() if now_ms - one.used_ms <= IDLE_MS}

    def sign_out(self, token: str | None) -> None:
        found = None if token is None else self._sessions.pop(_key(token), None)
        if found is not None:
            self.write(found.name, "sign-out")

    def drop(self, name: str, but: Session | None = None) -> None:
        """End the sessions of somebody whose password or role was changed."""
        self._sessions = {key: one for key, one in self._sessions.items() if one.name != name or one is but}

    async def set_password(self, session: Session, password: str, old: str | None, address: str) -> None:
        """Refused: `wrong-password` unless the old one is given, or the session came by a link."""
        if not session.password_needed and await self._known_by(session.name, old or "", address) is None:
            raise Refused(403, "wrong-password", "the old password is wrong")
        self.write(session.name, "password")
        async with self._hashing:
            await asyncio.to_thread(self.people.set_password, session.name, password)
        session.password_needed = False
        self.drop(session.name, but=session)


def allowed(role: Role | None, wanted: Role) -> bool:
    """viewer < watch < admin."""
    return role is not None and ROLES.index(role) >= ROLES.index(wanted)


def same(given: str | None, wanted: str) -> bool:
    """Compared without telling by time."""
    return given is not None and hmac.compare_digest(given.encode(), wanted.encode())


def _code(error: Exception) -> str:
    """Why an act came to nothing, never with what was typed."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__name__


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
