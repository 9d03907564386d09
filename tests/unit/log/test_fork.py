"""Two histories under one log key are shown by a file of a few lines; one history never is."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from channel.log.fork import FORK_BYTES_MAX, REASONS, root_within, verify_fork, write, write_named
from channel.log.merkle import EMPTY_ROOT, Tree
from channel.log.report import Report, Verdict
from channel.protocol import canonical, codes, ids
from channel.protocol.envelope import Signer, seal
from tests.unit.log.growing import CHARTER, note_of
from tests.vectors import bodies

SIZES = range(1, 18)
OTHER_CHARTER = seal(
    bodies.body("charter", title="Another"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))
)


@cache
def _tree(seed: str, *, same: int = 0) -> Tree:
    """A tree of 17 leaves, the first `same` of them as in every other."""
    tree = Tree()
    for index in range(17):
        tree.append(_leaf(seed, index, same))
    return tree


def _leaf(seed: str, index: int, same: int) -> bytes:
    return bytes([index]) * 31 + (b"=" if index < same else seed.encode())


def _notes(size1: int, size2: int, *, same: int = 0) -> tuple[str, str]:
    return note_of(size1, _tree("a", same=same).root(size1)), note_of(size2, _tree("b", same=same).root(size2))


def _file(size1: int, size2: int, **changes: Any) -> bytes:
    other = _tree("b")
    proof = other.consistency(size1, size2) if size1 < size2 else []
    members = {"notes": _notes(size1, size2), "root": other.root(size1) if proof else None, "proof": proof, **changes}
    return write(CHARTER, bodies.NET, **members)


def _codes(data: bytes) -> list[str]:
    return [reason.code for reason in verify_fork(data, CHARTER).reasons]


@pytest.mark.parametrize("size1", SIZES)
def test_two_histories_are_shown_whatever_their_sizes(size1: int) -> None:
    for size2 in range(size1, 18):
        report = verify_fork(_file(size1, size2), CHARTER)
        assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ()), size2
        assert report.proven[-1] == "the relay signed two different histories: it cannot explain that away"
        assert [line.split(" leaves")[0] for line in report.proven[:2]] == [
            f"the log signed a tree of {size}" for size in (size1, size2)
        ]


@pytest.mark.parametrize("size1", SIZES)
def test_a_clients_own_proofs_give_the_root_that_the_file_needs(size1: int) -> None:
    """A relay sends one to a client that pinned another tree."""
    other = _tree("b")
    for size2 in range(size1 + 1, 18):
        root = root_within(size1, size2, other.consistency(size1, size2))
        assert root == (other.root(size1) if size1 & (size1 - 1) else None)
    assert root_within(size1, size1, []) is None


def test_one_history_is_never_a_fork() -> None:
    for size1 in SIZES:
        for size2 in range(size1, 18):
            notes = note_of(size1, _tree("b").root(size1)), note_of(size2, _tree("b").root(size2))
            report = verify_fork(_file(size1, size2, notes=notes), CHARTER)
            assert report.verdict is Verdict.REFUTED
            assert [reason.code for reason in report.reasons] == ["no-fork"]
            assert report.proven == ()


def test_without_a_proof_two_sizes_show_nothing_yet() -> None:
    report = verify_fork(_file(5, 9, root=None, proof=[]), CHARTER)
    assert report.verdict is Verdict.INCOMPLETE
    assert _codes(_file(5, 9, root=None, proof=[])) == ["no-proof"]


def test_a_made_up_root_shows_nothing() -> None:
    assert _codes(_file(5, 9, root=bytes(32))) == ["bad-consistency"]
    assert _codes(_file(5, 9, root=_tree("a").root(5))) == ["bad-consistency"]
    assert _codes(_file(8, 9, root=bytes(32))) == ["bad-consistency"]


def test_the_empty_tree_has_one_root() -> None:
    later = note_of(9, _tree("b").root(9))
    for notes, found in (
        ((note_of(0, bytes(32)), later), []),
        ((note_of(0, EMPTY_ROOT), later), ["no-fork"]),
        ((note_of(0, EMPTY_ROOT), note_of(0, bytes(32))), []),
    ):
        assert _codes(_file(0, 9, notes=notes, root=None, proof=[])) == found


def test_two_of_one_size_need_no_proof_and_have_none() -> None:
    assert _codes(_file(9, 9, root=bytes(32))) == ["bad-fork"]
    assert _codes(_file(9, 9, proof=[bytes(32)])) == ["bad-fork"]
    assert _codes(_file(5, 9, notes=tuple(reversed(_notes(5, 9))))) == ["bad-fork"]


def test_notes_that_others_signed_show_nothing_of_the_log() -> None:
    forged = note_of(9, bytes(32), Signer("relay/sig/log-1", bytes(32)))
    assert _codes(_file(9, 9, notes=(_notes(9, 9)[0], forged))) == ["bad-note-signature"]
    assert _codes(_file(9, 9, notes=("no note", forged))) == ["bad-note"]


def test_it_is_judged_under_the_charter_that_the_reader_trusts() -> None:
    data = _file(9, 9)
    assert verify_fork(data, None).verdict is Verdict.INCOMPLETE
    assert verify_fork(data, None).reasons == ()
    assert [reason.code for reason in verify_fork(data, OTHER_CHARTER).reasons] == ["wrong-charter"]
    assert verify_fork(data, b"no charter").verdict is Verdict.REFUTED
    assert _codes(write(CHARTER, "other-net", _notes(9, 9))) == ["wrong-net"]


@pytest.mark.parametrize(("size1", "size2"), [(5, 9), (9, 9)])
def test_no_bit_of_it_can_be_changed(size1: int, size2: int) -> None:
    data = _file(size1, size2)
    for at in range(len(data)):
        for bit in range(8) if at > len(CHARTER) + 200 else (at % 8,):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            report = verify_fork(changed, CHARTER)
            assert report.verdict is Verdict.REFUTED, (at, bit)
            assert {reason.code for reason in report.reasons} <= _KNOWN


_KNOWN = {*REASONS, *codes.UNATTRIBUTABLE, *codes.REFUSALS, "bad-note", "wrong-origin", "bad-note-signature"}


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b"\xff", b"[" * 1000, b" " * FORK_BYTES_MAX * 2, b'{"format":"dcn-fork"}\n']
)
def test_other_bytes_are_no_fork_proof(data: bytes) -> None:
    assert _codes(data) == ["bad-fork"]


def test_it_has_one_spelling() -> None:
    members = json.loads(_file(9, 9))
    for data in (_file(9, 9)[:-1], _file(9, 9) + b"\n", json.dumps(members).encode() + b"\n"):
        assert _codes(data) == ["bad-fork"]
    assert _codes(canonical.dumps({**members, "v": True}) + b"\n") == ["bad-fork"]
    del members["proof"]
    assert _codes(canonical.dumps(members) + b"\n") == ["bad-fork"]


# --- a checkpoint, and a token that names another tree ---------------------------------------------------------------


def _heartbeat(size: int, root: bytes, by: str = "relay/sig/machine-1") -> str:
    body = bodies.body("heartbeat", size=size, root=ids.b64url(root))
    return seal(body, Signer(by, bodies.seed(by))).decode()


def _seen(size: int, root: bytes) -> str:
    kid = "russia/sig/machine-1"
    body = bodies.body("receiving", **{"from": "russia"}, seen={"size": size, "root": ids.b64url(root)})
    return seal(body, Signer(kid, bodies.seed(kid))).decode()


def _named(token: str, size: int = 9) -> Report:
    return verify_fork(write_named(CHARTER, bodies.NET, _notes(size, size)[0], token), CHARTER)


def test_a_heartbeat_of_another_tree_of_that_size_is_the_relays_own_contradiction() -> None:
    report = _named(_heartbeat(9, _tree("b").root(9)))
    assert (report.verdict, report.reasons) == (Verdict.VERIFIED, ())
    assert any(line.startswith("relay/sig/machine-1 signed that it knows a tree of 9") for line in report.proven)


def test_a_partys_seen_is_its_own_word_and_says_where_the_rest_is() -> None:
    report = _named(_seen(9, _tree("b").root(9)))
    assert (report.verdict, [reason.code for reason in report.reasons]) == (Verdict.INCOMPLETE, ["no-proof"])
    assert "the client of russia holds the log's own signature" in report.reasons[0].detail
    assert any(line.startswith("the log signed a tree of 9 leaves") for line in report.proven)
    assert any(line.startswith("russia/sig/machine-1 signed that it knows a tree of 9") for line in report.proven)
    assert report.unproven[0] == "that the relay signed two different histories"


_BUSY = seal(bodies.body("busy"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))).decode()
_RELAYS = seal(
    bodies.body("alert", seen={"size": 9, "root": ids.b64url(_tree("b").root(9))}),
    Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1")),
).decode()
_LATER = seal(bodies.body("check"), Signer("russia/sig/desk-later", bodies.seed("russia/sig/desk-later"))).decode()


@pytest.mark.parametrize(
    ("token", "code", "verdict"),
    [
        (_heartbeat(9, _tree("a").root(9)), "no-fork", Verdict.REFUTED),
        (_seen(9, _tree("a").root(9)), "no-fork", Verdict.REFUTED),
        (_heartbeat(8, _tree("b").root(8)), "no-proof", Verdict.INCOMPLETE),
        (_heartbeat(9, bytes(32), by="coalition/sig/machine-1"), "wrong-party", Verdict.REFUTED),
        (_RELAYS, "no-proof", Verdict.INCOMPLETE),
        (_BUSY, "bad-fork", Verdict.REFUTED),
        (_LATER, "no-proof", Verdict.INCOMPLETE),
        ("a.b.c", "bad-token", Verdict.REFUTED),
    ],
)
def test_other_tokens_beside_a_checkpoint_show_no_fork(token: str, code: str, verdict: Verdict) -> None:
    report = _named(token)
    assert (report.verdict, [reason.code for reason in report.reasons]) == (verdict, [code])
    assert (report.proven == ()) is (verdict is Verdict.REFUTED)


def test_no_bit_of_a_file_with_a_token_can_be_changed() -> None:
    data = write_named(CHARTER, bodies.NET, _notes(9, 9)[0], _heartbeat(9, _tree("b").root(9)))
    start = data.index(b'"notes"')
    for at in range(start, len(data)):
        changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        assert verify_fork(changed, CHARTER).verdict is not Verdict.VERIFIED, at


def test_a_proof_that_fits_nothing_gives_no_root() -> None:
    assert root_within(5, 9, []) is None
    assert root_within(5, 9, [bytes(32)] * 60) is None
