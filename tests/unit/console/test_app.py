"""What the API says and does: views and moments, what a party saw, a notice's page, hostile text, acts, downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import apsw
import pytest
from starlette.types import Message, Receive, Scope, Send

from channel.console.app import document
from channel.console.asked import DisputeAsked, NoticeAsked, UnreadableError
from channel.console.audit import AUDIT_FILE
from channel.console.shapes import Change, Health, NoticePage, Tick, View
from channel.console.shapes_before import CheckedShown
from channel.console.source import Done, Standing
from channel.picture.geojson import GeoJsonError
from channel.protocol.errors import FatalError, RefusedError, UsageError
from channel.protocol.statements import Answer, Check, Finding, Forwarding, Receiving
from channel.protocol.times import to_wire
from tests.unit.console.rooms import NetSource, Room
from tests.unit.ledger.nets import START_MS, Net

S = 1000
HOSTILE = "<script>alert(1)</script>\u202eevil\u2066 </td>]]> {{7*7}} \u0000".replace("\u0000", "\t") + "w" * 300
CIRCLE = {
    "shape": {"type": "circle", "center": [401_500_000, 353_300_000], "radius_m": 2000},
    "from": to_wire(START_MS),
    "until": to_wire(START_MS + 3600 * S),
}


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def room(tmp_path: Path, net: Net) -> Iterator[Room]:
    made = Room(tmp_path, NetSource(net))
    yield made
    made.close()


def told(net: Net) -> str:
    """A notice to russia and through it to the regime, passed on after 40 s and answered by both."""
    of = net.notice("coalition", START_MS, "russia regime:russia", volumes=[CIRCLE])
    net.sign("russia", Receiving, START_MS + S, of=of, stage="displayed")
    net.sign("russia", Answer, START_MS + 2 * S, of=of, word="WILCO", reason="clear")
    net.alerts(START_MS + 31 * S)
    net.sign("russia", Forwarding, START_MS + 40 * S, of=of, to="regime", by="channel")
    net.sign("regime", Receiving, START_MS + 41 * S, of=of, stage="received")
    net.sign("regime", Answer, START_MS + 130 * S, of=of, word="UNABLE")
    return of


async def view(browser: Any, **asked: str) -> dict[str, Any]:
    answer = await browser.get("/api/v1/view", params=asked)
    assert answer.status_code == 200, answer.text
    View.model_validate(answer.json())
    return dict(answer.json())


# --- looking ----------------------------------------------------------------------------------------------------------


async def test_the_view_shows_each_addressee_s_state(room: Room, net: Net) -> None:
    of = told(net)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        row = (await view(browser))["board"][0]
    assert (row["of"], row["rank"], row["open"]) == (of, 3, False)
    cells = {cell["addressee"]: cell for cell in row["deliveries"]}
    assert (cells["russia"]["cell"], cells["russia"]["reason"], cells["russia"]["late"]) == ("wilco", "clear", False)
    assert (cells["regime"]["cell"], cells["regime"]["via"], cells["regime"]["late"]) == ("unable", "russia", True)
    assert row["box"] == pytest.approx([40.132, 35.312, 40.168, 35.348], abs=1e-3)


async def test_any_moment_by_index_and_by_time(room: Room, net: Net) -> None:
    of = told(net)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        first = await view(browser, at=str(net.ledger.index_of[of]))
        later = await view(browser, at=to_wire(START_MS + 3 * S))
        before = await view(browser, at=to_wire(START_MS - S))
    assert [cell["cell"] for cell in first["board"][0]["deliveries"]] == ["logged", "awaiting-forward"]
    assert first["at"] == to_wire(START_MS)
    assert [cell["cell"] for cell in later["board"][0]["deliveries"]] == ["wilco", "awaiting-forward"]
    assert (later["at"], later["live"], later["health"]) == (to_wire(START_MS + 3 * S), False, None)
    assert (before["index"], before["board"], before["alerts"]) == (-1, [], [])


async def test_as_a_party_saw_it_holds_nothing_that_it_could_not_read(room: Room, net: Net) -> None:
    """At every leaf and for every party: the view's notices, alerts, features and texts are from its feed alone."""
    told(net)
    secret = net.notice("sdf", START_MS + 200 * S, "coalition", text="only for the coalition", volumes=[CIRCLE])
    net.alerts(START_MS + 400 * S)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        for party in net.ledger.parties:
            for index in range(net.ledger.size):
                seen = await view(browser, **{"at": str(index), "as": party})
                feed = _feed(net, party, index)
                readable = {net.ledger.entries[i].opened.of for i in feed}
                alerts = {getattr(net.ledger.entries[i].opened.body, "alert", None) for i in feed}
                assert {row["of"] for row in seen["board"]} <= readable
                assert {row["id"] for row in seen["alerts"]} <= alerts
                assert {f["properties"]["of"] for f in seen["picture"]["features"]} <= readable
                assert ("only for the coalition" in json.dumps(seen)) == (secret in readable)
        events = (await browser.get("/api/v1/events", params={"as": "regime"})).json()
        assert [event["index"] for event in events] == sorted(net.ledger.parties["regime"].feed)
        page = await browser.get(f"/api/v1/notices/{secret}", params={"as": "regime"})
        assert page.status_code == 404


