"""The live model, kept up leaf by leaf, shows the same rows as a view made whole at that moment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channel.console import rows, view
from channel.console.model import Model
from channel.console.source import Link, Standing, have
from channel.ledger.records import Entry
from channel.protocol.statements import Acknowledgement, Answer, Forwarding, Notice, Receiving
from channel.protocol.times import to_wire
from tests.unit.console.rooms import NetSource
from tests.unit.ledger.nets import START_MS, Net

S = 1000


def whole(source: NetSource, standing: Standing) -> dict[str, dict[str, Any]]:
    ledger = source.fold.ledger
    marks = rows.Marks.of(ledger.entries.values())
    moment = rows.Moment(ledger, marks, source.now_ms(), standing.witnessed, source.facts.party, have(source, standing))
    made = view.view(moment, source.fold.index, live=True)
    return {
        "board": {row.of: json.loads(row.model_dump_json()) for row in made.board},
        "alerts": {row.id: json.loads(row.model_dump_json()) for row in made.alerts},
    }


def shown(model: Model) -> dict[str, dict[str, Any]]:
    return {
        "board": {of: json.loads(text) for of, text in model.rows.items()},
        "alerts": {id_: json.loads(text) for id_, text in model.alerts.items()},
    }


def story(net: Net, number: int) -> None:
    at_ms = START_MS + number * 7200 * S
    of = net.notice("coalition", at_ms, "russia regime:russia", info=["sdf"])
    window = [
        {
            "shape": {"type": "point", "at": [401_500_000, 353_300_000], "accuracy_m": 50},
            "from": to_wire(at_ms),
            "until": to_wire(at_ms + 900 * S),
        }
    ]
    ending = net.notice("sdf", at_ms + S, "russia", volumes=window)
    net.sign("russia", Receiving, at_ms + 2 * S, of=of, stage="displayed")
    net.sign("russia", Answer, at_ms + 3 * S, of=of, word="STANDBY", until=to_wire(at_ms + 90 * S))
    net.alerts(at_ms + 70 * S)
    net.sign("russia", Answer, at_ms + 100 * S, of=of, word="WILCO", reason="late")
    net.sign("russia", Forwarding, at_ms + 110 * S, of=of, to="regime", by="channel")
    raised = net.alerts(at_ms + 3600 * S)
    net.sign("sdf", Acknowledgement, at_ms + 3601 * S, alert=raised[0], reason="we know")
    taken = net.notice("coalition", at_ms + 3602 * S, "sdf")
    net.sign("coalition", Notice, at_ms + 3603 * S, **(_withdrawal(net, taken)))
    assert ending


def _withdrawal(net: Net, of: str) -> dict[str, Any]:
    body = net.ledger.notices[of].body
    members = {"nid": body.nid[:-4] + "ffff", "precedence": "FLASH", "to": body.to, "info": [], "kind": "text"}
    members |= {"status": "operation", "response": "R", "how": "human", "volumes": [], "elements": [], "text": ""}
    return members | {"withdraws": of}


def step(source: NetSource, entry: Entry) -> None:
    source.fold.take(entry.index, entry.stamp_ms, entry.opened)


@pytest.mark.parametrize("party", [None, "russia"])
def test_the_model_agrees_with_a_whole_view_after_every_leaf(party: str | None) -> None:
    net = Net()
    for number in range(3):
        story(net, number)
    source, standing = NetSource(net, party), Standing()
    model = Model(source)
    feed = list(net.ledger.entries) if party is None else net.ledger.parties[party].feed
    for count, index in enumerate(feed):
        step(source, net.ledger.entries[index])
        source.clock_ms = net.ledger.entries[index].stamp_ms
        if count % 5 == 0:
            standing = Standing(witnessed=index)
        model.refresh(standing, count * 10_000)
        assert shown(model) == whole(source, standing), f"after leaf {index}"


def test_time_alone_makes_a_row_overdue() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "russia")
    source = NetSource(net)
    source.poll()
    model = Model(source)
    model.refresh(Standing(), 0)
    assert json.loads(model.rows[of])["rank"] == rows.OWED
    source.clock_ms = START_MS + 14 * S
    assert not model.refresh(Standing(), 1).board
    source.clock_ms = START_MS + 15 * S
    assert model.refresh(Standing(), 2).board == {of}
    row = json.loads(model.rows[of])
    assert (row["rank"], row["deliveries"][0]["overdue"], row["deliveries"][0]["due_stage"]) == (0, True, "receipt")


def test_a_row_s_grade_changes_when_the_quorum_comes() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "russia")
    source = NetSource(net)
    source.poll()
    model = Model(source)
    model.refresh(Standing(), 0)
    assert json.loads(model.rows[of])["grade"] == "logged"
    assert model.refresh(Standing(witnessed=net.ledger.size), 1).board == {of}
    assert json.loads(model.rows[of])["grade"] == "witnessed"


def told(model: Model, alert: str) -> dict[str, bool | None]:
    return {one["desk"]: one["has"] for one in json.loads(model.alerts[alert])["told"]}


def test_an_alert_says_whose_client_has_it() -> None:
    """By how many leaves of its feed that client has; what is not known of a party is not said."""
    net = Net()
    net.notice("coalition", START_MS, "russia regime:russia")
    net.alerts(START_MS + 31 * S)
    ledger, source = net.ledger, NetSource(net)
    alert, record = next((id_, record) for id_, record in ledger.alerts.items() if record.body.stage == "forward")
    desks = [f"{of.party}/{of.desk}" for of in record.body.told]
    assert {of.party for of in record.body.told} == {"coalition", "russia"}
    feed = ledger.parties["coalition"].feed
    model, place = Model(source), feed.index(record.index)
    while source.poll():
        pass
    model.refresh(Standing(), 0)
    assert set(told(model, alert).values()) == {None}, "links are looked up seldom: nothing is known yet"
    model.refresh(Standing(links={"coalition": Link(place, None)}), 50)
    assert told(model, alert) == {desk: False if desk.startswith("coalition") else None for desk in desks}
    delta = model.refresh(Standing(links={"coalition": Link(place + 1, None)}), 100)
    assert delta.alerts >= {alert}, "it is said when the client has taken it in, without a leaf"
    assert told(model, alert) == {desk: True if desk.startswith("coalition") else None for desk in desks}
    row = json.loads(model.alerts[alert])
    assert {one["how"] for one in row["told"]} == {"channel"}


def test_on_a_party_s_console_its_own_desk_has_what_is_on_the_screen() -> None:
    net = Net()
    net.notice("coalition", START_MS, "russia regime:russia")
    net.alerts(START_MS + 31 * S)
    source = NetSource(net, "coalition")
    while source.poll():
        pass
    model = Model(source)
    model.refresh(Standing(), 0)
    assert model.alerts
    for alert in model.alerts:
        assert all(has is (True if desk.startswith("coalition/") else None) for desk, has in told(model, alert).items())


def test_what_is_over_leaves_the_board_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "ENDED_MAX", 2)
    monkeypatch.setattr(view, "CLEARED_MAX", 1)
    net = Net()
    all_of = []
    for number in range(5):
        at_ms = START_MS + number * 600 * S
        all_of.append(net.notice("coalition", at_ms, "russia"))
        net.alerts(at_ms + 20 * S)
        net.sign("russia", Answer, at_ms + 30 * S, of=all_of[-1], word="WILCO")
        net.sign("russia", Receiving, at_ms + 31 * S, of=all_of[-1], stage="received")
    source = NetSource(net)
    source.poll()
    model = Model(source)
    delta = model.refresh(Standing(), 0)
    assert list(model.rows) == all_of[-2:]
    assert set(all_of) == delta.board
    assert len(model.alerts) == 1
    model.refresh(Standing(witnessed=net.ledger.size), 1)
    assert list(model.rows) == all_of[-2:], "a better grade brings nothing back"
    assert shown(model)["board"].keys() == whole(source, Standing())["board"].keys()


def test_what_was_never_answered_stays_on_top_until_somebody_takes_notice() -> None:
    net = Net()
    window = {"shape": {"type": "point", "at": [401_500_000, 353_300_000], "accuracy_m": 50}}
    window |= {"from": to_wire(START_MS), "until": to_wire(START_MS + 600 * S)}
    of = net.notice("coalition", START_MS, "russia", volumes=[window])
    raised = net.alerts(START_MS + 3600 * S)
    source = NetSource(net)
    source.poll()
    model = Model(source)
    model.refresh(Standing(), 0)
    row = json.loads(model.rows[of])
    assert (row["open"], row["rank"], row["deliveries"][0]["cell"]) == (False, rows.OVERDUE, "expired")
    net.sign("coalition", Acknowledgement, START_MS + 3601 * S, alert=raised[-1], reason="seen")
    source.poll()
    model.refresh(Standing(), 1)
    assert json.loads(model.rows[of])["rank"] == rows.ENDED
