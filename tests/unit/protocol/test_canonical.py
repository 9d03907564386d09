"""Canonical JSON: what the strict reader refuses and why, what the writer writes, and the RFC's own test data."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from channel.protocol import limits
from channel.protocol.canonical import INTEGER_MAX, dumps, is_canonical, loads, loads_canonical
from channel.protocol.errors import InvariantError, Unattributable, UsageError

JCS = Path(__file__).parents[2] / "vectors" / "jcs" / "testdata"
OUTSIDE_THE_SUBSET = {"arrays", "structures", "values"}  # they hold nulls and floats
NAMES = sorted(path.stem for path in (JCS / "input").glob("*.json"))


def code_of(data: bytes) -> str:
    with pytest.raises(Unattributable) as caught:
        loads(data)
    return caught.value.code


@pytest.mark.parametrize("name", NAMES)
def test_rfc_8785_test_data(name: str) -> None:
    given = (JCS / "input" / f"{name}.json").read_bytes()
    wanted = (JCS / "output" / f"{name}.json").read_bytes()
    assert bytes.fromhex((JCS / "outhex" / f"{name}.txt").read_text()) == wanted
    if name in OUTSIDE_THE_SUBSET:
        assert code_of(given) == "bad-json"
    else:
        assert dumps(loads(given)) == wanted
        assert is_canonical(wanted)
        assert not is_canonical(given)


def test_the_test_data_is_all_there() -> None:
    assert NAMES == ["arrays", "french", "structures", "unicode", "values", "weird"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[null]",
        '{"a":null}',
        "1.0",
        "1e3",
        "1E3",
        "-0",
        "[-0]",
        "0.5",
        "01",
        "+1",
        "--1",
        "-",
        "NaN",
        "Infinity",
        "-Infinity",
        "9007199254740992",
        "-9007199254740992",
        "1" + "0" * 5000,
        "True",
        "{}{}",
        "[] x",
        "[1,]",
        '{"a":1,}',
        "[1 2]",
        '{"a" 1}',
        "{a:1}",
        "{'a':1}",
        '{1:"a"}',
        "[",
        "]",
        "[}",
        "[]]",
        '{"a":1,"a":1}',
        '{"a":{"b":1,"\\u0062":2}}',
        '"',
        '"\\',
        '"\\x"',
        '"\\u12"',
        '"\t"',
        '"\x00"',
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '{"\\uD9ab":1}',
        '[["\\udfff"]]',
        "// comment\n1",
        "\u00a01",
        "\ufeff{}",
        "１",
    ],
)
def test_what_is_not_the_subset_is_refused(text: str) -> None:
    assert code_of(text.encode()) == "bad-json"


@pytest.mark.parametrize(
    "data",
    [b"\xff", b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b"\xef\xbb\xbf{}"]
    + ['{"a":1}'.encode(name) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")],
)
def test_only_utf_8_is_read(data: bytes) -> None:
    assert code_of(data) == "bad-json"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("9007199254740991", INTEGER_MAX),
        ("-9007199254740991", -INTEGER_MAX),
        ("true", True),
        (' { "b" : [ 1 , "x" ] } ', {"b": [1, "x"]}),
        ('"\\ud83d\\ude02"', "\U0001f602"),
        ('"\\\\ud800"', "\\ud800"),
        ('"null 1.5 -0 [[[[[[[[[[[[[[[[[[[[[["', "null 1.5 -0 [[[[[[[[[[[[[[[[[[[[[["),
        ('["\\"[[[[[[[[[[[[[[[[[[[[[[",1]', ['"[[[[[[[[[[[[[[[[[[[[[[', 1]),
        ('"\x7f\u0080\u2028\ufffe"', "\x7f\u0080\u2028\ufffe"),
    ],
)
def test_the_subset_is_read(text: str, value: object) -> None:
    assert loads(text.encode()) == value
    assert loads_canonical(dumps(value)) == value


@pytest.mark.parametrize("like", [bytearray, memoryview])
def test_what_is_bytes_like_is_read_as_its_bytes(like: type) -> None:
    assert loads(like(b'{"a":1}')) == loads_canonical(like(b'{"a":1}')) == {"a": 1}
    assert (is_canonical(like(b"[1]")), is_canonical(like(b"[1] "))) == (True, False)
    with pytest.raises(Unattributable, match="bad-json"):
        loads(like(b"\xff"))


@pytest.mark.parametrize("value", ["[1]", None, 1, [b"[1]"]])
def test_what_is_not_bytes_is_the_callers_error(value: Any) -> None:
    for read in (loads, loads_canonical, is_canonical):
        with pytest.raises(UsageError, match="expected bytes, not"):
            read(value)


def test_size_is_limited_before_anything_is_read() -> None:
    assert loads(b'"%b"' % (b"a" * (limits.TOKEN_BYTES_MAX - 2))) is not None
    assert code_of(b'"%b"' % (b"a" * (limits.TOKEN_BYTES_MAX - 1))) == "too-large"
    assert loads(b"[1]", size_max=3) == [1]
    with pytest.raises(Unattributable, match="too-large"):
        loads(b"[1] ", size_max=3)


@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_depth_is_limited(begin: bytes, end: bytes) -> None:
    levels = begin.count(b"[") + begin.count(b"{")
    most = limits.JSON_DEPTH_MAX // levels
    assert loads(begin * most + b"1" + end * most) is not None
    assert code_of(begin * (most + 1) + b"1" + end * (most + 1)) == "too-deep"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 30_000,
        b"[" * 16_000 + b"]" * 16_000,
        b'{"a":' * 5000,
        b"[" * 15_000 + b'"' + b"]" * 15_000,
        b"]" * 30_000,
    ],
)
def test_no_depth_of_brackets_overruns_the_stack(data: bytes) -> None:
    assert code_of(data) in ("too-deep", "bad-json")


def test_work_grows_with_the_size_and_not_with_its_square() -> None:
    """Quotes that never end, and escapes: 256 KiB, which took minutes with a careless pattern."""
    began = time.process_time()
    for unit in (b'"', b'\\"', b'"\\', b"[]", b'["', b"\\", b'"a\\"'):
        data = unit * (limits.FRAME_BYTES_MAX // len(unit))
        for prefix in (b"", b'"'):
            with pytest.raises(Unattributable):
                loads(prefix + data[: -len(prefix) or None], size_max=limits.FRAME_BYTES_MAX)
    assert time.process_time() - began < 5


def test_refusals_do_not_quote() -> None:
    for data in (b'{"SECRET":1,"SECRET":2}', b'["SECRET" 1]', b'{"SECRET":null}', b'"SECRET\xff"', b'"SECRET\\ud800"'):
        with pytest.raises(Unattributable) as caught:
            loads(data)
        assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"[1, 2]", b'{"b":1,"a":2}', b'"\\u0041"', b'"\\/"', b'"\\u000A"', b"1\n", b'"\\u000a"', b'"\\u20ac"']
)
def test_another_spelling_is_not_canonical(data: bytes) -> None:
    loads(data)
    assert not is_canonical(data)
    with pytest.raises(Unattributable, match="not-canonical"):
        loads_canonical(data)


def test_names_are_ordered_as_utf_16() -> None:
    value = {"\ue000": 1, "\U0001f602": 2, "a": {"\uffff": [{"\ufb33": 3, "\U00010000": 4}], "\ud7ff": 5}}
    assert dumps(value) == rfc8785.dumps(value)
    assert list(json.loads(dumps(value))) == ["a", "\U0001f602", "\ue000"]


def test_every_character_is_spelt_as_the_oracle_spells_it() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    assert dumps(text) == rfc8785.dumps(text)


def test_tuples_are_arrays_and_enumerations_are_strings() -> None:
    from channel.protocol.statements import Word

    assert dumps((1, (Word.WILCO, True))) == b'[1,["WILCO",true]]'


@pytest.mark.parametrize(
    "value",
    [
        None,
        [None],
        1.0,
        [0.5],
        float("nan"),
        2**53,
        -(2**53),
        {1: 2},
        {None: 1},
        b"x",
        {"a": {1}},
        "\ud800",
        {"\udfff": 1},
    ],
    ids=repr,
)
def test_the_writer_refuses_what_the_reader_would(value: object) -> None:
    with pytest.raises(InvariantError):
        dumps(value)


def test_the_writer_refuses_what_is_too_deep() -> None:
    value: object = 1
    for _ in range(limits.JSON_DEPTH_MAX):
        value = [value]
    assert loads(dumps(value)) == value
    with pytest.raises(InvariantError, match="deeper than 16"):
        dumps([value])