def _feed(net: Net, party: str, index: int) -> list[int]:
    from channel.ledger import Ledger

    ledger = Ledger(net.ledger.charter, net.ledger.charter_of)
    for entry in list(net.ledger.entries.values())[: index + 1]:
        ledger.apply(entry.index, entry.stamp_ms, entry.opened)
    return list(ledger.parties[party].feed)


async def test_the_final_addressee_sees_an_alert_only_of_its_own_leg(room: Room, net: Net) -> None:
    told(net)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        early = await view(browser, **{"at": to_wire(START_MS + 35 * S), "as": "regime"})
        own = await view(browser, **{"as": "regime"})
    assert (early["board"], early["alerts"]) == ([], [])
    assert [row["deliveries"][0]["addressee"] for row in own["board"]] == ["russia"]


async def test_events_come_in_pages(room: Room, net: Net) -> None:
    told(net)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        events = (await browser.get("/api/v1/events")).json()
        rest = (await browser.get("/api/v1/events", params={"after": events[3]["index"]})).json()
    assert [event["index"] for event in events] == list(range(net.ledger.size))
    assert rest == events[4:]
    assert {event["type"]: event["weight"] for event in events}["notice"] == 1
    assert all(event["weight"] == 2 for event in events if event["type"] == "alert")


async def test_a_notice_s_page_has_everything_about_it_and_nothing_else(room: Room, net: Net) -> None:
    of = told(net)
    net.notice("sdf", START_MS + 200 * S, "coalition")
    await room.turn()
    async with room.signed_in("viewer") as browser:
        page = (await browser.get(f"/api/v1/notices/{of}")).json()
        early = (await browser.get(f"/api/v1/notices/{of}", params={"at": str(net.ledger.index_of[of])})).json()
    NoticePage.model_validate(page)
    types = [statement["type"] for statement in page["timeline"]]
    assert types == ["notice", "receiving", "answer", "alert", "forwarding", "receiving", "answer"]
    assert [statement["type"] for statement in early["timeline"]] == ["notice"]
    assert page["contacts"]["russia/operations"].startswith("+000")
    [drawn] = page["picture"]["features"]
    assert (drawn["geometry"]["type"], drawn["properties"]["over"]) == ("Point", False)


