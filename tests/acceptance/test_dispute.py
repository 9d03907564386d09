"""The strike of 16 September 2017, disputed: each side had told the other, and no person had read it. On a real log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHANNEL = str(Path(sys.executable).parent / "channel")
# Around the industrial area north-east of the city.
AREA = {
    "type": "Feature",
    "properties": {"name": "industrial area"},
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[40.19, 35.38], [40.22, 35.38], [40.22, 35.4], [40.19, 35.4], [40.19, 35.38]]],
    },
}
STRIKE = ("--from", "2017-09-16T00:30Z", "--until", "2017-09-16T00:33Z")


def channel(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [CHANNEL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("dispute") / "home"
    run = channel("up", "--scenario", "deir-ezzor-2017", "--home", home, "--speed", "max", "--exit", "--json")
    assert run.returncode == 0, run.stderr
    (home / "area.geojson").write_text(json.dumps(AREA))
    return home


@pytest.fixture(scope="module")
def report(home: Path) -> dict[str, Any]:
    charter = home / "charter.jws"
    told = channel("dispute", home, "--area", home / "area.geojson", *STRIKE, "--charter", charter, "--json")
    assert told.returncode == 0, told.stderr
    return dict(json.loads(told.stdout))


def delivery(report: dict[str, Any], text: str, addressee: str) -> dict[str, Any]:
    (notice,) = (notice for notice in report["notices"] if text in notice["text"])
    (row,) = (row for row in notice["deliveries"] if row["addressee"] == addressee)
    return dict(row)


@pytest.mark.parametrize(
    ("text", "author", "addressee", "word"),
    [
        ("coalition advisers stay in the industrial area", "coalition", "russia", "ROGER"),
        ("Borders of tonight's operation", "russia", "coalition", "UNABLE"),
    ],
)
def test_each_side_had_told_the_other_and_no_person_had_read_it_before_the_strike(
    report: dict[str, Any], text: str, author: str, addressee: str, word: str
) -> None:
    row = delivery(report, text, addressee)
    assert row["at_from"]["level"] == row["at_until"]["level"] == "received"
    assert row["at_from"]["not_excluded"] == []
    assert row["steps"][1]["signed_by"] == f"{addressee}/sig/machine-1"
    claims = "\n".join(row["claims"])
    assert f"the log held of {addressee} no more than this: received by a machine" in claims
    assert f"by 2017-09-16T00:30:00Z says that the notice was displayed to a person of {addressee}" in claims
    assert f"this does not show that nobody of {addressee} knew" in claims
    assert claims.count("came into the log after that moment, and was signed after it") == 2
    # Afterwards both were read and answered, by desks whose keys a machine holds.
    assert (row["level"], row["word"], row["signed_by"]) == ("answered", word, f"{addressee}/sig/desk-operations")
    assert (row["key"], row["held"]) == ("desk", "machine")
    assert f"it is not shown that a person of {addressee} acted" in claims
    assert "2017-09-16T00:30" < row["not_before"] <= row["not_after"] < row["witnessed_before"]
    assert len(row["witnesses"]) >= 3
    (notice,) = (notice for notice in report["notices"] if text in notice["text"])
    assert notice["author"] == author
    assert notice["logged_at"] < "2017-09-16T00:30"
    assert "call" in {done["what"] for done in notice["after"]}


def test_the_report_says_how_far_it_can_be_relied_on(report: dict[str, Any]) -> None:
    assert report["log"] == {"verdict": "verified", "reasons": []}
    assert any("a trial, made by one hand" in line for line in report["unproven"])
    assert report["tree_size"] > 300


def test_what_was_told_after_the_strike_is_nothing_before_it(report: dict[str, Any]) -> None:
    row = delivery(report, "Struck from the air", "russia")
    assert row["at_from"] == row["at_until"] == {"level": "nothing", "word": None, "leaf": None, "not_excluded": []}


def test_one_party_alone_and_lines_and_a_page(home: Path) -> None:
    asked = ("dispute", home / "log.sqlite", "--area", home / "area.geojson", *STRIKE)
    only = json.loads(channel(*asked, "--party", "regime", "--json").stdout)
    assert {row["addressee"] for notice in only["notices"] for row in notice["deliveries"]} >= {"regime"}
    assert len(only["notices"]) == 1
    lines = channel(*asked, "--charter", home / "charter.jws")
    assert lines.returncode == 0
    assert lines.stdout.startswith("the log of deir-ezzor-2017, ")
    assert "verified under the charter given" in lines.stdout.splitlines()[0]
    other = channel(*asked, "--charter", Path("tests/vectors/log-1/charter.jws").absolute())
    assert (other.returncode, "REFUTED. Nothing below" in other.stdout.splitlines()[0]) == (0, True)
    assert "a machine of russia signed that it stored the notice: this is not knowledge by a person" in lines.stdout
    page = channel(*asked, "--html", home / "report.html")
    assert page.returncode == 0
    written = (home / "report.html").read_text(encoding="utf-8")
    assert "Borders of tonight&#x27;s operation" in written
    assert "<script" not in written
    assert str(home) not in written


def test_what_cannot_be_is_exit_2_and_says_what_to_do(home: Path) -> None:
    area = home / "area.geojson"
    point = home / "point.geojson"
    point.write_text('{"type": "Point", "coordinates": [40.2, 35.4]}')
    wrong = {
        "draw it as a Polygon": ("dispute", home, "--area", point, *STRIKE),
        "cannot read the area's file": ("dispute", home, "--area", home / "none", *STRIKE),
        "there is no log at": ("dispute", home / "none", "--area", area, *STRIKE),
        "--until is before --from": ("dispute", home, "--area", area, *STRIKE[:3], "2017-09-15T00:00Z"),
        "takes a time like": ("dispute", home, "--area", area, "--from", "now", *STRIKE[2:]),
        "the log knows coalition": ("dispute", home, "--area", area, *STRIKE, "--party", "nobody"),
        "one of the two": ("dispute", home, "--area", area, *STRIKE, "--json", "--html", home / "r.html"),
        "in a directory that is there": ("dispute", home, "--area", area, *STRIKE, "--html", home / "no" / "r.html"),
    }
    for said, arguments in wrong.items():
        told = channel(*arguments)
        assert (told.returncode, said in told.stderr) == (2, True), (said, told.stderr)
