"""Who gets in and what they may do: links, passwords, sessions, roles, two persons, and the audit of it all."""

from __future__ import annotations

import asyncio
import json
from collections import Counter as Counts
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from channel.cli import app
from channel.console.access import FAILURES_ALL_MAX, FAILURES_MAX, FAILURES_MS, IDLE_MS, SESSION_MS, Access, Refused
from channel.console.apart import APART_MS
from channel.console.approvals import WAIT_MS
from channel.console.audit import AUDIT_FILE, Audit, check
from channel.console.people import LINK_MS, PEOPLE_FILE, People
from channel.console.queue import UnknownAlertError
from channel.console.source import Done, Surroundings
from channel.founding import found_trial
from channel.protocol.errors import ChannelError, FatalError, RefusedError, TransientError, UsageError
from tests.unit.console.rooms import ORIGIN, PASSWORD, WALL_MS, Counter, NetSource, Room
from tests.unit.ledger.nets import Net

LONG = {"password": PASSWORD}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, NetSource(Net()))
    yield made
    made.close()


def lines(room: Room) -> list[dict[str, str]]:
    return [json.loads(line) for line in (room.home / AUDIT_FILE).read_text().splitlines()]


# --- the first start --------------------------------------------------------------------------------------------------


async def test_the_first_link_signs_in_once_and_only_to_set_a_password(room: Room) -> None:
    link = room.access.first_link()
    assert link is not None
    async with room.browser() as browser:
        answer = await browser.post("/api/v1/sign-in", json={"link": link.token})
        assert (answer.json()["role"], answer.json()["password_needed"]) == ("admin", True)
        browser.headers["X-CSRF"] = answer.json()["csrf"]
        for path in ("/api/v1/view", "/api/v1/users", "/api/v1/events"):
            assert (await browser.get(path)).json()["error"]["code"] == "password-needed"
        assert (await browser.post("/api/v1/password", json={"password": "too short"})).status_code == 400
        assert (await browser.post("/api/v1/password", json=LONG)).json()["password_needed"] is False
        assert (await browser.get("/api/v1/view")).status_code == 200
    async with room.browser() as other:
        again = await other.post("/api/v1/sign-in", json={"link": link.token})
        assert (again.status_code, again.json()["error"]["code"]) == (401, "wrong-link")
    assert room.access.first_link() is None, "somebody can sign in now"


async def test_a_link_waits_a_day_and_no_longer(room: Room) -> None:
    link = room.access.first_link()
    assert link is not None
    room.wall_ms += LINK_MS + 1
    with pytest.raises(Refused, match="too old"):
        room.access.by_link(link.token, "here")


def test_no_secret_is_in_the_files(room: Room) -> None:
    link = room.access.first_link()
    assert link is not None
    room.person("anna", "watch")
    written = b"".join(path.read_bytes() for path in room.home.iterdir() if path.is_file())
    assert link.token.encode() not in written
    assert PASSWORD.encode() not in written
    assert all(path.stat().st_mode & 0o077 == 0 for path in room.home.iterdir() if path.is_file())


def test_a_file_that_others_may_read_is_not_used(room: Room) -> None:
    room.person("anna", "watch")
    (room.home / PEOPLE_FILE).chmod(0o644)
    with pytest.raises(FatalError, match="others may read"):
        People(room.home / PEOPLE_FILE, Counter())


def test_a_link_made_beside_a_running_console_works(room: Room) -> None:
    room.person("anna", "watch")
    beside = People(room.home / PEOPLE_FILE, lambda size: b"\x77" * size)
    made = beside.make_link("anna", "watch", room.wall_ms)
    assert room.access.by_link(made.token, "here")


@pytest.mark.parametrize("act", ["remove", "password"])
def test_a_link_made_beside_a_running_console_is_not_undone_by_it(room: Room, act: str) -> None:
    room.person("anna", "watch")
    room.person("boris", "watch")
    beside = People(room.home / PEOPLE_FILE, lambda size: b"\x77" * size)
    made = beside.make_link("anna", "watch", room.wall_ms)
    if act == "remove":
        room.access.people.remove("boris")
    else:
        room.access.people.set_password("anna", "another long one")
    assert room.access.by_link(made.token, "here")


# --- sessions ---------------------------------------------------------------------------------------------------------


