"""Old logs decode for ever: each committed log gives the tree, state and digest that its own version gave (law 2)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from channel.log.report import Verdict
from channel.log.sqlite import SqliteLog
from channel.log.verify import verify_log
from channel.replay import account, read_log

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
OLD = sorted(path.parent.name for path in VECTORS.glob("log-*/expected.json"))


@pytest.mark.parametrize("name", OLD)
def test_an_old_log_gives_the_same_state_and_digest(name: str, tmp_path: Path) -> None:
    expected = json.loads((VECTORS / name / "expected.json").read_text())
    copy = tmp_path / "log.sqlite"
    shutil.copyfile(VECTORS / name / "log.sqlite", copy)
    reading = read_log(copy)
    ledger = reading.folded.ledger
    assert {**reading.head(), "deliveries": account.outcomes(ledger)} == {
        key: expected[key] for key in ("tree_size", "root", "state_digest", "deliveries")
    }
    assert (len(ledger.notices), len(ledger.alerts)) == (expected["notices"], expected["alerts"])
    log = SqliteLog(copy, "read")
    try:
        report = verify_log(log.rows(), log.notes(), (VECTORS / name / "charter.jws").read_bytes().strip())
    finally:
        log.close()
    assert report.verdict is Verdict.VERIFIED


def test_there_is_an_old_log() -> None:
    assert OLD == ["log-1"]
