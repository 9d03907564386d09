"""The log that the evidence vectors are about, and its pieces: nine leaves, all rightly signed; no clock, no chance.

0 the charter, 1 and 2 the accessions, 3 a notice of another matter, 4 a key that Russia enrols, 5 the sealed notice,
6 `received`, 7 WILCO, 8 a roll call. A variant puts leaves in before the WILCO.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from channel.log.checkpoint import ALG_COSIGNATURE, signature_line, split_note
from channel.log.cosignature import cosign, cosigner_name, merge
from channel.log.leaf import encode
from channel.protocol import canonical, ids
from channel.protocol.envelope import Signer, seal
from tests.unit.log.evidence import DESK, MACHINE, TIME_S, CaseLog, Members, inner
from tests.unit.log.growing import CHARTER, note_of
from tests.vectors import bodies, edwards

STAFF = "russia/sig/desk-staff"
COSIGNERS = ("coalition", "russia")
STRAYS = (3, -1)  # the leaves of another matter: the first notice, and the last leaf
OTHER_CHARTER = seal(bodies.body("charter", title="Another"), Signer(MACHINE, bodies.seed(MACHINE)))
OTHER_NET = "other-net"
COVER: Members = {"kind": "text", "how": "machine", "volumes": [], "elements": [], "text": "", "read_back": ...}
"""What the outer of a sealed notice shows in the place of what is said (protocol.md 6.5.2)."""
INNER = inner(read_back=...)
PT = ids.sha256(INNER)


class Vector(NamedTuple):
    """A file's bytes, what is wrong with it in words, and what a verifier has to say."""

    about: str
    verdict: str
    codes: tuple[str, ...]
    data: bytes


def verified(about: str, data: bytes) -> Vector:
    """A file in order."""
    return Vector(about, "verified", (), data)


def refuted(about: str, data: bytes, *codes: str) -> Vector:
    """Something that is there is wrong."""
    return Vector(about, "refuted", codes, data)


def incomplete(about: str, data: bytes, *codes: str) -> Vector:
    """Nothing is wrong, but something is missing."""
    return Vector(about, "incomplete", codes, data)


def signer(kid: str, as_: str | None = None) -> Signer:
    """The key behind a key id; `as_`: under another name."""
    return Signer(as_ or kid, bodies.seed(kid))


def relays(type_: str, *, by: str = MACHINE, **members: Any) -> bytes:
    """A word of the relay, or what somebody else signs in its place."""
    return seal(bodies.body(type_, **members), signer(by))


def signed_anew(token: bytes, kid: str) -> bytes:
    """The same statement under another signature of the same key: rightly signed, but other bytes."""
    message, _, _ = token.rpartition(b".")
    a, r = edwards.secret(bodies.seed(kid)), edwards.secret(bodies.seed("nonce"))
    point = (r * edwards.BASE).encoded()
    s = (r + edwards.challenge(point, bodies.public(kid), message) * a) % edwards.L
    return message + b"." + ids.b64url(point + edwards.scalar_bytes(s)).encode()


CHARTER_ANEW = signed_anew(CHARTER, MACHINE)

Extra = Callable[["EvidenceLog"], object]


