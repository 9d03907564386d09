"""The `party` command line. The commands are in clients/commands; here they come together, and faults end."""

from __future__ import annotations

import sys
import traceback

from clients.commands import answering, console, evidence, joining, keys, lines, looking, sending, watching
from clients.commands.app import app
from clients.commands.parsing import printable

__all__ = [
    "answering",
    "app",
    "console",
    "evidence",
    "joining",
    "keys",
    "lines",
    "looking",
    "main",
    "sending",
    "watching",
]


def main() -> None:
    """Run the command. A fault of this program is named by place and kind: what it held is not printed."""
    printable()
    try:
        app(prog_name="party")
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback could print what a notice says
        where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
        sys.stderr.write(f"party: a fault in this program, {type(error).__name__} at {' < '.join(reversed(where))}\n")
        sys.exit(6)