async def test_a_finding_is_in_the_queue_and_on_the_pages_of_what_it_rests_on(room: Room, net: Net) -> None:
    first, second = (net.notice(party, START_MS, "russia", volumes=[CIRCLE]) for party in ("coalition", "sdf"))
    finding: dict[str, Any] = {
        "finding": "cd" * 8, "kind": "overlap", "precedence": "IMMEDIATE", "response": "NE", "detail": "two intents",
        "rests_on": [first, second], "concerns": ["coalition", "sdf"], "measures": {"overlap-s": 60},
        "told": [{"party": "coalition", "desk": "operations"}],
    }  # fmt: skip
    net.sign("relay", Finding, START_MS + S, label="sig/machine-1", state="raised", **finding)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        row = next(one for one in (await view(browser))["alerts"] if one["what"] == "finding")
        assert (row["stage"], row["rests_on"], row["measures"]) == ("overlap", [first, second], {"overlap-s": 60})
        assert json.loads(room.live.model.alerts["cd" * 8]) == row
        for party, seen in (("coalition", True), ("russia", False)):
            alerts = (await view(browser, **{"as": party}))["alerts"]
            assert any(one["id"] == "cd" * 8 for one in alerts) == seen
        page = (await browser.get(f"/api/v1/notices/{second}")).json()
        assert [one["id"] for one in page["alerts"]] == ["cd" * 8]
        net.sign("relay", Finding, START_MS + 9 * S, label="sig/machine-1", state="cleared", **finding)
        await room.turn()
        assert json.loads(room.live.model.alerts["cd" * 8])["cleared_at"] == to_wire(START_MS + 9 * S)


