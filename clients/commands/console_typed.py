"""What an officer typed on the console's pages, each field read on its own: the page says which one is wrong.

Only what cannot be read is found here, UnreadableError, and shapes that the channel refuses, RefusedError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from channel.console.asked import NoticeAsked, UnreadableError
from channel.protocol import geometry
from channel.protocol.errors import RefusedError, UsageError
from channel.protocol.forms import Name, Prose
from channel.protocol.times import typed
from clients.core.areas import length_m, read_altitude

if TYPE_CHECKING:
    from channel.console.asked import ReadBackAsked, Unreadable
    from channel.protocol.statements import Shape
    from clients.core.party import Party

_NAME, _PROSE = TypeAdapter[str](Name), TypeAdapter[str](Prose)


def notice(client: Party, asked: NoticeAsked) -> None:
    """Every field of a notice."""
    reader = client.reader
    fields: tuple[tuple[Unreadable, str | None, Callable[[str], Any]], ...] = (
        ("bad-place", asked.at, reader.place),
        ("bad-length", asked.radius, length_m),
        ("bad-length", asked.accuracy, length_m),
        ("bad-path", asked.path, lambda text: _possible(reader.path(text))),
        ("bad-area", asked.polygon, lambda text: _possible(reader.polygon(text))),
        ("bad-altitude", asked.altitude, read_altitude),
        ("bad-text", asked.unit, _NAME.validate_python),
    )
    for code, text, read in fields:
        _read(code, text, read)
    for text in (asked.from_, asked.until):
        time(client, text)
    words(asked.text)


def time(client: Party, text: str | None) -> None:
    """A time of this party."""
    _read("bad-time", text, lambda said: client.habits.read_time(said, client.now_ms()))


def read_back(client: Party, asked: ReadBackAsked) -> None:
    """Place and time that were read back."""
    _read("bad-place", asked.place, client.habits.read_place)
    _read("bad-time", asked.time, typed)


def words(*texts: str | None) -> None:
    """Text that is signed as it is."""
    for text in texts:
        _read("bad-text", text, _PROSE.validate_python)


def _read(code: Unreadable, text: str | None, read: Callable[[str], Any]) -> None:
    try:
        if text is not None:
            read(text)
    except ValidationError as error:
        raise UnreadableError(code, error.errors(include_url=False)[0]["msg"], text) from error
    except UsageError as error:
        raise UnreadableError(code, str(error), text) from error


def _possible(shape: Shape) -> None:
    if (problem := geometry.check_shape(shape)) is not None:
        raise RefusedError(*problem)
