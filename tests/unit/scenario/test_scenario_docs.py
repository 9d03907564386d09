"""docs/scenario.md: every example runs, every action has one, and every act is in the table."""

import asyncio
import re
from pathlib import Path
from typing import get_args

import pytest

from channel.scenario import parse
from channel.scenario.entries import AnyEntry
from tests.unit.scenario.worlds import World

TEXT = (Path(__file__).parents[3] / "docs" / "scenario.md").read_text(encoding="utf-8")
HEAD = re.search(r"<!-- head -->\n```toml\n(.*?)```", TEXT, re.S)
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```toml\n(.*?)```", TEXT, re.S))
ACTIONS = {model.model_fields["do"].annotation.__args__[0] for model in get_args(get_args(AnyEntry)[0])}


def test_every_action_has_an_example() -> None:
    assert set(EXAMPLES) == ACTIONS


@pytest.mark.parametrize("action", sorted(EXAMPLES))
def test_the_example_runs(action: str) -> None:
    assert HEAD is not None
    scenario = parse(f"{HEAD[1]}\n{EXAMPLES[action]}", where=action)
    assert any(getattr(step.entry, "do", "") == action for step in scenario.steps)
    world = World(scenario)
    asyncio.run(world.stepper(scenario).run())
    assert len(world.journal.ledger.entries) >= 1 + len(scenario.parties)


def test_every_act_is_in_the_table_of_acts() -> None:
    rows = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))
    for action in ACTIONS - {"offline", "online", "restart"}:
        assert f"`{action}`" in rows
