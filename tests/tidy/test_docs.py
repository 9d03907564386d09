"""What the documents show is true: statements, codes, alert stages, commands and links. A page that is not there yet
is not checked; it is from the day it appears."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache
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


@pytest.mark.parametrize("names", [TYPES, CODES, STAGES], ids=["types", "codes", "alert stages"])
def test_the_protocol_page_names_every_type_code_and_alert_stage(names: list[str]) -> None:
    missing = [name for name in names if PROTOCOL.is_file() and f"`{name}`" not in _protocol()]
    assert not missing, f"docs/protocol.md says nothing of {missing}"


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


@cache
def _help(*words: str) -> tuple[int, str]:
    program = Path(sys.executable).parent / words[0]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    command = [str(program), *words[1:], "--help"]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return told.returncode, told.stdout + told.stderr


def _mistake(command: str) -> str | None:
    """What is wrong with a command as shown: no such command, or no such long option. None if nothing is."""
    words = _words(command)
    asked = _subcommand(words)
    status, told = _help(*asked)
    while status == 0 and len(words) > len(asked) and _is_group_of(told, words[len(asked)]):
        asked = words[: len(asked) + 1]
        status, told = _help(*asked)
    if status != 0:
        return f"no such command: {told.strip()}"
    options = {word.partition("=")[0] for word in words[len(asked) :] if word.startswith("--")}
    unknown = [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", told)]
    return f"no such option: {sorted(unknown)}" if unknown else None


def _is_group_of(told: str, word: str) -> bool:
    """Whether a command's help lists that word as one of its own commands: `party key` lists `rotate`."""
    _, _, commands = told.partition("Commands:")
    return re.search(rf"^ +{re.escape(word)}(?: |$)", commands, re.MULTILINE) is not None


def test_every_command_shown_exists_with_its_options() -> None:
    shown = sorted({(page, command) for page, command in _commands() if _installed(command.split()[0])})
    wrong = [f"{page}: {command}: {mistake}" for page, command in shown if (mistake := _mistake(command))]
    assert not wrong, "\n".join(wrong)


def test_every_relative_link_leads_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in LINK.findall(tree.text(page) or "")]
    broken = [f"{page}: {link}" for page, link in links if not (tree.ROOT / page.parent / link).exists()]
    assert not broken, broken


def test_the_readme_names_only_tasks_that_exist() -> None:
    tasks = set(re.findall(r"^([a-z-]+):.*##", (tree.ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)`", (tree.ROOT / "README.md").read_text()))
    assert named <= tasks, sorted(named - tasks)
