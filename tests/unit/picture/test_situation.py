"""Findings of each kind: what raises them, what they say, what ends them (protocol.md 16.3)."""

from __future__ import annotations

from typing import Any

import pytest

from channel.ledger.fold import fold
from channel.picture.ahead import would_cause
from channel.picture.features import features
from channel.picture.plane import to_e7
from channel.protocol.places import geod
from channel.protocol.statements import Precedence, Response
from channel.relay.core import Core
from tests.unit.picture.scenes import Scene, at, circle, told, within
from tests.unit.relay.lab import HOUR, MINUTE


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_intent_over_a_position_is_an_overlap_told_to_both(scene: Scene) -> None:
    position = scene.place("coalition", "russia")
    scene.at(MINUTE)
    intent = scene.intent("russia", "coalition", begin=HOUR, until=2 * HOUR, east_m=1_500)
    body = scene.finding("overlap").body
    assert (told(body), body.rests_on) == (("coalition", "russia"), (position.of, intent.of))
    assert (body.precedence, body.response) == (Precedence.IMMEDIATE, Response.WU)
    assert body.measures == {"begins-in-s": 59 * 60, "overlap-s": 3600}
    assert body.area is not None
    assert body.detail == (
        "an intent of russia overlaps a position of coalition, from 160100Z SEP 17 until 160200Z SEP 17"
    )


def test_it_is_over_when_the_common_window_is(scene: Scene) -> None:
    scene.place("coalition", "russia")
    scene.intent("russia", "coalition", begin=HOUR, until=2 * HOUR)
    scene.run_to(2 * HOUR - 1)
    assert scene.standing() == ["overlap"]
    scene.run_to(2 * HOUR)
    assert scene.findings()[-1] == ("cleared", "overlap", ("coalition", "russia"))
    assert scene.finding("overlap").cleared_ms == scene.now_ms


@pytest.mark.parametrize("how", ["withdraws", "amends"])
def test_it_is_over_when_one_of_the_two_is_taken_back(scene: Scene, how: str) -> None:
    scene.place("coalition", "russia")
    intent = scene.intent("russia", "coalition")
    scene.now(scene.notice("russia", "coalition", **{how: intent.of}))
    assert scene.standing() == []


def test_precedence_is_the_higher_of_both_and_at_least_immediate(scene: Scene) -> None:
    scene.place("coalition", "russia", precedence="FLASH")
    scene.intent("russia", "coalition")
    assert scene.finding("overlap").body.precedence is Precedence.FLASH


@pytest.mark.parametrize(
    "other",
    [
        {"east_m": 2_500},
        {"begin": 4 * HOUR, "until": 5 * HOUR},
        {"status": "test"},
        {"volumes": [within(circle(0), floor_m=5_000, ceiling_m=6_000, reference="msl")]},
    ],
)
def test_what_does_not_meet_in_plan_altitude_and_time_is_no_overlap(scene: Scene, other: dict[str, object]) -> None:
    low = within(circle(0), floor_m=0, ceiling_m=4_000, reference="msl")
    scene.place("coalition", "russia", volumes=[low])
    scene.intent("russia", "coalition", **other)  # type: ignore[arg-type]
    assert scene.findings() == []


def test_bands_that_cannot_be_compared_may_overlap_and_the_finding_says_so(scene: Scene) -> None:
    above_ground = within(circle(0), floor_m=0, ceiling_m=100, reference="agl")
    above_sea = within(circle(0), floor_m=5_000, ceiling_m=6_000, reference="msl")
    scene.place("coalition", "russia", volumes=[above_ground])
    scene.intent("russia", "coalition", volumes=[above_sea])
    assert "they may" in scene.finding("overlap").body.detail


def test_two_positions_nearer_than_agreed_are_a_proximity(scene: Scene) -> None:
    scene.place("sdf", "regime")
    scene.place("regime", "sdf", east_m=12_000)
    body = scene.finding("proximity").body
    assert (told(body), body.precedence, body.response) == (("sdf", "regime"), Precedence.PRIORITY, Response.NE)
    assert body.measures["distance-m"] == pytest.approx(10_000, abs=30)