async def test_the_cookie_is_strict_and_not_for_scripts(room: Room) -> None:
    room.person("anna", "watch")
    async with room.browser() as browser:
        answer = await browser.post("/api/v1/sign-in", json={"name": "anna", **LONG})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("console-8800=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


async def test_under_tls_the_cookie_is_secure_and_tied_to_the_host(tmp_path: Path) -> None:
    room = Room(tmp_path, NetSource(Net()), secure=True)
    room.person("anna", "watch")
    async with room.browser({"Origin": ORIGIN.replace("http", "https")}) as browser:
        answer = await browser.post("/api/v1/sign-in", json={"name": "anna", **LONG})
    assert answer.headers["set-cookie"].startswith("__Host-console-8800=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers
    room.close()


async def test_a_session_ends_when_it_is_idle_and_in_any_case(room: Room) -> None:
    async with room.signed_in("viewer") as browser:
        room.wall_ms += IDLE_MS - 1
        assert (await browser.get("/api/v1/view")).status_code == 200
        room.wall_ms += IDLE_MS + 1
        assert (await browser.get("/api/v1/view")).status_code == 401
    async with room.signed_in("viewer") as browser:
        for _ in range(SESSION_MS // (IDLE_MS - 1)):
            room.wall_ms += IDLE_MS - 1
            assert (await browser.get("/api/v1/view")).status_code == 200
        room.wall_ms += IDLE_MS - 1
        assert (await browser.get("/api/v1/view")).status_code == 401


async def test_signing_out_ends_the_session_on_the_server(room: Room) -> None:
    async with room.signed_in("viewer") as browser:
        cookie = dict(browser.cookies)
        assert (await browser.post("/api/v1/sign-out")).status_code == 204
        browser.cookies.update(cookie)
        assert (await browser.get("/api/v1/view")).status_code == 401


async def test_without_a_session_nothing_of_the_net_is_told(room: Room) -> None:
    async with room.browser() as browser:
        told = (await browser.get("/api/v1/session")).json()
    assert (told["signed_in"], told["net"], told["parties"], told["party"]) == (False, "", [], None)


async def test_a_changed_password_ends_the_other_sessions(room: Room) -> None:
    async with room.signed_in("watch") as first, room.signed_in("watch") as second:
        wrong = await first.post("/api/v1/password", json={"password": "another long one", "old": "not this"})
        assert wrong.json()["error"]["code"] == "wrong-password"
        right = await first.post("/api/v1/password", json={"password": "another long one", "old": PASSWORD})
        assert right.status_code == 200
        assert (await first.get("/api/v1/view")).status_code == 200
        assert (await second.get("/api/v1/view")).status_code == 401


async def test_a_role_that_is_taken_away_is_gone_at_once(room: Room) -> None:
    async with room.signed_in("watch") as browser:
        user = room.access.people.users["some-watch"]
        room.access.people.put(user.model_copy(update={"role": "viewer"}))
        asked = await browser.post(f"/api/v1/alerts/{'a' * 16}/acknowledge", json={"reason": "x"})
        assert (asked.status_code, asked.json()["error"]["code"]) == (403, "role")
        room.access.people.remove("some-watch")
        assert (await browser.get("/api/v1/view")).status_code == 401


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_guessing_has_to_wait_and_a_wrong_name_is_told_from_nothing(room: Room) -> None:
    room.person("anna", "watch")
    async with room.browser() as browser:
        answers = []
        for name in ("anna", "nobody"):
            given = {"name": name, "password": "a wrong password"}
            answers.append((await browser.post("/api/v1/sign-in", json=given)).json())
        assert answers[0] == answers[1]
        for _ in range(FAILURES_MAX - 1):
            await browser.post("/api/v1/sign-in", json={"name": "anna", "password": "a wrong password"})
        late = await browser.post("/api/v1/sign-in", json={"name": "anna", **LONG})
        assert (late.status_code, late.json()["error"]["code"]) == (429, "too-many")
        room.wall_ms += FAILURES_MS + 1
        assert (await browser.post("/api/v1/sign-in", json={"name": "anna", **LONG})).status_code == 200


async def test_sixty_guesses_at_once_are_no_more_than_five(room: Room) -> None:
    room.person("anna", "watch")
    guesses = (room.access.by_password("anna", f"a wrong password {n}", "10.0.0.66") for n in range(60))
    found = await asyncio.gather(*guesses, return_exceptions=True)
    codes = Counts(one.code for one in found if isinstance(one, Refused))
    assert codes == {"wrong-password": FAILURES_MAX, "too-many": 60 - FAILURES_MAX}
    refused = [line for line in lines(room) if line["what"] == "sign-in-refused"]
    assert len(refused) == FAILURES_MAX


async def test_as_many_guesses_at_the_old_password_of_a_session(room: Room) -> None:
    async with room.signed_in("watch", "anna"):
        session = next(iter(room.access._sessions.values()))
        guesses = (room.access.set_password(session, "a new password", f"wrong {n}", "10.0.0.7") for n in range(20))
        found = await asyncio.gather(*guesses, return_exceptions=True)
    codes = Counts(one.code for one in found if isinstance(one, Refused))
    assert codes == {"wrong-password": FAILURES_MAX, "too-many": 20 - FAILURES_MAX}


async def test_right_passwords_are_no_failures_however_many(room: Room) -> None:
    room.person("anna", "watch")
    for _ in range(2 * FAILURES_MAX):
        assert await room.access.by_password("anna", PASSWORD, "10.0.0.7")
    assert room.access._all_failures.recent(room.wall_ms) == 0


async def test_a_stranger_who_fails_under_a_name_keeps_its_person_out_nowhere_else(room: Room) -> None:
    room.person("anna", "watch")
    for _ in range(FAILURES_MAX):
        with pytest.raises(Refused, match="wrong"):
            await room.access.by_password("anna", "a wrong password", "10.0.0.66")
    with pytest.raises(Refused, match="wait"):
        await room.access.by_password("anna", PASSWORD, "10.0.0.66")
    assert await room.access.by_password("anna", PASSWORD, "10.0.0.7")


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_crowd_of_strangers_keeps_nobody_out_who_has_signed_in_there_before(
    room: Room, restarted: bool
) -> None:
    room.person("anna", "watch")
    assert await room.access.by_password("anna", PASSWORD, "10.0.0.7")
    if restarted:
        room.access = Access(room.access.people, room.audit, Surroundings(lambda: room.wall_ms, Counter()))
    for number in range(FAILURES_ALL_MAX):
        with pytest.raises(Refused, match="link"):
            room.access.by_link("guessed", f"10.1.0.{number}")
    with pytest.raises(Refused, match="wait"):
        room.access.by_link("guessed", "10.2.0.1")
    with pytest.raises(Refused, match="wait"):
        room.access.by_certificate("ab" * 32, "10.2.0.1")
    assert await room.access.by_password("anna", PASSWORD, "10.0.0.7")
    before = len(lines(room))
    for _ in range(10):
        with pytest.raises(Refused, match="wait"):
            room.access.by_link("guessed", "10.2.0.1")
    assert len(lines(room)) == before, "what is not looked at fills no disk"


async def test_what_was_sent_is_not_said_again_when_it_is_wrong(room: Room) -> None:
    async with room.browser() as browser:
        answer = await browser.post("/api/v1/sign-in", json={"password": {"secret": "hunter2"}, "extra": "hunter3"})
    assert answer.status_code == 422
    assert "hunter" not in answer.text


# --- two persons ------------------------------------------------------------------------------------------------------


async def ask(browser: Any, path: str, **body: str) -> dict[str, Any]:
    answer = await browser.post(f"/api/v1/{path}", json={"reason": "because", **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def agree(browser: Any, asked: dict[str, Any]) -> Any:
    return await browser.post(f"/api/v1/approvals/{asked['waiting']['id']}/agree")


async def enter(room: Room, browser: Any, link: str) -> None:
    """Sign in by a link, and set a password."""
    answer = await browser.post("/api/v1/sign-in", json={"link": link.partition("#link=")[2]})
    browser.headers["X-CSRF"] = answer.json()["csrf"]
    assert (await browser.post("/api/v1/password", json=LONG)).status_code == 200


async def test_a_new_user_s_link_is_for_the_one_who_asked_and_for_nobody_else(room: Room) -> None:
    async with (
        room.signed_in("admin", "anna") as anna,
        room.signed_in("admin", "boris") as boris,
        room.signed_in("admin", "dana") as dana,
    ):
        asked = await ask(anna, "users/carla", role="watch")
        assert "carla" not in room.access.people.users
        assert (await agree(anna, asked)).json()["error"]["code"] == "second-person"
        assert (await boris.get("/api/v1/approvals")).json()[0]["mine"] is False
        assert (await agree(boris, asked)).json() == {"waiting": None, "link": None, "index": None}
        assert room.access.people.users["carla"].role == "watch"
        assert (await agree(boris, asked)).status_code == 404
        assert (await ask(boris, "users/carla/link"))["link"] is None, "that is a request of its own"
        assert (await ask(dana, "users/carla/link"))["link"] is None
        assert "#link=" in (await ask(anna, "users/carla/link"))["link"]
        assert (await ask(anna, "users/carla/link"))["link"] is None, "once"
    told = [(line["who"], line["what"], line.get("state")) for line in lines(room) if line["what"] != "sign-in"]
    assert told[:3] == [("anna", "ask", None), ("boris", "agree", "begun"), ("boris", "agree", "done")]
    assert ("anna", "take-link", "done") in told


async def test_a_link_that_is_not_taken_in_time_has_to_be_agreed_to_again(room: Room) -> None:
    async with room.signed_in("admin", "anna") as anna, room.signed_in("admin", "boris") as boris:
        await agree(boris, await ask(anna, "users/carla", role="watch"))
        room.wall_ms += WAIT_MS + 1
        assert (await ask(anna, "users/carla/link"))["waiting"] is not None
        await agree(boris, await ask(anna, "users/vera", role="watch"))
        await agree(boris, await ask(anna, "users/vera", role="admin"))
        assert (await ask(anna, "users/vera/link"))["waiting"] is not None, "it was a link for a watch"


async def test_nobody_agrees_with_himself_under_another_name(room: Room) -> None:
    """Anna asks for an admin, Boris agrees, and Anna herself is that admin."""
    async with (
        room.signed_in("admin", "anna") as anna,
        room.signed_in("admin", "boris") as boris,
        room.browser() as puppet,
    ):
        await agree(boris, await ask(anna, "users/carla", role="admin"))
        room.wall_ms += 10 * 60_000
        await enter(room, puppet, (await ask(anna, "users/carla/link"))["link"])
        asked = await ask(anna, "clock-step")
        refused = await agree(puppet, asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "second-person")
        assert (await agree(boris, await ask(puppet, "clock-step"))).status_code == 403, "his hand is in it too"
        assert (await agree(boris, asked)).json()["index"] == 7
        room.wall_ms += APART_MS - 1
        async with room.signed_in("admin", "carla") as carla, room.signed_in("admin", "anna") as again:
            asked = await ask(again, "clock-step")
            assert (await agree(carla, asked)).status_code == 403, "a day from when the link was used"
            room.wall_ms += 2
            assert (await agree(carla, asked)).json()["index"] == 7


@pytest.mark.parametrize("how", ["link", "certificate"])
async def test_who_takes_over_an_account_is_not_its_second_person(room: Room, how: str) -> None:
    async with (
        room.signed_in("admin", "anna") as anna,
        room.signed_in("admin", "boris") as boris,
        room.signed_in("admin", "carla"),
    ):
        if how == "link":
            asked = await ask(anna, "users/carla/link")
        else:
            asked = await ask(anna, "users/carla", role="admin", certificate="ab" * 32)
            assert "ab" * 32 in (await boris.get("/api/v1/approvals")).json()[0]["reason"]
        assert (await agree(boris, asked)).status_code == 200
        async with room.signed_in("admin", "carla") as carla:
            assert (await agree(carla, await ask(anna, "clock-step"))).status_code == 403


async def test_the_only_admin_makes_others_alone_and_they_count_as_one_person_for_a_day(room: Room) -> None:
    async with (
        room.signed_in("admin", "anna") as anna,
        room.browser() as boris,
        room.browser() as carla,
    ):
        second, third = [(await ask(anna, f"users/{name}", role="admin"))["link"] for name in ("boris", "carla")]
        assert second.startswith(f"{ORIGIN}/#link=")
        await enter(room, boris, second)
        await enter(room, carla, third)
        for asker, other in ((anna, boris), (boris, anna), (boris, carla)):
            assert (await agree(other, await ask(asker, "clock-step"))).status_code == 403
        assert (await ask(anna, "users/vera", role="watch"))["link"] is not None, "still alone"
        asked = await ask(boris, "users/wanda", role="watch")
        assert (await agree(carla, asked)).status_code == 403
        assert (await agree(anna, asked)).status_code == 200, "what anna could do alone"
        assert "#link=" in (await ask(boris, "users/wanda/link"))["link"]
        room.wall_ms += APART_MS + 1
    async with room.signed_in("admin", "anna") as anna, room.signed_in("admin", "boris") as boris:
        assert (await ask(anna, "users/vera/remove"))["waiting"] is not None
        assert (await agree(boris, await ask(anna, "clock-step"))).json()["index"] == 7
    alone = [line["user"] for line in lines(room) if (line["what"], line.get("state")) == ("decide-alone", "begun")]
    assert alone == ["boris", "carla", "vera"]


async def test_going_on_after_a_restore_without_a_party_always_takes_two(room: Room) -> None:
    async with room.signed_in("admin", "anna") as anna:
        refused = await anna.post("/api/v1/quarantine/without", json={"party": "russia", "reason": "no link"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no-quarantine")
        room.source.state = replace(room.source.state, quarantined=True)
        await room.turn()
        asked = await ask(anna, "quarantine/without", party="russia")
        assert (asked["waiting"]["what"], asked["waiting"]["party"]) == ("go-without", "russia")
        assert room.source.acts == []
        async with room.signed_in("admin", "boris") as boris:
            assert (await agree(boris, asked)).status_code == 200
    assert room.source.acts == [("go-without", "russia")]
    told = [line for line in lines(room) if line["what"] == "agree"]
    assert [(line["state"], line.get("party")) for line in told] == [("begun", "russia"), ("done", None)]


async def test_what_could_not_be_done_waits_on(room: Room) -> None:
    async def fails(reason: str) -> Done:
        raise UsageError("no step of the clock waits")

    room.source.apply_clock = fails  # type: ignore[method-assign]
    async with room.signed_in("admin", "anna") as anna, room.signed_in("admin", "boris") as boris:
        asked = await ask(anna, "clock-step")
        assert (await agree(boris, asked)).status_code == 400
        del room.source.apply_clock
        assert (await agree(boris, asked)).json()["index"] == 7


async def test_a_clock_step_always_takes_two(room: Room) -> None:
    async with room.signed_in("admin", "anna") as anna:
        asked = (await anna.post("/api/v1/clock-step", json={"reason": "NTP was off"})).json()
        assert room.source.acts == []
        async with room.signed_in("admin", "boris") as boris:
            done = (await boris.post(f"/api/v1/approvals/{asked['waiting']['id']}/agree")).json()
    assert (done["index"], room.source.acts) == (7, [("clock", "NTP was off")])


async def test_a_request_is_taken_back_or_grows_old(room: Room) -> None:
    async with room.signed_in("admin", "anna") as anna, room.signed_in("admin", "boris") as boris:
        first = (await anna.post("/api/v1/clock-step", json={"reason": "one"})).json()["waiting"]["id"]
        assert (await anna.post(f"/api/v1/approvals/{first}/refuse")).status_code == 204
        second = (await anna.post("/api/v1/clock-step", json={"reason": "two"})).json()["waiting"]["id"]
        room.wall_ms += WAIT_MS + 1
        assert (await boris.post(f"/api/v1/approvals/{second}/agree")).status_code == 404
    assert room.source.acts == []


async def test_the_last_admin_stays(room: Room) -> None:
    async with room.signed_in("admin", "anna") as anna:
        for path, body in (("anna/remove", {"reason": "x"}), ("anna", {"role": "viewer", "reason": "x"})):
            answer = await anna.post(f"/api/v1/users/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last-admin")


async def test_somebody_s_new_link_ends_their_sessions(room: Room) -> None:
    async with room.signed_in("admin", "anna") as anna, room.signed_in("viewer", "vera") as vera:
        made = (await anna.post("/api/v1/users/vera/link", json={"reason": "lost it"})).json()
        assert (await vera.get("/api/v1/view")).status_code == 401
        token = made["link"].partition("#link=")[2]
        assert (await vera.post("/api/v1/sign-in", json={"link": token})).json()["name"] == "vera"


# --- the audit --------------------------------------------------------------------------------------------------------


async def test_sign_ins_and_acts_are_in_the_audit_and_it_holds(room: Room) -> None:
    async with room.signed_in("watch", "anna") as anna:
        await anna.post(f"/api/v1/alerts/{'ab' * 8}/acknowledge", json={"reason": "rang \u202e them"})
    signed, begun, done = lines(room)
    assert (signed["who"], signed["what"]) == ("anna", "sign-in")
    assert (begun["what"], begun["state"], begun["reason"]) == ("acknowledge", "begun", "rang \u202e them")
    assert (done["what"], done["state"], done["begun"], done["index"]) == ("acknowledge", "done", begun["n"], 7)
    found = check(room.home / AUDIT_FILE)
    assert (found.lines, found.fault) == (3, None)


@pytest.mark.parametrize(
    ("fault", "status", "state", "code"),
    [
        (UnknownAlertError("no such alert"), 404, "failed", "unknown-alert"),
        (RefusedError("too-late", "it is over"), 409, "failed", "too-late"),
        (TransientError("the relay did not answer"), 503, "unknown", "transient"),
    ],
)
async def test_what_came_to_nothing_is_not_in_the_audit_as_done(
    room: Room, fault: ChannelError, status: int, state: str, code: str
) -> None:
    async def fails(alert: str, reason: str) -> Done:
        raise fault

    room.source.acknowledge = fails  # type: ignore[method-assign]
    async with room.signed_in("watch", "anna") as anna:
        answer = await anna.post(f"/api/v1/alerts/{'ab' * 8}/acknowledge", json={"reason": "rang them"})
    assert answer.status_code == status
    assert [(line.get("state"), line.get("code")) for line in lines(room)[1:]] == [("begun", None), (state, code)]


def _changed(data: bytes) -> bytes:
    return data.replace(b'"how":"b"', b'"how":"x"')


def _without_second(data: bytes) -> bytes:
    kept = data.splitlines(keepends=True)
    return b"".join(kept[:1] + kept[2:])


def _swapped(data: bytes) -> bytes:
    kept = data.splitlines(keepends=True)
    return b"".join([kept[1], kept[0], *kept[2:]])


@pytest.mark.parametrize("spoil", [_changed, _without_second, _swapped, lambda data: data[:-3]])
def test_an_audit_that_was_touched_shows_and_is_not_gone_on_with(room: Room, spoil: object) -> None:
    for how in "abc":
        room.access.write("anna", "sign-in", how=how)
    path = room.home / AUDIT_FILE
    assert check(path).fault is None
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    assert check(path).fault is not None
    room.audit.close()
    with pytest.raises(FatalError, match="move it away"):
        Audit(path)
    path.unlink()
    room.audit = Audit(path)


def test_two_consoles_of_one_home_do_not_run_at_once(room: Room) -> None:
    with pytest.raises(UsageError, match="runs already"):
        Audit(room.home / AUDIT_FILE)


def test_a_command_writes_into_the_chain_of_a_running_console(room: Room) -> None:
    room.access.write("anna", "one")
    beside = Audit(room.home / AUDIT_FILE, console=False)
    beside.write(1, "command", "link", user="boris")
    room.access.write("anna", "two")
    beside.write(2, "command", "link", user="carla")
    beside.close()
    assert [line["what"] for line in lines(room)] == ["one", "link", "two", "link"]
    assert check(room.home / AUDIT_FILE).fault is None


def test_what_another_process_spoilt_meanwhile_is_not_gone_on_with(room: Room) -> None:
    room.access.write("anna", "one")
    path = room.home / AUDIT_FILE
    kept = path.read_bytes()
    path.write_bytes(kept + b'{"n":2,"before":"0"}\n')
    with pytest.raises(FatalError, match="go on from"):
        room.access.write("anna", "two")
    path.write_bytes(kept[:10])
    with pytest.raises(FatalError, match="cut off"):
        room.access.write("anna", "two")


def test_the_command_that_makes_a_link_is_in_the_audit_also_beside_a_running_console(tmp_path: Path) -> None:
    home = tmp_path / "home"
    found_trial(home, now_ms=WALL_MS, wall_ms=WALL_MS, net="net-1")
    running = Audit(home / AUDIT_FILE)
    running.write(1, "anna", "sign-in", address="desk")
    made = CliRunner().invoke(app, ["console", "link", "boris", "--home", str(home), "--json"])
    assert made.exit_code == 0, made.output
    running.write(2, "anna", "sign-out")
    running.close()
    written = [json.loads(line) for line in (home / AUDIT_FILE).read_text().splitlines()]
    assert [(line["who"], line["what"]) for line in written] == [
        ("anna", "sign-in"), ("command", "link"), ("anna", "sign-out"),
    ]  # fmt: skip
    assert (written[1]["user"], written[1]["role"]) == ("boris", "admin")
    assert check(home / AUDIT_FILE).fault is None


def test_the_chain_goes_on_after_a_restart(room: Room) -> None:
    room.access.write("anna", "one")
    room.audit.close()
    room.audit = Audit(room.home / AUDIT_FILE)
    room.audit.write(1, "anna", "two")
    assert check(room.home / AUDIT_FILE).lines == 2
