"""A file of evidence is told from its first bytes, and says no more than its signatures do."""

from __future__ import annotations

import pytest

from channel.log import tlog_proof
from channel.log.documents import verify_document
from channel.log.fork import write as fork
from channel.log.leaf import encode
from channel.log.report import Report, Verdict
from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from tests.unit.log.evidence import CaseLog, shared
from tests.unit.log.growing import CHARTER, note_of
from tests.vectors import bodies

OTHER_CHARTER = seal(
    bodies.body("charter", title="Another"), Signer("relay/sig/machine-1", bodies.seed("relay/sig/machine-1"))
)


def _leaf(log: CaseLog, index: int) -> bytes:
    return encode(log.rows()[index].stamp, log.rows()[index].token)


def _proof(index: int, **changes: bytes | None) -> bytes:
    log = shared()
    members = {"extra": _leaf(log, index), **changes}
    return tlog_proof.write(index, log.prove()(index), log.note("coalition", "russia"), members["extra"]).encode()


def _codes(report: Report) -> list[str]:
    assert report.verdict is Verdict.REFUTED
    assert report.proven == ()
    return [reason.code for reason in report.reasons]


def test_each_kind_of_file_is_told_from_its_first_bytes() -> None:
    log = shared()
    forked = fork(CHARTER, bodies.NET, (note_of(9, bytes(32)), note_of(9, bytes([1]) * 32)))
    for data in (log.bundle(), forked):
        assert verify_document(data, OTHER_CHARTER).verdict is Verdict.REFUTED
    for data in (log.bundle(), forked, log.note().encode(), _proof(5)):
        assert verify_document(data, CHARTER).verdict is Verdict.VERIFIED
        assert verify_document(data, None).verdict is Verdict.INCOMPLETE


def test_a_bundle_of_a_net_named_like_a_fork_proof_is_still_a_bundle() -> None:
    assert _codes(verify_document(b'{"format":"dcn-bundle","net":"dcn-fork"}\n', CHARTER)) == ["bad-bundle"]
    assert _codes(verify_document(b'{"format" : "dcn-fork"}\n', CHARTER)) == ["bad-fork"]


def test_a_checkpoint_says_what_the_log_signed_and_who_had_verified_it() -> None:
    log = shared()
    report = verify_document(log.note("coalition", "russia").encode(), CHARTER)
    assert (report.verdict, report.size, report.checkpoints) == (Verdict.VERIFIED, 23, 1)
    assert report.proven == (
        f"the log signed a tree of 23 leaves with the root {ids.b64url(log.tree.root())}",
        "it is cosigned with the charter's witness keys of coalition before 2017-09-16T00:33:20Z, "
        "russia before 2017-09-16T00:33:21Z (the charter asks for 2)",
    )
    assert report.witnessed == 0
    assert (
        "that the witnesses themselves had verified it: no key chain is here that shows that the keys of coalition, "
        "russia were not withdrawn before leaf 23"
    ) in report.unproven
    alone = verify_document(log.note().encode(), CHARTER)
    assert len(alone.proven) == 1
    assert any("0 witnesses cosigned" in line for line in alone.unproven)


def test_a_changed_checkpoint_is_refuted() -> None:
    note = shared().note("coalition", "russia")
    assert _codes(verify_document(note.replace("\n23\n", "\n24\n").encode(), CHARTER)) == ["bad-note-signature"]
    lines = note.splitlines(keepends=True)
    later = shared().note("coalition", "russia", size=22).splitlines(keepends=True)
    assert _codes(verify_document("".join([*lines[:-1], later[-1]]).encode(), CHARTER)) == ["bad-cosignature"]


def test_a_leafs_proof_says_which_token_is_where_and_by_whose_key() -> None:
    log = shared()
    report = verify_document(_proof(5), CHARTER)
    assert report.proven[-2:] == (
        f"the token with the hash {log.of} is leaf 5, stamped 2017-09-16T00:30:05Z by the relay",
        "its signature is that of coalition/sig/machine-1, a key of the charter; it is of type notice",
    )
    assert any("was not withdrawn before leaf 5" in line for line in report.unproven)
    assert verify_document(_proof(0), CHARTER).verdict is Verdict.VERIFIED


def test_a_key_that_was_enrolled_later_is_not_vouched_for() -> None:
    report = verify_document(_proof(13), CHARTER)
    assert report.verdict is Verdict.VERIFIED
    assert not any("signature is that of" in line for line in report.proven)
    assert any("key was enrolled later" in line for line in report.unproven)


def test_a_leafs_proof_about_another_leaf_is_refuted() -> None:
    log = shared()
    assert _codes(verify_document(_proof(5, extra=_leaf(log, 6)), CHARTER)) == ["bad-inclusion"]
    assert _codes(verify_document(_proof(5)[:-2], CHARTER)) == ["bad-note"]
    assert _codes(verify_document(_proof(5).replace(b"index 5", b"index 05"), CHARTER)) == ["bad-proof-file"]


def test_a_proof_without_its_leafs_bytes_leaves_it_open_which_leaf_it_is() -> None:
    report = verify_document(_proof(5, extra=None), CHARTER)
    assert (report.verdict, report.reasons) == (Verdict.INCOMPLETE, ())
    assert "which statement leaf 5 is: the file's `extra`, with its bytes, is not there" in report.unproven
    assert any(line.startswith("the log signed a tree") for line in report.proven)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"dcn/\xff", b"SQLite format 3\x00", b" {}", b"\xef\xbb\xbf{}"])
def test_other_files_are_not_known(data: bytes) -> None:
    assert _codes(verify_document(data, CHARTER)) == ["unknown-file"]
    assert verify_document(data, b"no charter").verdict is Verdict.REFUTED


def test_a_signature_line_that_the_charter_does_not_explain_leaves_it_open() -> None:
    note = shared().note("coalition", "russia")
    report = verify_document(note.replace("/russia ", "/sdf ").encode(), CHARTER)
    assert (report.verdict, report.reasons) == (Verdict.INCOMPLETE, ())
    assert "whose the other 1 signature lines are: only the charter's keys are known here" in report.unproven


@pytest.mark.parametrize("name", ["proof", "checkpoint"])
def test_no_byte_of_it_can_be_changed(name: str) -> None:
    data = _proof(5) if name == "proof" else shared().note("coalition", "russia").encode()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        assert verify_document(changed, CHARTER).verdict is not Verdict.VERIFIED, at