def test_two_positions_as_far_as_agreed_are_none(scene: Scene) -> None:
    scene.place("sdf", "regime")
    scene.place("regime", "sdf", east_m=18_100)
    assert scene.findings() == []


def test_forces_that_keep_the_same_side_of_a_line_may_be_close(scene: Scene) -> None:
    scene.line("coalition", "sdf", "russia", left=("coalition", "sdf"))
    scene.place("sdf", "coalition", "russia", east_m=5_000)
    scene.place("coalition", "sdf", "russia", east_m=5_000)
    assert scene.findings() == []
    scene.place("russia", "sdf", "coalition", east_m=-5_000)
    assert scene.standing() == ["proximity", "proximity"]


@pytest.mark.parametrize(
    ("sdf", "coalition", "line"),
    [
        (5_000, -5_000, {}),
        (-5_000, -6_000, {}),
        (5_000, 1_200, {}),
        (5_000, 6_000, {"parts": [[at(0, 50_000), at(0, 20_000)]]}),
        (5_000, 6_000, {"excluded": [[at(5_500, -500), at(9_000, -500), at(9_000, 500), at(5_500, 500)]]}),
        (5_000, 6_000, {"excluded": [[at(5_900, -100), at(6_100, -100), at(6_000, 100)]]}),
    ],
    ids=["on both sides", "both across", "too near to say", "past its end", "in what is excluded", "around it"],
)
def test_forces_that_keep_the_same_side_may_be_close_only_on_that_side_of_it(
    scene: Scene, sdf: int, coalition: int, line: dict[str, Any]
) -> None:
    scene.line("coalition", "sdf", "russia", left=("coalition", "sdf"), **line)
    scene.place("sdf", "coalition", east_m=sdf)
    scene.place("coalition", "sdf", east_m=coalition)
    assert "proximity" in scene.standing()


def test_forces_on_one_side_of_a_line_that_converge_across_another_part_of_the_country_are_told(scene: Scene) -> None:
    scene.line("coalition", "sdf", left=("coalition", "sdf"), parts=[[at(0, 300_000), at(0, 200_000)]])
    scene.place("coalition", "sdf")
    for step in (0, 1):
        scene.run_to(step * 10 * MINUTE)
        scene.place("sdf", "coalition", east_m=40_000 - 4_000 * step, unit="2nd column")
    assert scene.standing() == ["converging"]


@pytest.mark.parametrize(("north_m", "found"), [(0, ["proximity"]), (-30_000, [])])
def test_no_line_lets_two_be_close_where_another_parts_them(scene: Scene, north_m: int, found: list[str]) -> None:
    scene.line("coalition", "sdf", left=("coalition", "sdf"))
    scene.line(
        "coalition", "sdf", left=("coalition",), line="sector", parts=[[at(10_000, 20_000), at(10_000, -20_000)]]
    )
    for party, east_m in (("sdf", 8_000), ("coalition", 12_000)):
        scene.place(party, "coalition" if party == "sdf" else "sdf", volumes=[within(circle(east_m, north_m=north_m))])
    assert scene.standing() == found


def test_a_unit_that_comes_nearer_converges_and_raises_nothing_anew_while_it_does(scene: Scene) -> None:
    scene.place("regime", "sdf")
    scene.place("sdf", "regime", east_m=40_000, unit="2nd column")
    for step in (1, 2, 3):
        scene.run_to(step * 10 * MINUTE)
        scene.place("sdf", "regime", east_m=40_000 - 4_000 * step, unit="2nd column")
    assert scene.findings() == [("raised", "converging", ("regime", "sdf"))]
    body = scene.finding("converging").body
    assert len(body.rests_on) == 3
    assert body.precedence is Precedence.IMMEDIATE
    assert body.measures["closing-cm-s"] == pytest.approx(667, abs=2)
    assert body.measures["distance-m"] == pytest.approx(36_000, abs=100)
    assert body.measures["closest-in-s"] == pytest.approx(5_400, abs=20)


