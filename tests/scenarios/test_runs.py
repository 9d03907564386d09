"""Scenarios through real processes: broker, relay and every party's client, on stepped time.

What they come to is in tests/unit/scenario, against the relay's core in one process; here is that the real ones agree.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from pathlib import Path
from random import Random

import pytest

from channel.log.sqlite import SqliteLog
from channel.log.store import LogStore
from channel.protocol.errors import RefusedError
from channel.scenario import Scenario, load, parse
from channel.scenario.agreement import terms_of
from channel.scenario.coordinator import run_scenario
from channel.scenario.journal import Journal
from tests.unit.scenario.worlds import World

HERE = Path(__file__).parent
WEEKEND = "deir-ezzor-2017"
WEEKEND_FILE = HERE.parents[1] / "channel" / "scenario" / "data" / WEEKEND / "scenario.toml"
Leaf = tuple[str, str, int, tuple[int, ...]]


def leaves(store: LogStore) -> list[Leaf]:
    """Every leaf by party, type, stamp and the leaves it points at: what must be equal between runs."""
    journal, found = Journal(store), []
    for told in journal.news():
        body, known = told.opened.body, journal.ledger.index_of
        points = (getattr(body, name, None) for name in ("of", "amends", "withdraws", "replaces", "corrects"))
        at = tuple(known[of] for of in points if of is not None and of in known)
        found.append((told.opened.party, told.opened.type, told.stamp_ms, at))
    journal.close()
    return found


def foreseen(scenario: Scenario) -> list[Leaf]:
    """The leaves of the same scenario in one process."""
    world = World(scenario, Random(7))
    asyncio.run(world.stepper(scenario).run())
    return leaves(world.store)


def run(home: Path, scenario: Scenario, speed: str = "max") -> tuple[dict[str, object], list[Leaf]]:
    out = io.StringIO()
    found = asyncio.run(run_scenario(home, scenario, speed=speed, exit_at_end=True, json_output=True, out=out))
    assert left_in(home) == ["log.sqlite"]
    return found, leaves(SqliteLog(home / "log.sqlite", "read"))


def left_in(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("log.sqlite*"))


def without_founding(found: list[Leaf]) -> list[Leaf]:
    """The founding may differ in the order of accessions and in starts; a start after a kill is a leaf of its own."""
    return [(party, type_, stamp, at) for party, type_, stamp, at in found if type_ not in ("accession", "start")]


@pytest.mark.parametrize("name", ["peaceful", "six"])
def test_real_processes_make_the_leaves_that_the_core_foresees(name: str, tmp_path: Path) -> None:
    scenario = load(str(HERE / f"{name}.toml"))
    found, real = run(tmp_path / "home", scenario)
    assert without_founding(real) == without_founding(foreseen(scenario))
    assert (found["alerts"] == []) == (name == "peaceful")


def test_two_runs_of_the_weekend_at_different_speeds_agree(tmp_path: Path) -> None:
    scenario = load(WEEKEND)
    first, at_most = run(tmp_path / "fast", scenario)
    second, at_speed = run(tmp_path / "slow", scenario, "40000")
    assert at_most == at_speed
    assert without_founding(at_most) == without_founding(foreseen(scenario))
    for name in ("tree_size", "notices", "deliveries", "refused"):
        assert first[name] == second[name]


def test_killing_the_relay_and_a_client_midway_changes_no_outcome(tmp_path: Path) -> None:
    undisturbed = load(WEEKEND)
    kills = "".join(
        f'[[entry]]\nat = 2017-09-16T00:36:30Z\nby = "{victim}"\ndo = "restart"\ninvented = ["all"]\n'
        for victim in ("relay", "regime")
    )
    scenario = parse(WEEKEND_FILE.read_text(encoding="utf-8") + kills)
    _, real = run(tmp_path / "home", scenario)
    foreseen_ = [(party, type_, stamp) for party, type_, stamp, _ in without_founding(foreseen(undisturbed))]
    assert [(party, type_, stamp) for party, type_, stamp, _ in without_founding(real)] == foreseen_


def test_an_unexpected_refusal_stops_everything_and_is_named(tmp_path: Path) -> None:
    text = (HERE / "six.toml").read_text(encoding="utf-8").replace('expect = "suspended"\n', "")
    with pytest.raises(RefusedError, match="too-late"):
        run(tmp_path / "home", parse(text))


async def test_after_its_end_the_channel_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    arguments = ("-m", "channel", "up", "--scenario", str(HERE / "two.toml"), "--home", str(home), "--speed", "max")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=os.environ | {"NO_COLOR": "1"}
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        lines = []
        async for line in process.stdout:
            lines.append(line.decode())
            if b"the channel goes on" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = await process.stdout.read()
        assert await process.wait() == 0
    assert any(line.startswith("!! ") for line in lines)
    assert b"Traceback" not in rest
    assert left_in(home) == ["log.sqlite"]


def test_a_party_offline_without_which_there_is_no_quorum_is_one_alert_on_scenario_time(tmp_path: Path) -> None:
    """The clients of the scenario are real witnesses; in one process there are none."""
    file = tmp_path / "all-six.toml"
    file.write_text((HERE / "six.toml").read_text().replace("quorum = 4", "quorum = 6"))
    scenario = load(str(file))
    _, found = run(tmp_path / "home", scenario)
    journal = Journal(SqliteLog(tmp_path / "home" / "log.sqlite", "read"))
    list(journal.news())
    alerts = [alert for alert in journal.ledger.alerts.values() if alert.body.stage == "unwitnessed"]
    journal.close()
    assert [alert.body.detail for alert in alerts] == ["the log from leaf 21 on has not 6 cosignatures: missing west"]
    assert alerts[0].raised_ms == found[21][2] + terms_of(scenario).unwitnessed_ms
    expected = [leaf for leaf in foreseen(scenario) if leaf[0] != "relay"]
    assert [leaf[:3] for leaf in found if leaf[0] != "relay"] == [leaf[:3] for leaf in expected]
