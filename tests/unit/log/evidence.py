"""A log about one notice, its witnesses and the relay's words, for tests of bundles: all of it rightly signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

from channel.log.bundle import verify_bundle
from channel.log.bundle_build import build
from channel.log.case import CaseLeaf
from channel.log.checkpoint import Checkpoint
from channel.log.cosignature import cosign, merge
from channel.log.report import Verdict
from channel.protocol import canonical, ids
from channel.protocol.envelope import Opened, Signer, open_charter, open_token, seal
from channel.protocol.keys import KeyRing
from channel.protocol.sealing import InnerNotice, sign_inner
from tests.unit.log.growing import CHARTER, GrowingLog, note_of
from tests.vectors import bodies

MACHINE = "relay/sig/machine-1"
TIME_S = 1_505_521_999
AUTHOR = "coalition/sig/machine-1"


def inner(by: str = AUTHOR, **changes: Any) -> bytes:
    """The inner token of the sealed notice."""
    members = bodies.members("notice", **{"seq": ..., "prev": ..., "seen": ..., **changes})
    body = InnerNotice.model_validate_json(json.dumps(members), by_alias=True, by_name=False)
    return sign_inner(body, Signer(by, bodies.seed(by)))


INNER = inner()
PT = ids.sha256(INNER)


class CaseLog(GrowingLog):
    """A growing log that can be handed in as evidence."""

    def __init__(self, charter: bytes = CHARTER) -> None:
        super().__init__(charter=charter)
        self.of = ""

    def say(self, party: str, type_: str, with_: str = "sig/machine-1", **changes: Any) -> int:
        """A statement of a party about the notice `of`, in a commit group of its own."""
        if type_ in ("receiving", "answer", "forwarding", "alert"):
            changes = {"of": self.of, **changes}
        index = self.add(type_, by=f"{party}/{with_}", **changes)
        self.commit()
        return index

    def note(self, *parties: str, size: int | None = None) -> str:
        """The newest checkpoint with cosignatures, a second after each other."""
        size = self.tree.size if size is None else size
        note = note_of(size, self.tree.root(size))
        signers = [Signer(f"{party}/wit/1", bodies.seed(f"{party}/wit/1")) for party in parties]
        return merge(note, [cosign(note, bodies.NET, signer, TIME_S + n) for n, signer in enumerate(signers)])

    def leaves(self) -> list[CaseLeaf]:
        """Every leaf, opened under the keys known at its place."""
        charter, of = open_charter(CHARTER)
        ring, leaves = (
            KeyRing(charter, of),
            [CaseLeaf(0, self.rows()[0].stamp, Opened(CHARTER, of, MACHINE, "charter", charter))],
        )
        for row in self.rows()[1:]:
            opened = open_token(row.token, ring, net=bodies.NET)
            ring.apply(row.index, opened.of, opened.body)
            leaves.append(CaseLeaf(row.index, row.stamp, opened))
        return leaves

    def ring(self) -> KeyRing:
        """The keys after all leaves."""
        ring = KeyRing(*open_charter(CHARTER))
        for leaf in self.leaves()[1:]:
            ring.apply(leaf.index, leaf.opened.of, leaf.opened.body)
        return ring

    def receipt(self, index: int, **changes: Any) -> bytes:
        """The relay's receipt for a leaf."""
        row = self.rows()[index]
        members = {"index": index, "stamp": row.stamp, "of": ids.sha256(row.token), "keys": self.ring().chain_at(index)}
        return seal(bodies.body("receipt", **members | changes), Signer(MACHINE, bodies.seed(MACHINE)))

    def heartbeat(self, size: int | None = None, **changes: Any) -> bytes:
        """The relay's heartbeat at a size."""
        size = self.tree.size if size is None else size
        members = {"size": size, "root": ids.b64url(self.tree.root(size)), "keys": self.ring().chain_at(size)}
        return seal(bodies.body("heartbeat", **members | changes), Signer(MACHINE, bodies.seed(MACHINE)))

    def prove(self, size: int | None = None) -> Callable[[int], list[bytes]]:
        """Inclusion proofs under a size."""
        return partial(self.tree.inclusion, size=self.tree.size if size is None else size)

    def bundle(self, *, note: str | None = None, words: Iterable[bytes] | None = None, **changes: Any) -> bytes:
        """The bundle on the notice, cosigned by both parties, with its receipt and a heartbeat."""
        note = self.note("coalition", "russia") if note is None else note
        notice = next(leaf.index for leaf in self.leaves() if leaf.opened.of == self.of)
        words = (self.receipt(notice), self.heartbeat()) if words is None else words
        members = {"prove": self.prove(), **changes}
        return build(self.leaves(), self.of, note=note, words=words, **members)

    def head(self) -> Checkpoint:
        """The newest."""
        return Checkpoint(f"dcn/{bodies.NET}", self.tree.size, self.tree.root())


