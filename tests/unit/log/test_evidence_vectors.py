"""Every committed file of evidence is judged as written beside it, and every reason has one that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from channel.log.documents import verify_document
from channel.log.report import REASONS, Report
from tests.vectors.folder import README_FILE
from tests.vectors.make_evidence import CHARTER_FILE, EXPECTED_FILE, FOLDER, files

ROOT = Path(__file__).resolve().parents[3]
CHARTER = (FOLDER / CHARTER_FILE).read_bytes().strip()
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / EXPECTED_FILE).read_text())

OF_A_WHOLE_LOG = {
    "leaf-changed": "names a row among all rows",
    "hash-changed": "a store keeps a hash beside each row, a file does not",
    "root-mismatch": "only all leaves give a root",
    "unsigned-leaves": "a file has one checkpoint, and what is above it has no proof",
    "truncated": "only all leaves can be too few for a checkpoint",
    "bad-log": "of a log's file",
    "missing-tile": "of an export",
    "bad-tile": "of an export",
    "tile-changed": "of an export",
    "more": "a hundred faults, not one",
}
"""Reasons that no single file with one fault can give."""


def _judged(name: str) -> Report:
    expected, data = EXPECTED[name], (FOLDER / name).read_bytes()
    if "charter_of" in expected:
        return verify_document((FOLDER / expected["charter_of"]).read_bytes(), data)
    return verify_document(data, CHARTER)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_file_is_judged_as_written(name: str) -> None:
    report, expected = _judged(name), EXPECTED[name]
    codes = sorted({reason.code for reason in report.reasons})
    assert (report.verdict.value, codes) == (expected["verdict"], expected["codes"]), report.reasons
    assert name.startswith("good-") is (expected["verdict"] == "verified")
    assert bool(report.proven) >= (expected["verdict"] == "verified")
    if expected["verdict"] == "refuted":
        assert report.proven == ()


def test_the_committed_files_are_those_that_the_script_makes() -> None:
    made = files()
    committed = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.name != README_FILE}
    assert sorted(committed) == sorted(made)
    assert [name for name in made if made[name] != committed[name]] == []


def test_no_two_files_are_the_same_and_none_has_two_descriptions() -> None:
    data = [(FOLDER / name).read_bytes() for name in EXPECTED]
    abouts = [(name.partition("-")[0], expected["about"]) for name, expected in EXPECTED.items()]
    assert len(set(data)) == len(data)
    assert len(set(abouts)) == len(abouts)


def _table(page: str) -> set[str]:
    """The codes of the tables of reasons of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    tables = "".join(re.findall(r"^\| reason \| meaning \|\n((?:\|.*\n)+)", text, re.MULTILINE))
    return set(re.findall(r"^\| `([a-z-]+)` ", tables, re.MULTILINE))


def test_every_reason_that_such_a_file_can_give_has_one() -> None:
    shown = {code for expected in EXPECTED.values() for code in expected["codes"]}
    reasons = _table("evidence.md") | _table("protocol.md")
    assert reasons >= set(REASONS)
    assert reasons - shown == set(OF_A_WHOLE_LOG)
