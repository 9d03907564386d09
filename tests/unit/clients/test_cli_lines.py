"""`party line`: from a file, with areas in which it does not bind, accepted, listed, withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.picture import AgreedLine
from tests.unit.clients.lab import lab_at
from tests.unit.clients.test_cli import Desk
from tests.unit.picture.shapes import at
from tests.unit.picture.test_geojson import SQUARE, collection, feature

LINE = ["line", "propose", "euphrates", "--title", "River", "--to", "coalition", "--to", "sdf", "--beyond", "North"]
KEEPS = ["--keeps", "coalition=left", "--keeps", "russia=right"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


def test_a_line_is_listed_until_all_have_accepted_and_then_as_in_force(desk: Desk) -> None:
    nid = desk.json("russia", *LINE, *KEEPS, "--part", "36.0,40.0; 35.0,40.0")["nid"]
    desk.json("coalition", "line", "accept", nid)
    (proposed,) = desk.json("sdf", "line", "list")
    assert (proposed["state"], proposed["missing"], list(proposed["accepted"])) == (
        "proposed", ["sdf"], ["russia", "coalition"],
    )  # fmt: skip
    assert "proposed by russia, waits for sdf" in desk.run("sdf", "line", "list")
    desk.json("sdf", "line", "accept", nid)
    for party in ("russia", "coalition", "sdf"):
        (agreed,) = desk.json(party, "line", "list")
        assert (agreed["state"], agreed["missing"], agreed["keeps"]) == (
            "in-force", [], {"coalition": "left", "russia": "right"},
        )  # fmt: skip
    assert "IN FORCE since" in desk.run("coalition", "line", "list")
    desk.json("coalition", "line", "withdraw", nid)
    assert desk.json("russia", "line", "list")[0]["state"] == "withdrawn"
    assert "withdrawn by coalition" in desk.run("sdf", "line", "list")


def test_parts_and_excluded_areas_come_from_a_file_and_as_typed(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "line.geojson"
    file.write_bytes(collection(feature("LineString", [[40, 36], [40, 35.6]]), feature("Polygon", [SQUARE], "city")))
    typed = ["--part", "35.4,40.0; 34.9,40.0", "--excluded", "35.7,40.0; 35.7,40.2; 35.9,40.2"]
    sent = desk.json("russia", *LINE, *KEEPS, "--geojson", str(file), *typed)
    body = desk.lab.relay.core.folded.ledger.lines.versions[sent["token_sha256"]].body
    line = AgreedLine.of(body)
    places = {
        (35.5, 40.3): "not_covered",
        (35.3, 40.3): "left",
        (35.05, 40.05): "not_covered",
        (35.75, 40.1): "not_covered",
    }
    assert {place: line.bank(at(place[1], place[0])).bank for place in places} == places


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "where does it run?"),
        (["--part", "36.0,40.0"], "at least two places"),
        (["--part", "36.0,40.0; 35.0,40.0", "--excluded", "36.0,40.0; 35.0,40.0"], "at least three places"),
        (["--geojson", "nowhere.geojson"], "cannot read nowhere.geojson"),
    ],
)
def test_a_line_without_a_place_is_a_mistake_of_the_caller(desk: Desk, words: list[str], says: str) -> None:
    desk.run("russia", *LINE, *words, status=2)
    assert says in desk.errors


def test_what_a_line_may_be_called_is_said_in_words(desk: Desk) -> None:
    words = ["line", "propose", "L1", "--title", "River", "--beyond", "", "--part", "36.0,40.0; 35.0,40.0"]
    detail = desk.json("russia", *words, status=2)["error"]["detail"]
    assert detail == "a line's name is small letters, digits and hyphens, 64 at most, like euphrates; not 'L1'"


def test_a_file_with_a_point_is_no_line(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "line.geojson"
    file.write_bytes(collection(feature("Point", [40, 36], "bridge")))
    desk.run("russia", *LINE, "--geojson", str(file), status=2)
    assert "feature 1 (bridge)" in desk.errors


def test_a_line_with_a_place_that_looks_swapped_is_proposed_when_it_is_meant_as_written(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "line.geojson"
    file.write_bytes(collection(feature("LineString", [[40.1, 35.3], [40.2, 35.2], [40.3, 35.1], [35.3, 40.1]])))
    detail = desk.json("russia", *LINE, *KEEPS, "--geojson", str(file), status=2)["error"]["detail"]
    assert "--as-written" in detail
    desk.json("russia", *LINE, *KEEPS, "--geojson", str(file), "--as-written")
    file.write_text('{"type": "FeatureCollection", "features": []}')
    assert desk.json("russia", *LINE, "--geojson", str(file), status=2)["error"]["code"] == "bad-geojson"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--part", "36.0,40.0; 36.0,40.0"], "volume-invalid"),
        (["--part", "89.0,40.0; 90.0,40.0"], "volume-pole"),
        (["--part", "36.0,40.0; 35.0,40.0", "--excluded", "35,40; 36,41; 35,41; 36,40"], "volume-invalid"),
        (["--part", "40.1,35.3; 40.2,35.4"], "looks-swapped"),
        (["--part", "35.3,40.1; 40.2,35.4"], "looks-swapped"),
        (["--geojson", "swapped.geojson"], "looks-swapped"),
        (["--part", "36.0,40.0; 35.0,40.0", "--keeps", "russai=right"], "usage"),
        (["--part", "36.0,40.0; 35.0,40.0", "--keeps", "regime=right"], "usage"),
    ],
)
def test_what_cannot_be_a_line_is_refused_before_it_is_signed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swapped.geojson").write_bytes(collection(feature("LineString", [[35.3, 40.1], [35.4, 40.2]])))
    desk.json("russia", "send", "--to", "coalition", "--kind", "site", "--at", "35.3359,40.1408", "--until", "+1h")
    size = desk.lab.relay.core.committed_size
    assert desk.json("russia", *LINE, *KEEPS, *words, status=2)["error"]["code"] == code
    assert desk.lab.relay.core.committed_size == size


def test_a_party_asks_on_whose_side_of_a_line_in_force_a_place_is(desk: Desk) -> None:
    desk.run("coalition", "line", "side", "euphrates", "--at", "35.5,40.1", status=2)
    assert "no version of 'euphrates' is in force; lines in force here: none" in desk.errors
    nid = desk.json("russia", *LINE, *KEEPS, "--part", "36.0,40.0; 35.0,40.0")["nid"]
    for party in ("coalition", "sdf"):
        desk.json(party, "line", "accept", nid)
    east = ["--at", "35.50000,40.10000"]
    asked = {party: desk.json(party, "line", "side", "euphrates", *east) for party in ("coalition", "russia", "sdf")}
    assert {party: found["side"] for party, found in asked.items()} == {
        "coalition": "mine", "russia": "theirs", "sdf": "not_covered",
    }  # fmt: skip
    assert asked["coalition"]["distance_m"] == pytest.approx(9073, abs=1)
    assert (asked["coalition"]["version"], asked["coalition"]["others"]) == (1, [])
    assert asked["coalition"]["accepted"] == ["coalition", "russia", "sdf"]
    said = desk.run("russia", "line", "side", "euphrates", *east)
    assert said == "theirs, 9,073 m from euphrates (version 1, in force between coalition, russia, sdf)\n"
    assert desk.json("coalition", "line", "side", "euphrates", "--at", "35.5,40.0001")["side"] == "undetermined"
    assert desk.run("coalition", "line", "side", "euphrates", "--at", "36.5,40.1").startswith("not covered, ")
    assert desk.json("coalition", "line", "side", "euphrates", "--at", "35.5,40.1")["accuracy_m"] > 5_000


def test_of_several_versions_in_force_the_partys_own_and_highest_comes_first(desk: Desk) -> None:
    first = desk.json("russia", *LINE, *KEEPS, "--part", "36.0,40.0; 35.0,40.0")["nid"]
    for party in ("coalition", "sdf"):
        desk.json(party, "line", "accept", first)
    second = desk.json(
        "russia", "line", "propose", "euphrates", "--version", "2", "--title", "Line", "--beyond", "", "--to", "sdf",
        "--info", "coalition", "--keeps", "sdf=left", "--keeps", "russia=right", "--part", "36.0,40.0; 35.0,40.0",
    )["nid"]  # fmt: skip
    desk.json("sdf", "line", "accept", second)
    east = ["--at", "35.50000,40.10000"]
    found = {party: desk.json(party, "line", "side", "euphrates", *east) for party in ("coalition", "sdf")}
    assert [(one["version"], one["side"]) for one in (found["sdf"], *found["sdf"]["others"])] == [
        (2, "mine"), (1, "not_covered"),
    ]  # fmt: skip
    assert [(one["version"], one["side"]) for one in (found["coalition"], *found["coalition"]["others"])] == [
        (1, "mine"), (2, "not_covered"),
    ]  # fmt: skip