@pytest.mark.parametrize(("lon", "lat"), [(5.0, 60.0), (179.9, -35.0), (-179.9, 80.0)])
def test_a_fast_unit_converges_from_as_far_as_it_comes_in_an_hour(scene: Scene, lon: float, lat: float) -> None:
    scene.place("sdf", "coalition", volumes=[within(_spot(lon, lat, 0))])
    scene.place("coalition", "sdf", unit="jet", volumes=[within(_spot(lon, lat, 1_000_000))])
    scene.run_to(10 * MINUTE)
    near = [within(_spot(lon, lat, 850_000), 10 * MINUTE)]
    sent = scene.sign(
        "coalition", "notice", seq=900, **scene.notice_members("sdf", kind="position", unit="jet", volumes=near)
    )
    (asked,) = would_cause(scene.folded.ledger, scene.opened(sent), "coalition", scene.now_ms)
    scene.place("coalition", "sdf", unit="jet", volumes=near)
    measures = scene.finding("converging").body.measures
    assert measures == asked.measures
    assert measures["closing-cm-s"] == pytest.approx(25_000, abs=2)
    assert measures["closest-m"] == pytest.approx(0, abs=20)
    assert measures["closest-in-s"] == pytest.approx(3_400, abs=2)


def _spot(lon: float, lat: float, away_m: float) -> dict[str, Any]:
    """A point so far away to the north-east."""
    place = to_e7(geod().fwd(lon, lat, 70, away_m)[:2])
    return {"type": "point", "at": list(place), "accuracy_m": 50}


def test_who_was_seen_an_hour_before_the_other_is_where_it_was_seen(scene: Scene) -> None:
    """Its course is followed for an hour to the newer position, and no further (protocol.md 16.3.1)."""
    scene.place("sdf", "regime", east_m=50_000, unit="column")
    scene.run_to(10 * MINUTE)
    scene.place("sdf", "regime", east_m=47_000, unit="column")
    for minutes, east_m, found in ((70, 0, ["converging"]), (71, 1, [])):
        scene.run_to(minutes * MINUTE)
        scene.place("regime", "sdf", east_m=east_m, unit="post")
        assert scene.standing() == found


def test_converging_is_over_when_the_unit_turns_away(scene: Scene) -> None:
    scene.place("regime", "sdf")
    for step, east_m in enumerate((40_000, 36_000, 38_000)):
        scene.run_to(step * 10 * MINUTE)
        scene.place("sdf", "regime", east_m=east_m, unit="2nd column")
    assert scene.findings() == [
        ("raised", "converging", ("regime", "sdf")),
        ("cleared", "converging", ("regime", "sdf")),
    ]


def test_a_cause_that_comes_back_is_raised_anew(scene: Scene) -> None:
    scene.place("regime", "sdf")
    for step, east_m in enumerate((10_000, 30_000, 10_000)):
        scene.run_to(step * 10 * MINUTE)
        scene.place("sdf", "regime", east_m=east_m, unit="2nd column")
    kinds = [(state, kind) for state, kind, _ in scene.findings() if kind == "proximity"]
    assert kinds == [("raised", "proximity"), ("cleared", "proximity"), ("raised", "proximity")]


def test_a_position_too_old_for_its_precedence_is_stale_in_a_conflict_only(scene: Scene) -> None:
    scene.place("sdf", "regime", until=20 * HOUR)
    scene.place("coalition", "sdf", east_m=100_000, until=20 * HOUR)
    scene.at(HOUR)
    scene.place("regime", "sdf", east_m=5_000, until=20 * HOUR)
    scene.run_to(12 * HOUR)
    body = scene.finding("stale-position").body
    assert (body.concerns, body.measures) == (("sdf",), {"age-s": 12 * 3600})
    scene.place("sdf", "regime", until=20 * HOUR)
    assert scene.standing() == ["proximity", "proximity", "stale-position"]  # without `unit` the old one stands


