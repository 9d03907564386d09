"""Canonical JSON over many values and bytes: equal to the oracle, one spelling a value, and only our errors."""

from __future__ import annotations

import json

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from channel.protocol.canonical import INTEGER_MAX, dumps, is_canonical, loads
from channel.protocol.errors import Unattributable

NAMES = st.text(max_size=12) | st.text("ab\u00e9\ud7ff\ue000\ufb33\uffff\U00010000\U0001f602", max_size=4)
LEAVES = st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text(max_size=30)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=20
)
WIDER = st.recursive(
    st.none() | st.integers() | st.floats() | LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
WORDS = '{ } [ ] , : " \\ \\u d800 null true -0 1 1e9 . \x00 NaN "a" 9007199254740992 é'.encode().split(b" ")
PIECES = st.lists(st.sampled_from([*WORDS, b" ", b"\xff", b"\xef\xbb\xbf"]), max_size=40)


def read_or_none(data: bytes) -> object:
    """None, which is no value of the subset, where the reader refuses; any other error fails the test."""
    try:
        return loads(data)
    except Unattributable:
        return None


@given(VALUES)
@settings(max_examples=500, deadline=None)
def test_the_writer_equals_the_oracle_and_the_reader_undoes_it(value: object) -> None:
    data = dumps(value)
    assert data == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert loads(data) == value
    assert is_canonical(data)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
@settings(deadline=None)
def test_any_other_spelling_is_read_alike_and_is_not_canonical(value: object, ascii_: bool, indent: int | None) -> None:
    other = json.dumps(value, ensure_ascii=ascii_, indent=indent).encode()
    assert read_or_none(other) == value
    assert is_canonical(other) == (other == dumps(value))


@given(WIDER)
@settings(deadline=None)
def test_what_json_can_say_is_read_as_json_reads_it_or_refused(value: object) -> None:
    read = read_or_none(json.dumps(value).encode())
    assert read is None or read == value


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    read_or_none(data)


@given(PIECES)
@settings(max_examples=1000, deadline=None)
def test_any_pieces_of_json_are_a_value_or_refused(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    read = read_or_none(data)
    assert read is None or read == json.loads(data)


@given(VALUES, st.data())
@settings(deadline=None)
def test_a_changed_byte_is_another_value_or_refused(value: object, data: st.DataObject) -> None:
    text = dumps(value)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + bytes([data.draw(st.integers(0, 255))]) + text[at + 1 :]
    if changed != text and is_canonical(changed):
        assert dumps(loads(changed)) != text
