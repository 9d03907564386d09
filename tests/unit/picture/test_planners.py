"""`channel side` and `channel conflicts`: files in, answers out, nothing else needed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channel.cli import app
from channel.picture import features
from channel.picture.conflicts import conflicts as conflicts_of
from channel.picture.conflicts import read_plan
from tests.unit.picture.scenes import T0_MS, Scene, within
from tests.unit.picture.scenes import at as place_at
from tests.unit.picture.test_geojson import BOW, SQUARE, collection, feature

DATA = Path(__file__).resolve().parents[3] / "channel" / "scenario" / "data" / "deir-ezzor-2017"
RIVERS = str(DATA / "rivers.geojson")
WHEN = {"from": "2017-09-16T00:00:00Z", "until": "2017-09-16T01:00:00Z"}


def channel(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def side(*arguments: str) -> dict[str, Any]:
    result = channel("side", *arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def conflicts(tmp_path: Path, *features: dict[str, Any], options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    file = tmp_path / "plan.geojson"
    file.write_bytes(collection(*features))
    result = channel("conflicts", str(file), "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def refusal(tmp_path: Path, *features: dict[str, Any]) -> dict[str, str]:
    file = tmp_path / "plan.geojson"
    file.write_bytes(collection(*features))
    result = channel("conflicts", str(file), "--json")
    assert result.exit_code == 2
    error: dict[str, str] = json.loads(result.stdout.splitlines()[0])["error"]
    assert error["detail"] in result.stderr
    return error


def planned(id_: str, whose: str, what: str, coordinates: Any, type_: str = "Point", **more: Any) -> dict[str, Any]:
    return feature(type_, coordinates, id_, **{"party": whose, "kind": what, **WHEN, **more})


# --- side -------------------------------------------------------------------------------------------------------------


def test_side_gives_every_known_place_its_bank_or_undetermined_within_two_kilometres() -> None:
    with (DATA / "places.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        at = f"{row['lat']},{row['lon']}"
        found = side("--line", RIVERS, "--feature", "euphrates", "--at", at, "--precision", "2km")
        known = row["bank"].partition("/")[0]
        assert found["side"] == (known if found["distance_m"] > 2000 else "undetermined"), row["name"]


def test_side_has_exactly_two_members() -> None:
    found = side("--line", RIVERS, "--feature", "euphrates", "--at", "35.33588,40.14084")
    assert found == {"side": "right", "distance_m": pytest.approx(1396.1, abs=0.2)}


def test_side_takes_places_in_every_system() -> None:
    for at in ("37S FV 03674 10891", "35°20'09\"N 40°08'27\"E", "SK42 3912555 7603827"):
        assert side("--line", RIVERS, "--feature", "euphrates", "--at", at)["side"] == "right"


def test_side_of_a_gap_is_not_covered(tmp_path: Path) -> None:
    file = tmp_path / "line.geojson"
    file.write_bytes(collection(feature("MultiLineString", [[[40, 36], [40, 35.6]], [[40, 35.4], [40, 35]]])))
    assert side("--line", str(file), "--at", "35.5,40.1")["side"] == "not_covered"
    assert side("--line", str(file), "--at", "35.3,40.1")["side"] == "left"


def test_side_for_people_is_one_line() -> None:
    result = channel("side", "--line", RIVERS, "--feature", "euphrates", "--at", "35.33588,40.14084")
    assert result.stdout == "right, 1,396 m from the line\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--at", "35.33,40.14"], "choose one with --feature ID: euphrates, tigris, khabur, balikh"),
        (["--at", "35.33,40.14", "--feature", "nile"], "no features have the id 'nile'"),
        (["--at", "95,40.14", "--feature", "euphrates"], "latitude"),
        (["--at", "40.14,35.33", "--feature", "euphrates"], "latitude comes first"),
        (["--at", "35.33,40.14", "--feature", "euphrates", "--precision", "wide"], "--precision takes a length"),
        (["--at", "35.33,40.14", "--feature", "euphrates", "--precision", "nan"], "--precision takes a length"),
    ],
)
def test_side_says_what_to_type_instead(arguments: list[str], says: str) -> None:
    result = channel("side", "--line", RIVERS, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr


UNREADABLE: list[dict[str, Any]] = [
    {"type": "Feature", "id": 1, "properties": None, "geometry": None},
    {"type": "Feature", "id": [], "properties": [], "geometry": {"type": "GeometryCollection", "geometries": []}},
    {"type": "Feature", "id": 3, "properties": {}, "geometry": {"type": "LineString", "coordinates": [[1, 2, 3]]}},
    {"type": "Feature", "id": 4, "properties": {}, "geometry": {"type": ["Point"], "coordinates": [4, 5]}},
]


def test_side_chooses_the_line_first_and_judges_it_alone(tmp_path: Path) -> None:
    file = tmp_path / "map.geojson"
    line = feature("LineString", [[40, 36], [40, 35]], "river")
    file.write_bytes(collection(*UNREADABLE, line))
    assert side("--line", str(file), "--feature", "river", "--at", "35.5,40.1")["side"] == "left"
    result = channel("side", "--line", str(file), "--at", "35.5,40.1")
    assert "2 lines in the file; choose one with --feature ID: 3, river" in result.stderr
    file.write_bytes(collection(UNREADABLE[0], UNREADABLE[1], UNREADABLE[3], line))
    assert side("--line", str(file), "--at", "35.5,40.1")["side"] == "left"


@pytest.mark.parametrize(
    ("coordinates", "at", "expected", "doubted"),
    [
        ([[0, 0], [1, 0]], "1,0.1", "left", True),
        ([[0, 0], [0, 10]], "0.5,5", "right", True),
        ([[0, 0], [10, 0], [10, 10]], "9,0", "left", True),
        ([[0, 0], [10, 5]], "8,3", "left", True),
        ([[36.0, 35.0], [36.2, 35.0]], "36.5,35.1", "not_covered", True),
        ([[40.0, 36.0], [40.0, 35.0]], "35.5,42", "left", False),
    ],
)
def test_side_answers_every_question_that_can_be_meant_and_doubts_aloud(
    tmp_path: Path, coordinates: list[list[float]], at: str, expected: str, doubted: bool
) -> None:
    file = tmp_path / "line.geojson"
    file.write_bytes(collection(feature("LineString", coordinates)))
    result = channel("side", "--line", str(file), "--at", at, "--json")
    assert (result.exit_code, json.loads(result.stdout)["side"]) == (0, expected)
    assert result.stderr.startswith("channel: looks-swapped: ") == doubted
    assert channel("side", "--line", str(file), "--at", at, "--as-written").stderr == ""


def test_side_refuses_a_place_that_can_only_be_swapped_with_its_code() -> None:
    result = channel("side", "--line", RIVERS, "--feature", "euphrates", "--at", "40.14,35.33", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, "looks-swapped")


def test_side_takes_a_place_as_written_when_it_is_told_so() -> None:
    found = side("--line", RIVERS, "--feature", "euphrates", "--at", "40.14,35.33", "--as-written")
    assert found["distance_m"] > 300_000


# --- conflicts --------------------------------------------------------------------------------------------------------


def test_conflicts_are_a_line_each_with_both_ids(tmp_path: Path) -> None:
    found = conflicts(
        tmp_path,
        planned("strike", "coalition", "intent", [40.14, 35.33], radius_m=2000, floor_m=0, ceiling_m=5000),
        planned("post", "russia", "position", [40.15, 35.335]),
        planned("far", "russia", "position", [40.5, 35.9]),
        planned("high", "russia", "intent", [SQUARE], "Polygon", floor_m=6000, ceiling_m=9000),
    )
    assert found == [
        {
            "finding": "overlap", "features": ["strike", "post"], "parties": ["coalition", "russia"],
            "kinds": ["intent", "position"], "from": "2017-09-16T00:00:00.000Z", "until": "2017-09-16T01:00:00.000Z",
            "distance_m": 0.0, "floor_m": 0, "ceiling_m": 5000, "reference": "msl", "certain": True,
            "area": {"center": [40.15, 35.335], "radius_m": 1},
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ({}, 1),
        ({"party": "coalition"}, 0),
        ({"kind": "position"}, 1),
        ({"from": "2017-09-16T01:00:00Z", "until": "2017-09-16T02:00:00Z"}, 0),
        ({"from": "2017-09-16T03:59:00+03:00", "until": "2017-09-16T05:00:00+03:00"}, 1),
        ({"floor_m": 1001}, 0),
        ({"floor_m": 1000}, 1),
        ({"floor_m": 1001, "reference": "agl"}, 1),
    ],
    ids=["both intents", "one party", "a position", "later", "a minute before the end", "above", "touching", "agl"],
)
def test_what_is_a_conflict(tmp_path: Path, changed: dict[str, Any], count: int) -> None:
    one = planned("a", "coalition", "intent", [SQUARE], "Polygon", ceiling_m=1000)
    other = planned("b", "russia", "intent", [SQUARE], "Polygon", **changed)
    assert len(conflicts(tmp_path, one, other)) == count


def test_two_positions_are_no_overlap_but_can_be_too_close(tmp_path: Path) -> None:
    pair = planned("a", "sdf", "position", [40.0, 35.0]), planned("b", "regime", "position", [40.1, 35.0])
    assert conflicts(tmp_path, *pair, options=("--proximity", "0m")) == []
    (found,) = conflicts(tmp_path, *pair)
    assert (found["finding"], found["features"]) == ("proximity", ["a", "b"])
    assert found["distance_m"] == pytest.approx(9129, abs=2)
    assert "area" not in found
    assert conflicts(tmp_path, *pair, options=("--proximity", "9km")) == []
    away = planned("c", "coalition", "position", [40.0, 35.15])  # 16.6 km
    assert conflicts(tmp_path, pair[0], away) == []


@pytest.mark.parametrize(
    ("properties", "distance_m", "floor_m", "ceiling_m"),
    [
        ({"radius_m": 1852.5}, 1853, None, None),
        ({"radius_m": 0}, 0, None, None),
        ({"radius_m": 0, "accuracy_m": 300}, 300, None, None),
        ({"radius_m": 500, "accuracy_m": 299.5}, 800, None, None),
        ({"radius_m": None, "accuracy_m": None}, 0, None, None),
        ({"floor_m": 100.5, "ceiling_m": 3048.5}, 0, 100, 3049),
        ({"floor_m": -0.5, "ceiling_m": 0.1}, 0, -1, 1),
    ],
)
def test_parts_of_a_metre_are_rounded_outwards_and_accuracy_widens_a_radius(
    properties: dict[str, Any], distance_m: int, floor_m: int | None, ceiling_m: int | None
) -> None:
    (one,) = read_plan(collection(planned("a", "sdf", "intent", [40, 35], **properties)))
    (solid,) = one.solids
    band = None if solid.altitude is None else (solid.altitude.floor_m, solid.altitude.ceiling_m)
    assert (solid.reach_m, band) == (distance_m, None if floor_m is None else (floor_m, ceiling_m))


def test_an_empty_plan_has_no_conflict(tmp_path: Path) -> None:
    assert conflicts(tmp_path) == []


def test_a_plan_names_its_parties_as_it_likes(tmp_path: Path) -> None:
    pair = planned("a", "X", "intent", [40, 35]), planned("b", "Task Force 5", "intent", [40, 35])
    assert conflicts(tmp_path, *pair)[0]["parties"] == ["X", "Task Force 5"]
    assert refusal(tmp_path, planned("a", "x\ny", "intent", [40, 35]))["code"] == "bad-property"


def test_a_number_in_the_file_never_clashes_with_an_id(tmp_path: Path) -> None:
    one, other = planned("2", "sdf", "intent", [40, 35]), planned("b", "regime", "intent", [40, 35])
    one["id"] = 2
    del other["id"]
    assert conflicts(tmp_path, one, other)[0]["features"] == [2, "#2"]
    one["id"] = "2"
    third = planned("#2", "russia", "intent", [40, 35])
    assert [found["features"] for found in conflicts(tmp_path, one, other, third)] == [
        ["2", "##2"], ["2", "#2"], ["##2", "#2"],
    ]  # fmt: skip


def test_a_common_picture_is_a_plan_whatever_else_is_on_it() -> None:
    """Also with a place that was signed though it looks swapped. Features of a plan are taken for nothing else."""
    scene = Scene()
    scene.line("coalition", "russia", excluded=[[place_at(0), place_at(2_000), place_at(0, 2_000)]])
    scene.place("coalition", "russia", unit="team", east_m=9_000)
    scene.intent("russia", "coalition", east_m=9_500)
    scene.place("sdf", "coalition", kind="incident", alleged="russia")
    swapped = {"type": "circle", "center": place_at(0)[::-1], "radius_m": 500}
    scene.place("sdf", "coalition", volumes=[within(swapped)])
    picture = features.features(scene.folded.ledger, T0_MS)
    found = conflicts_of(read_plan(json.dumps(picture).encode()))
    assert [(one.kind, one.first.party, one.second.party) for one in found] == [("overlap", "coalition", "russia")]
    for what in ("line", "finding", "incident"):
        odd = planned("a", "sdf", "intent", [40, 35])
        odd["properties"]["what"] = what
        assert len(read_plan(collection(odd))) == 1


def test_a_feature_without_an_id_goes_by_its_number(tmp_path: Path) -> None:
    one, other = planned("a", "sdf", "intent", [40, 35]), planned("b", "regime", "intent", [40, 35])
    del one["id"], other["id"]
    assert conflicts(tmp_path, one, other)[0]["features"] == [1, 2]


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"party": None}, "bad-property", "`party` is missing"),
        ({"kind": "attack"}, "bad-property", "intent, position, site"),
        ({"from": "yesterday"}, "bad-property", "`from` is a time"),
        ({"from": "2017-09-16T00:00:00"}, "bad-property", "with its offset"),
        ({"until": "2017-09-16T00:00:00Z"}, "window-invalid", "later than `from`"),
        ({"until": "2018-09-18T00:00:00Z"}, "window-too-long", "366 days"),
        ({"floor_m": 2000, "ceiling_m": 1000}, "volume-invalid", "above"),
        ({"floor_m": "FL100"}, "bad-property", "a number of metres"),
        ({"reference": "flight level"}, "bad-property", "msl"),
        ({"reference": []}, "bad-property", "msl"),
        ({"reference": {}}, "bad-property", "msl"),
        ({"radius_m": 2000}, "bad-property", "for points"),
    ],
)
def test_a_feature_that_says_too_little_or_something_wrong_is_named(
    tmp_path: Path, changed: dict[str, Any], code: str, says: str
) -> None:
    error = refusal(tmp_path, planned("strike", "coalition", "intent", [SQUARE], "Polygon", **changed))
    assert error["code"] == code
    assert error["detail"].startswith("feature 1 (strike): ")
    assert says in error["detail"]


def test_bow_ties_and_ids_that_occur_twice_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, planned("a", "sdf", "intent", [BOW], "Polygon"))["code"] == "volume-invalid"
    twice = planned("a", "sdf", "intent", [40, 35]), planned("a", "regime", "intent", [40, 35])
    assert refusal(tmp_path, *twice)["code"] == "duplicate-id"


def test_a_file_that_is_too_large_or_not_there_is_an_error_for_people(tmp_path: Path) -> None:
    large = tmp_path / "large.geojson"
    large.write_bytes(b" " * 10_000_001)
    result = channel("conflicts", str(large))
    assert (result.exit_code, result.stderr[:23]) == (2, "channel: file-too-large")
    result = channel("conflicts", str(tmp_path / "none.geojson"))
    assert result.exit_code == 2
    assert "none.geojson: No such file" in result.stderr
