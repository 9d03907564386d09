"""The `channel` command: what the operator of a channel does. Commands are in `channel.commands`."""

from __future__ import annotations

from channel.commands import console, dispute, evidence, founding, history, look, picture, picture_view, replay, run
from channel.commands.app import app
from clients.commands.parsing import printable

__all__ = ["app", "main"]
_MODULES = (console, dispute, evidence, founding, history, look, picture, picture_view, replay, run)


def main() -> None:
    """Entry point."""
    printable()
    app()
