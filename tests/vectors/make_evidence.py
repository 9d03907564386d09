"""Makes `evidence/`: bundles, fork proofs, leaves' proofs and checkpoints with exactly one fault each, and good ones.

`python -m tests.vectors.make_evidence` writes them again; the same bytes each time. What a verifier has to say of each
is written here by hand, never taken from the program: `expected.json` holds it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from channel.log import tlog_proof
from channel.log.checkpoint import ALG_ED25519, Checkpoint, sign, signature_line
from channel.log.fork import write, write_named
from channel.protocol import ids
from channel.protocol.envelope import seal
from tests.unit.log.evidence import TIME_S, Members
from tests.unit.log.growing import CHARTER, LOG_KID, LOG_SIGNER, ORIGIN, note_of
from tests.vectors import bodies, edwards
from tests.vectors.evidence_bundles import Named, bundles
from tests.vectors.evidence_case import (
    CHARTER_ANEW,
    COSIGNERS,
    OTHER_CHARTER,
    OTHER_NET,
    EvidenceLog,
    Vector,
    cosigned_by,
    flip,
    foreign_note,
    incomplete,
    loosely,
    other,
    own,
    refuted,
    relays,
    signed_for_another,
    signer,
    spelled,
    verified,
    whole,
    with_lines,
)
from tests.vectors.folder import as_json, rewrite

FOLDER = Path(__file__).parent / "evidence"
CHARTER_FILE = "charter.jws"
EXPECTED_FILE = "expected.json"
NOTICE = 5  # the sealed notice's leaf


def vectors() -> dict[str, Vector]:
    """File name -> vector."""
    made: dict[str, Vector] = {}
    for maker, ending in ((bundles, ".json"), (_forks, ".json"), (_proofs, ".tlog-proof"), (_checkpoints, ".txt")):
        for name, vector in maker():
            if name + ending in made:
                raise ValueError(f"two vectors named {name}")
            made[name + ending] = vector
    return made | dict(_charters(made["good-bundle.json"].data))


def files() -> dict[str, bytes]:
    """File name -> bytes: the vectors, the charter to verify them with, and what is expected."""
    made = vectors()
    expected: dict[str, dict[str, Any]] = {}
    for name, vector in sorted(made.items()):
        expected[name] = {"about": vector.about, "verdict": vector.verdict, "codes": sorted(vector.codes)}
        if name.startswith("charter-"):
            expected[name]["charter_of"] = "good-bundle.json"
    found = {name: vector.data for name, vector in made.items()}
    return found | {CHARTER_FILE: CHARTER + b"\n", EXPECTED_FILE: as_json(expected)}


def _charters(good: bytes) -> Named:
    """Charters that the reader might give in the place of the right one, to verify the good bundle with."""
    cut = CHARTER[: len(CHARTER) // 2]
    yield "charter-cut-off.jws", refuted("the charter given is only the first half of one", cut, "bad-charter")
    notice = seal(bodies.body("notice"), signer("coalition/sig/machine-1"))
    yield "charter-a-notice.jws", refuted("the charter given is a notice", notice, "bad-charter")
    spoilt = CHARTER[:-80] + flip(CHARTER[-80:].decode()).encode()
    yield "charter-signature-changed.jws", refuted("the charter given is not rightly signed", spoilt, "bad-charter")
    yield "charter-other.jws", refuted("the charter given is another one", OTHER_CHARTER, "wrong-charter")
    about = "the charter given is the right one under another signature of the same key"
    yield "charter-signed-anew.jws", refuted(about, CHARTER_ANEW, "wrong-charter")


# --- fork proofs -----------------------------------------------------------------------------------------------------


def _fork(**changes: Any) -> bytes:
    """A tree of 9 leaves that a later one of 10 does not begin with, unless told otherwise."""
    log, later = whole(), other()
    members = {
        "notes": (own(log), own(later)),
        "root": later.tree.root(9),
        "proof": later.tree.consistency(9, 10),
        **changes,
    }
    return write(CHARTER, bodies.NET, **members)


def _one_size(note: str | None = None) -> bytes:
    return write(CHARTER, bodies.NET, (own(), own(other(), 9) if note is None else note))


def _changed(data: bytes, edit: Callable[[Members], object]) -> bytes:
    members = json.loads(data)
    edit(members)
    return spelled(members)


def _forks() -> Named:
    yield "good-fork", verified("trees of 9 and 10 leaves, the later does not begin with the earlier", _fork())
    yield "good-fork-one-size", verified("two trees of 9 leaves", _one_size())
    yield "good-fork-heartbeat", verified("a checkpoint, and a heartbeat of another tree of that size", _named(_beat()))
    for maker in (_fork_forms, _fork_histories, _fork_notes, _fork_charters, _fork_tokens):
        for name, vector in maker():
            yield f"fork-{name}", vector


def _fork_forms() -> Named:
    good = _one_size()
    members = json.loads(good)
    cases = {
        "spelling": ("white space between the members", loosely(members)),
        "spelling-no-line-feed": ("no line feed at the end", good[:-1]),
        "spelling-null": ("null for the root that is absent", good.replace(b'"v":1', b'"root":null,"v":1')),
        "version-2": ("v is 2", _changed(good, lambda m: m.update(v=2))),
        "version-true": ("v is true", _changed(good, lambda m: m.update(v=True))),
        "member-more": ("a member that does not exist", _changed(good, lambda m: m.update(more=1))),
        "member-missing": ("no `proof`", _changed(good, lambda m: m.pop("proof"))),
        "one-note": ("one checkpoint and nothing beside it", _changed(good, lambda m: m["notes"].pop())),
        "three-notes": ("three checkpoints", _changed(good, lambda m: m["notes"].append(m["notes"][0]))),
        "notes-swapped": (
            "the larger tree's checkpoint comes first",
            _changed(_fork(), lambda m: m["notes"].reverse()),
        ),
        "root-of-one-size": ("a root beside two checkpoints of one size", _changed(good, _root)),
        "token-and-two-notes": ("a token beside two checkpoints", _changed(good, lambda m: m.update(token=_beat()))),
    }
    for name, (about, data) in cases.items():
        yield name, refuted(about, data, "bad-fork")


def _root(members: Members) -> None:
    members["root"] = bodies.HASH


def _fork_histories() -> Named:
    later = other()
    same = _fork(notes=(own(later, 9), own(later)))
    yield "one-history", refuted("the later tree begins with the earlier", same, "no-fork")
    yield "one-tree", refuted("the same checkpoint twice", _one_size(own()), "no-fork")
    about = "no root of the smaller size within the larger tree: a consistency proof may exist"
    yield "without-root", incomplete(about, _fork(root=None, proof=()), "no-proof")
    cases = {
        "root-changed": ("the root given is not that of 9 leaves in the later tree", _fork(root=bytes(32))),
        "root-of-the-first": ("the root given is the earlier tree's own", _fork(root=whole().tree.root())),
        "proof-node-changed": ("a hash of the consistency proof is another", _changed(_fork(), _first)),
        "proof-node-removed": ("the consistency proof is a hash short", _changed(_fork(), lambda m: m["proof"].pop())),
        "proof-node-more": (
            "the consistency proof is a hash too long",
            _changed(_fork(), lambda m: m["proof"].append(bodies.HASH)),
        ),
    }
    for name, (about, data) in cases.items():
        yield name, refuted(about, data, "bad-consistency")


def _first(members: Members) -> None:
    members["proof"][0] = flip(members["proof"][0])


def _fork_notes() -> Named:
    size, root = whole().size(), other().tree.root(9)
    origin = f"dcn/{OTHER_NET}"
    elsewhere = sign(Checkpoint(origin, size, root), origin, LOG_SIGNER)
    note = own(other(), 9)
    yield (
        "note-by-another-key",
        refuted("the log did not sign the second tree", _one_size(foreign_note()), "bad-note-signature"),
    )
    changed = note.replace(b64encode(root).decode(), b64encode(bytes(32)).decode())
    yield (
        "note-root-changed",
        refuted("the second root is not the signed one", _one_size(changed), "bad-note-signature"),
    )
    yield "note-of-another-net", refuted("the same key signed for another log", _one_size(elsewhere), "wrong-origin")
    yield (
        "note-not-well-formed",
        refuted("the second checkpoint has a line more", _one_size(note.replace("\n\n", "\nmore\n\n", 1)), "bad-note"),
    )


def _fork_charters() -> Named:
    notes = (own(), own(other(), 9))
    another = write(OTHER_CHARTER, bodies.NET, notes)
    yield "other-charter", refuted("the file's charter is another than the one given", another, "wrong-charter")
    about = "the file's charter is the one given under another signature of the same key"
    yield "charter-signed-anew", refuted(about, write(CHARTER_ANEW, bodies.NET, notes), "wrong-charter")
    yield "of-another-net", refuted("`net` is not the charter's", write(CHARTER, OTHER_NET, notes), "wrong-net")
    spoilt = CHARTER[:-80] + flip(CHARTER[-80:].decode()).encode()
    about = "the file's charter is not rightly signed"
    yield "charter-signature-changed", refuted(about, write(spoilt, bodies.NET, notes), "bad-signature")
    notice = seal(bodies.body("notice"), signer("coalition/sig/machine-1"))
    yield "charter-a-notice", refuted("the file's charter is a notice", write(notice, bodies.NET, notes), "wrong-type")


def _named(token: str) -> bytes:
    return write_named(CHARTER, bodies.NET, own(), token)


def _beat(size: int = 9, *, log: EvidenceLog | None = None, by: str = "relay/sig/machine-1") -> str:
    root = (other() if log is None else log).tree.root(size)
    return relays("heartbeat", by=by, size=size, root=ids.b64url(root)).decode()


def _seen(log: EvidenceLog, kid: str = "russia/sig/machine-1") -> str:
    seen = {"size": 9, "root": ids.b64url(log.tree.root(9))}
    return seal(bodies.body("receiving", **{"from": "russia"}, seen=seen), signer(kid)).decode()


def _fork_tokens() -> Named:
    about = "Russia's statement names another tree: its own word, the log's signature is with its client"
    yield "seen", incomplete(about, _named(_seen(other())), "no-proof")
    about = "a heartbeat of another size: one tree may be within the other"
    yield "heartbeat-of-another-size", incomplete(about, _named(_beat(8)), "no-proof")
    about = "the token's key is none of the charter's, and no key chain is here"
    yield "seen-by-unknown-key", incomplete(about, _named(_seen(other(), "russia/sig/machine-2")), "no-proof")
    refused = {
        "heartbeat-of-the-same-tree": ("the heartbeat names the same tree", _beat(log=whole()), "no-fork"),
        "seen-of-the-same-tree": ("Russia's statement names the same tree", _seen(whole()), "no-fork"),
        "heartbeat-by-a-party": (
            "the coalition signed the heartbeat",
            _beat(by="coalition/sig/machine-1"),
            "wrong-party",
        ),
        "token-without-tree": ("the token is a busy word, which names no tree", relays("busy").decode(), "bad-fork"),
        "token-no-token": ("the token is no compact JWS of this protocol", "a.b.c", "bad-token"),
        "token-signature-changed": ("the heartbeat is not rightly signed", _spoilt(_beat()), "bad-signature"),
    }
    for name, (about, token, code) in refused.items():
        yield name, refuted(about, _named(token), code)


def _spoilt(token: str) -> str:
    return token[:-80] + flip(token[-80:])


# --- proofs of one leaf ----------------------------------------------------------------------------------------------


def _proof(index: int = NOTICE, log: EvidenceLog | None = None, **changes: Any) -> str:
    log = whole() if log is None else log
    members = {
        "index": index,
        "proof": log.tree.inclusion(index, log.size()),
        "note": log.note(*COSIGNERS),
        "extra": log.leaf(index),
        **changes,
    }
    return tlog_proof.write(**members)


def _proofs() -> Named:
    yield "good-proof", verified("the sealed notice's leaf", _proof().encode())
    yield "good-proof-of-the-charter", verified("leaf 0", _proof(0).encode())
    about = "a leaf by a key that was enrolled later: whose it is is not shown"
    staff = EvidenceLog(
        lambda log: log.say("russia", "answer", "sig/desk-staff", desk="staff", word="WILCO", until=...)
    )
    yield "good-proof-by-a-later-key", verified(about, _proof(7, staff).encode())
    for maker in (_proof_forms, _proof_places, _proof_notes):
        for name, vector in maker():
            yield f"proof-{name}", vector


def _proof_forms() -> Named:
    good = _proof()
    node = b64encode(whole().tree.inclusion(NOTICE, 9)[0]).decode()
    cases = {
        "spelling-index": ("a zero before the index", good.replace("index 5", "index 05")),
        "spelling-line-ends": ("carriage returns", good.replace("\n", "\r\n")),
        "spelling-no-padding": ("a hash without its padding", good.replace(node, node.rstrip("="))),
        "spelling-alphabet": ("a hash in base64url", good.replace(node, node.replace("+", "-").replace("/", "_"), 1)),
        "spelling-order": ("the index comes before `extra`", _reordered(good)),
        "node-short": ("a hash of 31 bytes", good.replace(node, b64encode(bytes(31)).decode())),
        "without-index": ("no index", good.replace("index 5\n", "")),
        "without-checkpoint": ("nothing after the inclusion proof", good.partition("\n\n")[0] + "\n"),
    }
    if node in cases["spelling-alphabet"][1]:
        raise ValueError("the hash has no character that the alphabets spell differently")
    for name, (about, text) in cases.items():
        yield name, refuted(about, text.encode(), "bad-proof-file")
    about = "a version that does not exist"
    yield "version-2", refuted(about, good.replace("@v1", "@v2").encode(), "unknown-file")


def _reordered(text: str) -> str:
    lines = text.split("\n")
    lines[1], lines[2] = lines[2], lines[1]
    return "\n".join(lines)


def _proof_places() -> Named:
    log = whole()
    proof = log.tree.inclusion(NOTICE, 9)
    stamp, _, token = log.leaf(NOTICE).partition(b" ")
    cases = {
        "node-changed": ("a hash of the inclusion proof is another", _proof(proof=[bytes(32), *proof[1:]])),
        "node-removed": ("the inclusion proof is a hash short", _proof(proof=proof[:-1])),
        "node-more": ("the inclusion proof is a hash too long", _proof(proof=[*proof, bytes(32)])),
        "index-changed": ("the index is the next leaf's", _proof(index=6, proof=proof, extra=log.leaf(NOTICE))),
        "index-beyond-the-tree": ("the index is the tree's size", _proof_at(9)),
        "stamp-changed": ("the stamp is a second later", _proof(extra=b"%d %s" % (int(stamp) + 1000, token))),
        "leaf-of-another-place": ("the leaf in `extra` is another", _proof(extra=log.leaf(3))),
    }
    for name, (about, text) in cases.items():
        yield name, refuted(about, text.encode(), "bad-inclusion")
    about = "the leaf's bytes are not in the file: nothing says what is proven"
    yield "without-leaf", incomplete(about, _proof(extra=None).encode())
    yield "leaf-without-stamp", refuted("`extra` is the token alone", _proof(extra=token).encode(), "bad-leaf")
    spoilt = EvidenceLog(lambda log: log.put(_spoilt(log.tokens[6].decode()).encode()))
    about = "the relay logged a token whose signature does not hold"
    yield "token-signature-changed", refuted(about, _proof(7, spoilt).encode(), "bad-signature")
    elsewhere = EvidenceLog(charter=OTHER_CHARTER)
    about = "leaf 0 is another charter than the one given"
    yield "other-charter", refuted(about, _proof(0, elsewhere).encode(), "wrong-charter")
    anew = EvidenceLog(charter=CHARTER_ANEW)
    about = "leaf 0 is the charter given under another signature of the same key: not the same bytes"
    yield "charter-signed-anew", refuted(about, _proof(0, anew).encode(), "wrong-charter")


def _proof_at(index: int) -> str:
    return _proof(index=NOTICE).replace(f"index {NOTICE}\n", f"index {index}\n")


def _proof_notes() -> Named:
    log = whole()
    note = own()
    cases = {
        "checkpoint-by-another-key": ("the log did not sign the checkpoint", foreign_note(), "bad-note-signature"),
        "checkpoint-not-well-formed": (
            "the checkpoint has a line more",
            note.replace("\n\n", "\nmore\n\n", 1),
            "bad-note",
        ),
        "checkpoint-of-another-tree": (
            "the log signed another tree of this size",
            note_of(9, bytes(32)),
            "bad-inclusion",
        ),
        "checkpoint-of-a-smaller-tree": ("the proof is for 9 leaves, not 8", log.note(size=8), "bad-inclusion"),
        "cosignature-changed": (
            "a character of a cosignature is another",
            with_lines(flip(cosigned_by(note, "russia/wit/1"), -10)),
            "bad-cosignature",
        ),
    }
    for name, (about, changed, code) in cases.items():
        yield name, refuted(about, _proof(note=changed).encode(), code)
    stranger = with_lines(cosigned_by(note, "russia/wit/2"))
    about = "a cosignature by a key that the charter does not have: no key chain is here to tell whose it is"
    yield "cosignature-by-unknown-key", incomplete(about, _proof(note=stranger).encode())


# --- checkpoints -----------------------------------------------------------------------------------------------------


def _checkpoints() -> Named:
    note = own()
    ours, russias = (cosigned_by(note, f"{party}/wit/1") for party in COSIGNERS)
    yield "good-checkpoint", verified("with both cosignatures", with_lines(ours, russias).encode())
    yield "good-checkpoint-alone", verified("without cosignatures", note.encode())
    for maker in (_checkpoint_forms, _checkpoint_signatures, _checkpoint_cosignatures):
        for name, vector in maker():
            yield f"checkpoint-{name}", vector
    yield "unknown-file", refuted("a text that is no evidence", b"The strike was announced.\n", "unknown-file")


def _checkpoint_forms() -> Named:
    note, root = own(), b64encode(whole().tree.root()).decode()
    line = note.splitlines(keepends=True)[-1]
    cases = {
        "extension-line": ("a line after the root", note.replace("\n\n", "\nmore\n\n", 1)),
        "size-zero-before": ("a zero before the size", note.replace("\n9\n", "\n09\n")),
        "root-short": ("a root of 31 bytes", note.replace(root, b64encode(bytes(31)).decode())),
        "root-base64url": (
            "the root in base64url, without padding",
            note.replace(root, ids.b64url(whole().tree.root())),
        ),
        "no-blank-line": ("no empty line before the signatures", note.replace("\n\n", "\n")),
        "no-line-feed": ("no line feed at the end", note[:-1]),
        "carriage-returns": ("carriage returns", note.replace("\n", "\r\n")),
        "hyphen": ("a hyphen in the place of the dash", note.replace("\u2014", "-")),
        "too-many-lines": ("65 signature lines", note + 64 * line.replace("/vector-net", "/x")),
    }
    for name, (about, text) in cases.items():
        yield name, refuted(about, text.encode(), "bad-note")
    yield (
        "not-utf-8",
        refuted("a byte that is not UTF-8", note.replace("\u2014", "-").encode() + b"\xff", "unknown-file"),
    )


def _checkpoint_signatures() -> Named:
    note, size, root = own(), whole().size(), whole().tree.root()
    line = note.splitlines(keepends=True)[-1]
    origin = f"dcn/{OTHER_NET}"
    machine = signer("relay/sig/machine-1")
    body = note.partition("\n\n")[0] + "\n"
    cases = {
        "size-changed": ("the size is not the signed one", note.replace("\n9\n", "\n8\n")),
        "root-changed": (
            "the root is not the signed one",
            note.replace(b64encode(root).decode(), b64encode(bytes(32)).decode()),
        ),
        "signature-changed": ("a character of the log's signature is another", note.replace(line, flip(line, -10))),
        "signed-twice": ("the log's line is there twice", note + line),
        "unsigned": ("only a witness signed", note.replace(line, cosigned_by(note, "russia/wit/1"))),
        "by-another-key": ("a key that the charter does not have", foreign_note()),
        "by-the-relays-machine-key": (
            "the relay's key for statements signed it",
            sign(Checkpoint(ORIGIN, size, root), ORIGIN, machine),
        ),
        "signature-s-not-reduced": ("S + L instead of S", f"{body}\n{_unreduced(body)}"),
    }
    for name, (about, text) in cases.items():
        yield name, refuted(about, text.encode(), "bad-note-signature")
    elsewhere = sign(Checkpoint(origin, size, root), origin, LOG_SIGNER)
    yield "of-another-net", refuted("the same key signed for another log", elsewhere.encode(), "wrong-origin")


def _unreduced(body: str) -> str:
    """The log's line with the other spelling of its signature that lax verifiers take."""
    signature = LOG_SIGNER.sign(body.encode())
    high = edwards.scalar_bytes(int.from_bytes(signature[32:], "little") + edwards.L)
    return signature_line(ORIGIN, ALG_ED25519, bodies.public(LOG_KID), signature[:32] + high)