class EvidenceLog(CaseLog):
    """The log, with `extra` leaves before the WILCO. `sealed`: the token that the sealed notice names."""

    def __init__(self, extra: Extra | None = None, *, sealed: bytes = INNER, charter: bytes = CHARTER) -> None:
        super().__init__(charter)
        for party in COSIGNERS:
            self.add("accession", by=f"{party}/root/1")
        self.commit()
        self.say("russia", "notice", nid="015e89c1-b3c0-7000-8000-000000000009", to=[{"party": "coalition"}])
        self.say("russia", "key", "root/1", key=key(STAFF))
        head = self.chain
        self.notice = self.say("coalition", "notice", sealed={"ct": bodies.HASH, "pt": ids.sha256(sealed)}, **COVER)
        self.of = ids.sha256(self.tokens[self.notice])
        row = self.rows()[self.notice]
        self.receipt_of_notice = relays("receipt", index=row.index, stamp=row.stamp, of=self.of, keys=head)
        self.say("russia", "receiving")
        if extra is not None:
            extra(self)
        self.say("russia", "answer", DESK, word="WILCO", until=..., reason=..., pt=PT)
        self.say("russia", "check", DESK)

    def put(self, token: bytes) -> None:
        """Any token as the next leaf, with its checkpoint."""
        self.add_token(token)
        self.commit()

    def passed_over(self, party: str, type_: str, **changes: Any) -> None:
        """A statement about keys that a reader takes no notice of: the key chain goes on without it."""
        head = self.chain
        self.say(party, type_, "root/1", **changes)
        self.chain = head

    def size(self) -> int:
        return self.tree.size

    def beat(self, **changes: Any) -> bytes:
        """The relay's heartbeat at the end."""
        members = {"size": self.size(), "root": ids.b64url(self.tree.root()), "keys": self.chain}
        return relays("heartbeat", **members | changes)

    def row(self, index: int) -> Members:
        """The row of a leaf in a bundle."""
        leaf, proof = self.rows()[index], self.tree.inclusion(index, self.size())
        shown = [ids.b64url(digest) for digest in proof]
        return {"index": index, "stamp": leaf.stamp, "token": leaf.token.decode(), "proof": shown}

    def leaf(self, index: int) -> bytes:
        """A leaf's bytes."""
        return encode(self.rows()[index].stamp, self.rows()[index].token)

    def strays(self) -> set[int]:
        """Leaves of another matter."""
        return {index % self.size() for index in STRAYS}

    def members(
        self, *, leave_out: Iterable[int] = (), note: str | None = None, disclosed: Iterable[bytes] = (INNER,)
    ) -> Members:
        """A bundle's members, put together by hand: whoever makes evidence up does not ask the maker."""
        rows = [self.row(index) for index in range(self.size()) if index not in self.strays() | set(leave_out)]
        note = self.note(*COSIGNERS) if note is None else note
        shown = [token.decode() for token in disclosed]
        return {
            "format": "dcn-bundle",
            "v": 1,
            "net": bodies.NET,
            "of": self.of,
            "note": note,
            "rows": rows,
            "words": [self.receipt_of_notice.decode(), self.beat().decode()],
            "disclosed": shown,
            "stated": {
                "rows": len(rows),
                "indexes": [row["index"] for row in rows],
                "cosigners": list(COSIGNERS),
                "words": [self.notice, self.size()],
                "disclosed": [ids.sha256(token.encode()) for token in shown],
            },
        }


def key(kid: str) -> Members:
    """A key as it is enrolled."""
    return {"kid": kid, "pub": ids.b64url(bodies.public(kid)), "held": "person"}


@cache
def whole() -> EvidenceLog:
    """The log without anything put in, for reading only."""
    return EvidenceLog()


@cache
def other() -> EvidenceLog:
    """Another history of the same log: from leaf 7 on it says otherwise, and it is a leaf longer."""
    return EvidenceLog(lambda log: log.say("russia", "receiving", DESK, stage="displayed"))


def spelled(members: Members) -> bytes:
    """The one spelling of a file in JSON."""
    return canonical.dumps(members) + b"\n"


def loosely(members: Members) -> bytes:
    """Another spelling of the same."""
    return json.dumps(members, indent=1).encode() + b"\n"


def flip(text: str, at: int = 0) -> str:
    """The text with one character changed for another of its alphabet."""
    return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]


# --- checkpoints -----------------------------------------------------------------------------------------------------


def cosigned_by(note: str, kid: str, as_: str | None = None, time_s: int = TIME_S) -> str:
    """A cosignature line; `as_`: under the name and key id of another."""
    return cosign(note, bodies.NET, signer(kid, as_), time_s)


def signed_for_another(note: str) -> str:
    """Russia's name and the id of Russia's key over a signature that the coalition's key made."""
    body, _ = split_note(note)
    message = f"cosignature/v1\ntime {TIME_S}\n{body}".encode()
    stamped = TIME_S.to_bytes(8, "big") + signer("coalition/wit/1").sign(message)
    name = cosigner_name(bodies.NET, "russia")
    return signature_line(name, ALG_COSIGNATURE, bodies.public("russia/wit/1"), stamped)


def own(log: CaseLog | None = None, size: int | None = None) -> str:
    """The checkpoint with the log's own signature alone."""
    log = whole() if log is None else log
    return log.note(size=size)


def with_lines(*lines: str) -> str:
    """The checkpoint with these cosignatures, in the order of their names."""
    return merge(own(), lines)


def foreign_note(kid: str = "relay/sig/log-1") -> str:
    """The checkpoint as somebody else signs it."""
    return note_of(whole().size(), whole().tree.root(), Signer(kid, bytes(32)))
