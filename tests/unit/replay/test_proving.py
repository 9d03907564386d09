"""Bundles out of the operator's log: which checkpoint, which receipts; and exports, written and read again."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from channel.log import case as bundle_case
from channel.log.bundle import read, verify_bundle
from channel.log.bundle_files import sentences
from channel.log.cosignature import cosign
from channel.log.report import Verdict
from channel.log.sqlite import SqliteLog
from channel.log.store import Cosignature
from channel.log.tiles import verify_tiles
from channel.protocol import ids
from channel.protocol.envelope import Signer
from channel.protocol.errors import FatalError, IncompleteError, UsageError
from channel.replay.export import export, reader
from channel.replay.proving import prove
from tests.unit.log.evidence import DESK, TIME_S, CaseLog, begun
from tests.unit.log.growing import CHARTER
from tests.vectors import bodies

MACHINE = Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))


@pytest.fixture
def case() -> CaseLog:
    """A notice, received and answered."""
    log = begun()
    log.say("russia", "receiving")
    log.say("russia", "answer", "sig/desk-operations")
    return log


def stored(case: CaseLog, path: Path, witnessed: int = 0) -> Path:
    """The log in a file; `witnessed`: the size that both parties have cosigned."""
    log, rows, start = SqliteLog(path, "create"), case.rows(), 0
    for size, note in case.notes():
        log.append(rows[start:size], note)
        start = size
    note = log.note(witnessed)
    for party in ("coalition", "russia") if note is not None else ():
        line = cosign(note or "", bodies.NET, Signer(f"{party}/wit/1", bodies.seed(f"{party}/wit/1")), TIME_S)
        log.put_cosignatures([Cosignature(witnessed, party, line)])
    log.close()
    return path


def test_a_bundle_holds_everything_and_as_far_as_a_quorum_only_if_asked_to(case: CaseLog, tmp_path: Path) -> None:
    size, path = case.tree.size, stored(case, tmp_path / "log.sqlite", case.tree.size - 1)
    whole = prove(path, case.of[:8], MACHINE)
    assert (whole.told["tree_size"], whole.told["quorum"], whole.told["newer"]) == (size, False, [])
    assert any("--witnessed" in line for line in sentences(whole.told))
    proved = prove(path, case.of[:8], MACHINE, witnessed=True)
    assert (proved.told["tree_size"], proved.told["cosigners"]) == (size - 1, ["coalition", "russia"])
    assert (proved.told["quorum"], proved.told["newer"]) == (True, [size - 1])
    assert any(f"leaves {size - 1}; without --witnessed" in line for line in sentences(proved.told))
    for one in (whole, proved):
        assert verify_bundle(one.bundle, CHARTER).verdict is Verdict.VERIFIED


def test_a_newer_leaf_of_the_key_chain_belongs_in_it_too(case: CaseLog, tmp_path: Path) -> None:
    size = case.say("russia", "revocation", "root/1", kid="russia/wit/1")
    path = stored(case, tmp_path / "log.sqlite", size)
    assert prove(path, case.of, MACHINE).told["indexes"][-1] == size
    assert prove(path, case.of, MACHINE, witnessed=True).told["newer"] == [size]


@pytest.mark.parametrize("witnessed", [0, 2])
def test_where_none_covers_the_notice_it_is_the_newest_of_all(case: CaseLog, tmp_path: Path, witnessed: int) -> None:
    proved = prove(stored(case, tmp_path / "log.sqlite", witnessed), case.of, MACHINE)
    assert (proved.told["tree_size"], proved.told["cosigners"], proved.told["newer"]) == (case.tree.size, [], [])
    assert verify_bundle(proved.bundle, CHARTER).verdict is Verdict.VERIFIED
    with pytest.raises(IncompleteError, match="or without --witnessed"):
        prove(tmp_path / "log.sqlite", case.of, MACHINE, witnessed=True)


def test_receipts_are_made_again_as_they_were_and_without_a_key_it_is_incomplete(case: CaseLog, tmp_path: Path) -> None:
    path = stored(case, tmp_path / "log.sqlite")
    index = next(leaf.index for leaf in case.leaves() if leaf.opened.of == case.of)
    assert case.receipt(index).decode() in read(prove(path, case.of, MACHINE).bundle).words
    told = prove(path, case.of, None).told
    assert (told["verdict"], [reason["code"] for reason in told["reasons"]]) == ("incomplete", ["keys-unattested"])


@pytest.mark.parametrize("ref", ["", "no", "015e"])
def test_a_name_of_no_notice_or_of_several_is_refused(case: CaseLog, tmp_path: Path, ref: str) -> None:
    with pytest.raises(UsageError, match=r"notices? in this log begin"):
        prove(stored(case, tmp_path / "log.sqlite"), ref, MACHINE)


def test_an_export_holds_the_log_and_its_cosignatures(case: CaseLog, tmp_path: Path) -> None:
    path, tiles = stored(case, tmp_path / "log.sqlite", case.tree.size), tmp_path / "tiles"
    size, count = export(path, tiles)
    assert size == case.tree.size
    assert count == sum(1 for file in tiles.rglob("*") if file.is_file())
    report = verify_tiles(reader(tiles), CHARTER)
    assert (report.verdict, report.root) == (Verdict.VERIFIED, ids.b64url(case.tree.root()))
    assert (tiles / "checkpoint").read_text().count("\n\u2014 ") == 3
    with pytest.raises(UsageError, match="not empty"):
        export(path, tiles)


def _damaged(path: Path, sql: str) -> Path:
    db = apsw.Connection(str(path))
    db.execute(sql)
    assert db.changes() == 1
    db.close()
    return path


@pytest.mark.parametrize("line", ["x'ff'", "x''", "x'0a'", "CAST(line || line AS BLOB)"])
def test_a_damaged_cosignature_is_named_with_its_file_size_and_party(case: CaseLog, tmp_path: Path, line: str) -> None:
    size = case.tree.size
    path = stored(case, tmp_path / "log.sqlite", size)
    _damaged(path, f"UPDATE cosignature SET line = {line} WHERE party = 'russia'")
    said = rf"{path}: the cosignature of russia on the checkpoint of {size} leaves is damaged .*restore the log"
    for act in (lambda: export(path, tmp_path / "tiles"), lambda: prove(path, case.of, MACHINE)):
        with pytest.raises(FatalError, match=said):
            act()
    assert not (tmp_path / "tiles").exists()


def test_a_damaged_checkpoint_is_named_with_its_file(case: CaseLog, tmp_path: Path) -> None:
    path = stored(case, tmp_path / "log.sqlite")
    _damaged(path, f"UPDATE note SET text = x'ff' WHERE size = {case.tree.size}")
    with pytest.raises(FatalError, match=rf"{path}: the newest checkpoint is damaged .*channel verify"):
        export(path, tmp_path / "tiles")
    with pytest.raises(FatalError, match=rf"{path}: the checkpoint of {case.tree.size} leaves is damaged"):
        prove(path, case.of, MACHINE)


def test_a_directory_in_the_place_of_a_tile_is_no_tile(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    assert reader(tmp_path)("checkpoint") is None
    assert reader(tmp_path)("tile/0/000") is None


def test_who_says_a_thing_again_and_again_crowds_out_nothing_else(
    case: CaseLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = prove(stored(case, tmp_path / "all.sqlite", 0), case.of, MACHINE).told["indexes"]
    monkeypatch.setattr(bundle_case, "BUNDLE_ROWS_MAX", len(full) + 8)
    for _ in range(40):
        case.say("russia", "answer", DESK)
    last = case.say("coalition", "forwarding", to="russia")
    proved = prove(stored(case, tmp_path / "log.sqlite", 0), case.of, MACHINE)
    assert verify_bundle(proved.bundle, CHARTER).verdict is Verdict.VERIFIED
    assert len(proved.told["indexes"]) == len(full) + 8
    assert {*full, last} <= set(proved.told["indexes"])
    assert len(proved.told["left_out"]) == 33
    assert any("33 more about the notice do not fit in one file" in line for line in sentences(proved.told))


def test_an_acknowledgement_goes_with_its_alert_and_bytes_are_counted_too(
    case: CaseLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        case.say("relay", "alert", alert=f"{number:016x}", stage="expired")
    for number in (7, 6):
        case.say("coalition", "acknowledgement", DESK, alert=f"{number:016x}")
    path = stored(case, tmp_path / "log.sqlite", 0)
    whole = prove(path, case.of, MACHINE)
    monkeypatch.setattr(bundle_case, "_BESIDE_BYTES_MAX", 0)
    verdicts = set()
    for room in range(len(whole.bundle), len(whole.bundle) // 2, -len(whole.bundle) // 40):
        monkeypatch.setattr(bundle_case, "BUNDLE_BYTES_MAX", room)
        proved = prove(path, case.of, MACHINE)
        verdicts.add(verify_bundle(proved.bundle, CHARTER).verdict)
        assert len(proved.told["indexes"]) + len(proved.told["left_out"]) == len(whole.told["indexes"])
    assert verdicts == {Verdict.VERIFIED}
    monkeypatch.setattr(bundle_case, "BUNDLE_BYTES_MAX", 3000)
    with pytest.raises(UsageError, match="hand over the log, or its export"):
        prove(path, case.of, MACHINE)
