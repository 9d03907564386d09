"""A party's client cosigns what it verified: C2SP cosignature/v1, counted once a key, merged into one note."""

from __future__ import annotations

import base64
from itertools import permutations
from typing import TypeVar

import pytest

from channel.log.checkpoint import ALG_COSIGNATURE, Checkpoint, key_id, open_note, sign, signature_line
from channel.log.cosignature import (
    TIME_S_MAX,
    cosign,
    cosigner_name,
    merge,
    open_cosignatures,
    open_line,
    quorum_time,
    witnesses,
)
from channel.protocol import ids
from channel.protocol.envelope import Signer, open_charter, verify_signature
from channel.protocol.errors import InvariantError, ProofError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import KeyStatement, Revocation
from tests.unit.log.growing import CHARTER, LOG_SIGNER, ORIGIN, note_of
from tests.vectors import bodies

M = TypeVar("M", KeyStatement, Revocation)
NET = bodies.NET
TIME_S = 1_505_521_860
NOTE = note_of(7, bytes(range(32)))
PARTIES = ("coalition", "russia")


def _signer(party: str, label: str = "1") -> Signer:
    kid = f"{party}/wit/{label}"
    return Signer(kid, bodies.seed(kid))


def _ring() -> KeyRing:
    return KeyRing(*open_charter(CHARTER))


KEYS = witnesses(_ring(), 7)
LINES = {party: cosign(NOTE, NET, _signer(party), TIME_S + n) for n, party in enumerate(PARTIES)}


def _code(note: str) -> str:
    with pytest.raises(ProofError) as caught:
        open_cosignatures(note, NET, KEYS)
    return caught.value.code


def test_what_is_cosigned_opens_with_the_time_it_was_cosigned_at() -> None:
    assert open_cosignatures(merge(NOTE, LINES.values()), NET, KEYS) == {"coalition": TIME_S, "russia": TIME_S + 1}
    assert open_line(NOTE, LINES["russia"], NET, KEYS) == ("russia", TIME_S + 1)


def test_the_signed_text_is_that_of_the_specification() -> None:
    line = cosign(NOTE, NET, _signer("coalition"), 1679315147)
    data = base64.b64decode(line.rsplit(" ", 1)[1])
    text = f"cosignature/v1\ntime 1679315147\n{Checkpoint(ORIGIN, 7, bytes(range(32))).body}"
    assert data[4:12] == (1679315147).to_bytes(8, "big")
    assert verify_signature(_signer("coalition").public, data[12:], text.encode())


def test_a_line_carries_the_partys_name_and_the_algorithms_key_id() -> None:
    dash, name, encoded = LINES["russia"].rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", f"dcn/{NET}/russia")
    assert base64.b64decode(encoded)[:4] == key_id(name, ALG_COSIGNATURE, _signer("russia").public)
    assert len(base64.b64decode(encoded)) == 4 + 8 + 64


def test_the_logs_own_signature_is_no_cosignature() -> None:
    assert open_cosignatures(NOTE, NET, KEYS) == {}


def test_a_party_that_cosigned_under_two_keys_counts_once_and_from_the_first_time() -> None:
    ring = _ring()
    key = {"kid": "russia/wit/2", "pub": ids.b64url(bodies.public("russia/wit/2")), "held": "machine"}
    ring.apply(3, bodies.HASH, _as(KeyStatement, "key", from_="russia", key=key))
    note = merge(NOTE, [LINES["russia"], cosign(NOTE, NET, _signer("russia", "2"), TIME_S - 5)])
    assert open_cosignatures(note, NET, witnesses(ring, 7)) == {"russia": TIME_S - 5}
    assert open_cosignatures(note, NET, witnesses(ring, 3)) == {"russia": TIME_S + 1}


def test_a_key_that_was_withdrawn_below_the_size_does_not_count() -> None:
    ring = _ring()
    ring.apply(5, bodies.HASH, _as(Revocation, "revocation", from_="russia", kid="russia/wit/1"))
    assert set(witnesses(ring, 5)) == {"coalition", "russia"}
    assert set(witnesses(ring, 6)) == {"coalition"}