def test_a_new_position_of_the_unit_ends_the_stale_one(scene: Scene) -> None:
    scene.place("sdf", "regime", until=20 * HOUR, unit="post")
    scene.at(HOUR)
    scene.place("regime", "sdf", east_m=5_000, until=20 * HOUR)
    scene.run_to(12 * HOUR)
    assert scene.standing() == ["proximity", "stale-position"]
    scene.place("sdf", "regime", until=20 * HOUR, unit="post")
    assert scene.standing() == ["proximity"]


def test_a_later_notice_in_what_was_answered_with_wilco_is_not_heeded(scene: Scene) -> None:
    intent = scene.intent("coalition", "russia")
    scene.now(scene.answer("russia", intent.of))
    scene.at(MINUTE)
    scene.intent("russia", "coalition")
    body = scene.finding("not-heeded").body
    assert (body.precedence, told(body)) == (Precedence.FLASH, ("coalition", "russia"))
    assert {desk.desk for desk in body.told} == {"operations", "staff"}


def test_what_is_not_heeded_is_an_overlap_too_however_the_wilco_came_about(scene: Scene) -> None:
    scene.place("russia", "coalition", unit="post")
    asked = scene.intent("coalition", "russia")
    assert scene.standing() == ["overlap"]
    scene.now(scene.answer("russia", asked.of))
    scene.place("russia", "coalition", unit="post")
    assert scene.standing() == ["not-heeded", "overlap"]


@pytest.mark.parametrize("word", ["UNABLE", None])
def test_without_a_wilco_before_it_is_an_overlap(scene: Scene, word: str | None) -> None:
    intent = scene.intent("coalition", "russia")
    if word is not None:
        scene.now(scene.answer("russia", intent.of, word))
    scene.intent("russia", "coalition")
    assert scene.standing() == ["overlap"]


def test_a_wilco_that_comes_after_does_not_make_it_unheeded(scene: Scene) -> None:
    intent = scene.intent("coalition", "russia")
    scene.intent("russia", "coalition")
    scene.now(scene.answer("russia", intent.of))
    assert scene.standing() == ["overlap"]


def test_an_incident_in_an_area_that_its_alleged_author_was_notified_of_says_what_was_proven_by_then(
    scene: Scene,
) -> None:
    area = scene.place("coalition", "russia", until=10 * HOUR)
    scene.at(10 * MINUTE)
    scene.now(scene.received("russia", area.of))
    scene.at(2 * HOUR)
    scene.now(scene.received("russia", area.of, "displayed"))
    window = within(circle(0, 100), HOUR, HOUR + MINUTE)
    scene.place("coalition", "russia", kind="incident", alleged="russia", volumes=[window])
    body = scene.finding("incident-in-notified-area").body
    assert body.measures == {"notified-s": 3600, "received-s": 3000}
    assert told(body) == ("coalition", "russia")
    assert "stored by a machine of russia 50 min before, not displayed to a person by then" in body.detail


def test_an_incident_is_shown_for_a_day_whatever_becomes_of_the_area(scene: Scene) -> None:
    area = scene.place("coalition", "russia", until=30 * HOUR)
    scene.at(HOUR)
    incident = {"kind": "incident", "alleged": "russia", "volumes": [within(circle(0, 100), HOUR, HOUR + MINUTE)]}
    scene.place("coalition", "russia", **incident)  # type: ignore[arg-type]
    scene.now(scene.notice("coalition", "russia", withdraws=area.of))
    scene.run_to(25 * HOUR - 1)
    assert scene.standing() == ["incident-in-notified-area"]
    scene.run_to(25 * HOUR)
    assert scene.standing() == []


