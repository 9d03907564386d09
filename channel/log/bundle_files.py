"""What a maker hands over beside a bundle: the summary for people, and each leaf's proof as a file (docs/evidence.md).

Pure: names and contents come out, others write them. Nothing is verified here but what `bundle.read` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channel.log import tlog_proof
from channel.log.bundle import read, verify_bundle
from channel.log.case import Leaf, belonging
from channel.log.checkpoint import parse_body, split_note
from channel.log.leaf import encode
from channel.log.report import Verdict
from channel.protocol import ids
from channel.protocol.errors import FatalError

UNWITNESSED = "no checkpoint that a quorum has cosigned covers the notice yet: try again, or without --witnessed"


def leaf_proofs(bundle: bytes) -> Iterator[tuple[str, str]]:
    """(file name, text) of the tlog-proof of each of its leaves, with the leaf's bytes in `extra` (evidence.md E6)."""
    found = read(bundle)
    for row in found.rows:
        data = encode(row.stamp, row.token.encode("ascii"))
        proof = [ids.unb64url(digest) for digest in row.proof]
        yield f"{row.index}{tlog_proof.EXTENSION}", tlog_proof.write(row.index, proof, found.note, data)


def summary(bundle: bytes, charter: bytes, leaves: list[Leaf]) -> dict[str, Any]:
    """What was put in and how it verifies here, as JSON. FatalError if it is refuted: then nothing is handed on.

    Of `leaves`, all that are at hand, `newer` belong in it and the checkpoint does not cover them; of `left_out` there
    are too many for one file.
    """
    found, report = read(bundle), verify_bundle(bundle, charter)
    belong, here = [leaf.index for leaf in belonging(leaves, found.of)], {row.index for row in found.rows}
    if report.verdict is Verdict.REFUTED:
        first = report.reasons[0]
        where = "" if first.leaf is None else f" at leaf {first.leaf}"
        raise FatalError(f"what is stored here does not hold ({first.code}{where}): verify the log, and restore it")
    return {
        "token_sha256": found.of,
        "tree_size": parse_body(split_note(found.note)[0]).size,
        "indexes": [row.index for row in found.rows],
        "cosigners": list(found.stated.cosigners),
        "quorum": report.witnessed > 0,
        "words": len(found.words),
        "disclosed": len(found.disclosed),
        "newer": [index for index in belong if index >= report.size],
        "left_out": [index for index in belong if index < report.size and index not in here],
        "verdict": report.verdict.value,
        "reasons": [reason.to_json() for reason in report.reasons],
    }


def sentences(told: dict[str, Any]) -> Iterator[str]:
    """The summary for a person, a line each."""
    cosigners = ", ".join(told["cosigners"]) or "nobody yet"
    yield f"{len(told['indexes'])} leaves under the checkpoint of {told['tree_size']}, cosigned by {cosigners}"
    if not told["quorum"]:
        yield (
            "no quorum of witnesses counts for that checkpoint yet: make it again in a moment, or with --witnessed "
            "under an older one without what is newer"
        )
    if told["newer"]:
        newer = ", ".join(map(str, told["newer"]))
        yield f"newer than that checkpoint, and so not in it: leaves {newer}; without --witnessed they are"
    if left := told["left_out"]:
        yield f"{len(left)} more about the notice do not fit in one file: leaves {left[0]} to {left[-1]}, in the log"
    for reason in told["reasons"]:
        yield f"{told['verdict']}, {reason['code']}: {reason['detail']}"
