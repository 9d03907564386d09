"""What the channel says, as facts for pages: every code that it may use has its words in each language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from channel.console import facts, queue
from channel.console.asked import Unreadable
from channel.console.rows import Marks, Moment
from channel.ledger import alert_wording, finding_wording
from channel.ledger.records import AlertRecord
from channel.protocol import ids, readback
from channel.protocol.statements import Answer, Check, Finding, Forwarding, Receiving, Suspension
from channel.protocol.times import to_wire
from tests.unit.ledger.nets import START_MS, Net

WORDS = Path("channel/console/web/src/i18n")
LANGUAGES = ("en", "ru", "ar", "ku")


def words(language: str) -> dict[str, str]:
    """The dictionary of a language, as its source has it."""
    text = (WORDS / f"{language}.ts").read_text()
    return dict(re.findall(r'^\s*"([^"]+)": "(.*)",$', text, re.MULTILINE))


def ended_delivery(net: Net) -> AlertRecord:
    """An alert on a notice that was answered 42 s late."""
    of = net.notice("coalition", START_MS, "russia")
    net.alerts(START_MS + 61_000)
    net.sign("russia", Answer, START_MS + 102_000, of=of, word="WILCO")
    return next(one for one in net.ledger.alerts.values() if one.body.stage == "answer")


def test_every_leaf_of_a_net_says_something_that_each_language_has_words_for() -> None:
    net = Net()
    ended_delivery(net)
    of = net.notice("coalition", START_MS + 110_000, "regime:russia")
    net.sign("russia", Receiving, START_MS + 111_000, of=of, stage="received", label="sig/machine-1")
    net.sign("russia", Forwarding, START_MS + 112_000, of=of, to="regime", by="channel")
    net.sign("regime", Check, START_MS + 113_000, state="on-watch")
    net.sign("sdf", Suspension, START_MS + 114_000, action="suspend", reason="for now")
    said = [fact for entry in net.ledger.entries.values() for fact in facts.of_entry(net.ledger, entry)]
    said += [fact for alert in net.ledger.alerts.values() for fact in facts.of_ending(net.ledger, alert)]
    codes = {fact.code for fact in said}
    assert {"said.acceded", "said.forwarded-channel", "said.received", "said.on-watch", "end.answered"} <= codes
    for language in LANGUAGES:
        known = words(language)
        for fact in said:
            assert fact.code in known, language
            names = {re.sub("_(cm_s|ms|at|m|s|count)$", "", name) for name in fact.values}
            assert set(re.findall(r"\{(\w+)\}", known[fact.code])) <= names, (language, fact)


def found(net: Net, kind: str, rests_on: list[str], told: str = "coalition") -> dict[str, Any]:
    """A finding that rests on these, raised 10 s after the start; `clear` it with the same members."""
    members: dict[str, Any] = {
        "finding": ids.alert_id(",".join(rests_on), "", kind, "operations", 1), "kind": kind, "precedence": "FLASH",
        "response": "NE", "detail": "two of them", "rests_on": rests_on, "concerns": ["coalition", "russia"],
        "measures": {}, "told": [{"party": told, "desk": "operations"}],
    }  # fmt: skip
    net.sign("relay", Finding, START_MS + 10_000, label="sig/machine-1", state="raised", **members)
    return members


def why(net: Net, members: dict[str, Any], at_ms: int) -> tuple[str, str, str | int]:
    """Code and party of its end, and the sentence, once it is cleared."""
    net.sign("relay", Finding, at_ms, label="sig/machine-1", state="cleared", **members)
    moment = Moment(net.ledger, Marks(), at_ms, 0, None)
    row = queue.finding_row(moment, net.ledger.findings[members["finding"]])
    [fact] = row.ending
    assert row.cleared_why
    return fact.code, row.cleared_why, fact.values["party"]


def test_a_cleared_finding_says_why() -> None:
    net = Net()
    until = {"shape": {"type": "circle", "center": [401_500_000, 353_300_000], "radius_m": 3000}}
    until |= {"from": to_wire(START_MS), "until": to_wire(START_MS + 60_000)}
    lasting = until | {"until": to_wire(START_MS + 900_000)}
    first, second = (net.notice(party, START_MS, "sdf", volumes=[lasting]) for party in ("coalition", "russia"))
    short = net.notice("russia", START_MS, "sdf", volumes=[until])
    over, taken, apart = (
        found(net, "overlap", [first, short]),
        found(net, "overlap", [first, second]),
        found(net, "proximity", [first, second]),
    )
    assert why(net, over, START_MS + 61_000) == ("end.window-over", "the window of russia is over", "russia")
    assert why(net, apart, START_MS + 300_000)[:2] == ("end.no-more", "it holds no more")
    net.notice("russia", START_MS + 310_000, "sdf", withdraws=second)
    assert why(net, taken, START_MS + 310_000) == ("end.withdrawn", "withdrawn by russia", "russia")
    third = net.notice("coalition", START_MS, "sdf", volumes=[lasting])
    amended = found(net, "overlap", [first, third])
    net.notice("coalition", START_MS + 320_000, "sdf", amends=third)
    assert why(net, amended, START_MS + 320_000) == ("end.superseded", "superseded by coalition", "coalition")
    read = net.notice("coalition", START_MS, "russia")
    wrong = net.sign("russia", Answer, START_MS + 9_000, of=read, word="WILCO")
    misread = found(net, "read-back-mismatch", [read, wrong])
    net.sign("russia", Answer, START_MS + 330_000, of=read, word="UNABLE", reason="No.")
    assert why(net, misread, START_MS + 330_000) == ("end.answered", "answered by russia (UNABLE)", "russia")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_stage_slip_and_unreadable_field_has_its_words(language: str) -> None:
    known = words(language)
    assert {f"heard.slip.{slip}" for slip in readback.SLIPS} <= known.keys()
    assert {f"stage.{kind}" for kind in finding_wording.NAMES} <= known.keys()
    assert {f"error.{code}" for code in get_args(Unreadable)} <= known.keys()
    assert {"end.window-over", "end.no-more"} <= known.keys()


def test_an_end_is_said_with_how_late_it_was() -> None:
    net = Net()
    alert = ended_delivery(net)
    (why, late) = facts.of_ending(net.ledger, alert)
    assert (why.code, why.values) == ("end.answered", {"party": "russia", "word": "WILCO"})
    assert late.values == {"late_ms": alert_wording.ending(net.ledger, alert).late_ms}
