"""Every request passes the guard: hosts, origins, tokens, roles, headers. The app itself lists its routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from channel.console.access import allowed
from channel.console.app import ROUTERS
from channel.console.guard import BODY_BYTES_MAX, CSP, SIGN_IN
from channel.console.people import ROLES
from channel.console.shapes import Role
from tests.unit.console.rooms import ORIGIN, NetSource, Room
from tests.unit.ledger.nets import Net

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
OPEN = {"/healthz", "/readyz", "/metrics", "/", "/assets/{name:path}", "/basemap.geojson", "/api/v1/session", SIGN_IN}
OWN = {"/api/v1/sign-out", "/api/v1/password"}  # of whoever is signed in, whatever their role
FILLED = {"alert": "ab" * 8, "of": "A" * 43, "id_": "1", "name": "anna", "z": "1", "x": "0", "y": "0"}
NEEDS: dict[str, Role] = {
    "acknowledge": "watch", "answers": "watch", "displayed": "watch", "users": "admin", "approvals": "admin",
    "clock-step": "admin", "quarantine": "admin", "forwardings": "watch", "check": "watch",
}  # fmt: skip


def path_of(route: APIRoute) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: FILLED[found[1]], route.path)


def needed(route: APIRoute) -> Role:
    if route.path == "/api/v1/notices" and "POST" in route.methods:
        return "watch"
    return next((role for part, role in NEEDS.items() if part in route.path.split("/")), "viewer")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, NetSource(Net()))
    yield made
    made.close()


def test_there_is_something_to_guard() -> None:
    assert len([route for route in ROUTES if "POST" in route.methods]) >= 12


@pytest.mark.parametrize("route", [r for r in ROUTES if r.path not in OPEN], ids=lambda r: f"{r.methods} {r.path}")
async def test_without_a_session_there_is_nothing_to_see_or_do(room: Room, route: APIRoute) -> None:
    async with room.browser() as browser:
        answer = await browser.request(next(iter(route.methods)), path_of(route), json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not-signed-in")


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_do_what_it_may_and_nothing_else(room: Room, role: Role) -> None:
    async with room.signed_in(role) as browser:
        for route in ROUTES:
            if route.path in OPEN | OWN:
                continue
            answer = await browser.request(next(iter(route.methods)), path_of(route), json={})
            refused = answer.status_code == 403 and answer.json()["error"]["code"] == "role"
            assert refused == (not allowed(role, needed(route))), f"{role} {route.path}: {answer.text[:80]}"


@pytest.mark.parametrize("route", [r for r in ROUTES if "POST" in r.methods], ids=lambda r: str(r.path))
async def test_nothing_is_changed_from_another_origin_or_without_the_token(room: Room, route: APIRoute) -> None:
    async with room.signed_in("admin") as browser:
        token = browser.headers.pop("X-CSRF")
        for headers, code in (
            ({"Origin": "https://evil.example", "X-CSRF": token}, "wrong-origin"),
            ({"Origin": "null", "X-CSRF": token}, "wrong-origin"),
            ({"Origin": ORIGIN, "X-CSRF": "guessed"}, "wrong-token"),
            ({"Origin": ORIGIN}, "wrong-token"),
        ):
            if code == "wrong-token" and route.path == SIGN_IN:
                continue
            answer = await browser.post(path_of(route), json={}, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
        del browser.headers["Origin"]
        answer = await browser.post(path_of(route), json={}, headers={"X-CSRF": token})
        assert answer.json()["error"]["code"] == "wrong-origin"
    assert room.source.acts == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:8801", "", "127.0.0.1:8800.evil.example"])
async def test_under_another_name_it_does_not_answer(room: Room, host: str) -> None:
    async with room.browser() as browser:
        for path in ("/", "/healthz", "/api/v1/session"):
            answer = await browser.get(path, headers={"Host": host})
            assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong-host")


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/session", "/nowhere", "/assets/none.js", "/api/v1/view"])
async def test_every_answer_carries_the_strict_headers(room: Room, path: str) -> None:
    async with room.browser() as browser:
        headers = (await browser.get(path)).headers
    assert headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert CSP.startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


async def test_a_body_has_a_bound(room: Room) -> None:
    async with room.signed_in("viewer") as browser:
        answer = await browser.post("/api/v1/dispute", content=b" " * (BODY_BYTES_MAX + 1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too-large")

        async def chunks() -> object:
            yield b"{}"

        chunked = await browser.post("/api/v1/dispute", content=chunks())  # type: ignore[arg-type]
        assert chunked.status_code == 413


async def test_no_file_beside_the_assets_is_handed_out(room: Room, tmp_path: Path) -> None:
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "assets" / "a-123.js").write_text("1")
    (tmp_path / "static" / "index.html").write_text("<!doctype html>")
    async with room.browser() as browser:
        assert (await browser.get("/assets/a-123.js")).headers["cache-control"].endswith("immutable")
        for path in ("..%2findex.html", "..%2f..%2fconsole-users.json", "%2fetc%2fpasswd", "..%2f"):
            assert (await browser.get(f"/assets/{path}")).status_code == 404


@pytest.mark.parametrize("name", ["%00", "a" * 4000])
async def test_a_name_that_no_file_can_have_is_no_file(room: Room, name: str) -> None:
    async with room.browser() as browser:
        answer = await browser.get(f"/assets/{name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown-file")


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/basemap.geojson"])
async def test_open_pages_answer_head(room: Room, path: str) -> None:
    async with room.browser() as browser:
        assert (await browser.head(path)).status_code == (await browser.get(path)).status_code