def begun(sealed: bytes = INNER) -> CaseLog:
    """Charter, accessions, another notice, a key, and then the notice that the case is about."""
    log = CaseLog()
    for party in ("coalition", "russia"):
        log.add("accession", by=f"{party}/root/1")
    log.commit()
    log.say("russia", "notice", nid="015e89c1-b3c0-7000-8000-000000000009", to=[{"party": "coalition"}])
    kid = "russia/sig/desk-staff"
    log.say("russia", "key", "root/1", key={"kid": kid, "pub": ids.b64url(bodies.public(kid)), "held": "person"})
    index = log.say("coalition", "notice", sealed={"ct": bodies.HASH, "pt": ids.sha256(sealed)})
    log.of = ids.sha256(log.tokens[index])
    return log


DESK, STAFF = "sig/desk-operations", "sig/desk-staff"


def case_log() -> CaseLog:
    """About twenty leaves of the case, and others between them."""
    log = begun()
    log.say("russia", "receiving")
    log.say("coalition", "notice", nid="015e89c1-b3c0-7000-8000-00000000000a")
    log.say("relay", "alert")
    log.say("russia", "acknowledgement", DESK)
    log.say("russia", "receiving", DESK, stage="displayed")
    log.say("russia", "answer", DESK)
    log.say("russia", "check", DESK)
    log.say("russia", "answer", STAFF, desk="staff", word="WILCO", until=..., reason=..., pt=PT)
    log.say("coalition", "key", "root/1")
    log.say("coalition", "revocation", "root/1")
    log.say("russia", "forwarding", to="coalition")
    log.say("relay", "finding", rests_on=[log.of])
    log.say("russia", "revocation", "root/1", kid="russia/sig/desk-staff", compromised_since=14)
    log.say("relay", "alert", alert="00000000000000aa", stage="expired")
    log.say("coalition", "acknowledgement", DESK, alert="00000000000000aa")
    withdrawal = {"withdraws": log.of, "nid": "015e89c1-b3c0-7000-8000-00000000000b"}
    log.say("coalition", "notice", "sig/machine-2", **withdrawal)
    log.say("russia", "notice", nid="015e89c1-b3c0-7000-8000-00000000000c", to=[{"party": "coalition"}])
    return log


@cache
def shared() -> CaseLog:
    """The same, for reading only."""
    return case_log()


# --- one bundle, to be edited ----------------------------------------------------------------------------------------

Members = dict[str, Any]


@cache
def good() -> bytes:
    """A bundle that verifies, with everything in it that a bundle can have."""
    return shared().bundle(disclosed=(INNER,))


def members_of_good() -> Members:
    """The same as members, a copy."""
    members: Members = json.loads(good())
    return members


def spelled(members: Members) -> bytes:
    """Members as a bundle's bytes."""
    return canonical.dumps(members) + b"\n"


def edited(edit: Callable[[Members], object]) -> bytes:
    """The good bundle with something changed."""
    members = members_of_good()
    edit(members)
    return spelled(members)


def without(index: int, *, stated: bool) -> bytes:
    """The good bundle without the row of a leaf; `stated`: it says so too."""
    members = members_of_good()
    members["rows"] = [row for row in members["rows"] if row["index"] != index]
    if stated:
        members["stated"]["indexes"].remove(index)
        members["stated"]["rows"] -= 1
    return spelled(members)


def verdict(data: bytes) -> Verdict:
    """Under the right charter."""
    return verify_bundle(data, CHARTER).verdict


def codes_of(data: bytes, charter: bytes | None = CHARTER) -> set[str]:
    """Codes of all reasons."""
    return {reason.code for reason in verify_bundle(data, charter).reasons}
