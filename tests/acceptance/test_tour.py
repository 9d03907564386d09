"""README's tour, its very lines: run in a second terminal beside a real run, with what the first terminal must say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
STEP = re.compile(r"```sh\n(?P<lines>.*?)```|<!-- expect: (?P<said>.*?) -->", re.DOTALL)
WAIT_S_MAX = 120.0  # the tour waits for real deadlines of 30 and 60 seconds


class Terminal:
    """The first terminal: everything it prints, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)

    def end(self) -> int:
        """Ctrl-C; all that was still printed is read. The exit code."""
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(60)
        self._reader.join(60)
        return code

    def until(self, said: str) -> str:
        """The next line that says it; lines before it are passed over."""
        while said not in (line := self._lines.get(timeout=WAIT_S_MAX)):
            pass
        return line


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """`make run` without its pauses, in a directory of its own."""
    (tmp_path / ".venv").symlink_to(PROGRAMS.parent)
    command = [str(PROGRAMS / "channel"), "up", "--scenario", "deir-ezzor-2017", "--home", ".homes/1", "--speed", "max"]
    environment = {**os.environ, "NO_COLOR": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    terminal = Terminal(process)
    try:
        yield terminal
    finally:
        assert terminal.end() in (0, 130)


def test_the_tour_of_the_readme(terminal: Terminal, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    tour = text[text.index("<!-- TOUR -->") : text.index("<!-- END OF TOUR -->")]
    tour += text[text.index("## Afterwards") : text.index("## Where the guarantees end")]
    terminal.until("goes on from")
    steps = 0
    for step in STEP.finditer(tour):
        if step["said"]:
            terminal.until(step["said"])
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _script(step["lines"], tmp_path)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{step['lines']}\n{done.stdout}\n{done.stderr}"
        steps += 1
    assert steps == 5, "the tour changed: see that each of its steps is still run"


def _script(lines: str, directory: Path) -> str:
    """The lines as written, in one shell's life: variables go from step to step through a file."""
    kept = f"{directory}/vars"
    return f"touch {kept}; . {kept}\n{lines}\ndeclare -p nid home PATH > {kept} 2>/dev/null || true\n"
