"""What every request must have before anything looks at it: a host that is ours, an origin that is ours, a token.

An ASGI layer around the whole application, so that no route can forget it; it also sets the headers of every answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel.console.access import Access, Refused, Session, same

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
BODY_BYTES_MAX = 1024 * 1024  # an area drawn on the map; nothing else is near it
SIGN_IN = "/api/v1/sign-in"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Place:
    """Under which origins the console is reached, the one to tell people first. `secure`: over TLS."""

    origins: tuple[str, ...]
    secure: bool
    port: int

    @property
    def first(self) -> str:
        """The origin to tell people."""
        return self.origins[0]

    @property
    def hosts(self) -> frozenset[str]:
        """As a browser sends them in `Host`."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    @property
    def cookie(self) -> str:
        """Cookies know no ports: two consoles on one machine must not take each other's."""
        return f"{'__Host-' if self.secure else ''}console-{self.port}"


class Guard:
    """`app`, guarded."""

    def __init__(self, app: ASGIApp, access: Access, place: Place) -> None:
        self._app, self._access, self._place = app, access, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except Refused as refused:
            await _refuse(scope, receive, send, refused)
            return
        await self._app(scope, receive, send if scope["type"] == "websocket" else _dressed(send, self._place.secure))

    def _check(self, scope: Scope, headers: Headers) -> None:
        if headers.get("host") not in self._place.hosts:
            raise Refused(421, "wrong-host", "this console is not reached under that name")
        token = _cookie(headers, self._place.cookie)
        session = self._access.session(token)
        scope.setdefault("state", {}).update(session=session, token=token)
        if scope["type"] == "http" and scope["method"] in _SAFE:
            return
        if headers.get("origin") not in self._place.origins:
            raise Refused(403, "wrong-origin", "requests that change something come from this console's own pages")
        if scope["type"] == "http" and scope["path"] != SIGN_IN:
            _check_token(session, headers)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX or "transfer-encoding" in headers:
            raise Refused(413, "too-large", f"a request has a length of at most {BODY_BYTES_MAX} bytes")


def _check_token(session: Session | None, headers: Headers) -> None:
    if session is None:
        raise Refused(401, "not-signed-in", "sign in first")
    if not same(headers.get("x-csrf"), session.csrf):
        raise Refused(403, "wrong-token", "the header X-CSRF must hold this session's token")


def _cookie(headers: Headers, name: str) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return None if found is None else found.value


def _dressed(send: Send, secure: bool) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            if secure:
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        await send(message)

    return dressed


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": refused.code})
        return
    send = _dressed(send, secure=False)
    data = json.dumps(trouble(refused.code, refused.detail)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def trouble(code: str, detail: str, value: str | None = None) -> dict[str, Any]:
    """How the API says that something went wrong; `value` is what was typed, where that cannot be read."""
    return {"error": {"code": code, "detail": detail} | ({} if value is None else {"value": value})}
