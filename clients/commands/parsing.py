"""Output in any encoding, and words that an option parser does not take. For `party` and `channel`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException


def printable() -> None:
    """From now on a letter that the output's encoding has not is written as its escape, and no command ends at it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def json_line(value: Any) -> str:
    """One JSON document on one line; with the escapes of JSON where the output is not in UTF-8."""
    utf_8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    return json.dumps(value, ensure_ascii=not utf_8) + "\n"


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
            sys.stdout.write(json_line({"error": {"code": "usage", "detail": error.format_message()}}))
        raise
