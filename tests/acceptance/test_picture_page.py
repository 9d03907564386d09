"""docs/picture.md, its very lines, and what it says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from channel.picture.geojson import CODES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "picture.md").read_text(encoding="utf-8")
STEPS = re.findall(r"```sh\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("block", "printed"), STEPS)
def test_the_page_prints_what_it_says(block: str, printed: str, tmp_path: Path) -> None:
    (tmp_path / "channel").symlink_to(ROOT / "channel")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == (printed, "", 0)


def test_every_block_of_the_page_is_run() -> None:
    assert len(STEPS) == PAGE.count("```sh") == 3


def test_the_page_names_every_code_of_a_file_that_is_refused() -> None:
    """Of the windows, those that a plan can get: it is not judged against a time of issue."""
    codes = set(CODES) - {"window-past", "window-too-far"}
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()
