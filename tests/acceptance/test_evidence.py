"""Evidence as people make and check it: bundles by operator and party, the export, and one changed byte in each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(sys.executable).parent


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAMS / program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


def verdict(path: Path, charter: Path | None) -> tuple[int, dict[str, Any]]:
    """Exit status and report; the file is checked where nothing else of the channel is."""
    named = () if charter is None else ("--charter", charter)
    told = run("channel", "verify", path, *named, "--json")
    return told.returncode, json.loads(told.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weekend of Deir ez-Zor, played to its end; nothing runs any more."""
    home = tmp_path_factory.mktemp("evidence") / "home"
    played = run("channel", "up", "--scenario", "deir-ezzor-2017", "--home", home, "--speed", "max", "--exit", "--json")
    assert played.returncode == 0, played.stderr
    (home / "nid").write_text(json.loads(played.stdout.splitlines()[-1])["alerts"][0]["notice"])
    return home


@pytest.mark.parametrize("cut", ["empty", "short", "no database"])
def test_a_file_that_cannot_be_read_as_a_log_is_refuted(home: Path, charter: Path, tmp_path: Path, cut: str) -> None:
    data = (home / "log.sqlite").read_bytes()
    file = tmp_path / "log.sqlite"
    file.write_bytes({"empty": b"", "short": data[: len(data) // 2], "no database": b"x" * 5000}[cut])
    status, told = verdict(file, charter)
    assert (status, told["verdict"], told["proven"]) == (1, "refuted", [])
    assert [(reason["code"], reason["leaf"]) for reason in told["reasons"]] == [("bad-log", None)]


@pytest.fixture(scope="module")
def charter(home: Path) -> Path:
    return home / "charter.jws"


@pytest.fixture(scope="module")
def bundle(home: Path) -> Path:
    made = run("channel", "prove", nid(home), "--home", home, "-o", home / "b.json", "--tlog-proof", home / "proofs")
    assert made.returncode == 0, made.stderr
    assert "cosigned by coalition, regime, russia, sdf" in made.stdout
    return home / "b.json"


@pytest.fixture(scope="module")
def export(home: Path) -> Path:
    made = run("channel", "export", home, home / "tiles")
    assert made.returncode == 0, made.stderr
    return home / "tiles"


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Path]:
    """The channel up again, without the scenario's clients."""
    up = subprocess.Popen([PROGRAMS / "channel", "up", "--home", home], stdout=subprocess.PIPE, text=True)
    assert up.stdout is not None
    try:
        assert "broker on" in up.stdout.readline()
        yield home
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)
    assert up.returncode == 0


def nid(home: Path) -> str:
    return (home / "nid").read_text()


# --- the operator's ---------------------------------------------------------------------------------------------------


def test_the_operators_bundle_is_verified_with_the_charter_and_incomplete_without(bundle: Path, charter: Path) -> None:
    status, report = verdict(bundle, charter)
    assert (status, report["verdict"], report["reasons"]) == (0, "verified", [])
    assert any("russia's desk key (held by a machine) signed WILCO" in line for line in report["proven"])
    assert any("nothing signed by regime is here" in line for line in report["unproven"])
    status, report = verdict(bundle, None)
    assert (status, report["verdict"]) == (5, "incomplete")


def test_each_leaf_of_it_is_a_tlog_proof_of_its_own(bundle: Path, home: Path, charter: Path) -> None:
    files = sorted((home / "proofs").iterdir())
    assert len(files) == len(json.loads(bundle.read_text())["rows"])
    for file in (files[0], files[-1]):
        assert verdict(file, charter)[0] == 0
    assert verdict(files[-1], None)[0] == 5
    again = run("channel", "prove", nid(home), "--home", home, "-o", home / "c.json", "--tlog-proof", home / "proofs")
    assert again.returncode == 2
    assert not (home / "c.json").exists()


def test_the_export_is_verified_as_the_log_is(export: Path, home: Path, charter: Path) -> None:
    status, report = verdict(export, charter)
    assert (status, report["verdict"]) == (0, "verified")
    log_status, log_report = verdict(home / "log.sqlite", charter)
    assert log_status == 0
    assert {name: report[name] for name in ("size", "root")} == {name: log_report[name] for name in ("size", "root")}
    assert verdict(export, None)[0] == 5
    assert verdict(export / "checkpoint", charter)[0] == 0
    again = run("channel", "export", home, export)
    assert again.returncode == 2
    assert "not empty" in again.stderr


@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_one_changed_byte_refutes(where: str, bundle: Path, export: Path, home: Path, charter: Path) -> None:
    entries = export / "tile" / "entries" / "000"
    proof = sorted((home / "proofs").iterdir())[0]
    for file, named in ((bundle, bundle), (proof, proof), (entries, export), (export / "checkpoint", export)):
        whole = file.read_bytes()
        at = {"start": 0, "middle": len(whole) // 2, "end": len(whole) - 1}[where]
        try:
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            status, report = verdict(named, charter)
        finally:
            file.write_bytes(whole)
        assert (status, report["verdict"]) == (1, "refuted"), file
        assert report["reasons"]


def test_what_is_no_evidence_is_told_from_what_is(home: Path, charter: Path, tmp_path: Path) -> None:
    assert verdict(home / "settings.json", charter)[0] == 1
    for missing in (tmp_path / "nothing", tmp_path):
        told = run("channel", "verify", missing, "--charter", charter)
        assert told.returncode == 2
        assert "Traceback" not in told.stderr
    told = run("channel", "verify", home, "--charter", tmp_path / "nothing")
    assert told.returncode == 2
    assert run("channel", "prove", "no-such", "--home", home, "-o", tmp_path / "b.json").returncode == 2
    assert not any(tmp_path.iterdir())


# --- a party's --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", ["coalition", "russia"])
def test_a_partys_own_bundle_is_verified_by_anybody(party: str, running: Path, charter: Path, tmp_path: Path) -> None:
    file = tmp_path / f"{party}.json"
    made = run("party", "-p", party, "--home", running, "prove", nid(running), "-o", file, "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["verdict"] == "verified"
    assert told["file"] == str(file)
    status, report = verdict(file, running / "parties" / party / "charter.jws")
    assert (status, report["verdict"]) == (0, "verified")
    assert verdict(file, None)[0] == 5
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"stamp":1', b'"stamp":2', 1))
    assert verdict(file, charter)[0] == 1


def test_who_was_not_told_of_a_notice_can_prove_nothing_of_it(running: Path, tmp_path: Path) -> None:
    made = run("party", "-p", "regime", "--home", running, "prove", nid(running), "-o", tmp_path / "b.json")
    assert made.returncode == 2
    assert not any(tmp_path.iterdir())
