"""Whoever changes a bit of a bundle, or takes a part of it away, is found out."""

from __future__ import annotations

import json
import os
import re
from functools import cache, lru_cache
from random import Random

import pytest

from channel.log import bundle as bundles
from channel.log.bundle import read, verify_bundle
from channel.log.report import Verdict
from channel.protocol import canonical, envelope, ids
from channel.protocol.envelope import Signer
from channel.protocol.limits import BUNDLE_BYTES_MAX
from tests.unit.log.evidence import Members, codes_of, edited, good, members_of_good, shared, verdict, without
from tests.unit.log.growing import CHARTER, note_of


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pure functions remember what they gave for the same bytes: a changed bundle is mostly the one it was."""
    monkeypatch.setattr(bundles, "open_charter", lru_cache(bundles.open_charter))
    monkeypatch.setattr(envelope, "verify_signature", lru_cache(1000)(envelope.verify_signature))
    monkeypatch.setattr(ids, "unb64url", lru_cache(1000)(ids.unb64url))


EVERY_BIT = os.environ.get("EVERY_BIT", "") not in ("", "0")  # all bits of the file: some minutes


@cache
def _flips() -> list[int]:
    """Offsets in bits: one seeded bit of every byte, and every bit of the checkpoint and of each header and proof hash.

    Headers and hashes that stand in several rows are taken once.
    """
    data, random = good(), Random(20_170_916)
    if EVERY_BIT:
        return list(range(8 * len(data)))
    found = [*re.finditer(rb'"(?:token":"|disclosed":\["|words":\[")([^.]*)', data)]
    found += [
        match for match in re.finditer(rb'"([A-Za-z0-9_-]{43})"', data) if data[: match.start()].count(b'"rows":')
    ]
    spans = {match[1]: match.span(1) for match in reversed(found)}.values()
    note = re.search(rb'"note":("[^"]*")', data)
    assert note is not None
    every = {8 * at + bit for start, stop in (*spans, note.span(1)) for at in range(start, stop) for bit in range(8)}
    return sorted(every | {8 * at + random.randrange(8) for at in range(len(data))})


@pytest.mark.parametrize("part", range(8))
@pytest.mark.usefixtures("remembering")
def test_no_bit_of_a_bundle_of_twenty_tokens_can_be_changed(part: int) -> None:
    data, flips = good(), _flips()
    assert len(flips) > 1.5 * len(data)
    for offset in flips[part::8]:
        at = offset // 8
        changed = data[:at] + bytes([data[at] ^ 1 << offset % 8]) + data[at + 1 :]
        assert verdict(changed) is Verdict.REFUTED, (at, data[at - 20 : at + 20])


@pytest.mark.parametrize("index", [row.index for row in read(good()).rows])
def test_no_row_can_be_taken_away(index: int) -> None:
    report = verify_bundle(without(index, stated=False), CHARTER)
    assert report.verdict is Verdict.INCOMPLETE
    assert ("missing-leaf", index) in [(reason.code, reason.leaf) for reason in report.reasons]
    assert report.proven == ()


def test_no_two_rows_can_be_swapped_and_none_repeated() -> None:
    rows = members_of_good()["rows"]
    for first in range(len(rows)):
        for second in range(first + 1, len(rows)):
            swapped = [*rows]
            swapped[first], swapped[second] = rows[second], rows[first]
            assert verdict(edited(lambda members, swapped=swapped: members.update(rows=swapped))) is Verdict.REFUTED
        repeated = [*rows[: first + 1], *rows[first:]]
        assert verdict(edited(lambda members, repeated=repeated: members.update(rows=repeated))) is Verdict.REFUTED


def test_no_contents_of_two_rows_can_be_swapped() -> None:
    rows = members_of_good()["rows"]
    for name in ("token", "stamp", "proof"):
        swapped = [{**row, name: other[name]} for row, other in zip(rows, [*rows[1:], rows[0]], strict=True)]
        assert verdict(edited(lambda members, swapped=swapped: members.update(rows=swapped))) is Verdict.REFUTED


def test_a_leaf_that_is_about_something_else_has_no_place() -> None:
    log = shared()
    stray = next(leaf.index for leaf in log.leaves() if leaf.opened.type == "check")
    row = json.loads(
        canonical.dumps(
            {
                "index": stray,
                "stamp": log.rows()[stray].stamp,
                "token": log.rows()[stray].token.decode(),
                "proof": [ids.b64url(digest) for digest in log.prove()(stray)],
            }
        )
    )

    def add(members: Members) -> None:
        members["rows"] = sorted([*members["rows"], row], key=lambda row: int(row["index"]))
        members["stated"]["indexes"] = [row["index"] for row in members["rows"]]
        members["stated"]["rows"] += 1

    assert codes_of(edited(add)) == {"stray-leaf"}


def test_a_checkpoint_by_another_key_or_of_another_log_is_refuted() -> None:
    log = shared()
    forged = note_of(23, log.tree.root(), Signer("relay/sig/log-1", bytes(32)))
    assert "bad-note-signature" in codes_of(edited(lambda members: members.update(note=forged)))
    assert "bad-inclusion" in codes_of(edited(lambda members: members.update(note=note_of(23, bytes(32)))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}",
        b"[]\n",
        b"null\n",
        b'{"format":"dcn-bundle"}\n',
        b"\xff",
        b"[" * 100_000,
        b" " * BUNDLE_BYTES_MAX + b" ",
    ],
)
def test_other_bytes_are_no_bundle(data: bytes) -> None:
    report = verify_bundle(data, CHARTER)
    assert report.verdict is Verdict.REFUTED
    assert [reason.code for reason in report.reasons] == ["bad-bundle"]
    assert report.proven == ()


def test_a_bundle_has_one_spelling() -> None:
    for data in (good()[:-1], good() + b"\n", b" " + good(), json.dumps(members_of_good(), indent=1).encode()):
        assert codes_of(data) == {"bad-bundle"}
    assert codes_of(edited(lambda members: members.update(v=True))) == {"bad-bundle"}
    assert codes_of(edited(lambda members: members.update(more="x"))) == {"bad-bundle"}


def test_a_bundle_without_rows_is_not_verified() -> None:
    empty = {**members_of_good()["stated"], "rows": 1, "indexes": [0]}
    assert verdict(edited(lambda members: members.update(rows=[]))) is Verdict.INCOMPLETE
    assert verdict(edited(lambda members: members.update(rows=[], stated=empty))) is Verdict.INCOMPLETE
    assert verify_bundle(edited(lambda members: members.update(rows=[])), None).verdict is Verdict.INCOMPLETE
