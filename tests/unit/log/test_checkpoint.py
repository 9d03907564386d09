"""Checkpoints are C2SP signed notes of one spelling, under one key, for one log."""

from __future__ import annotations

import base64

import pytest

from channel.log.checkpoint import ALG_ED25519, Checkpoint, key_id, open_note, sign, signature_line, split_note
from channel.log.merkle import EMPTY_ROOT
from channel.protocol.envelope import Signer, verify_signature
from channel.protocol.errors import InvariantError, ProofError

ORIGIN = "dcn/test-net"
SIGNER = Signer("relay/sig/log-1", bytes(32))
OTHER = Signer("relay/sig/log-2", bytes([1]) * 32)
HEAD = Checkpoint(ORIGIN, 7, bytes(range(32)))
NOTE = sign(HEAD, ORIGIN, SIGNER)

# The example of Go's note package, which defined the format.
GO_KEY = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def _code(note: str, name: str = ORIGIN, public: bytes = SIGNER.public) -> str:
    with pytest.raises(ProofError) as caught:
        open_note(note, name, public)
    return caught.value.code


def test_what_is_signed_opens_again() -> None:
    assert open_note(NOTE, ORIGIN, SIGNER.public) == HEAD


def test_a_checkpoint_has_the_published_form() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == [ORIGIN, "7", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert lines[4].startswith(f"\u2014 {ORIGIN} ")
    assert lines[5:] == [""]


def test_a_note_of_the_package_that_defined_the_format_verifies() -> None:
    body, [(name, data)] = split_note(GO_NOTE)
    public = GO_KEY[1:]
    assert name == "PeterNeumann"
    assert data[:4] == key_id(name, ALG_ED25519, public) == bytes.fromhex("c74f20a3")
    assert verify_signature(public, data[4:], body.encode())


def test_the_empty_tree_can_be_signed_for() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert open_note(sign(empty, ORIGIN, SIGNER), ORIGIN, SIGNER.public) == empty


def test_cosigners_lines_are_passed_over() -> None:
    line = signature_line(f"{ORIGIN}/coalition", 0x04, OTHER.public, bytes(72))
    assert open_note(NOTE + line, ORIGIN, SIGNER.public) == HEAD


def test_a_log_signs_only_under_its_origin() -> None:
    with pytest.raises(InvariantError):
        sign(HEAD, "dcn/other-net", SIGNER)


@pytest.mark.parametrize(
    "head", [Checkpoint(ORIGIN, -1, EMPTY_ROOT), Checkpoint(ORIGIN, 1, b"short"), Checkpoint(ORIGIN, 2**53, EMPTY_ROOT)]
)
def test_what_is_no_checkpoint_is_not_signed(head: Checkpoint) -> None:
    with pytest.raises(ProofError):
        sign(head, ORIGIN, SIGNER)


def test_another_key_does_not_open_it() -> None:
    assert _code(NOTE, public=OTHER.public) == "bad-note-signature"


def test_another_key_under_the_same_name_and_id_does_not_open_it() -> None:
    body = HEAD.body + "\n"
    forged = body + signature_line(ORIGIN, ALG_ED25519, SIGNER.public, OTHER.sign(HEAD.body.encode()))
    assert _code(forged) == "bad-note-signature"


def test_a_signature_of_another_note_does_not_open_it() -> None:
    later = sign(Checkpoint(ORIGIN, 8, HEAD.root), ORIGIN, SIGNER)
    assert _code(HEAD.body + "\n" + later.split("\n\n")[1]) == "bad-note-signature"


def test_another_logs_checkpoint_is_told_apart() -> None:
    other = sign(Checkpoint("dcn/other-net", 7, HEAD.root), "dcn/other-net", SIGNER)
    assert _code(other) == "wrong-origin"


def test_two_signatures_of_the_log_are_one_too_many() -> None:
    assert _code(NOTE + NOTE.split("\n\n")[1]) == "bad-note-signature"


@pytest.mark.parametrize("at", range(len(NOTE)))
def test_no_character_can_be_changed(at: int) -> None:
    for other in ("A", "9", "\n", " ", "\x00", "\ud800"):
        if other != NOTE[at]:
            _code(NOTE[:at] + other + NOTE[at + 1 :])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n+7\n"),
        NOTE.replace("\n7\n", "\n7 \n"),
        NOTE.replace("\n7\n", "\n٧\n"),
        NOTE.replace("\n7\n", "\n99999999999999999\n"),
        NOTE.replace("Hh8=\n", "Hh8=\nextension\n"),
        NOTE.replace("Hh8=", "Hh9="),
        NOTE.replace("Hh8=", "Hh8"),
        NOTE.replace("\u2014", "-"),
        HEAD.body + "\n",
        HEAD.body + "\n\u2014 dcn/a+b AAAAAAA=\n",
        HEAD.body + "\n\u2014 dcn/a AAAA\n",
        HEAD.body + "\n" + "\u2014 a AAAAAAA=\n" * 65,
        "x" * 16_385,
    ],
)
def test_no_other_spelling_is_a_note(note: str) -> None:
    assert _code(note) == "bad-note"
