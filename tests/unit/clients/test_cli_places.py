"""`party send` with places of every shape: what is typed becomes the signed volume, or nothing is signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channel.picture.geojson import FILE_BYTES_MAX
from channel.protocol.statements import Circle, Notice
from clients.commands import sending
from tests.unit.clients.lab import lab_at
from tests.unit.clients.test_cli import Desk

SOON = ["--from", "+10min", "--until", "+40min"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


def signed(desk: Desk, *words: str) -> Notice:
    """The notice that `coalition send` put into the log."""
    of = desk.json("coalition", "send", *words)["token_sha256"]
    body = desk.lab.relay.core.folded.ledger.notices[of].body
    assert isinstance(body, Notice)
    return body


def test_all_shapes_of_one_notice_share_its_window_and_band(desk: Desk) -> None:
    notice = signed(
        desk, "--circle", "37S FV 03674 10891,5km", "--circle", "35.40,40.20,500m",
        "--path", "35.3359,40.1408; 35.3700,40.1200,800m", "--polygon", "35.33,40.14; 35.37,40.12; 35.36,40.18",
        "--at", "35.3359,40.1408", "--altitude", "500-20000ft msl", *SOON,
    )  # fmt: skip
    assert [volume.shape.type for volume in notice.volumes] == ["point", "circle", "circle", "line", "polygon"]
    assert len({(v.from_, v.until) for v in notice.volumes}) == 1
    bands = [volume.altitude for volume in notice.volumes]
    assert {(a.floor_m, a.ceiling_m, a.reference) for a in bands if a is not None} == {(152, 6096, "msl")}


def test_what_a_notice_is_about_is_signed_with_it(desk: Desk) -> None:
    earlier = desk.json("russia", "send", "--to", "coalition", "--text", "We are there")
    notice = signed(
        desk, "--kind", "incident", "--alleged", "russia", "--unit", "1st patrol", "--at", "35.3359,40.1408",
        "--accuracy", "50m", "--until", "+1h",
    )  # fmt: skip
    assert (notice.alleged, notice.unit, notice.accounts_for) == ("russia", "1st patrol", None)
    intent = signed(desk, "--kind", "intent", "--circle", "35.4,40.2,1km", *SOON, "--accounts-for", earlier["nid"][:18])
    assert intent.accounts_for == (earlier["token_sha256"],)


def test_an_intent_may_take_account_of_nothing_and_is_told_what_there_is(desk: Desk) -> None:
    desk.json("russia", "send", "--to", "coalition", "--kind", "site", "--at", "35.3359,40.1408", "--until", "+1h")
    intent = signed(desk, "--kind", "intent", "--circle", "35.3359,40.1408,1km", *SOON, "--accounts-for", "none")
    assert intent.accounts_for == ()
    kinds = [record.body.kind for record in desk.lab.relay.core.folded.ledger.findings.values()]
    assert "not-taken-account-of" in kinds
    again = signed(desk, "--amends", intent.nid, "--text", "The same")
    assert again.accounts_for == ()
    named = desk.json("russia", "send", "--to", "coalition", "--text", "We are there")
    changed = signed(desk, "--amends", again.nid, "--accounts-for", named["nid"])
    assert changed.accounts_for == (named["token_sha256"],)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--kind", "site", "--accounts-for", "none"], "only an intent"),
        (["--accounts-for", "none"], "only an intent"),
        (["--kind", "intent", "--accounts-for", "none", "--accounts-for", "015e86a2"], "stands by itself"),
    ],
)
def test_what_takes_account_of_notices_is_an_intent(desk: Desk, words: list[str], says: str) -> None:
    desk.run("coalition", "send", "--circle", "35.3359,40.1408,1km", *SOON, *words, status=2)
    assert says in desk.errors


def test_an_unsealed_notice_warns_of_exactly_the_area_that_was_typed(desk: Desk) -> None:
    words = ["--to", "russia", "--at", "35.3359,40.1408", "--warn", "35.3359,40.1408,5km"]
    notice = signed(desk, *words, *SOON)
    assert (notice.warn, notice.sealed) == (Circle(center=(401408000, 353359000), radius_m=5000), None)
    assert "whoever may not read this notice is warned" in desk.errors
    warned = [r.body for r in desk.lab.relay.core.folded.ledger.findings.values() if r.body.kind == "warned"]
    assert {body.told[0].party for body in warned} == {"sdf", "regime"}


def test_an_amendment_with_a_shape_takes_the_place_of_the_old_one(desk: Desk) -> None:
    nid = desk.json("coalition", "send", "--circle", "35.3359,40.1408,5km", "--text", "Stay out", *SOON)["nid"]
    notice = signed(desk, "--amends", nid, "--path", "35.3359,40.1408; 35.3700,40.1200,800m", *SOON)
    assert [volume.shape.type for volume in notice.volumes] == ["line"]
    assert notice.text == "Stay out"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--circle", "35.3359,40.1408", *SOON], "--circle takes PLACE,RADIUS"),
        (["--circle", "35.3359,40.1408,5km"], "--until +40min"),
        (["--polygon", "35.0,40.0; 36.0,41.0; 36.0,40.0; 35.2,41.0", *SOON], "volume-invalid"),
        (["--at", "35,40", "--altitude", "high", *SOON], "--altitude takes FLOOR-CEILING"),
        (["--text", "x", "--altitude", "0-6000m"], "--altitude belongs to a place"),
        (["--circle", "35.3359,40.1408,5km", "--accuracy", "5m", *SOON], "--accuracy belongs to a place"),
        (["--kind", "intent", "--accounts-for", "no-such", "--text", "x"], "no notice here begins with"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_type_and_nothing_is_signed(
    desk: Desk, words: list[str], says: str
) -> None:
    size = desk.lab.relay.core.committed_size
    error = desk.json("coalition", "send", "--to", "russia", *words, status=2)
    assert says in error["error"]["detail"]
    assert desk.lab.relay.core.committed_size == size


def test_a_swapped_place_is_not_sent(desk: Desk) -> None:
    signed(desk, "--at", "35.3359,40.1408", "--until", "+1h")
    error = desk.json("coalition", "send", "--at", "40.1500,35.3400", "--until", "+1h", status=2)
    assert "looks swapped" in error["error"]["detail"]
    assert "35.3400,40.1500" in error["error"]["detail"]


# --- GeoJSON --------------------------------------------------------------------------------------------------------

RING = [[40.0, 35.0], [41.0, 35.0], [41.0, 36.0], [40.0, 35.0]]


def drawn(tmp_path: Path, geometry: dict[str, Any], **properties: Any) -> str:
    file = tmp_path / "plan.geojson"
    feature = {"type": "Feature", "id": "strike-1", "geometry": geometry, "properties": properties}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return str(file)


def test_a_file_of_shapes_is_sent_and_what_it_says_wins(desk: Desk, tmp_path: Path) -> None:
    circle = {"type": "Point", "coordinates": [40.1408, 35.3359]}
    file = drawn(
        tmp_path, circle, radius_m=5000, floor_m=0, ceiling_m=300, reference="agl", until="2017-09-15T02:00:00Z"
    )
    (volume,) = signed(desk, "--geojson", file, "--until", "+40min", "--altitude", "0-6000m").volumes
    assert volume.shape == Circle(center=(401408000, 353359000), radius_m=5000)
    assert volume.until == "2017-09-15T02:00:00.000Z"
    assert volume.altitude is not None
    assert (volume.altitude.ceiling_m, volume.altitude.reference) == (300, "agl")


def test_what_a_file_leaves_open_the_command_says(desk: Desk, tmp_path: Path) -> None:
    file = drawn(tmp_path, {"type": "Polygon", "coordinates": [RING]})
    (volume,) = signed(desk, "--geojson", file, "--altitude", "0-6000m", *SOON).volumes
    assert (volume.shape.type, volume.from_, volume.until) == (
        "polygon", "2017-09-15T00:10:00.000Z", "2017-09-15T00:40:00.000Z",
    )  # fmt: skip
    assert volume.altitude is not None


def test_what_show_writes_can_be_sent_again(desk: Desk, tmp_path: Path) -> None:
    first = signed(
        desk, "--circle", "35.3359,40.1408,5km", "--path", "35.3359,40.1408; 35.3700,40.1200,800m",
        "--polygon", "35.33,40.14; 35.37,40.12; 35.36,40.18", "--at", "35.3359,40.1408", "--altitude", "500-20000ft",
        *SOON,
    )  # fmt: skip
    file = tmp_path / "shown.geojson"
    file.write_text(desk.run("coalition", "show", first.nid, "--geojson"))
    assert json.loads(file.read_text())["features"][0]["properties"]["accuracy_m"] > 0
    assert signed(desk, "--geojson", str(file)).volumes == first.volumes


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        ({"type": "Polygon", "coordinates": [[[40, 35], [41, 36], [41, 35], [40, 36.1], [40, 35]]]}, "volume-invalid"),
        ({"type": "Point", "coordinates": [40, 95]}, "out-of-range"),
        ({"type": "Point", "coordinates": ["NaN", 35]}, "bad-geojson"),
        ({"type": "LineString", "coordinates": [[40, 30 + n / 100] for n in range(901)]}, "too-many-vertices"),
        ({"type": "Point", "coordinates": [35.3359, 40.1408]}, "looks-swapped"),
    ],
)
def test_a_feature_that_breaks_a_rule_is_named_and_nothing_is_sent(
    desk: Desk, tmp_path: Path, geometry: dict[str, Any], code: str
) -> None:
    signed(desk, "--at", "35.3359,40.1408", "--until", "+1h")
    file = drawn(tmp_path, geometry)
    size = desk.lab.relay.core.committed_size
    error = desk.json("coalition", "send", "--geojson", file, *SOON, status=2)["error"]
    assert (error["code"], error["feature"]) == (code, "feature 1 (strike-1)")
    assert f"feature 1 (strike-1): {code}: " in desk.errors
    assert desk.lab.relay.core.committed_size == size


def test_a_file_that_is_too_large_or_not_there_is_refused(desk: Desk, tmp_path: Path) -> None:
    assert sending.GEOJSON_BYTES_MAX == FILE_BYTES_MAX
    large = tmp_path / "large.geojson"
    with large.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    for path, says in (
        (large, "file-too-large"),
        (tmp_path / "none.geojson", "cannot read"),
        (tmp_path, "cannot read"),
    ):
        desk.json("coalition", "send", "--geojson", str(path), *SOON, status=2)
        assert says in desk.errors


def test_a_file_needs_an_end_in_it_or_from_the_command(desk: Desk, tmp_path: Path) -> None:
    file = drawn(tmp_path, {"type": "Point", "coordinates": [40.1408, 35.3359]})
    detail = desk.json("coalition", "send", "--geojson", file, status=2)["error"]["detail"]
    assert "--until +40min" in detail


def test_a_place_that_looks_swapped_is_sent_when_it_is_meant_as_written(desk: Desk, tmp_path: Path) -> None:
    signed(desk, "--at", "35.3359,40.1408", "--until", "+1h")
    file = drawn(tmp_path, {"type": "Point", "coordinates": [35.3359, 40.1408]}, radius_m=5000)
    assert "--as-written" in desk.json("coalition", "send", "--geojson", file, *SOON, status=2)["error"]["detail"]
    (volume,) = signed(desk, "--geojson", file, "--as-written", *SOON).volumes
    assert volume.shape == Circle(center=(353359000, 401408000), radius_m=5000)
    desk.run("coalition", "send", "--at", "35.3359,40.1408", "--as-written", *SOON, status=2)
    assert "--geojson FILE" in desk.errors


@pytest.mark.parametrize(
    ("type_", "coordinates"),
    [
        ("LineString", [[40.1, 35.3], [35.4, 40.2]]),
        ("MultiPoint", [[40.1, 35.3], [35.4, 40.2]]),
        ("Polygon", [[[35.3, 40.1], [35.4, 40.1], [35.4, 40.2], [35.3, 40.1]]]),
    ],
)
def test_any_place_of_a_file_may_be_the_swapped_one(
    desk: Desk, tmp_path: Path, type_: str, coordinates: list[object]
) -> None:
    signed(desk, "--at", "35.3359,40.1408", "--until", "+1h")
    file = drawn(tmp_path, {"type": type_, "coordinates": coordinates})
    error = desk.json("coalition", "send", "--geojson", file, *SOON, status=2)["error"]
    assert (error["code"], error["feature"][:9]) == ("looks-swapped", "feature 1")
    signed(desk, "--geojson", file, "--as-written", *SOON)


def test_the_code_of_a_typed_place_is_the_channels(desk: Desk) -> None:
    signed(desk, "--at", "35.3359,40.1408", "--until", "+1h")
    for code, typed in {
        "looks-swapped": ("--at", "40.1408,35.3359"),
        "volume-invalid": ("--polygon", "35.0,40.0; 36.0,41.0; 36.0,40.0; 35.2,41.0"),
        "volume-pole": ("--circle", "89.9,40.0,50km"),
    }.items():
        error = desk.json("coalition", "send", *typed, *SOON, status=2)["error"]
        assert error["code"] == code


def test_a_file_without_features_says_nothing_to_send(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "empty.geojson"
    file.write_text('{"type": "FeatureCollection", "features": []}')
    error = desk.json("coalition", "send", "--geojson", str(file), *SOON, status=2)["error"]
    assert (error["code"], "no feature" in error["detail"]) == ("bad-geojson", True)
