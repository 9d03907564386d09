"""What we write is right for tools that others wrote: Go's sumdb/note and tlog, and the package aics-tlog.

Each is skipped where it is not installed; `.ci/run` installs both, and there nothing may be skipped.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from channel.log.checkpoint import ALG_COSIGNATURE, ALG_ED25519, key_id
from channel.log.cosignature import cosigner_name, open_line, witnesses
from channel.log.leaf import encode
from channel.log.tiles import export
from channel.log.tlog_proof import read, write
from channel.protocol.envelope import open_charter
from channel.protocol.keys import KeyRing
from tests.unit.log.evidence import TIME_S, CaseLog, shared
from tests.unit.log.growing import CHARTER, LOG_SIGNER, ORIGIN
from tests.vectors import bodies

FOREIGN = Path(__file__).resolve().parents[2] / "foreign"
GO_SOURCES = "/usr/share/gocode"  # where Debian's golang packages put libraries
PARTIES = ("coalition", "russia")
Ask = Callable[..., dict[str, Any]]


def _run(command: list[str], document: dict[str, Any]) -> dict[str, Any]:
    ran = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """The Go program, built without any network from what is installed."""
    compiler = shutil.which("go")
    if compiler is None or not Path(GO_SOURCES, "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("needs Go and its module library: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    own = {
        "GO111MODULE": "off",
        "GOPATH": GO_SOURCES,
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
        "CGO_ENABLED": "0",
    }
    command = [compiler, "build", "-o", str(folder / "foreign"), "."]
    built = subprocess.run(
        command, cwd=FOREIGN / "go", env=os.environ | own, capture_output=True, text=True, check=False, timeout=300
    )
    assert built.returncode == 0, built.stderr
    return lambda **document: _run([str(folder / "foreign")], document)


@pytest.fixture(scope="module")
def aics() -> Ask:
    """The Python program under an interpreter that has aics-tlog."""
    python = os.environ.get("FOREIGN_PYTHON")
    if python is None:
        pytest.skip("needs a Python with aics-tlog: `.ci/run` makes one, or name it in FOREIGN_PYTHON")
    return lambda **document: _run([python, str(FOREIGN / "aics" / "check.py")], document)


@pytest.fixture(params=["go", "aics"])
def either(request: pytest.FixtureRequest) -> Ask:
    """One after the other: what is asked of both."""
    ask: Ask = request.getfixturevalue(request.param)
    return ask


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _vkey(name: str, public: bytes) -> str:
    return f"{name}+{key_id(name, ALG_ED25519, public).hex()}+{_b64(bytes([ALG_ED25519]) + public)}"


def _cosigners() -> list[dict[str, Any]]:
    names = [(cosigner_name(bodies.NET, party), bodies.public(f"{party}/wit/1")) for party in PARTIES]
    return [
        {"name": name, "public": _b64(public), "key_id": int.from_bytes(key_id(name, ALG_COSIGNATURE, public), "big")}
        for name, public in names
    ]


def _note_case(note: str) -> dict[str, Any]:
    """A note as both programs want it; each takes what it needs."""
    return {
        "note": note,
        "name": ORIGIN,
        "public": _b64(LOG_SIGNER.public),
        "vkeys": [_vkey(ORIGIN, LOG_SIGNER.public)],
        "cosigners": _cosigners(),
        "quorum": 2,
    }


@cache
def _large() -> CaseLog:
    """More leaves than a tile holds."""
    log = CaseLog()
    for _ in range(299):
        log.add("notice")
    log.commit()
    return log


# --- notes ----------------------------------------------------------------------------------------------------------


def test_go_opens_our_checkpoints_and_cosignatures(go: Ask) -> None:
    notes = [shared().note(*PARTIES[:count]) for count in range(3)]
    names = [ORIGIN, *(cosigner_name(bodies.NET, party) for party in PARTIES)]
    assert go(notes=[_note_case(note) for note in notes])["notes"] == [names[:1], names[:2], names]


def test_aics_counts_our_cosignatures_with_their_times(aics: Ask) -> None:
    found = aics(notes=[_note_case(shared().note(*PARTIES[:count])) for count in (1, 2)])["notes"]
    names = [cosigner_name(bodies.NET, party) for party in PARTIES]
    assert [one["ok"] for one in found] == [False, True]
    assert found[1]["times"] == {name: TIME_S + n for n, name in enumerate(names)}


def test_a_changed_note_opens_for_nobody(either: Ask) -> None:
    note = shared().note(*PARTIES)
    changed = [note.replace("\n23\n", "\n24\n"), note.replace(ORIGIN, "dcn/other-net", 1)]
    found = either(notes=[_note_case(one) for one in changed])["notes"]
    assert all(one is None or not (isinstance(one, dict) and one["ok"]) for one in found)
    assert not any(isinstance(one, list) for one in found)


def test_we_open_a_cosignature_that_aics_made(aics: Ask) -> None:
    log = shared()
    name = cosigner_name(bodies.NET, "russia")
    case = {"name": name, "seed": _b64(bodies.seed("russia/wit/1")), "time": TIME_S, "origin": ORIGIN}
    [line] = aics(cosign=[{**case, "size": log.tree.size, "root": _b64(log.tree.root())}])["cosigned"]
    keys = witnesses(KeyRing(*open_charter(CHARTER)), log.tree.size)
    assert open_line(log.note(), line, bodies.NET, keys) == ("russia", TIME_S)
    assert line == log.note("russia").splitlines(keepends=True)[-1], "Ed25519 is deterministic"


# --- proofs ---------------------------------------------------------------------------------------------------------


def _inclusions() -> list[dict[str, Any]]:
    tree, rows = shared().tree, shared().rows()
    return [
        {
            "leaf": _b64(encode(rows[index].stamp, rows[index].token)),
            "index": index,
            "size": size,
            "root": _b64(tree.root(size)),
            "proof": [_b64(digest) for digest in tree.inclusion(index, size)],
        }
        for size in range(1, tree.size + 1)
        for index in range(size)
    ]


def _consistencies() -> list[dict[str, Any]]:
    tree = shared().tree
    return [
        {
            "size1": size1,
            "root1": _b64(tree.root(size1)),
            "size2": size2,
            "root2": _b64(tree.root(size2)),
            "proof": [_b64(digest) for digest in tree.consistency(size1, size2)],
        }
        for size2 in range(2, tree.size + 1)
        for size1 in range(1, size2)
    ]


def test_every_proof_of_ours_holds_for_others(either: Ask) -> None:
    found = either(inclusion=_inclusions(), consistency=_consistencies())
    assert found["inclusion"] == [True] * len(_inclusions())
    assert found["consistency"] == [True] * len(_consistencies())


def test_a_wrong_proof_of_ours_holds_for_nobody(either: Ask) -> None:
    leaves = [{**case, "leaf": _b64(b"another leaf")} for case in _inclusions()]
    roots = [{**case, "root1": _b64(bytes(32))} for case in _consistencies()]
    found = either(inclusion=leaves, consistency=roots)
    assert not any(found["inclusion"])
    assert not any(found["consistency"])


def test_a_proof_file_holds_for_others(either: Ask) -> None:
    log = shared()
    leaf = encode(log.rows()[5].stamp, log.rows()[5].token)
    proof = read(write(5, log.prove()(5), log.note(*PARTIES)))
    case = {"leaf": _b64(leaf), "index": proof.index, "size": log.tree.size, "root": _b64(log.tree.root())}
    assert either(inclusion=[{**case, "proof": list(map(_b64, proof.proof))}])["inclusion"] == [True]
    assert either(notes=[_note_case(proof.note)])["notes"][0]


# --- tiles ----------------------------------------------------------------------------------------------------------


def _tiles(log: CaseLog) -> dict[str, str]:
    return {path: _b64(data) for path, data in export(log.store.leaves(), log.notes()[-1][1])}


def _ask_tiles(ask: Ask, log: CaseLog, tiles: dict[str, str]) -> dict[str, Any]:
    head = {"size": log.tree.size, "root": _b64(log.tree.root()), "vkey": _vkey(ORIGIN, LOG_SIGNER.public)}
    return ask(tiles=tiles, **head)


@pytest.mark.parametrize("log", [shared, _large], ids=["small", "more than a tile"])
def test_others_read_every_leaf_of_an_export(either: Ask, log: Callable[[], CaseLog]) -> None:
    found = _ask_tiles(either, log(), _tiles(log()))
    assert not found.get("problem")
    assert found["leaves"] == [_b64(encode(row.stamp, row.token)) for row in log().rows()]


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"])
def test_others_notice_a_changed_tile(either: Ask, path: str) -> None:
    tiles = _tiles(_large())
    data = bytearray(base64.b64decode(tiles[path]))
    data[len(data) // 2] ^= 1
    assert _ask_tiles(either, _large(), {**tiles, path: _b64(bytes(data))})["problem"]