def test_an_incident_before_the_area_was_notified_is_none(scene: Scene) -> None:
    scene.at(2 * HOUR)
    scene.place("coalition", "russia")
    window = within(circle(0, 100), HOUR, 3 * HOUR)
    scene.place("coalition", "russia", kind="incident", alleged="russia", volumes=[window])
    assert scene.findings() == []


def test_a_notice_across_the_line_names_the_version_and_who_had_accepted_it(scene: Scene) -> None:
    line = scene.line("coalition", "russia")
    scene.place("coalition", "russia", east_m=5_000)
    assert scene.findings() == []
    scene.intent("russia", "coalition", east_m=3_000)
    found = [record.body for record in scene.folded.ledger.findings.values() if record.body.kind == "line-crossed"]
    assert [told(body) for body in found] == [("coalition",), ("russia",)]
    for body in found:
        assert (body.line, body.precedence, body.concerns) == (line.of, Precedence.IMMEDIATE, ("russia",))
        assert body.measures["accepted-count"] == 2
        assert body.measures["depth-m"] == pytest.approx(4_000, abs=60)
        assert "version 1, which coalition, russia had accepted" in body.detail


@pytest.mark.parametrize("other", [{"accept": False}, {"left": ("coalition", "russia")}])
def test_a_line_that_is_not_agreed_or_not_crossed_is_no_finding(scene: Scene, other: dict[str, object]) -> None:
    scene.line("coalition", "russia", **other)  # type: ignore[arg-type]
    scene.intent("russia", "coalition", east_m=3_000)
    assert scene.findings() == []


def test_a_line_binds_only_those_who_agreed_to_it(scene: Scene) -> None:
    keeps = [{"party": "coalition", "side": "left"}, {"party": "regime", "side": "right"}]
    scene.line("coalition", "russia", keeps=keeps)
    scene.intent("regime", "coalition", east_m=3_000)
    assert scene.findings() == []


def test_an_intent_that_accounts_for_others_is_told_what_it_left_out(scene: Scene) -> None:
    named = scene.place("coalition", "russia")
    left_out = scene.place("coalition", "russia", east_m=9_000)
    scene.place("sdf", "coalition")
    intent = scene.intent("russia", "coalition", accounts_for=[named.of])
    body = scene.finding("not-taken-account-of").body
    assert (told(body), body.rests_on) == (("russia",), (intent.of, left_out.of))
    assert body.measures == {"left-out-count": 1}
    scene.run_to(4 * HOUR)
    assert "not-taken-account-of" not in scene.standing()


def test_an_intent_that_left_nothing_out_is_answered_too(scene: Scene) -> None:
    scene.intent("russia", "coalition", accounts_for=[])
    assert scene.findings() == [("raised", "accounted-for", ("russia",))]


def test_what_an_intent_does_not_overlap_in_altitude_it_need_not_name(scene: Scene) -> None:
    low = within(circle(0), floor_m=0, ceiling_m=1_000, reference="msl")
    scene.intent("sdf", "russia", volumes=[low])
    for floor_m, kind in ((5_000, "accounted-for"), (1_000, "not-taken-account-of")):
        high = within(circle(0), floor_m=floor_m, ceiling_m=6_000, reference="msl")
        scene.intent("russia", "sdf", volumes=[high], accounts_for=[])
        assert [found[1] for found in scene.findings() if found[2] == ("russia",)][-1] == kind


# --- what a unit's newest position is ---------------------------------------------------------------------------------


def test_a_late_report_of_an_older_position_is_not_where_the_unit_is(scene: Scene) -> None:
    scene.at(HOUR)
    newest = scene.place("sdf", "russia", unit="late")
    scene.place("sdf", "russia", unit="late", begin=0, east_m=50_000)
    scene.intent("russia", "sdf", east_m=50_000)
    assert scene.findings() == []
    scene.intent("russia", "sdf")
    assert scene.standing() == ["overlap"]
    shown = [one["properties"] for one in features(scene.folded.ledger, scene.now_ms)["features"]]
    assert [one["token_sha256"] for one in shown if one["what"] == "position"] == [newest.of]