async def test_hostile_text_is_text(room: Room, net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia", text=HOSTILE, volumes=[CIRCLE], unit="<img src=x>")
    net.sign("russia", Answer, START_MS + S, of=of, word="UNABLE", reason=HOSTILE)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        answer = await browser.get("/api/v1/view")
        row = answer.json()["board"][0]
        events = (await browser.get("/api/v1/events")).json()
        for path in ("/api/v1/view", "/api/v1/events", f"/api/v1/notices/{of}", "/api/v1/picture.geojson"):
            kind = (await browser.get(path)).headers["content-type"]
            assert kind in ("application/json", "application/geo+json")
        kml = (await browser.get("/api/v1/picture.kml")).text
    assert (row["text"], row["deliveries"][0]["reason"], row["says"]["ar"]) == (HOSTILE, HOSTILE, HOSTILE)
    assert not any("\u202e" in event["says"] for event in events), "the channel's own sentences spell it out"
    assert "<img" not in kml
    names = {node.text for node in ElementTree.fromstring(kml).iter("{http://www.opengis.net/kml/2.2}value")}
    assert "<img src=x>" in names


# --- acting -----------------------------------------------------------------------------------------------------------


async def test_acknowledging_goes_to_the_desk_with_its_reason(room: Room) -> None:
    async with room.signed_in("watch") as browser:
        path = f"/api/v1/alerts/{'ab' * 8}/acknowledge"
        assert (await browser.post(path, json={"reason": ""})).status_code == 422
        assert (await browser.post(path, json={"reason": "rang them"})).json() == {"index": 7, "of": None}
    assert room.source.acts == [("acknowledge", "ab" * 8, "rang them")]


@pytest.mark.parametrize("reason", ["   ", "\n\t", "\u200b", "a\u0000b", "a\u0085b", "a\u001b[2Jb"])
async def test_a_reason_is_text_that_can_be_read_and_signed(room: Room, reason: str) -> None:
    async with room.signed_in("admin") as browser:
        for path in (f"alerts/{'ab' * 8}/acknowledge", "clock-step", "users/boris/link"):
            answer = await browser.post(f"/api/v1/{path}", json={"reason": reason})
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert room.source.acts == []
    assert room.console.approvals.waiting() == []


async def test_a_reason_is_signed_without_the_blanks_around_it(room: Room) -> None:
    async with room.signed_in("watch") as browser:
        await browser.post(f"/api/v1/alerts/{'ab' * 8}/acknowledge", json={"reason": "  rang\nthem "})
    assert room.source.acts == [("acknowledge", "ab" * 8, "rang\nthem")]


async def test_what_cannot_be_a_statement_is_the_asker_s_fault(room: Room) -> None:
    async def fails(alert: str, reason: str) -> Done:
        DisputeAsked.model_validate({"area": {"secret": "text"}})
        raise AssertionError

    room.source.acknowledge = fails  # type: ignore[method-assign]
    async with room.signed_in("watch") as browser:
        answer = await browser.post(f"/api/v1/alerts/{'ab' * 8}/acknowledge", json={"reason": "rang them"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "usage")
    assert "secret" not in answer.text


async def test_what_cannot_be_read_is_named_and_nothing_speaks_of_a_command_s_options(tmp_path: Path, net: Net) -> None:
    room = Room(tmp_path, NetSource(net, "russia"))
    faults: list[UsageError] = [
        UnreadableError("bad-altitude", "--altitude takes FLOOR-CEILING, not 'high'", "high"),
        GeoJsonError("volume-pole", "an area touches a pole", "feature 1"),
        UsageError("a read-back looks like --read-back PLACE"),
    ]

    async def fails(asked: NoticeAsked) -> CheckedShown:
        raise faults.pop(0)

    room.source.check = fails  # type: ignore[method-assign]
    async with room.signed_in("watch") as browser:
        found = [(await browser.post("/api/v1/notices/check", json={"text": "x"})).json()["error"] for _ in range(3)]
    assert found == [
        {"code": "bad-altitude", "detail": "altitude takes FLOOR-CEILING, not 'high'", "value": "high"},
        {"code": "volume-pole", "detail": "an area touches a pole"},
        {"code": "usage", "detail": "a read-back looks like read-back PLACE"},
    ]
    room.close()


async def test_the_operator_s_console_says_nothing_for_a_party(room: Room) -> None:
    async with room.signed_in("admin") as browser:
        for path, body in (
            ("answers", {"of": "A" * 43, "word": "WILCO"}),
            ("answers/heard", {"of": "A" * 43, "place": "x", "time": "y"}),
            ("forwardings", {"of": "A" * 43, "to": "regime"}),
            ("notices/check", {"to": ["russia"], "text": "x"}),
            ("notices", {"to": ["russia"], "text": "x"}),
            (f"notices/{'A' * 43}/displayed", {}),
        ):
            answer = await browser.post(f"/api/v1/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not-here")
    assert room.source.acts == []


@pytest.mark.parametrize("there", [True, False])
async def test_a_refusal_is_told_only_to_a_browser_that_is_still_there(room: Room, net: Net, there: bool) -> None:
    known: list[str] = []

    class OwnRefusedError(RefusedError):
        def told(self) -> None:
            known.append(self.code)

    async def refused(asked: NoticeAsked) -> Done:
        raise OwnRefusedError("self-address", "to itself")

    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        going: Message = {"more_body": True}

        async def ends() -> Message:
            nonlocal going
            going = await receive() if going.get("more_body") else {"type": "http.disconnect"}
            return going

        await guarded(scope, ends, send)

    room.source = room.live.source = NetSource(net, "coalition")
    room.source.send = refused  # type: ignore[method-assign]
    guarded, room.app = room.app, room.app if there else gone
    async with room.signed_in("watch") as browser:
        answer = await browser.post("/api/v1/notices", json={"to": ["coalition"], "kind": "text", "text": "x"})
    assert answer.status_code == 409
    assert known == (["self-address"] if there else [])


async def test_a_party_s_console_speaks_for_it_and_for_nobody_else(tmp_path: Path, net: Net) -> None:
    of = net.notice("coalition", START_MS, "russia")
    room = Room(tmp_path, NetSource(net, "russia"))
    await room.turn()
    async with room.signed_in("watch") as browser:
        assert (await view(browser))["party"] == "russia"
        await browser.post("/api/v1/answers", json={"of": of, "word": "WILCO"})
        await browser.post("/api/v1/notices", json={"to": ["coalition"], "kind": "text", "text": "x"})
        await browser.post(f"/api/v1/notices/{of}/displayed")
        heard = await browser.post("/api/v1/answers/heard", json={"of": of, "place": "x", "time": "y"})
        assert heard.json()["fits"] is True
        assert (await browser.post("/api/v1/notices/check", json={"to": ["coalition"], "text": "x"})).json()["to"] == []
        await browser.post("/api/v1/forwardings", json={"of": of, "to": "regime"})
        other = await browser.get("/api/v1/view", params={"as": "coalition"})
        assert (other.status_code, other.json()["error"]["code"]) == (400, "usage")
        acts = len(room.source.acts)
        for path, body in (
            ("answers", {"of": of[:8], "word": "WILCO"}),
            ("answers/heard", {"of": of[:42], "place": "x", "time": "y"}),
            ("forwardings", {"of": of[:8], "to": "regime"}),
            ("notices", {"withdraws": of[:8]}),
            (f"notices/{of[:8]}/displayed", {}),
        ):
            assert (await browser.post(f"/api/v1/{path}", json=body)).status_code == 422, "a whole hash, no beginning"
        assert len(room.source.acts) == acts
    async with room.signed_in("admin") as admin:
        for path in ("dispute", "clock-step"):
            body = {"reason": "x"} if path == "clock-step" else DISPUTE
            assert (await admin.post(f"/api/v1/{path}", json=body)).json()["error"]["code"] == "not-here"
    assert [act[0] for act in room.source.acts] == ["answer", "send", "displayed", "heard", "check", "forward"]
    written = [json.loads(line) for line in (tmp_path / AUDIT_FILE).read_text().splitlines()]
    audit = [line["what"] for line in written if line.get("state") == "done"]
    assert audit[:4] == ["answer", "send", "displayed", "forward"], "what only asks is no act"
    room.close()


DISPUTE = {"area": {"type": "Polygon", "coordinates": []}, "from": "2017-09-16T00:00Z", "until": "2017-09-17T00:00Z"}


async def test_reports_and_bundles_are_downloads(room: Room, net: Net) -> None:
    of = told(net)
    await room.turn()
    async with room.signed_in("viewer") as browser:
        page = await browser.post("/api/v1/dispute", json=DISPUTE | {"html": True})
        assert page.headers["content-disposition"] == 'attachment; filename="dispute.html"'
        assert (await browser.post("/api/v1/dispute", json=DISPUTE)).headers["content-type"] == "application/json"
        bundle = await browser.get(f"/api/v1/notices/{of}/bundle")
        assert bundle.headers["content-disposition"].startswith("attachment")
        assert (await browser.get(f"/api/v1/notices/{'A' * 43}/bundle")).status_code == 404


# --- layers -----------------------------------------------------------------------------------------------------------


async def test_the_operator_s_own_layers(room: Room) -> None:
    directory = room.home / "layers"
    directory.mkdir()
    (directory / "roads.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    (directory / "notes.txt").write_text("no layer")
    (directory / "broken.mbtiles").write_text("no database")
    db = apsw.Connection(str(directory / "relief.mbtiles"))
    db.execute("CREATE TABLE metadata (name TEXT, value TEXT); INSERT INTO metadata VALUES ('maxzoom', '3')")
    db.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
    db.execute("INSERT INTO tiles VALUES (1, 0, 1, ?), (1, 1, 1, ?)", (b"\x89PNG....", b"<svg onload=...>"))
    db.close()
    async with room.signed_in("viewer") as browser:
        found = {layer["name"]: layer for layer in (await browser.get("/layers")).json()}
        assert found.keys() == {"roads", "relief"}
        assert (found["relief"]["kind"], found["relief"]["max_zoom"]) == ("tiles", 3)
        assert (await browser.get("/layers/roads.geojson")).json()["features"] == []
        tile = await browser.get("/layers/relief/1/0/0")
        assert (tile.headers["content-type"], tile.content) == ("image/png", b"\x89PNG....")
        assert (await browser.get("/layers/relief/1/1/0")).status_code == 204, "only images are handed out"
        for path in ("/layers/..%2fconsole-users.geojson", "/layers/nothing.geojson"):
            assert (await browser.get(path)).status_code == 404


# --- health -----------------------------------------------------------------------------------------------------------


async def test_health_says_who_answered_the_roll_call_and_until_when_somebody_is_on_watch(room: Room, net: Net) -> None:
    net.sign("russia", Check, START_MS, state="on-watch")
    net.sign("russia", Check, START_MS + 60 * S, desk="staff", state="off-watch")
    net.sign("russia", Check, START_MS + 120 * S, state="on-watch")
    room.source.state = Standing(relay="up", store="sqlite")
    ledger, watch_ms = room.source.fold.ledger, 12 * 3_600_000
    terms = ledger.charter.terms.model_copy(update={"watch_ms": watch_ms})
    ledger.charter, ledger.in_force_ms = ledger.charter.model_copy(update={"terms": terms}), START_MS - S
    await room.turn()
    async with room.signed_in("viewer") as browser:
        health = (await view(browser))["health"]
        earlier = Health.model_validate_json(room.live.model.health)
    assert health["store"] == "sqlite"
    assert Health.model_validate(health) == earlier, "as the live socket says it"
    pulse = next(one for one in health["parties"] if one["party"] == "russia")
    assert pulse["roll_calls"] == [
        {"desk": "operations", "state": "on-watch", "at": to_wire(START_MS + 120 * S)},
        {"desk": "staff", "state": "off-watch", "at": to_wire(START_MS + 60 * S)},
    ]
    assert pulse["on_watch_at"] == to_wire(START_MS + 120 * S)
    assert pulse["watch_until_at"] == to_wire(START_MS + 120 * S + watch_ms)
    silent = next(one for one in health["parties"] if one["party"] == "sdf")
    assert silent["roll_calls"] == []
    assert silent["watch_until_at"] == to_wire(START_MS - S + watch_ms), "counted from the charter's coming into force"


async def test_ready_means_up_to_date(room: Room) -> None:
    async with room.browser() as browser:
        assert (await browser.get("/healthz")).status_code == 200
        assert (await browser.get("/readyz")).status_code == 503
        await room.turn()
        assert (await browser.get("/readyz")).status_code == 200
        room.source.fault = FatalError("the disk has gone")
        await room.turn()
        assert (await browser.get("/readyz")).status_code == 503


async def test_metrics_are_numbers_without_names_or_contents(room: Room, net: Net) -> None:
    net.notice("coalition", START_MS, "russia", text="Strike north of the bridge")
    room.source.clock_ms = START_MS + 60 * S
    await room.turn()
    async with room.browser() as browser:
        text = (await browser.get("/metrics")).text
    assert 'channel_deliveries_overdue{precedence="FLASH"} 1' in text
    assert f"channel_log_leaves {net.ledger.size}" in text
    assert not any(word in text for word in ("coalition", "russia", "Strike", "river-line"))


async def test_metrics_are_not_for_everybody(room: Room) -> None:
    import httpx

    from tests.unit.console.rooms import ORIGIN

    far = httpx.ASGITransport(room.app, client=("203.0.113.7", 5))
    async with httpx.AsyncClient(transport=far, base_url=ORIGIN) as browser:
        assert (await browser.get("/metrics")).status_code == 403
        room.console.metrics_open = True
        assert (await browser.get("/metrics")).status_code == 200


async def test_the_openapi_document_names_what_the_socket_says_and_is_for_those_inside(room: Room) -> None:
    made = document()
    assert {"View", "Change", "Tick", "NoticeRow", "AlertRow"} <= made["components"]["schemas"].keys()
    assert "/api/v1/alerts/{alert}/acknowledge" in made["paths"]
    async with room.browser() as browser:
        assert (await browser.get("/api/v1/openapi.json")).status_code == 401
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert (await browser.get(path)).status_code == 404
    async with room.signed_in("viewer") as browser:
        assert (await browser.get("/api/v1/openapi.json")).json() == made


async def test_the_live_messages_are_what_they_are_said_to_be(room: Room, net: Net) -> None:
    told(net)
    await room.turn()
    View.model_validate_json(room.live.view())
    Tick.model_validate_json(room.live.tick())
    rows, features = set(room.live.model.rows), set(room.live.model.features)
    Change.model_validate_json(
        room.live.change(rows | {"gone"}, set(room.live.model.alerts), features | {"gone/1"}, True)
    )
