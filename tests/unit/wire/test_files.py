"""What is handed on is written whole, or what was there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from channel.protocol.errors import UsageError
from channel.replay.export import write_into
from channel.wire.files import place


def test_what_cannot_be_written_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    place(file, b"old")
    place(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.json"]
    assert file.read_bytes() == b"new"
    for attempt in (lambda: place(tmp_path / "no" / "b", b""), lambda: write_into(file, iter(()))):
        with pytest.raises(UsageError, match="cannot write"):
            attempt()


def test_a_bundle_and_its_proofs_are_both_written_or_neither(tmp_path: Path) -> None:
    proofs, there, taken = tmp_path / "proofs", tmp_path / "there", tmp_path / "taken"
    taken.mkdir()
    for file in (there / "bundle.json", taken):
        with pytest.raises(UsageError, match="cannot write"):
            place(file, b"new", beside=(proofs, [("1.tlog-proof", b"one")]))
        assert list(proofs.iterdir()) == []
    there.mkdir()
    (there / "bundle.json").write_bytes(b"old")
    unwritable = [("1.tlog-proof", b"one"), ("no/2.tlog-proof", b"two")]
    with pytest.raises(UsageError, match="cannot write"):
        place(there / "bundle.json", b"new", beside=(proofs, unwritable))
    assert ([path.name for path in there.iterdir()], list(proofs.iterdir())) == (["bundle.json"], [])
    assert (there / "bundle.json").read_bytes() == b"old"
    place(proofs / "bundle.json", b"new", beside=(proofs, unwritable[:1]))
    assert sorted(path.name for path in proofs.iterdir()) == ["1.tlog-proof", "bundle.json"]


def test_a_file_for_its_owner_is_never_open_to_others(tmp_path: Path) -> None:
    file = tmp_path / "disclosed.json"
    place(file, b"sealed", mode=0o600)
    assert file.stat().st_mode & 0o777 == 0o600
