"""The common picture as GeoJSON: what is on it at a time and for whom, its geometry and styles; `channel picture`."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pyproj import Geod
from typer.testing import CliRunner

from channel.cli import app
from channel.commands import picture_view
from channel.picture import features
from channel.picture.ahead import would_cause
from channel.picture.geojson import read
from channel.picture.situation import Situation
from channel.protocol.times import to_wire
from tests.unit.picture.scenes import T0_MS, Scene, at, circle, within
from tests.unit.relay.lab import HOUR, MINUTE

OLD_LOG = Path(__file__).resolve().parents[2] / "vectors" / "log-1" / "log.sqlite"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def shown(scene: Scene, at_ms: int = 0, party: str | None = None) -> list[dict[str, Any]]:
    found = features.features(scene.folded.ledger, T0_MS + at_ms, party)
    assert found["type"] == "FeatureCollection"
    return [feature["properties"] | {"geometry": feature["geometry"]} for feature in found["features"]]


def whats(scene: Scene, at_ms: int = 0, party: str | None = None) -> list[str]:
    return [feature["what"] for feature in shown(scene, at_ms, party)]


def test_everything_that_stands_is_there_with_its_style(scene: Scene) -> None:
    scene.line("coalition", "russia", excluded=[[at(0, 0), at(2_000, 0), at(0, 2_000)]])
    scene.place("coalition", "russia", unit="team", east_m=9_000, text="At the mill.")
    scene.intent("russia", "coalition", east_m=9_500)
    found = shown(scene)
    assert [one["what"] for one in found] == ["position", "intent", "line", "excluded", *["finding"] * 3]
    position, intent, line, excluded, *_ = found
    assert (position["title"], position["description"]) == ("coalition position: team", "At the mill.")
    assert position["fill"] == position["stroke"] == features.COLOURS[0]
    assert intent["fill-opacity"] > position["fill-opacity"]
    assert line["keeps"] == {"coalition": "left", "russia": "right"}
    assert (line["geometry"]["type"], excluded["geometry"]["type"]) == ("MultiLineString", "Polygon")
    assert {one["kind"] for one in found[4:]} == {"overlap", "line-crossed"}


def test_a_circle_is_a_closed_ring_of_its_radius_counter_clockwise(scene: Scene) -> None:
    scene.place("coalition", "russia", radius_m=5_000)
    (only,) = shown(scene)
    (ring,) = only["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    lon, lat = (value / 1e7 for value in at(0))
    assert all(Geod(ellps="WGS84").inv(lon, lat, *place)[2] == pytest.approx(5_000, abs=0.1) for place in ring)
    assert sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(ring)) < 0


def test_what_is_over_or_taken_back_or_not_yet_sent_is_not_there(scene: Scene) -> None:
    scene.place("coalition", "russia", until=HOUR)
    intent = scene.intent("russia", "coalition", east_m=50_000)
    scene.at(10 * MINUTE)
    scene.now(scene.notice("russia", "coalition", withdraws=intent.of))
    assert whats(scene, -1) == []
    assert whats(scene, 0) == ["position", "intent"]
    assert whats(scene, 10 * MINUTE) == ["position"]
    assert whats(scene, HOUR) == []


def test_a_notice_s_own_places_are_there_also_when_it_is_over_and_say_so(scene: Scene) -> None:
    intent = scene.intent("russia", "coalition", until=HOUR)
    line = scene.line("coalition", "russia", until_time=to_wire(T0_MS + HOUR))
    ledger = scene.folded.ledger

    def over(of: str, at_ms: int) -> list[bool]:
        return [one["properties"]["over"] for one in features.own(ledger, of, T0_MS + at_ms)]

    assert [over(intent.of, at_ms) for at_ms in (0, HOUR)] == [[False], [True]]
    assert [over(line.of, at_ms) for at_ms in (0, HOUR)] == [[False], [True]]
    [drawn] = features.own(ledger, intent.of, T0_MS + HOUR)
    assert drawn["properties"]["circle_radius_m"] == 1_000
    assert features.own(ledger, intent.of, T0_MS, "regime") == []
    withdrawn = scene.place("coalition", "russia")
    scene.now(scene.notice("coalition", "russia", withdraws=withdrawn.of))
    assert over(withdrawn.of, 10 * MINUTE) == [True]


def test_of_a_unit_only_the_newest_position_is_there_and_its_track_can_be_asked_for(scene: Scene) -> None:
    for step in range(4):
        scene.run_to(step * 10 * MINUTE)
        scene.place("sdf", "coalition", unit="column", east_m=step * 1_000)
    assert whats(scene, 30 * MINUTE) == ["position"]
    ledger = scene.folded.ledger
    assert features.units(ledger) == [("sdf", "column")]
    way = features.track(ledger, "sdf", "column", T0_MS + 10 * MINUTE, T0_MS + 30 * MINUTE)["features"][-1]
    assert way["properties"]["what"] == "track"
    assert len(way["properties"]["times"]) == len(way["geometry"]["coordinates"]) == 3
    assert features.track(ledger, "sdf", "column", T0_MS, T0_MS + HOUR, "regime")["features"] == []


def test_a_party_sees_what_it_may_read_and_no_end_that_did_not_reach_it(scene: Scene) -> None:
    mine = scene.place("coalition", "regime via russia")
    assert (whats(scene, 0, "russia"), whats(scene, 0, "regime")) == (["position"], [])
    scene.now(scene.forward("russia", mine.of, "regime"))
    scene.now(scene.notice("coalition", "regime via russia", withdraws=mine.of))
    assert (whats(scene, 0, "coalition"), whats(scene, 0, "regime")) == ([], ["position"])


def test_findings_are_drawn_for_those_who_were_told(scene: Scene) -> None:
    scene.place("sdf", "regime", "russia")
    scene.place("regime", "sdf", "russia", east_m=5_000)
    assert whats(scene, 0, "russia") == ["position", "position"]
    finding = shown(scene, 0, "sdf")[-1]
    assert (finding["what"], finding["kind"], finding["geometry"]["type"]) == ("finding", "proximity", "LineString")
    assert finding["distance-m"] > 2_000


def test_the_picture_is_geojson_that_our_own_strict_reader_takes(scene: Scene) -> None:
    scene.place("coalition", "russia", volumes=[within({"type": "point", "at": at(0), "accuracy_m": 5})])
    scene.intent("russia", "coalition", volumes=[within({"type": "line", "path": [at(0), at(900)], "width_m": 20})])
    text = json.dumps(features.features(scene.folded.ledger, T0_MS))
    assert [feature.type for feature in read(text.encode())] == ["Point", "LineString", "Polygon"]


# --- a client's own picture -------------------------------------------------------------------------------------------


def test_who_reads_two_notices_of_others_has_their_conflict_on_its_own_picture_though_in_no_log(scene: Scene) -> None:
    scene.intent("coalition", "russia")
    scene.intent("regime", "russia")
    ledger = scene.folded.ledger
    assert [cause.kind for cause in Situation(ledger, "russia").unlogged(scene.now_ms)] == ["overlap"]
    assert ledger.findings == {}


def test_what_the_channel_has_said_is_not_said_again(scene: Scene) -> None:
    scene.place("coalition", "russia", unit="team")
    scene.intent("russia", "coalition")
    scene.place("coalition", "russia", unit="team")
    own = Situation(scene.folded.ledger, "russia")
    assert [cause.kind for cause in own.causes(scene.now_ms)] == ["overlap"]
    assert own.unlogged(scene.now_ms) == []


def test_a_pair_that_is_close_and_converges_is_both_on_a_partys_own_picture(scene: Scene) -> None:
    scene.place("regime", "sdf")
    for step, east_m in enumerate((15_000, 12_000)):
        scene.run_to(step * 10 * MINUTE)
        scene.place("sdf", "regime", east_m=east_m, unit="2nd column")
    own = Situation(scene.folded.ledger, "regime")
    assert [cause.kind for cause in own.causes(scene.now_ms)] == ["proximity", "converging"]


def test_a_notice_not_yet_sent_is_judged_and_changes_nothing(scene: Scene) -> None:
    scene.line("coalition", "russia")
    scene.place("coalition", "russia", east_m=3_000)
    scene.place("regime", "coalition", "sdf", warn=circle(3_000, 20_000))
    own = Situation(scene.folded.ledger, "russia")
    before = own.causes(scene.now_ms)
    sent = scene.sign(
        "russia", "notice", seq=900,
        **scene.notice_members("coalition", kind="intent", volumes=[within(circle(3_000))], accounts_for=[]),
    )  # fmt: skip
    body = scene.opened(sent)
    kinds = [draft.kind for draft in would_cause(scene.folded.ledger, body, "russia", scene.now_ms)]
    assert kinds == ["line-crossed", "overlap", "warned", "not-taken-account-of"]
    assert own.causes(scene.now_ms) == before


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    shutil.copyfile(OLD_LOG, tmp_path / "log.sqlite")
    return tmp_path / "log.sqlite"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["picture", *arguments])
    return result.exit_code, result.stdout


def test_the_command_prints_lines_one_document_or_geojson(log: Path) -> None:
    code, text = run(str(log))
    assert (code, text.splitlines()[0].split()[1]) == (0, "at")
    code, text = run(str(log.parent), "--json")
    document = json.loads(text)
    assert code == 0
    assert {"net", "at", "positions", "intents", "lines", "findings"} <= set(document)
    code, text = run(str(log), "--geojson", "--at", "5")
    assert (code, json.loads(text)["type"]) == (0, "FeatureCollection")


def test_the_document_says_of_everything_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    scene.line("coalition", "russia", excluded=[[at(0, 0), at(900, 0), at(900, 900)]])
    scene.place("coalition", "russia", unit="post")
    scene.intent("russia", "coalition")
    ledger, at_ms = scene.folded.ledger, scene.now_ms
    monkeypatch.setattr(picture_view, "_read", lambda *_: (ledger, at_ms))
    drawn = {one["id"]: one["geometry"] for one in features.features(ledger, at_ms)["features"]}
    document = json.loads(run(str(tmp_path), "--json")[1])
    groups = ("positions", "intents", "sites", "incidents", "lines", "excluded", "findings", "tracks")
    rows = [row for group in groups for row in document[group]]
    assert {row["id"]: row["geometry"] for row in rows} == drawn
    assert [len(document[group]) for group in groups] == [1, 1, 0, 0, 1, 1, 5, 0]
    (overlap,) = [row for row in document["findings"] if row["kind"] == "overlap"]
    body = ledger.findings[overlap["finding"]].body
    assert (overlap["detail"], overlap["response"]) == (body.detail, "WU")
    assert overlap["area"] == body.area.model_dump(mode="json")  # type: ignore[union-attr]


def test_a_leaf_beyond_the_end_is_said_and_the_end_is_shown(log: Path) -> None:
    result = CliRunner().invoke(app, ["picture", str(log), "--at", "999999", "--json"])
    assert "there is no leaf 999999" in result.stderr
    assert json.loads(result.stdout) == json.loads(run(str(log), "--json")[1])


WRONG = [
    (),
    ("--live", "{log}"),
    ("{log}", "--json", "--geojson"),
    ("{log}", "--track", "none"),
    ("{log}", "--since", "2017-09-15T09:00Z"),
    ("{log}", "--party", "mars"),
]


@pytest.mark.parametrize("arguments", WRONG)
def test_what_cannot_be_shown_says_what_to_type(log: Path, arguments: tuple[str, ...]) -> None:
    code, text = run(*(argument.format(log=log) for argument in arguments))
    assert code == 2
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--at", "+10min"), "--at takes a leaf index or a time"),
        (("--at", "now"), "--at takes a leaf index or a time"),
        (("--at", "2010-01-01T00:00Z"), "nothing was in the log at that time: its first leaf came at 20"),
        (("--at", "tomorrow"), "cannot read the time"),
    ],
)
def test_a_moment_that_cannot_be_shown_is_told_from_an_empty_log(
    log: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, text = run(str(log), "--json", *arguments)
    error = json.loads(text)["error"]
    assert (code, error["code"], says in error["detail"]) == (2, "usage", True)


def test_a_log_that_is_none_has_a_stable_code_too(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_bytes(b"no database" * 500)
    code, text = run(str(tmp_path), "--at", "2010-01-01T00:00Z", "--json")
    assert (code, json.loads(text)["error"]["code"]) == (6, "fatal")
