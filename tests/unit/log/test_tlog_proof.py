"""A leaf's proof as c2sp.org/tlog-proof@v1: written, read back, and checked with the log's key alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from channel.log.leaf import encode
from channel.log.tlog_proof import HEADER, TlogProof, read, verify, write
from channel.protocol.errors import InvariantError, ProofError
from tests.unit.log.growing import LOG_SIGNER, ORIGIN, GrowingLog

LOG = GrowingLog().grow(3, 2)
NOTE = LOG.notes()[-1][1]
PROOFS = [LOG.tree.inclusion(index, 7) for index in range(7)]
LEAVES = [encode(row.stamp, row.token) for row in LOG.rows()]
TEXT = write(3, PROOFS[3], NOTE)


@pytest.mark.parametrize("index", range(7))
@pytest.mark.parametrize("extra", [None, b"", b"opaque"])
def test_what_is_written_reads_back_and_verifies(index: int, extra: bytes | None) -> None:
    text = write(index, PROOFS[index], NOTE, extra)
    assert read(text) == TlogProof(index, tuple(PROOFS[index]), NOTE, extra)
    assert verify(text, LEAVES[index], ORIGIN, LOG_SIGNER.public).size == 7


def test_the_file_has_the_published_form() -> None:
    head, _, note = TEXT.partition("\n\n")
    assert head.splitlines()[:2] == [HEADER, "index 3"]
    assert len(head.splitlines()) == 2 + len(PROOFS[3])
    assert note == NOTE
    assert write(3, PROOFS[3], NOTE, b"opaque").splitlines()[1] == "extra b3BhcXVl"


def test_another_leaf_or_place_does_not_verify() -> None:
    for leaf, text in ((LEAVES[2], TEXT), (LEAVES[3] + b"x", TEXT), (LEAVES[3], write(2, PROOFS[3], NOTE))):
        with pytest.raises(ProofError):
            verify(text, leaf, ORIGIN, LOG_SIGNER.public)


@pytest.mark.parametrize("at", range(len(TEXT)))
def test_no_character_can_be_changed(at: int) -> None:
    for other in ("A", "9", "\n", " "):
        if other != TEXT[at]:
            with pytest.raises(ProofError):
                verify(TEXT[:at] + other + TEXT[at + 1 :], LEAVES[3], ORIGIN, LOG_SIGNER.public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        HEADER,
        HEADER + "\n\n" + NOTE,
        TEXT.replace("index 3", "index 03"),
        TEXT.replace("index 3", "index ٣"),
        TEXT.replace("index 3", "index 9999999999999999"),
        TEXT.replace("index 3", "Index 3"),
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index", "extra !\nindex"),
        TEXT.replace("index", "extra  eA==\nindex"),
        TEXT.replace("index", "extra eA\nindex"),
        TEXT.replace("\n\n", "\neA==\n\n", 1),
        TEXT.replace("\n", "\r\n"),
        "x" * 200_000,
    ],
)
def test_no_other_spelling_is_a_proof_file(text: str) -> None:
    with pytest.raises(ProofError):
        verify(text, LEAVES[3], ORIGIN, LOG_SIGNER.public)


def test_what_cannot_be_read_is_not_written() -> None:
    for index, proof in ((-1, PROOFS[3]), (3, [b"short"]), (3, [bytes(32)] * 64)):
        with pytest.raises((InvariantError, ProofError)):
            write(index, proof, NOTE)
    assert read(TEXT) == replace(read(TEXT))
