"""How a folder of vectors is made anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

README_FILE = "README.md"


def rewrite(folder: Path, made: Mapping[str, bytes]) -> None:
    """Name -> content. What is no longer made goes away, save the folder's README."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in made and path.name != README_FILE:
            path.unlink()
    for name, data in made.items():
        (folder / name).write_bytes(data)


def as_json(content: Any) -> bytes:
    """A vector for people to read, in ASCII."""
    return json.dumps(content, indent=1, ensure_ascii=True).encode("ascii") + b"\n"
