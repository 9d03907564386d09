"""What the channel says, as facts for pages: every code that it may use has its words in each language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from channel.console import facts
from channel.ledger import alert_wording, finding_wording
from channel.ledger.records import AlertRecord
from channel.picture import readback
from channel.protocol.statements import Answer, Check, Forwarding, Receiving, Suspension
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_stage_and_slip_has_its_words(language: str) -> None:
    known = words(language)
    assert {f"heard.slip.{slip}" for slip in readback.SLIPS} <= known.keys()
    assert {f"stage.{kind}" for kind in finding_wording.NAMES} <= known.keys()


def test_an_end_is_said_with_how_late_it_was() -> None:
    net = Net()
    alert = ended_delivery(net)
    (why, late) = facts.of_ending(net.ledger, alert)
    assert (why.code, why.values) == ("end.answered", {"party": "russia", "word": "WILCO"})
    assert late.values == {"late_ms": alert_wording.ending(net.ledger, alert).late_ms}
