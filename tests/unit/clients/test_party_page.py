"""docs/party.md: every command that it shows is one, with options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.cli import app

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "party.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
COMMANDS = [line.partition(" > ")[0] for line in BLOCKS.splitlines() if line.startswith("party ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_page_types_is_understood(command: str) -> None:
    """`--help` ends it before anything is done, and after every word was looked at."""
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])
    assert result.exit_code == 0, result.output


def test_the_page_shows_every_command_of_lines() -> None:
    for name in ("propose", "accept", "list", "withdraw", "side"):
        assert any(f" line {name}" in command for command in COMMANDS)
    assert len(COMMANDS) > 40
