"""Rules for every file of the tree: sizes, names, no package index, no path of one machine, pinned requirements."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from tests.tidy import tree

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
GENERATED = {Path("LICENSE")}
# Put together from parts, so that this file does not break its own rule.
INDEX_HOSTS = ("pypi" + ".org", "python" + "hosted", "npm" + "js.org", "/sim" + "ple/")
INDEX_OPTIONS = ("--index" + "-url", "--extra-index" + "-url", "--find" + "-links", "--trusted" + "-host")
# A home or working directory of one person or machine.
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(?:ro" r"ot|wo" r"rk|tmp/\w|Users/\w+|ho" r"me/\w+)/[\w.]")
VAGUE = {"utils", "helpers", "common", "manager", "managers", "misc"}


def _texts() -> list[tuple[Path, str]]:
    found = [(path, tree.text(path)) for path in tree.tracked() if path not in GENERATED]
    return [(path, content) for path, content in found if content is not None]


def test_no_python_file_is_longer_than_the_limit() -> None:
    long = {str(p): t.count("\n") for p, t in _texts() if p.suffix == ".py" and t.count("\n") > FILE_LINES_MAX}
    assert not long, f"split: {long}"


def test_no_function_is_longer_than_the_limit() -> None:
    long = [
        f"{path}:{node.lineno}: {node.name}, {node.end_lineno - node.lineno + 1} lines"
        for path in tree.sources()
        for node in ast.walk(tree.parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert not long, long


def test_every_module_says_what_it_holds() -> None:
    silent = [str(path) for path in tree.sources() if not ast.get_docstring(tree.parsed(path))]
    assert not silent, f"a module begins with a docstring: {silent}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [str(path) for path in tree.sources() if VAGUE & {path.stem, *path.parts}]
    assert not vague, vague


def test_no_file_names_a_package_index() -> None:
    wrong = [f"{p}: {host}" for p, t in _texts() for host in (*INDEX_HOSTS, *INDEX_OPTIONS) if host in t]
    assert not wrong, wrong


def test_no_file_names_a_path_of_one_machine() -> None:
    here = str(tree.ROOT)
    wrong = [f"{p}: {match[0]}" for p, t in _texts() for match in MACHINE_PATHS.finditer(t)]
    wrong += [f"{p}: this checkout's own path" for p, t in _texts() if len(here) > 4 and here in t]
    assert not wrong, wrong


@pytest.mark.parametrize("path", sorted((tree.ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_hashes(path: Path) -> None:
    entries = path.read_text().replace("\\\n", " ").splitlines()
    assert entries, "an empty list pins nothing"
    loose = [entry for entry in entries if not re.match(r"^[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)]
    assert not loose, loose


def test_what_runs_is_pinned_alike_for_development() -> None:
    def pins(name: str) -> set[str]:
        lines = (tree.ROOT / "requirements" / name).read_text().splitlines()
        return {line.rstrip(" \\") for line in lines if re.match(r"^[a-z]", line)}

    assert pins("run.txt") <= pins("dev.txt")
    assert pins("build.txt") <= pins("dev.txt")


def test_scripts_are_executable() -> None:
    scripts = [path for path, content in _texts() if content.startswith("#!") and path.suffix != ".sh"]
    wrong = [str(path) for path in scripts if not os.access(tree.ROOT / path, os.X_OK)]
    assert not wrong, f"chmod +x {wrong}"
