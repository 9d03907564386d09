"""docs/quickstart.md, its very lines, in an empty directory: two parties found a channel and answer a first notice."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
UP = "channel up --home operator"


def test_the_quickstart_from_the_first_key_to_the_checked_answer(tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "quickstart.md").read_text())
    assert sum(UP in block for block in blocks) == 1
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    said, running = "", None
    try:
        for block in blocks:
            if UP in block:
                running = subprocess.Popen(
                    [PROGRAMS / "channel", *block.split()[1:]], cwd=tmp_path, env=environment,
                    stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
                assert running.stdout is not None
                assert "broker on" in running.stdout.readline()
                continue
            script = f"touch vars; . ./vars\n{_on_a_free_port(block)}\ndeclare -p nid > vars 2>/dev/null || true\n"
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            said += done.stdout
    finally:
        if running is not None:
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == 0
            if running.stdout is not None:
                running.stdout.close()
    assert "north -> south: WILCO" in said
    assert "verified" in said


def _on_a_free_port(block: str) -> str:
    """As written, unless this machine uses the port of MQTT over TLS for something else."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 8883))
        except OSError:
            probe.bind(("127.0.0.1", 0))
            return block.replace("channel init ", f"channel init --broker-port {probe.getsockname()[1]} ")
    return block
