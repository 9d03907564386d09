"""What the documents show is true: statements, codes, alert stages, commands and links. A page that is not there yet
is not checked; it is from the day it appears."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from channel.protocol import codes, statements
from tests.tidy import tree

PROTOCOL = tree.ROOT / "docs" / "protocol.md"
PAGES = tuple(path for path in tree.tracked() if path.suffix == ".md")
FENCE = re.compile(r"^```(?:sh|console|bash|text)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?((?:channel|party) .*)$")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def _concrete(model: type[statements.Model]) -> list[type[statements.Model]]:
    found = [model] if isinstance(model.__dict__.get("TYPE"), str) else []
    return found + [kind for child in model.__subclasses__() for kind in _concrete(child)]


TYPES = sorted({kind.__dict__["TYPE"] for kind in _concrete(statements.Model)})
CODES = sorted({*codes.REFUSALS, *codes.BUSY, *codes.UNATTRIBUTABLE})
STAGES = sorted(getattr(codes, "ALERT_STAGES", ()))


def _protocol() -> str:
    return PROTOCOL.read_text(encoding="utf-8") if PROTOCOL.is_file() else ""


@pytest.mark.parametrize("name", [*TYPES, *CODES, *STAGES] if PROTOCOL.is_file() else [])
def test_the_protocol_page_names_every_type_code_and_alert_stage(name: str) -> None:
    assert f"`{name}`" in _protocol(), f"docs/protocol.md says nothing of `{name}`"


def _commands() -> list[tuple[str, str]]:
    """(page, command) of every command shown in a fenced block, continued lines joined."""
    shown = []
    for page in PAGES:
        for block in FENCE.findall(tree.text(page) or ""):
            for line in block.replace("\\\n", " ").splitlines():
                if match := COMMAND.match(line.strip()):
                    shown.append((str(page), match[1]))
    return shown


def _words(command: str) -> list[str]:
    """The words of a command as a shell would pass them, without comments, redirections and pipes."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|<>&;")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("|<>&;"):
            break
        words.append(word)
    return words


def _subcommand(words: list[str]) -> list[str]:
    """`party -p coalition send ...` -> `party -p coalition send`: as far as `--help` can be asked for."""
    taken = words[:1]
    rest = iter(words[1:])
    for word in rest:
        taken.append(word)
        if not word.startswith("-"):
            return taken
        if "=" not in word:
            taken.append(next(rest, ""))
    return taken


def _installed(name: str) -> bool:
    return tree.exists({"channel": "channel.cli", "party": "clients.cli"}[name])


SHOWN = sorted({(page, command) for page, command in _commands() if _installed(command.split()[0])})


@pytest.mark.parametrize(("page", "command"), SHOWN, ids=[f"{page}: {command}"[:90] for page, command in SHOWN])
def test_every_command_shown_exists_with_its_options(page: str, command: str) -> None:
    words = _words(command)
    asked = _subcommand(words)
    program = Path(sys.executable).parent / asked[0]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    told = subprocess.run([str(program), *asked[1:], "--help"], capture_output=True, text=True, env=environment)
    assert told.returncode == 0, f"{page}: {command}: {told.stderr}"
    options = {word.partition("=")[0] for word in words[len(asked) :] if word.startswith("--")}
    unknown = {option for option in options if not re.search(rf"{re.escape(option)}\b", told.stdout)}
    assert not unknown, f"{page}: {command}: no such option {sorted(unknown)}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(tree.text(page) or "") if not (tree.ROOT / page.parent / link).exists()]
    assert not broken, f"{page}: {broken}"


def test_the_readme_names_only_tasks_that_exist() -> None:
    tasks = set(re.findall(r"^([a-z-]+):.*##", (tree.ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)`", (tree.ROOT / "README.md").read_text()))
    assert named <= tasks, sorted(named - tasks)
