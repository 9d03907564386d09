"""What the tidy tests look at: tracked files of this checkout, imports and calls of Python files. No rules here."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("channel", "clients")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks or would track, relative to the root. Ignored files are not part of the tree."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = sorted({name for name in output.split("\0") if name})
    return tuple(Path(name) for name in names if (ROOT / name).is_file())


@cache
def text(path: Path) -> str | None:
    """The file's text; None if it is not UTF-8 text."""
    data = (ROOT / path).read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def sources() -> tuple[Path, ...]:
    """The Python files of the two packages."""
    return tuple(path for path in tracked() if path.suffix == ".py" and path.parts[0] in PACKAGES)


def module(path: Path) -> str:
    """`channel/log/leaf.py` -> `channel.log.leaf`; a folder's `__init__` is the folder's name."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exists(name: str) -> bool:
    """Whether a room or module of the packages is in the tree."""
    return any(module(path) == name or module(path).startswith(f"{name}.") for path in sources())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_bytes(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, also inside functions; `from a import b` gives `a.b`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name as written) of every call whose name is plain, like `time.sleep`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and (name := _dotted(node.func)):
            yield node.lineno, name


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := _dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""
