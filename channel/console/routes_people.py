"""Routes of sessions: who is signed in, sign-in, sign-out, passwords."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from channel.console.access import Refused, Session
from channel.console.asked import PasswordSet, SignIn
from channel.console.console import Console, address_of, console_of
from channel.console.shapes import DeskShown, PartyShown, SessionShown

router = APIRouter(prefix="/api/v1", tags=["people"])
Here = Annotated[Console, Depends(console_of)]


@router.get("/session")
async def session(request: Request, here: Here) -> SessionShown:
    """Whose console this is. Without a session only that, and no party's name."""
    return _shown(here, request)


@router.post("/sign-in")
async def sign_in(asked: SignIn, request: Request, response: Response, here: Here) -> SessionShown:
    """By name and password, by a one-time link, or by the connection's client certificate."""
    address = address_of(request)
    if asked.link is not None:
        token = here.access.by_link(asked.link, address)
    elif asked.certificate:
        token = here.access.by_certificate(_fingerprint(request), address)
    elif asked.name is not None and asked.password is not None:
        token = await here.access.by_password(asked.name, asked.password, address)
    else:
        raise Refused(400, "sign-in", "give a name and a password, a link, or a certificate")
    response.set_cookie(here.place.cookie, token, httponly=True, samesite="strict", secure=here.place.secure, path="/")
    request.scope["state"].update(session=here.access.session(token), token=token)
    return _shown(here, request)


@router.post("/sign-out", status_code=204)
async def sign_out(request: Request, response: Response, here: Here) -> None:
    """End this session."""
    here.access.sign_out(request.scope["state"]["token"])
    response.delete_cookie(here.place.cookie, httponly=True, samesite="strict", secure=here.place.secure, path="/")


@router.post("/password")
async def password(asked: PasswordSet, request: Request, here: Here) -> SessionShown:
    """Set one's own password; all other sessions of the person end."""
    found: Session = request.scope["state"]["session"]
    await here.access.set_password(found, asked.password, asked.old, address_of(request))
    return _shown(here, request)


def _fingerprint(request: Request) -> str | None:
    found: str | None = request.scope["state"].get("certificate")
    return found


def _shown(here: Console, request: Request) -> SessionShown:
    found: Session | None = request.scope["state"].get("session")
    known = here.access.people.certificate_of(_fingerprint(request)) is not None
    if found is None:
        return SessionShown(
            signed_in=False, name=None, role=None, csrf=None, password_needed=False, certificate=known, party=None,
            net="", title="", trial=False, scenario=False, coordinates="latlon", zone="UTC", routes={},
            place_example="", time_example="", parties=(), quorum=0,
        )  # fmt: skip
    facts, charter = here.source.facts, here.source.fold.ledger.charter
    return SessionShown(
        signed_in=True,
        name=found.name,
        role=here.access.role(found),
        csrf=found.csrf,
        password_needed=found.password_needed,
        certificate=known,
        party=facts.party,
        net=charter.net,
        title=charter.title,
        trial=charter.trial,
        scenario=here.source.scenario(),
        coordinates=facts.coordinates,
        zone=facts.zone,
        routes=dict(facts.routes),
        place_example=facts.place_example,
        time_example=facts.time_example,
        parties=tuple(
            PartyShown(
                party=member.party,
                name=member.name,
                language=member.language,
                desks=tuple(DeskShown(desk=d.desk, level=d.level.value, contact=d.contact) for d in member.desks),
            )
            for member in charter.parties
        ),
        quorum=charter.terms.quorum,
    )
