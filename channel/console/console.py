"""One running console: what the routes share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import HTTPConnection

from channel.console import rows, view
from channel.console.access import Access, Refused, Session, allowed
from channel.console.approvals import Approvals
from channel.console.guard import Place
from channel.console.live import Live
from channel.console.moments import Fold
from channel.console.people import Link
from channel.console.picture import exported
from channel.console.shapes import Picture, Role
from channel.console.source import Source, have
from channel.ledger import Ledger
from channel.protocol.errors import UsageError
from channel.protocol.times import moment_ms

STATIC = Path(__file__).parent / "static"


@dataclass(slots=True)
class Console:
    """What a request needs: where it runs, who is signed in, what is shown."""

    live: Live
    access: Access
    place: Place
    static: Path = field(default_factory=lambda: STATIC)
    layers: Path | None = None
    """The operator's own layers of the map."""
    metrics_open: bool = False
    """Numbers for a monitor also to those who are not on this machine and not signed in."""
    approvals: Approvals = field(init=False)
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """A report and a bundle read the whole log: one at a time, so that they do not take the machine from the board."""

    def __post_init__(self) -> None:
        self.approvals = Approvals(self.access)

    @property
    def source(self) -> Source:
        return self.live.source

    def operators_only(self) -> None:
        """Refused on a party's own console."""
        if self.source.facts.party is not None:
            raise Refused(403, "not-here", "this is done at the operator's console")

    def party_only(self) -> None:
        """Refused on the operator's console, which can sign nothing of a party's."""
        if self.source.facts.party is None:
            raise Refused(403, "not-here", "only a party's own console speaks for it: party -p NAME console")

    def link_url(self, link: Link) -> str:
        """What its person opens. The secret is behind the #, which no browser sends and no log keeps."""
        return f"{self.place.first}/#link={link.token}"

    def moment(self, at: str | None, party: str | None) -> tuple[rows.Moment, int]:
        """(what rows are made from, index) at a moment, as a party saw it; the worker calls it. UsageError."""
        source, whole = self.source, self.source.fold
        fold = whole if party is None else self._feed(party)
        if at is None:
            known = have(source, self.live.standing) if party is None else {}
            return self._moment(fold.ledger, source.now_ms(), party, known), fold.index
        if at.isdecimal():
            count = fold.upto_index(int(at))
            now_ms = whole.moment(whole.upto_index(int(at)))[1]
        else:
            now_ms = _time(at)
            count = fold.upto_time(now_ms)
        index = whole.moment(whole.upto_time(now_ms))[0] if not at.isdecimal() else min(int(at), whole.index)
        return self._moment(fold.at(count), now_ms, party, {}), index

    def _moment(self, ledger: Ledger, now_ms: int, party: str | None, known: Mapping[str, int]) -> rows.Moment:
        marks = rows.Marks.of(ledger.entries.values())
        witnessed = self.live.standing.witnessed
        return rows.Moment(ledger, marks, now_ms, witnessed, party or self.source.facts.party, known)

    def _feed(self, party: str) -> Fold:
        whole = self.source.fold
        if self.source.facts.party is not None or party not in whole.ledger.parties:
            known = ", ".join(whole.ledger.parties) if self.source.facts.party is None else "nobody else's view"
            raise UsageError(f"this console knows {known}, not {party[:32]!r}")
        return self.live.feeds.of(party)

    def picture(self, at: str | None, party: str | None) -> Picture:
        """The picture of a moment, for a file; the worker calls it."""
        moment, _ = self.moment(at, party)
        return exported(moment.ledger, moment.now_ms, moment.party)

    def view(self, at: str | None, party: str | None) -> str:
        """The view of a moment as JSON; the worker calls it."""
        moment, index = self.moment(at, party)
        live = at is None
        health = view.health(moment.ledger, moment.marks, self.live.standing) if live and party is None else None
        return view.view(moment, index, live=live, health=health).model_dump_json()


def _time(at: str) -> int:
    if at.startswith("+") or at == "now":
        raise UsageError(f"a moment is a leaf's index or a time like 2017-09-16T00:30Z, not {at[:40]!r}")
    return moment_ms(at[:40], 0)


def console_of(connection: HTTPConnection) -> Console:
    """The console that serves a request."""
    found: Console = connection.app.state.console
    return found


def signed_in(role: Role) -> Callable[[HTTPConnection], Session]:
    """A dependency: the session, if its person has at least that role. Refused else."""

    def check(connection: HTTPConnection) -> Session:
        session: Session | None = connection.scope["state"].get("session")
        if session is None:
            raise Refused(401, "not-signed-in", "sign in first")
        if session.password_needed:
            raise Refused(403, "password-needed", "set a password first")
        if not allowed(console_of(connection).access.role(session), role):
            raise Refused(403, "role", f"this needs the role {role}")
        return session

    check.role = role  # type: ignore[attr-defined]
    return check


def address_of(connection: HTTPConnection) -> str:
    """Where a request came from, for the audit."""
    return connection.client.host if connection.client is not None else "unknown"