def test_a_key_that_two_parties_name_counts_for_one() -> None:
    ring = _ring()
    key = {"kid": "russia/wit/2", "pub": ids.b64url(bodies.public("coalition/wit/1")), "held": "machine"}
    ring.apply(3, bodies.HASH, _as(KeyStatement, "key", from_="russia", key=key))
    assert witnesses(ring, 7) == KEYS


def test_the_relay_is_no_witness_of_its_own_log() -> None:
    assert ids.RELAY not in KEYS


@pytest.mark.parametrize("party", PARTIES)
def test_no_character_of_a_line_can_be_changed(party: str) -> None:
    note = NOTE + LINES[party]
    for at in range(len(NOTE), len(note)):
        for other in ("A", "9", "\n", " "):
            if other != note[at]:
                changed = note[:at] + other + note[at + 1 :]
                try:
                    assert open_cosignatures(changed, NET, KEYS) == {}
                except ProofError:
                    pass


def test_a_cosignature_of_another_checkpoint_is_told() -> None:
    other = cosign(note_of(8, bytes(range(32))), NET, _signer("russia"), TIME_S)
    assert _code(NOTE + other) == "bad-cosignature"


def test_a_cosignature_twice_is_told() -> None:
    assert _code(NOTE + LINES["russia"] + LINES["russia"]) == "bad-cosignature"


@pytest.mark.parametrize("stamped", [b"short", bytes(71), bytes(73), (TIME_S_MAX + 1).to_bytes(8, "big") + bytes(64)])
def test_what_is_not_a_time_and_a_signature_is_told(stamped: bytes) -> None:
    line = signature_line(cosigner_name(NET, "russia"), ALG_COSIGNATURE, _signer("russia").public, stamped)
    assert _code(NOTE + line) == "bad-cosignature"


def test_nothing_else_is_cosigned() -> None:
    other = sign(Checkpoint("dcn/other-net", 7, bytes(32)), "dcn/other-net", LOG_SIGNER)
    with pytest.raises(ProofError):
        cosign(other, NET, _signer("russia"), TIME_S)
    with pytest.raises(ProofError):
        cosign("no checkpoint\n\n" + LINES["russia"], NET, _signer("russia"), TIME_S)
    with pytest.raises(InvariantError):
        cosign(NOTE, NET, Signer("russia/sig/machine-1", bytes(32)), TIME_S)
    with pytest.raises(InvariantError):
        cosign(NOTE, NET, _signer("russia"), TIME_S_MAX + 1)


@pytest.mark.parametrize("line", ["", "\n", "no line\n", LINES["russia"] * 2, "x\n\n" + LINES["russia"]])
def test_a_line_that_came_by_itself_is_one_line(line: str) -> None:
    with pytest.raises(ProofError):
        open_line(NOTE, line, NET, KEYS)
    with pytest.raises(ProofError):
        merge(NOTE, [line])


def test_a_line_under_an_unknown_name_is_nobodys() -> None:
    line = cosign(NOTE, NET, Signer("sdf/wit/1", bytes(32)), TIME_S)
    assert open_cosignatures(NOTE + line, NET, KEYS) == {}
    with pytest.raises(ProofError, match="not under a valid witness key"):
        open_line(NOTE, line, NET, KEYS)


def test_lines_are_merged_the_same_way_whatever_their_order() -> None:
    late = cosign(NOTE, NET, _signer("russia"), TIME_S + 60)
    lines = [*LINES.values(), late]
    merged = {merge(NOTE, order) for order in permutations(lines)} | {merge(merge(NOTE, lines[:1]), lines[1:])}
    assert merged == {NOTE + LINES["coalition"] + LINES["russia"]}
    assert open_note(merged.pop(), ORIGIN, LOG_SIGNER.public).size == 7


def test_a_quorum_is_reached_at_the_time_of_its_last_cosignature() -> None:
    times = {"a": 30, "b": 10, "c": 20}
    assert [quorum_time(times, count) for count in (1, 2, 3, 4)] == [10, 20, 30, None]
    with pytest.raises(InvariantError):
        quorum_time(times, 0)


def _as(model: type[M], type_: str, **changes: object) -> M:
    body = bodies.body(type_, **changes)
    assert isinstance(body, model)
    return body
