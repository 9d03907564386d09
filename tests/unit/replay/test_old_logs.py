"""Old logs decode for ever: each committed log gives the tree, state and digest that its own version gave (law 2)."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from channel.cli import app
from channel.log.report import Verdict
from channel.log.sqlite import SqliteLog
from channel.log.verify import verify_log
from channel.protocol import ids, sealing
from channel.protocol.statements import LEAVES, Notice
from channel.replay import account, read_log
from channel.replay.moment import END
from channel.replay.view import view
from tests.vectors import make_log

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
OLD = sorted(path.parent.name for path in VECTORS.glob("log-*/expected.json"))


def _expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / name / "expected.json").read_text())
    return found


def _copy(name: str, folder: Path) -> Path:
    """A log that may be opened: the committed one stays as it is."""
    copy = folder / "log.sqlite"
    shutil.copyfile(VECTORS / name / "log.sqlite", copy)
    return copy


@pytest.mark.parametrize("name", OLD)
def test_an_old_log_gives_the_same_state_and_digest(name: str, tmp_path: Path) -> None:
    expected = _expected(name)
    reading = read_log(_copy(name, tmp_path))
    ledger = reading.folded.ledger
    assert {**reading.head(), "deliveries": account.outcomes(ledger)} == {
        key: expected[key] for key in ("tree_size", "root", "state_digest", "deliveries")
    }
    counted = {name: len(getattr(ledger, name)) for name in ("notices", "alerts", "refused", "findings")}
    assert {name: expected.get(name, count) for name, count in counted.items()} == counted


@pytest.mark.parametrize("name", OLD)
def test_an_old_log_is_verified_with_its_cosignatures(name: str, tmp_path: Path) -> None:
    expected, charter = _expected(name), (VECTORS / name / "charter.jws").read_bytes().strip()
    with closing(SqliteLog(_copy(name, tmp_path), "read")) as log:
        report = verify_log(log.rows(), log.notes(), charter, log.cosignatures)
        lines = sum(len(log.cosignatures(size)) for size, _ in log.notes())
    assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ())
    assert report.witnessed == expected.get("witnessed", report.witnessed)
    assert lines == expected.get("cosignatures", lines)
    assert report.witnessed > 0


@pytest.mark.parametrize("name", [name for name in OLD if "parties" in _expected(name)])
def test_each_party_is_shown_what_its_own_client_held(name: str, tmp_path: Path) -> None:
    """`replay --as`: nothing of an old log becomes readable to somebody, or is lost to somebody, in a later version."""
    ledger = read_log(_copy(name, tmp_path)).folded.ledger
    views = {party: view(ledger, END, party) for party in ledger.parties}
    shown = {party: {key: one[key] for key in ("leaves", "state_digest")} for party, one in views.items()}
    assert shown == _expected(name)["parties"]


@pytest.mark.parametrize("name", [name for name in OLD if "bodies" in _expected(name)])
def test_the_bodies_that_an_old_log_keeps_are_those_of_its_sealed_notices(name: str, tmp_path: Path) -> None:
    path = _copy(name, tmp_path)
    notices = [record.body for record in read_log(path).folded.ledger.notices.values()]
    named = {body.sealed.ct: body for body in notices if isinstance(body, Notice) and body.sealed is not None}
    with closing(SqliteLog(path, "read")) as log:
        kept = {ct: log.body(ct) or b"" for ct in log.bodies()}
    assert len(kept) == _expected(name)["bodies"]
    assert kept.keys() < named.keys(), "what all addressees have is kept no longer"
    for ct, body in kept.items():
        addressed = {*(to.party for to in named[ct].to), *named[ct].info}
        assert {ids.kid_party(kid) for kid in sealing.recipients_of(body)} == addressed


def test_the_newest_old_log_holds_every_type_of_leaf(tmp_path: Path) -> None:
    """Whoever adds a type commits a log that holds one."""
    newest = max(OLD, key=lambda name: int(name.removeprefix("log-")))
    ledger = read_log(_copy(newest, tmp_path)).folded.ledger
    types = Counter(entry.opened.type for entry in ledger.entries.values())
    assert types == _expected(newest)["types"]
    assert types.keys() == {model.TYPE for model in LEAVES}


def test_there_are_old_logs_and_they_are_small() -> None:
    assert OLD == ["log-1", "log-2"]
    assert all((VECTORS / name / "log.sqlite").stat().st_size <= 200 * 1024 for name in OLD)


def test_the_way_in_which_such_a_log_is_made_still_works(tmp_path: Path) -> None:
    """Its keys are new each time, so that only what the story is can be the same."""
    make_log.make(tmp_path)
    made, committed = json.loads((tmp_path / "expected.json").read_text()), _expected("log-2")
    assert made.keys() == committed.keys()
    assert made["types"].keys() >= committed["types"].keys()
    for name in ("alert_stages", "finding_kinds"):
        assert set(made[name]) >= set(committed[name])


CHANGES = {
    "update leaf set idx = 900 where idx = 125; update leaf set idx = 125 where idx = 126; "
    "update leaf set idx = 126 where idx = 900": "leaves are not those that the log",
    "delete from leaf where idx = (select max(idx) from leaf)": "a signed checkpoint of",
    "update note set text = cast(replace(cast(text as text), 'dcn/', 'dcm/') as blob)": "a checkpoint does not verify",
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_digest_is_given_of_leaves_that_the_log_did_not_sign(change: str, tmp_path: Path) -> None:
    copy = _copy("log-2", tmp_path)
    with closing(sqlite3.connect(copy)) as db, db:
        db.executescript(change)
    result = CliRunner().invoke(app, ["replay", str(copy)])
    assert (result.exit_code, "state digest" in result.stdout) == (6, False), result.output
    assert CHANGES[change] in result.stderr
    assert f"channel verify {copy}" in result.stderr
