"""Words that an option parser does not take, told to scripts as other errors are. For `party` and `channel`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException


class Group(TyperGroup):
    """Commands: an error of the option parser is a document on standard output too, where `--json` was asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words before the command."""
        ctx.meta[__name__] = tuple(args)
        with _told(tuple(args)):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """The command, and its words."""
        with _told(ctx.meta[__name__]):
            return super().invoke(ctx)


@contextmanager
def _told(words: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        if "--json" in words:
            document = {"error": {"code": "usage", "detail": error.format_message()}}
            sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        raise
