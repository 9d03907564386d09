"""Frames: round trip, padding, limits, and that any bytes are a frame or `bad-frame`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channel.protocol import frames, ids, limits
from channel.protocol.errors import Unattributable
from channel.protocol.frames import (
    CheckpointItem,
    CosignatureItem,
    DownFrame,
    HaveItem,
    LeafItem,
    SealedItem,
    TokenItem,
    UpFrame,
    WantItem,
    WordItem,
)

HASH = ids.sha256(b"frame")
UP = UpFrame(
    items=(
        TokenItem(token="a.b.c"),
        HaveItem(n=3, size=9, root=HASH, hello=True),
        CosignatureItem(size=9, line="— dcn/net/coalition AAAA"),
        SealedItem(ct=HASH, jwe='{"body":""}'),
        WantItem(cts=(HASH,)),
    )
)
DOWN = DownFrame(
    items=(
        CheckpointItem(old=4, proof=(HASH,), note="dcn/net\n9\n"),
        LeafItem(n=1, index=8, stamp=1_505_521_800_000, token="a.b.c", proof=(HASH, HASH)),
        WordItem(token="d.e.f"),
        SealedItem(ct=HASH, jwe='{"body":""}'),
    )
)


def members(payload: bytes) -> dict[str, Any]:
    read = json.loads(payload)
    assert isinstance(read, dict)
    return read


def test_frames_come_back_as_they_were() -> None:
    assert frames.decode_up(frames.encode(UP)) == UP
    back = frames.decode_down(frames.encode(DOWN))
    assert back.items == DOWN.items


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_down_frames_are_padded_so_that_length_tells_little(count: int) -> None:
    payload = frames.encode(DownFrame(items=tuple(WordItem(token="x" * (37 * i)) for i in range(count))))
    assert payload
    assert len(payload) % limits.FRAME_PAD_BYTES == 0


def test_up_frames_are_not_padded() -> None:
    assert members(frames.encode(UP))["pad"] == ""


def test_a_full_frame_of_tokens_has_room() -> None:
    tokens = tuple(TokenItem(token="x" * limits.TOKEN_BYTES_MAX) for _ in range(7))
    assert frames.decode_up(frames.encode(UpFrame(items=tokens))).items == tokens


CHANGES: dict[str, dict[str, Any]] = {
    "version": {"v": 2},
    "no items": {"items": ...},
    "items no array": {"items": {}},
    "more": {"more": 1},
    "unknown item": {"items": [{"t": "gossip"}]},
    "no tag": {"items": [{"token": "a.b.c"}]},
    "down item": {"items": [{"t": "word", "token": "a.b.c"}]},
    "token too long": {"items": [{"t": "token", "token": "x" * (limits.TOKEN_BYTES_MAX + 1)}]},
    "token no text": {"items": [{"t": "token", "token": 7}]},
    "n below 0": {"items": [{"t": "have", "n": -1, "size": 0, "root": HASH}]},
    "root no hash": {"items": [{"t": "have", "n": 1, "size": 0, "root": "x"}]},
    "n as text": {"items": [{"t": "have", "n": "1", "size": 0, "root": HASH}]},
    "too many items": {"items": [{"t": "token", "token": "a"}] * (limits.FRAME_ITEMS_MAX + 1)},
    "line too long": {"items": [{"t": "cosignature", "size": 1, "line": "x" * 513}]},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_no_up_frame_is_refused(changes: dict[str, Any]) -> None:
    changed = {name: value for name, value in {**members(frames.encode(UP)), **changes}.items() if value is not ...}
    with pytest.raises(Unattributable) as caught:
        frames.decode_up(json.dumps(changed).encode())
    assert caught.value.code == "bad-frame"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"7",
        b'{"v":1,"items":[],"items":[]}',
        b'{"v":1.0,"items":[]}',
        b'{"v":1,"items":[],"pad":null}',
        b'\xef\xbb\xbf{"v":1,"items":[]}',
        '{"v":1,"items":[]}'.encode("utf-16"),
        b'{"v":1,"items":[],"pad":"\\ud800"}',
        b'{"v":1,"items":[]}{}',
        b'{"v":1,"items":' + b"[" * 50_000,
    ],
    ids=lambda payload: payload[:30].hex(),
)
def test_frames_are_read_as_strictly_as_statements(payload: bytes) -> None:
    for decode in (frames.decode_up, frames.decode_down):
        with pytest.raises(Unattributable) as caught:
            decode(payload)
        assert caught.value.code == "bad-frame"


def test_a_frame_beyond_the_limit_is_not_read() -> None:
    fits = frames.encode(UpFrame(items=(), pad="x" * (limits.FRAME_BYTES_MAX - 27)))
    assert len(fits) == limits.FRAME_BYTES_MAX
    frames.decode_up(fits)
    with pytest.raises(Unattributable, match="at most 262144"):
        frames.decode_up(fits + b" ")


def test_directions_are_not_mixed() -> None:
    with pytest.raises(Unattributable):
        frames.decode_down(frames.encode(UP))
    with pytest.raises(Unattributable):
        frames.decode_up(frames.encode(DOWN))


def test_a_refused_frame_is_not_quoted() -> None:
    with pytest.raises(Unattributable) as caught:
        frames.decode_up(b'{"v":1,"items":[{"t":"SECRET","token":"SECRET"}]}')
    assert "SECRET" not in str(caught.value)


def test_bodies_are_those_of_the_frame_by_the_name_that_it_gives_them() -> None:
    assert frames.bodies(UP) == frames.bodies(DOWN) == {HASH: b'{"body":""}'}


def test_the_largest_body_and_the_largest_token_fit_in_a_frame() -> None:
    jwe = '"' * 400 + "x" * (limits.SEALED_BYTES_MAX - 400)
    item = SealedItem(ct=HASH, jwe=jwe)
    payload = frames.encode(UpFrame(items=(item, TokenItem(token="x" * limits.TOKEN_BYTES_MAX))))
    assert len(frames.encode(UpFrame(items=(item,)))) <= item.cost + 40
    assert frames.decode_up(payload).items[0] == item
    with pytest.raises(Unattributable):
        frames.decode_up(payload.replace(b"xx", b"xxx", 1))


@pytest.mark.parametrize("count", [0, limits.WANTED_BODIES_MAX + 1])
def test_bodies_are_asked_for_a_few_at_a_time(count: int) -> None:
    with pytest.raises(ValidationError):
        WantItem(cts=(HASH,) * count)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    _either(data)


@given(st.sampled_from([frames.encode(UP), frames.encode(DOWN).rstrip(b'0"}') + b'"}']), st.data())
@settings(deadline=None)
def test_any_change_gives_a_frame_or_is_refused(payload: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(payload)))
    cut = data.draw(st.integers(0, 6))
    _either(payload[:at] + data.draw(st.binary(max_size=6)) + payload[at + cut :])


def _either(data: bytes) -> None:
    for decode in (frames.decode_up, frames.decode_down):
        try:
            decode(data)
        except Unattributable as error:
            assert error.code == "bad-frame"  # noqa: PT017
