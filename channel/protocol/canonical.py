"""Canonical JSON: the strict reader and the RFC 8785 writer for the subset that is signed (protocol.md section 3).

The subset: objects, arrays, strings, booleans, and integers of magnitude below 2^53. No floats, no nulls. Here are
bytes and plain values only; what a statement means is `statements`, whose signature it bears is `envelope`.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias

from channel.protocol import limits
from channel.protocol.errors import InvariantError, Unattributable
from channel.protocol.octets import BytesLike, octets

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json]"

INTEGER_MAX = 2**53 - 1  # exact in every implementation's numbers (RFC 8785 section 3.2.2.3, RFC 7493 section 2.2)

# Possessive, and content without a closing quote: one pass over the bytes whatever they are.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_BEYOND_UTF16_ORDER = re.compile("[\ue000-\U0010ffff]")  # only these sort differently as code points and as UTF-16


def loads(data: BytesLike, *, size_max: int = limits.TOKEN_BYTES_MAX, depth_max: int = limits.JSON_DEPTH_MAX) -> Json:
    """Parse strictly: Unattributable on whatever is not the subset in UTF-8. White space and key order are free.

    UsageError for what is not bytes-like, a `str` among it: what is signed is bytes.
    """
    data = octets(data)
    if len(data) > size_max:
        raise Unattributable("too-large", f"{len(data)} bytes of JSON; at most {size_max}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unattributable("bad-json", "expected UTF-8") from None
    outside_strings = _STRING.sub(b"", data)
    _check_depth(outside_strings, depth_max)
    if b"null" in outside_strings:
        raise Unattributable("bad-json", "null; an optional member is absent")
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Unattributable("bad-json", f"not JSON at character {error.pos}") from None
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def loads_canonical(data: BytesLike, *, size_max: int = limits.TOKEN_BYTES_MAX) -> Json:
    """As `loads`, and the bytes are the one canonical spelling of the value, else Unattributable(`not-canonical`)."""
    data = octets(data)
    value = loads(data, size_max=size_max)
    if _encode(value) != data:
        raise Unattributable("not-canonical", "the JSON is not in RFC 8785 form")
    return value


def is_canonical(data: BytesLike) -> bool:
    """Whether the bytes are canonical JSON of the subset."""
    try:
        loads_canonical(data)
    except Unattributable:
        return False
    return True


def dumps(value: object) -> bytes:
    """RFC 8785 bytes. InvariantError on a value outside the subset: only this program can have made it."""
    _check_value(value, limits.JSON_DEPTH_MAX)
    try:
        return _encode(value)
    except UnicodeEncodeError:
        raise InvariantError("cannot write a lone surrogate as canonical JSON") from None


def _encode(value: object) -> bytes:
    """The standard encoder escapes and spaces exactly as RFC 8785 3.2.2 says; only its key order can differ."""
    text = _ENCODER.encode(value)
    if not text.isascii() and _BEYOND_UTF16_ORDER.search(text):
        text = _UNSORTED_ENCODER.encode(_in_utf16_order(value))
    return text.encode("utf-8")


def _in_utf16_order(value: object) -> object:
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(member) for key, member in pairs}
    if isinstance(value, list | tuple):
        return [_in_utf16_order(member) for member in value]
    return value


def _check_value(value: object, depth_left: int) -> None:
    if isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise InvariantError("cannot write an integer of 2^53 or more as canonical JSON")
        return
    if depth_left == 0:
        raise InvariantError(f"cannot write JSON deeper than {limits.JSON_DEPTH_MAX} levels")
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise InvariantError(f"a member's name must be str, not {type(key).__name__}")
            _check_value(member, depth_left - 1)
    elif isinstance(value, list | tuple):
        for member in value:
            _check_value(member, depth_left - 1)
    else:
        raise InvariantError(f"cannot write {type(value).__name__} as canonical JSON")


def _check_depth(outside_strings: bytes, depth_max: int) -> None:
    """Each pass takes away the innermost level of brackets; so the parser never recurses deeper than `depth_max`."""
    brackets = outside_strings.translate(None, _NOT_BRACKETS).translate(_ONE_BRACKET)
    for _ in range(depth_max):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets:
        raise Unattributable("too-deep", f"JSON nested deeper than {depth_max} levels")
    if brackets:
        raise Unattributable("bad-json", "brackets do not match")


def _check_surrogates(value: Json) -> None:
    try:
        _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise Unattributable("bad-json", "a lone surrogate") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unattributable("bad-json", "a member occurs twice")
    return members


def _integer(text: str) -> int:
    # 17 characters hold every integer of the subset with its sign; int() never sees more.
    if len(text) > 17 or text == "-0" or abs(number := int(text)) > INTEGER_MAX:
        raise Unattributable("bad-json", "an integer outside -(2^53-1)..2^53-1, or minus zero")
    return number


def _not_integer(_: str) -> NoReturn:
    raise Unattributable("bad-json", "a number that is not a plain integer")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_not_integer, parse_constant=_not_integer
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_UNSORTED_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
