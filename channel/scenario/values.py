"""What members of a scenario file may look like: times, spans, lengths, words; read strictly (docs/scenario.md).

TOML has text, numbers and date-times only; the models of the entries hold what these make of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from channel.protocol import times
from channel.protocol.errors import UsageError
from channel.protocol.statements import Kind, Level, Precedence, Response, Word

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH = re.compile(r"^(\d+(?:\.\d+)?) ?(m|km|nmi)$")
_UNIT_M = {"m": 1.0, "km": 1000.0, "nmi": 1852.0}
LABEL = r"^[a-z0-9][a-z0-9-]{0,63}$"


def _moment(value: object) -> object:
    """RFC 3339 with `Z`, as TOML's own date-time or as text -> milliseconds since 1970."""
    if isinstance(value, str):
        if not value.endswith("Z"):
            raise ValueError("a time is written in UTC with Z, like 2017-09-16T00:30:00Z")
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.utcoffset() != timedelta(0):
        raise ValueError("a time is written in UTC with Z, like 2017-09-16T00:30:00Z")
    return (value - _EPOCH) // timedelta(milliseconds=1)


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a duration is text, like 40s or 10min")
    return _said(times.duration_ms, value)


def _length(value: object) -> object:
    """`2km`, `500m`, `1.5nmi` or whole metres -> metres."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _LENGTH.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a length looks like 500m, 2km or 1.5nmi")
    return round(float(match[1]) * _UNIT_M[match[2]])


def _said(read: Callable[[str], int], text: str) -> int:
    """A reader of the protocol as a validator: what it says becomes the file's error."""
    try:
        return read(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _enum(kind: type[Kind] | type[Precedence] | type[Response] | type[Level] | type[Word]) -> BeforeValidator:
    """TOML has only text: turn it into the enum, and say which words there are."""

    def read(value: object) -> object:
        try:
            return kind(value)  # type: ignore[arg-type]
        except ValueError:
            raise ValueError(f"expected one of {', '.join(kind)}") from None

    return BeforeValidator(read)


def several(value: object) -> object:
    """TOML arrays are lists; the models hold tuples. One text stands for a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Moment = Annotated[int, BeforeValidator(_moment)]
Duration = Annotated[int, BeforeValidator(_duration)]
Metres = Annotated[int, BeforeValidator(_length), Field(ge=0)]
Label = Annotated[str, Field(pattern=LABEL)]
Texts = Annotated[tuple[str, ...], BeforeValidator(several)]
Destination = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}(:[a-z][a-z0-9-]{0,31})?$")]
AnyKind = Annotated[Kind, _enum(Kind)]
AnyPrecedence = Annotated[Precedence, _enum(Precedence)]
AnyResponse = Annotated[Response, _enum(Response)]
AnyLevel = Annotated[Level, _enum(Level)]
AnyWord = Annotated[Word, _enum(Word)]
