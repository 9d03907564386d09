"""What one admin alone must not do: another one has to agree. Requests wait in memory, for a quarter of an hour.

Where there is only one admin, that one may put users right alone, so that there can be a second; the audit says so. A
clock step always needs two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from channel.console.access import Access, Refused, Session
from channel.console.people import Link, checked_name
from channel.console.shapes import ApprovalShown, Role
from channel.protocol.times import to_wire

What = Literal["put-user", "remove-user", "link", "clock-step"]
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request with who asked, and when."""

    id: str
    request: Request
    by: str
    asked_ms: int


class Approvals:
    """The requests that wait."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._waiting: dict[str, Waiting] = {}
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
        return request.what != "clock-step" and self._access.people.admins() == [who.name]

    def ask(self, request: Request, who: Session) -> Waiting:
        """Let it wait for a second admin. Refused: `too-many`, or one that cannot be."""
        self.check(request)
        if len(self.waiting()) >= WAITING_MAX:
            raise Refused(429, "too-many", "too many requests wait already: decide some of them first")
        self._access.write(who.name, "ask", **_told(request))
        self._count += 1
        waiting = Waiting(str(self._count), request, who.name, self._access.now_ms)
        self._waiting[waiting.id] = waiting
        return waiting

    def take(self, id_: str, who: Session) -> Waiting:
        """Another admin agrees: it waits no more. Refused: `unknown-request`, `second-person`."""
        waiting = self._found(id_)
        if waiting.by == who.name:
            raise Refused(403, "second-person", "another admin has to agree to what you asked for")
        self.check(waiting.request)
        self._access.write(who.name, "agree", asked_by=waiting.by, **_told(waiting.request))
        del self._waiting[id_]
        return waiting

    def refuse(self, id_: str, who: Session) -> None:
        """An admin does not agree, or the one who asked takes it back."""
        waiting = self._found(id_)
        self._access.write(who.name, "refuse", asked_by=waiting.by, **_told(waiting.request))
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

    def apply(self, request: Request) -> Link | None:
        """Do what was asked about a user; a new one, or one who asked for it, gets a sign-in link."""
        access, people, name = self._access, self._access.people, request.user or ""
        known = people.users.get(name)
        match request.what:
            case "remove-user":
                people.remove(name)
                access.drop(name)
            case "put-user" if known is not None and request.role is not None:
                certificate = known.certificate if request.certificate is None else request.certificate or None
                people.put(known.model_copy(update={"role": request.role, "certificate": certificate}))
            case "put-user" if request.role is not None:
                link = people.make_link(name, request.role, access.now_ms)
                if request.certificate:
                    people.put(people.users[name].model_copy(update={"certificate": request.certificate}))
                return link
            case "link" if known is not None:
                access.drop(name)
                return people.make_link(name, known.role, access.now_ms)
        return None


def shown(waiting: Waiting, viewer: Session) -> ApprovalShown:
    """As an admin sees it."""
    request = waiting.request
    return ApprovalShown(
        id=waiting.id,
        what=request.what,
        user=request.user,
        role=request.role,
        reason=request.reason,
        by=waiting.by,
        asked_at=to_wire(waiting.asked_ms),
        until_at=to_wire(waiting.asked_ms + WAIT_MS),
        mine=waiting.by == viewer.name,
    )


def _told(request: Request) -> dict[str, str]:
    """For the audit: a certificate by its fingerprint, which is no secret."""
    values = {"request": request.what, "user": request.user, "role": request.role, "reason": request.reason}
    return {name: str(value) for name, value in (values | {"certificate": request.certificate}).items() if value}


__all__ = ["Approvals", "Request", "Waiting", "shown"]
