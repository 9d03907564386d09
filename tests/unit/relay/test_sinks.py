"""The operator's screen: what stands is shown until the operator's desk acknowledges it (protocol.md 9.3.6)."""

from __future__ import annotations

import io

from channel.protocol import ids
from channel.relay.clock import SteppedClock
from channel.relay.sinks import FLASH_REPEAT_MS, Console
from tests.unit.relay.lab import MINUTE, Lab


def _alerted() -> Lab:
    """A net in whose log an alert of a FLASH stands; what ran when it was raised runs no more."""
    lab = Lab()
    lab.notice("coalition", "russia")
    lab.run_to(MINUTE)
    assert lab.alerts()
    lab.restart()
    return lab


def _standing(lab: Lab) -> list[str]:
    return [alert for alert, record in lab.folded.ledger.alerts.items() if record.standing]


def _lines(out: io.StringIO) -> list[str]:
    """What was shown since the last look."""
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.splitlines()


def test_what_stood_before_the_start_is_shown_at_once_and_repeated() -> None:
    lab = _alerted()
    clock, out = SteppedClock(lab.now_ms), io.StringIO()
    screen = Console(lab.folded.ledger, clock, out)
    screen.repeat()
    assert len(_lines(out)) == len(_standing(lab)) > 0
    screen.repeat()
    assert _lines(out) == []
    clock.set(lab.now_ms + FLASH_REPEAT_MS)
    screen.repeat()
    assert len(_lines(out)) == len(_standing(lab))


def test_what_the_operator_s_desk_had_acknowledged_stays_silent_after_a_start() -> None:
    lab = _alerted()
    for alert in _standing(lab):
        assert lab.acknowledge(ids.RELAY, alert).index is not None
    lab.turn()
    lab.restart()
    out = io.StringIO()
    Console(lab.folded.ledger, SteppedClock(lab.now_ms), out).repeat()
    assert _lines(out) == []


def test_what_ended_before_the_start_is_not_shown() -> None:
    lab = _alerted()
    for of in list(lab.folded.ledger.notices):
        lab.received("russia", of)
        lab.answer("russia", of)
    lab.turn()
    lab.restart()
    assert _standing(lab) == []
    out = io.StringIO()
    Console(lab.folded.ledger, SteppedClock(lab.now_ms), out).repeat()
    assert _lines(out) == []


def test_what_was_taken_back_into_the_log_is_shown() -> None:
    lab = Lab()
    clock, out = SteppedClock(lab.now_ms), io.StringIO()
    screen = Console(lab.folded.ledger, clock, out)
    lab.notice("coalition", "russia")
    lab.run_to(MINUTE)
    clock.set(lab.now_ms)
    screen.repeat()
    assert _lines(out) == []
    screen.recall()
    screen.repeat()
    assert len(_lines(out)) == len(_standing(lab))
