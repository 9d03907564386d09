"""`party prove` and what it writes: the bundle and the leaves' proofs, both or neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.clients.lab import lab_at
from tests.unit.clients.test_cli import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


def test_a_bundle_that_cannot_be_written_leaves_no_proofs_and_the_repeat_goes_through(
    desk: Desk, tmp_path: Path
) -> None:
    nid = desk.json("coalition", "send", "--to", "russia", "--text", "x")["nid"]
    proofs, place = tmp_path / "proofs", tmp_path / "no"
    (tmp_path / "taken").mkdir()
    for output in (place / "bundle.json", tmp_path / "taken"):
        desk.run("coalition", "prove", nid, "-o", str(output), "--tlog-proof", str(proofs), status=2)
        assert f"cannot write {output}" in desk.errors
        assert list(proofs.iterdir()) == []
    place.mkdir()
    desk.run("coalition", "prove", nid, "-o", str(place / "bundle.json"), "--tlog-proof", str(proofs))
    assert [path.name for path in place.iterdir()] == ["bundle.json"]
    assert len(list(proofs.glob("*.tlog-proof"))) == len(list(proofs.iterdir())) > 1


def test_proofs_that_cannot_be_written_leave_no_bundle(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nid = desk.json("coalition", "send", "--to", "russia", "--text", "x")["nid"]
    place, proofs = tmp_path / "place", tmp_path / "proofs"
    place.mkdir()
    words = ["prove", nid, "-o", str(place / "bundle.json"), "--tlog-proof", str(proofs)]
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith("3."):
            raise OSError(28, "No space left on device")
        return write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        desk.run("coalition", *words, status=6)
    assert (list(place.iterdir()), list(proofs.iterdir())) == ([], [])
    desk.run("coalition", *words)
    assert list(place.iterdir()) == [place / "bundle.json"]


def test_what_no_quorum_has_cosigned_yet_is_in_it_and_is_left_out_only_on_request(desk: Desk, tmp_path: Path) -> None:
    nid, file = desk.json("coalition", "send", "--to", "russia", "--text", "x")["nid"], tmp_path / "bundle.json"
    desk.run("coalition", "prove", nid, "-o", str(file), "--witnessed", status=5)
    assert "without --witnessed" in desk.errors
    assert not file.exists()
    told = desk.json("coalition", "prove", nid, "-o", str(file))
    assert (told["quorum"], told["newer"], file.exists()) == (False, [], True)
