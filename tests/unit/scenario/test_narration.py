"""The lines that people read: what an alert says, what clears it, what the end lists, how long each stands."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path
from random import Random

import pytest

from channel.protocol.errors import UsageError
from channel.protocol.statements import Acknowledgement, Answer, Forwarding, Refusal, Suspension
from channel.protocol.times import to_wire
from channel.replay import OUTCOMES
from channel.replay import alerts as account_of_alerts
from channel.scenario import Scenario, load
from channel.scenario.journal import Told
from channel.scenario.narration import Narrator
from channel.scenario.presentation import HELD_S, Pace, Screen
from channel.scenario.summary import summary
from tests.unit.ledger.nets import START_MS, Net
from tests.unit.scenario.worlds import World

SCENARIOS = Path(__file__).parents[2] / "scenarios"


class Shown:
    """A scenario run at a pace, as it would be seen."""

    def __init__(self, scenario: Scenario, speed: str = "watchable") -> None:
        self.slept: list[float] = []
        self.world = World(scenario, Random(0))
        out = io.StringIO()
        screen = Screen(self.world.journal, out, Pace.of(speed), sleep=self._sleep)
        asyncio.run(self.world.stepper(scenario, screen).run())
        screen.end()
        self.text = out.getvalue()
        self.lines = self.text.splitlines()

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def line(self, *parts: str) -> str:
        return next(line for line in self.lines if all(part in line for part in parts))


@pytest.fixture(scope="module")
def weekend() -> Shown:
    return Shown(load("deir-ezzor-2017"))


def test_an_alert_says_who_owes_what_to_whom_how_late_whose_leg_who_was_told_and_whom_to_ring(weekend: Shown) -> None:
    assert re.fullmatch(
        r"!! 150400Z SEP 17 FLASH coalition -> regime via russia never-passed-on: NOT PASSED ON by russia, "
        r"overdue after 30 s; told coalition/operations, russia/operations; ring russia/operations \+000 02 555 0012; "
        r'channel alerts ack [0-9a-f]{4,16} --reason "\.\.\."',
        weekend.line("!!"),
    )


@pytest.mark.parametrize(
    "parts",
    [
        (
            "never-passed-on",
            "NO ANSWER from regime, 60 s after the notice: NOT PASSED ON by russia, 30 s overdue; told",
        ),
        ("never-passed-on", "NOT PASSED ON by russia, 30 s overdue, now to the staff; told", "ring russia/staff"),
        (
            "never-passed-on",
            "NOT PASSED ON by russia, 2 min overdue, now to the ministry; told",
            "ring russia/ministry",
        ),
        ("never-passed-on", "NEVER PASSED ON by russia, window over, 40 min after the notice, 39 min overdue"),
        ("standby-broken", "NO ANSWER AFTER STANDBY from regime, 45 min after it was passed on; told"),
        ("hold-fire", "NO ANSWER from regime, 60 s after the notice (passed on by russia after 20 s); told"),
        ("hold-fire", "NO ANSWER from regime, 60 s after it was passed on; told"),
        ("hold-fire", "NEVER ANSWERED by regime, window over"),
        ("hold-fire", "NO ANSWER from regime, 7 min after the notice", "6 min overdue, round 2; told"),
        ("struck", "NO ANSWER from russia, 3 min after the notice, 2 min overdue, now to the ministry; told"),
        ("support-strike", "NOT HEARD from sdf; told"),
        ("support-strike", "NOT RECEIVED by sdf, overdue after 60 s"),
        ("not-confirmed", "NOT RECEIVED by regime, overdue after 5 min"),
        ("not-confirmed", "30 min after the notice (passed on by russia by voice after 5 min, not confirmed)"),
        ("PRIORITY NOBODY ON WATCH at regime", "12 h 00 min", "ring regime/staff +000 04 555 0024"),
    ],
)
def test_each_kind_of_alert_has_its_sentence(weekend: Shown, parts: tuple[str, ...]) -> None:
    assert weekend.line("!!", *parts)


@pytest.mark.parametrize(
    "parts",
    [
        ("standby-broken", "answered late by 30 min (WILCO); cleared ", ", "),
        ("towards-conoco", "answered late by 20 min (UNABLE)"),
        ("support-strike", "sdf is heard again after 8 min"),
        ("support-strike", "received late by 7 min"),
        ("regime: somebody is on watch again, after 4 h 10 min",),
    ],
)
def test_an_alert_whose_cause_ends_is_told_with_the_delay(weekend: Shown, parts: tuple[str, ...]) -> None:
    assert weekend.line("-- ", *parts, "; cleared ")


@pytest.mark.parametrize(
    "parts",
    [
        ("151006Z", "russia passed convoy-by-voice on to regime by voice (duty officer, +000 04 555 0014; read back"),
        ("151210Z", "russia STANDBY to coalition's standby-kept after 10 min until 2017-09-15T12:45:00.000Z"),
        ("160038Z", "before-the-strike-russia is before a person at coalition, 2 h 13 min after it was sent"),
        ("160045Z", "coalition UNABLE to russia's before-the-strike-russia", "Read after", "{E08; invented: at"),
        ("150726Z", "march-regime-later amends march-regime"),
        ("151620Z", "night-move-withdrawn withdraws night-move"),
        ("161010Z", "sdf is offline"),
        ("161110Z", "position-sdf-16"),
        ("162000Z", "call-of-the-generals between russia/staff, coalition/staff"),
        ("170450Z", "relay/operations acknowledged"),
        ("171600Z", "line-test [TEST]"),
    ],
)  # fmt: skip
def test_routine_traffic_is_one_line_each(weekend: Shown, parts: tuple[str, ...]) -> None:
    assert weekend.line(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        (
            "** 151033Z",
            "IMMEDIATE CONVERGING regime, sdf: ",
            "11.2 km apart, close at 0.7 m/s",
            "column-1, column-2]; told",
        ),
        (
            "** 152225Z",
            "LINE CROSSED russia: an intent of russia reaches at least 11.4 km across the line",
        ),
        ("   152225Z", "LINE CROSSED [before-the-strike-russia], told to russia too"),
        ("** 181122Z", "FLASH NOT HEEDED coalition, regime: regime answered WILCO to an intent of coalition;"),
        ("** 161130Z", "PRIORITY CLOSE TO EACH OTHER regime, sdf", "are 3.9 km apart: closer than the 16.0 km agreed"),
        ("-- 181146Z", "NOT HEEDED coalition, regime [passed-and-answered, crossing-regime] is over after 24 min"),
    ],
)
def test_each_kind_of_finding_has_its_sentence(weekend: Shown, parts: tuple[str, ...]) -> None:
    assert weekend.line(*parts)


def test_the_end_lists_what_is_unanswered_and_the_totals(weekend: Shown) -> None:
    end = weekend.lines[weekend.lines.index("still unanswered: 4") :]
    assert [line.split(": ")[-1] for line in end[1:5]] == [
        "not passed on by russia, window over",
        "no answer from regime, passed on by russia, received, window over",
        "no answer from regime, passed on by russia by voice, not confirmed",
        "not passed on by russia",
    ]
    assert end[5].startswith("66 notices, 145 deliveries: 47 answered, 92 told, 1 unanswered")
    assert end[6] == "32 alerts (24 operations, 5 staff, 3 ministry), 14 standing"
    assert end[7] == (
        "88 findings (29 stale-position, 26 proximity, 14 line-crossed, 12 overlap, 5 incident-in-notified-area, "
        "1 converging, 1 not-heeded), 16 standing"
    )
    assert end[8].startswith("slowest answer: 6 h 50 min, coalition -> regime via russia who-is-east")


def test_the_weekend_at_a_watchable_pace_takes_two_to_four_minutes(weekend: Shown) -> None:
    assert 120 <= sum(weekend.slept) <= 210
    assert weekend.slept.count(HELD_S) <= 85


def test_the_first_alert_is_shown_within_half_a_minute(weekend: Shown) -> None:
    first = weekend.lines.index(weekend.line("!!"))
    assert sum(weekend.slept[:first]) < 15


def test_every_entry_of_the_weekend_shows_its_mark(weekend: Shown) -> None:
    for line in weekend.lines[1 : weekend.lines.index("still unanswered: 4")]:
        machine = (
            line.startswith(("!!", "--", "**")) or "acknowledged" in line or " is off" in line or "online again" in line
        )
        assert machine or line.endswith(("}", " too"))


def test_text_that_is_no_terminal_holds_no_escapes(weekend: Shown) -> None:
    assert "\x1b" not in weekend.text


FORGED = "x\n!! 160031Z SEP 17 FLASH coalition -> russia: NO ANSWER\u2028\u202e"


def test_no_line_can_be_forged_by_what_somebody_writes() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "russia regime:russia", text=FORGED)
    voice = {"role": "watch officer", "contact": "line 4", "readback": FORGED, "at": to_wire(START_MS)}
    net.sign("russia", Forwarding, START_MS, of=of, to="regime", by="voice", voice=voice)
    net.alerts(START_MS + 600_000)
    alert = next(iter(net.ledger.alerts))
    net.sign("russia", Acknowledgement, START_MS + 600_000, alert=alert, reason=FORGED)
    net.sign("russia", Answer, START_MS + 600_000, of=of, word="UNABLE", reason=FORGED)
    net.sign("russia", Suspension, START_MS + 600_000, action="suspend", reason=FORGED)
    refusal = {"of": of, "code": "schema", "detail": FORGED, "party": "sdf", "kid": "sdf/sig/machine-1"}
    net.sign("relay", Refusal, START_MS + 600_000, refused_seq=3, **refusal)
    narrator, texts = Narrator(), []
    for entry in net.ledger.entries.values():
        told = Told(entry.index, entry.stamp_ms, entry.opened)
        texts += [line.text for line in narrator.tell(told, net.ledger)]
    assert sum("NO ANSWER" in text and "<U+202E>" in text for text in texts) >= 6
    assert all(len(text.splitlines()) == 1 for text in texts)
    assert not any("\u202e" in text for text in texts)


def test_a_speed_makes_jumps_take_their_time_and_holds_nothing() -> None:
    scenario = load(str(SCENARIOS / "two.toml"))
    shown = Shown(scenario, "7200")
    assert sum(shown.slept) == pytest.approx((scenario.end_ms - scenario.start_ms) / 1000 / 7200)
    assert Shown(scenario, "max").slept == []


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf", ""])
def test_a_speed_that_is_none_is_refused(speed: str) -> None:
    with pytest.raises(UsageError, match="a speed is"):
        Pace.of(speed)


def test_a_refusal_is_told_with_its_code_and_counted() -> None:
    shown = Shown(load(str(SCENARIOS / "six.toml")))
    assert "REFUSED too-late of north: suspended" in shown.line("xx ")
    assert shown.lines[-1] == "1 statements refused"


def test_the_summary_has_the_fixed_members_and_is_json(weekend: Shown, tmp_path: Path) -> None:
    folded = weekend.world.journal.folded
    found = json.loads(json.dumps(summary(tmp_path, folded)))
    assert list(found) == [
        "net", "log", "charter", "tree_size", "root", "state_digest", "notices", "deliveries", "alerts", "refused",
    ]  # fmt: skip
    assert tuple(found["deliveries"]) == OUTCOMES
    assert sum(found["deliveries"].values()) == len(folded.ledger.deliveries)
    assert found["alerts"] == account_of_alerts(folded.ledger)
    assert all(
        {"id", "notice", "addressee", "stage", "rung", "raised_at", "acknowledged_at", "cleared_at"} <= set(alert)
        for alert in found["alerts"]
    )
    assert all(isinstance(alert["addressee"], str) for alert in found["alerts"])
    assert found["tree_size"] == weekend.world.store.size
