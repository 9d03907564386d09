"""What one admin alone must not do: another one has to agree. Requests wait in memory, for a quarter of an hour.

Where there is no other admin, or none but those whom this one has made alone lately, that one may put users right
alone, so that there can be others; the audit says so. A clock step, and going on after a restore without a party,
always need two. Who counts as another is in apart.py. A sign-in link is shown to the one who asked for it and to nobody
else: after the other one has agreed, that one asks for the link once more, and has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from channel.console.access import Access, Refused, Session
from channel.console.apart import apart, hands, touched
from channel.console.people import Link, User, checked_name
from channel.console.shapes import Role
from channel.console.shapes_beside import ApprovalShown
from channel.protocol.times import to_wire

What = Literal["put-user", "remove-user", "link", "clock-step", "go-without"]
ALWAYS_TWO = ("clock-step", "go-without")  # what changes the channel itself
WAIT_MS = 15 * 60_000
WAITING_MAX = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for."""

    what: What
    user: str | None = None
    role: Role | None = None
    certificate: str | None = None
    reason: str = ""
    party: str | None = None

    def told(self) -> dict[str, str]:
        """For the audit: a certificate by its fingerprint, which is no secret."""
        values = {"request": self.what, "user": self.user, "role": self.role, "certificate": self.certificate}
        values |= {"party": self.party}
        return {name: str(value) for name, value in (values | {"reason": self.reason}).items() if value}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request with who asked, and when."""

    id: str
    request: Request
    by: str
    asked_ms: int

    def told(self) -> dict[str, str]:
        """For the audit."""
        return {"asked_by": self.by, **self.request.told()}


@dataclass(frozen=True, slots=True)
class _Granted:
    """A sign-in link that two have agreed on, and that the one who asked has still to take."""

    by: tuple[str, ...]
    until_ms: int


class Approvals:
    """The requests that wait."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._waiting: dict[str, Waiting] = {}
        self._granted: dict[tuple[str, str], _Granted] = {}
        """By who asked, and for whom."""
        self._count = 0

    def waiting(self) -> list[Waiting]:
        """Those that are not too old, and whose asker is still an admin."""
        now_ms, admins = self._access.now_ms, self._access.people.admins()
        self._waiting = {
            id_: one for id_, one in self._waiting.items() if now_ms - one.asked_ms <= WAIT_MS and one.by in admins
        }
        return list(self._waiting.values())

    def alone(self, request: Request, who: Session) -> bool:
        """Whether nobody else has to agree."""
        people, now_ms = self._access.people, self._access.now_ms
        others = [people.users[name] for name in people.admins() if name != who.name]
        made = all(hands(other, now_ms) == {who.name} for other in others)
        own = made and not hands(people.users.get(who.name), now_ms)
        return request.what not in ALWAYS_TWO and (own or not others)

    def ask(self, request: Request, who: Session) -> Waiting:
        """Let it wait for a second admin. Refused: `too-many`, or one that cannot be."""
        self.check(request)
        if len(self.waiting()) >= WAITING_MAX:
            raise Refused(429, "too-many", "too many requests wait already: decide some of them first")
        self._access.write(who.name, "ask", **request.told())
        self._count += 1
        waiting = Waiting(str(self._count), request, who.name, self._access.now_ms)
        self._waiting[waiting.id] = waiting
        return waiting

    def take(self, id_: str, who: Session) -> Waiting:
        """Another admin agrees: it waits no more. Refused: `unknown-request`, `second-person`."""
        waiting = self._found(id_)
        if waiting.by == who.name:
            raise Refused(403, "second-person", "another admin has to agree to what you asked for")
        two = apart(self._access.people.users, waiting.by, who.name, self._access.now_ms)
        if not two and not self.alone(waiting.request, who):
            detail = f"{who.name} and {waiting.by} count as one person until a day after one made the other's account"
            raise Refused(403, "second-person", f"{detail}: another admin has to agree")
        self.check(waiting.request)
        del self._waiting[id_]
        return waiting

    def put_back(self, waiting: Waiting) -> None:
        """What was agreed to could not be done: it waits again, as long as it would have."""
        self._waiting[waiting.id] = waiting

    def refuse(self, id_: str, who: Session) -> None:
        """An admin does not agree, or the one who asked takes it back."""
        waiting = self._found(id_)
        self._access.write(who.name, "refuse", **waiting.told())
        del self._waiting[id_]

    def _found(self, id_: str) -> Waiting:
        found = next((one for one in self.waiting() if one.id == id_), None)
        if found is None:
            raise Refused(404, "unknown-request", "this request is not waiting any more")
        return found

    def check(self, request: Request) -> None:
        """Refused if it cannot be done, or would leave nobody who can act as an admin."""
        people = self._access.people
        if request.user is None:
            return
        checked_name(request.user)
        if request.what != "put-user" and request.user not in people.users:
            raise Refused(404, "unknown-user", f"there is no user {request.user}")
        loses = request.what == "remove-user" or (request.what == "put-user" and request.role != "admin")
        if loses and people.admins() == [request.user]:
            raise Refused(409, "last-admin", "this is the only admin: make another one first")

    def apply(self, request: Request, *by: str) -> bool:
        """Do what was asked about a user. True: a sign-in link is to be made for them. `by`: who decided it."""
        access, people, name = self._access, self._access.people, request.user or ""
        known, now_ms = people.users.get(name), access.now_ms
        self._granted = {key: one for key, one in self._granted.items() if key[1] != name}
        if request.what == "remove-user":
            people.remove(name)
            access.drop(name)
            return False
        if request.what == "link":
            access.drop(name)
        user = known or User(name=checked_name(name), role=request.role or "viewer")
        if request.what == "put-user":
            certificate = user.certificate if request.certificate is None else request.certificate or None
            user = user.model_copy(update={"role": request.role or user.role, "certificate": certificate})
        people.put(touched(user, by, now_ms))
        return known is None or request.what == "link"

    def grant(self, user: str, asker: str, agreed: str) -> None:
        """Two have agreed on a link: the one who asked may take it."""
        self._granted[asker, user] = _Granted((asker, agreed), self._access.now_ms + WAIT_MS)

    def granted(self, request: Request, who: Session) -> tuple[str, ...] | None:
        """Who has agreed on this link for the one who asks now; it is granted once. None: nobody has."""
        found = self._granted.pop((who.name, request.user or ""), None) if request.what == "link" else None
        return None if found is None or found.until_ms < self._access.now_ms else found.by

    def link(self, user: str, *by: str) -> Link:
        """The sign-in link. Whoever holds it may be that user."""
        people, now_ms = self._access.people, self._access.now_ms
        link = people.make_link(user, people.users[user].role, now_ms)
        people.put(touched(people.users[user], by, now_ms))
        return link


def shown(waiting: Waiting, viewer: Session) -> ApprovalShown:
    """As an admin sees it."""
    request = waiting.request
    return ApprovalShown(
        id=waiting.id,
        what=request.what,
        user=request.user,
        party=request.party,
        role=request.role,
        reason=request.reason + _certificate(request),
        by=waiting.by,
        asked_at=to_wire(waiting.asked_ms),
        until_at=to_wire(waiting.asked_ms + WAIT_MS),
        mine=waiting.by == viewer.name,
    )


def _certificate(request: Request) -> str:
    """Beside the reason, so that nobody agrees unseen to a certificate with which somebody else would sign in."""
    if request.certificate is None:
        return ""
    return f" [certificate: SHA-256 {request.certificate}]" if request.certificate else " [without a certificate]"


__all__ = ["Approvals", "Request", "Waiting", "shown"]