def test_a_late_report_gives_the_newest_position_its_course(scene: Scene) -> None:
    scene.at(10 * MINUTE)
    scene.place("regime", "sdf")
    scene.place("sdf", "regime", unit="column", east_m=36_000)
    assert scene.findings() == []
    scene.place("sdf", "regime", unit="column", east_m=40_000, begin=0)
    assert scene.standing() == ["converging"]
    scene.place("sdf", "regime", unit="column", east_m=34_000, begin=5 * MINUTE)  # it was nearer, and goes away
    assert scene.standing() == []


def test_a_position_of_what_is_ahead_is_over_when_the_next_one_comes(scene: Scene) -> None:
    scene.place("sdf", "russia", unit="post", begin=2 * HOUR, east_m=50_000)
    scene.at(MINUTE)
    scene.place("sdf", "russia", unit="post")
    scene.intent("russia", "sdf", begin=2 * HOUR)
    assert scene.standing() == ["overlap"]


@pytest.mark.parametrize("how", ["amends", "withdraws"])
def test_what_is_given_after_a_position_was_taken_back_is_later_whatever_time_it_says(scene: Scene, how: str) -> None:
    scene.at(HOUR)
    wrong = scene.place("sdf", "russia", unit="post", east_m=50_000)
    if how == "withdraws":
        scene.now(scene.notice("sdf", "russia", withdraws=wrong.of))
        scene.place("sdf", "russia", unit="post", begin=0)
    else:
        scene.place("sdf", "russia", unit="post", begin=0, amends=wrong.of)
    scene.intent("russia", "sdf")
    assert scene.standing() == ["overlap"]


def test_a_draft_of_an_older_position_causes_nothing(scene: Scene) -> None:
    scene.at(HOUR)
    scene.intent("russia", "sdf")
    scene.place("sdf", "russia", unit="late", east_m=50_000)
    for begin_ms, kinds in ((0, []), (HOUR, ["overlap"])):
        members = scene.notice_members("russia", kind="position", unit="late", volumes=[within(circle(0), begin_ms)])
        sent = scene.sign("sdf", "notice", seq=900 + begin_ms, **members)
        drafts = would_cause(scene.folded.ledger, scene.opened(sent), "sdf", scene.now_ms)
        assert [draft.kind for draft in drafts] == kinds


def test_one_notice_causes_no_more_findings_than_the_limit(scene: Scene) -> None:
    for _ in range(20):
        scene.place("coalition", "russia")
    scene.intent("russia", "coalition")
    assert scene.standing() == ["overlap"] * 16


def test_leaves_that_were_taken_back_raise_nothing_twice_and_clear_in_time(scene: Scene) -> None:
    scene.place("coalition", "russia")
    size = scene.core.committed_size
    scene.intent("russia", "coalition", until=2 * HOUR)
    leaves, note, before = list(scene.store.leaves()), scene.core.note, scene.findings()
    scene.core = Core(fold(leaves[:size]), scene.core.keys, note)
    scene.core.rebuild(leaves[size:], note)
    scene.turn()
    assert scene.findings() == before
    scene.run_to(2 * HOUR)
    assert scene.standing() == []


def test_a_restart_raises_nothing_twice_and_clears_what_ended_meanwhile(scene: Scene) -> None:
    scene.line("coalition", "russia")
    scene.place("coalition", "russia", warn=circle(0, 20_000))
    scene.intent("russia", "coalition", until=2 * HOUR, accounts_for=[])
    before = scene.findings()
    scene.restart()
    scene.turn()
    assert scene.findings() == before
    scene.at(2 * HOUR)
    scene.restart()
    scene.turn()
    assert scene.standing() == ["line-crossed", "line-crossed", "warned", "warned"]
