"""A leaf is `<stamp> <token>`, in one spelling."""

from __future__ import annotations

import hashlib

import pytest

from channel.log.leaf import STAMP_MS_MAX, decode, encode, leaf_hash
from channel.protocol import limits
from channel.protocol.errors import InvariantError, Unattributable

TOKEN = b"eyJh.eyJi._-09"


@pytest.mark.parametrize("stamp", [0, 1, 1_505_521_800_000, STAMP_MS_MAX])
def test_what_is_encoded_is_decoded_again(stamp: int) -> None:
    assert decode(encode(stamp, TOKEN)) == (stamp, TOKEN)


def test_the_largest_token_fits() -> None:
    token = b"a.b." + b"c" * (limits.TOKEN_BYTES_MAX - 4)
    assert decode(encode(STAMP_MS_MAX, token)) == (STAMP_MS_MAX, token)
    with pytest.raises(InvariantError):
        encode(0, token + b"c")
    with pytest.raises(Unattributable):
        decode(b"0 " + token + b"c")


@pytest.mark.parametrize("stamp", [-1, STAMP_MS_MAX + 1])
def test_a_stamp_beyond_the_protocols_integers_is_not_encoded(stamp: int) -> None:
    with pytest.raises(InvariantError):
        encode(stamp, TOKEN)


@pytest.mark.parametrize("token", [b"", b"a.b", b"a..c", b"a.b.c.d", b"a.b.c=", b"a.b.c\n", b"a b.c.d", b"\xff.b.c"])
def test_only_a_compact_token_is_encoded(token: bytes) -> None:
    with pytest.raises(InvariantError):
        encode(0, token)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"5",
        b"5 ",
        b" a.b.c",
        b"5  a.b.c",
        b"5\ta.b.c",
        b"05 a.b.c",
        b"-5 a.b.c",
        b"+5 a.b.c",
        b"5.0 a.b.c",
        b"5 a.b.c\n",
        b"5 a.b.c ",
        b"5 a.b",
        b"9007199254740992 a.b.c",
        b"99999999999999999999 a.b.c",
        "٥ a.b.c".encode(),
    ],
)
def test_no_other_spelling_is_a_leaf(data: bytes) -> None:
    with pytest.raises(Unattributable) as caught:
        decode(data)
    assert caught.value.code == "bad-leaf"


def test_the_leaf_hash_is_that_of_rfc_6962() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"5 a.b.c") == hashlib.sha256(b"\x005 a.b.c").digest()