def _checkpoint_cosignatures() -> Named:
    note = own()
    russias = cosigned_by(note, "russia/wit/1")
    later = cosigned_by(note, "russia/wit/1", time_s=TIME_S + 1)
    cases = {
        "cosignature-changed": ("a character of it is another", flip(russias, -10)),
        "cosignature-of-a-smaller-tree": (
            "Russia cosigned the tree of 8 leaves",
            cosigned_by(own(size=8), "russia/wit/1"),
        ),
        "cosignature-by-another-partys-key": (
            "the coalition's witness key signed under Russia's name and key id",
            signed_for_another(note),
        ),
        "cosignature-twice": ("Russia's key signed twice", russias + later),
        "cosignature-without-time": ("a bare signature, without the time", _untimed(note)),
    }
    for name, (about, lines) in cases.items():
        yield name, refuted(about, (note + lines).encode(), "bad-cosignature")
    stranger = cosigned_by(note, "sdf/wit/1")
    about = (
        "a line of somebody whom the charter does not know: it counts for nothing, and nobody here can say whose it is"
    )
    yield "cosignature-by-nobody", incomplete(about, (note + stranger).encode())


def _untimed(note: str) -> str:
    body = note.partition("\n\n")[0] + "\n"
    witness = signer("russia/wit/1")
    return signature_line(f"{ORIGIN}/russia", 0x04, witness.public, witness.sign(body.encode()))


def main() -> None:
    """Write the folder anew."""
    rewrite(FOLDER, files())


if __name__ == "__main__":
    main()
