"""The bundles among the evidence vectors: made by hand, so that each has its one fault and no other."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace

import rfc8785

from channel.log.checkpoint import Checkpoint, sign
from channel.log.cosignature import merge
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.protocol import ids
from channel.protocol.envelope import seal
from tests.unit.log.evidence import AUTHOR, DESK, TIME_S, Members, inner
from tests.unit.log.growing import LOG_SIGNER, note_of
from tests.vectors import bodies, make_guard
from tests.vectors.evidence_case import (
    CHARTER_ANEW,
    COSIGNERS,
    INNER,
    OTHER_CHARTER,
    OTHER_NET,
    PT,
    STAFF,
    EvidenceLog,
    Extra,
    Vector,
    cosigned_by,
    flip,
    foreign_note,
    incomplete,
    key,
    loosely,
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

Named = Iterator[tuple[str, Vector]]
RECEIVED, WILCO = 6, 7  # leaves of the whole log


def bundles() -> Named:
    """File name without its ending -> vector."""
    yield from _good()
    for maker in (_form, _rows, _proofs, _checkpoints, _cosignatures, _words, _disclosed, _charters, _leaves, _keys):
        for name, vector in maker():
            yield f"bundle-{name}", vector


def _members() -> Members:
    """Those of the good bundle, a copy."""
    members: Members = json.loads(json.dumps(whole().members()))
    return members


def _edited(edit: Callable[[Members], object]) -> bytes:
    members = _members()
    edit(members)
    return spelled(members)


def _with(extra: Extra, **members: object) -> bytes:
    """The bundle of a log that holds something more."""
    return spelled(EvidenceLog(extra).members(**members))  # type: ignore[arg-type]


def _good() -> Named:
    yield "good-bundle", verified("in order, with every part that a bundle can have", spelled(_members()))
    log = whole()
    yield (
        "good-bundle-answer-left-out",
        verified(
            "the maker left the answer out and did not state it: that does not show (E5.3), and the report says that "
            "no answer is here",
            spelled(log.members(leave_out=[WILCO])),
        ),
    )
    members = log.members()
    members["note"], members["stated"]["cosigners"] = own(), []
    yield "good-bundle-without-cosignatures", verified("no witness has cosigned: no time is proven", spelled(members))
    members = log.members(disclosed=())
    yield "good-bundle-nothing-disclosed", verified("what was sealed is not shown", spelled(members))


def _form() -> Named:
    good = _members()
    swapped = dict(reversed(good.items()))
    cases = {
        "spelling": ("white space between the members", loosely(good)),
        "spelling-order": ("members in another order", json.dumps(swapped, separators=(",", ":")).encode() + b"\n"),
        "spelling-no-line-feed": ("no line feed at the end", spelled(good)[:-1]),
        "spelling-line-feeds": ("two line feeds at the end", spelled(good) + b"\n"),
        "spelling-escape": ("a letter spelt as an escape", spelled(good).replace(b"dcn-bundle", b"dcn-\\u0062undle")),
        "spelling-member-twice": ("a member occurs twice", spelled(good).replace(b'"v":1,', b'"v":1,"v":1,')),
        "version-2": ("v is 2", _edited(lambda m: m.update(v=2))),
        "version-true": ("v is true", _edited(lambda m: m.update(v=True))),
        "member-more": ("a member that does not exist", _edited(lambda m: m.update(more=1))),
        "member-missing": ("no list `disclosed`", _edited(lambda m: m.pop("disclosed"))),
        "format": ("another format's name", _edited(lambda m: m.update(format="dcn-bundles"))),
        "proof-node-short": ("a hash of 31 bytes", _edited(lambda m: m["rows"][0]["proof"].append("A" * 42))),
        "stated-count": ("`stated` says another number than it lists", _edited(lambda m: m["stated"].update(rows=9))),
        "cut-off": ("the second half is missing", spelled(good)[: len(spelled(good)) // 2]),
    }
    for name, (about, data) in cases.items():
        yield name, refuted(about, data, "bad-bundle")


def _rows() -> Named:
    log = whole()
    removed = _edited(lambda m: m["rows"].pop(_at(RECEIVED)))
    yield "row-removed", incomplete("the row of leaf 6 is not there, but stated", removed, "missing-leaf")
    mended = spelled(log.members(leave_out=[4]))
    about = "the key that Russia enrolled is left out, and not stated: the key chain gives it away"
    yield "row-removed-and-count-mended", incomplete(about, mended, "keys-incomplete")
    twice = _edited(lambda m: m["rows"].insert(_at(RECEIVED), m["rows"][_at(RECEIVED)]))
    yield "row-twice", refuted("the row of leaf 6 occurs twice", twice, "misplaced-leaf", "duplicate-leaf")
    swapped = _edited(lambda m: m["rows"].insert(_at(RECEIVED), m["rows"].pop()))
    yield "rows-swapped", refuted("leaf 7 stands before leaf 6", swapped, "misplaced-leaf", "stamp-decreased")
    unstated = _edited(lambda m: _restate(m, [i for i in m["stated"]["indexes"] if i != RECEIVED]))
    yield "row-not-stated", refuted("a row more than stated", unstated, "misplaced-leaf")
    about = "the notice that it names is left out, and not stated"
    yield "without-notice", refuted(about, spelled(log.members(leave_out=[5], disclosed=())), "no-notice")

    def stray(members: Members) -> None:
        members["rows"].insert(_at(4), log.row(3))
        _restate(members, [row["index"] for row in members["rows"]])

    yield "stray-leaf", refuted("a notice of another matter is in it", _edited(stray), "stray-leaf")
    yield "empty", incomplete("no rows at all", _edited(lambda m: m.update(rows=[])), "missing-leaf", "keys-incomplete")


def _at(index: int) -> int:
    """Where a leaf's row stands in the good bundle."""
    return [row["index"] for row in whole().members()["rows"]].index(index)


def _restate(members: Members, indexes: list[int]) -> None:
    members["stated"].update(rows=len(indexes), indexes=indexes)


def _proofs() -> Named:
    def row(edit: Callable[[Members], object]) -> bytes:
        return _edited(lambda m: edit(m["rows"][_at(RECEIVED)]))

    cases = {
        "proof-node-changed": ("a hash of an inclusion proof is another", row(lambda r: _first(r["proof"]))),
        "proof-node-removed": ("an inclusion proof is a hash short", row(lambda r: r["proof"].pop())),
        "proof-node-more": ("an inclusion proof is a hash too long", row(lambda r: r["proof"].append(bodies.HASH))),
        "proof-nodes-swapped": ("two hashes of an inclusion proof are swapped", row(lambda r: r["proof"].reverse())),
        "stamp-changed": ("a leaf's stamp is a millisecond later", row(lambda r: r.update(stamp=r["stamp"] + 1))),
        "token-of-another-leaf": (
            "a row holds a token that is rightly signed, but not the one at that place",
            row(lambda r: r.update(token=whole().tokens[3].decode())),
        ),
        "token-signature-changed": (
            "a character of a token's signature is another",
            row(lambda r: r.update(token=_spoilt(r["token"]))),
        ),
    }
    for name, (about, data) in cases.items():
        yield name, refuted(about, data, "bad-inclusion")

    def moved(members: Members) -> None:
        members["rows"][-1]["index"] += 1
        _restate(members, [row["index"] for row in members["rows"]])

    yield "index-changed", refuted("a row claims the next place", _edited(moved), "bad-inclusion")
    loose = row(lambda r: r.update(token=r["token"] + "="))
    yield "token-no-token", refuted("a row's token is padded, so it is no leaf", loose, "bad-leaf")


def _first(hashes: list[str]) -> None:
    hashes[0] = flip(hashes[0])


def _noted(note: str) -> bytes:
    """The good bundle with another checkpoint under the same lines of the cosigners."""
    lines = whole().note(*COSIGNERS).splitlines(keepends=True)[-2:]
    return _edited(lambda m: m.update(note=note + "".join(lines)))


def _checkpoints() -> Named:
    size, root = whole().size(), whole().tree.root()
    note = own()
    origin = f"dcn/{OTHER_NET}"
    yield (
        "checkpoint-by-another-key",
        refuted("the log's line is another key's", _noted(foreign_note()), "bad-note-signature"),
    )
    yield (
        "checkpoint-size-changed",
        refuted("the size is not the signed one", _noted(note.replace("\n9\n", "\n8\n")), "bad-note-signature"),
    )
    yield (
        "checkpoint-of-another-tree",
        refuted("the log signed another tree of this size", _noted(note_of(size, bytes(32))), "bad-inclusion"),
    )
    yield (
        "checkpoint-of-another-net",
        refuted(
            "the same key signed for another log",
            _noted(sign(Checkpoint(origin, size, root), origin, LOG_SIGNER)),
            "wrong-origin",
        ),
    )
    yield (
        "checkpoint-not-well-formed",
        refuted("the checkpoint has a line more", _noted(note.replace("\n\n", "\nmore\n\n", 1)), "bad-note"),
    )


def _cosigned(*lines: str, cosigners: tuple[str, ...] = COSIGNERS, order: bool = True) -> bytes:
    def edit(members: Members) -> None:
        members["note"] = with_lines(*lines) if order else own() + "".join(lines)
        members["stated"]["cosigners"] = list(cosigners)

    return _edited(edit)


def _cosignatures() -> Named:
    note = own()
    ours, russias = (cosigned_by(note, f"{party}/wit/1") for party in COSIGNERS)
    later = cosigned_by(note, "russia/wit/1", time_s=TIME_S + 1)
    smaller = cosigned_by(own(size=8), "russia/wit/1")
    unknown = cosigned_by(note, "sdf/wit/1")
    bad = {
        "cosignature-changed": ("a character of a cosignature is another", _cosigned(ours, flip(russias, -10))),
        "cosignature-time-changed": (
            "a cosignature's time is another than the signed one",
            _cosigned(ours, _at_another_time(russias, later)),
        ),
        "cosignature-by-another-partys-key": (
            "the coalition's witness key signed under Russia's name",
            _cosigned(ours, cosigned_by(note, "coalition/wit/1", "russia/wit/1")),
        ),
        "cosignature-by-another-partys-key-under-the-right-id": (
            "the coalition's witness key signed under Russia's name and key id",
            _cosigned(ours, signed_for_another(note)),
        ),
        "cosignature-of-a-smaller-tree": ("Russia cosigned the tree of 8 leaves", _cosigned(ours, smaller)),
        "cosignature-by-nobody": (
            "a line of a party that is none",
            _cosigned(ours, unknown, cosigners=("coalition", "sdf")),
        ),
        "cosignature-twice": (
            "Russia's key signed twice",
            _cosigned(ours, russias, later, cosigners=(*COSIGNERS, "russia"), order=False),
        ),
        "cosignatures-swapped": (
            "the lines are not in the order of their names",
            _cosigned(russias, ours, cosigners=("russia", "coalition"), order=False),
        ),
        "cosignature-by-withdrawn-key": (
            "Russia's witness key was withdrawn below the checkpoint",
            _with(lambda log: log.say("russia", "revocation", "root/1", kid="russia/wit/1", compromised_since=...)),
        ),
    }
    for name, (about, data) in bad.items():
        yield name, refuted(about, data, "bad-cosignature")
    shared = EvidenceLog(_same_public)
    lines = [
        cosigned_by(shared.note(), "coalition/wit/1"),
        cosigned_by(shared.note(), "coalition/wit/1", "russia/wit/2"),
    ]
    about = "Russia enrolled the coalition's witness key as its own: it counts for who enrolled it first"
    one_key = spelled(shared.members(note=merge(shared.note(), lines)))
    yield "cosignature-by-one-key-of-two-parties", refuted(about, one_key, "bad-cosignature")
    removed = _cosigned(ours)
    yield "cosignature-removed", incomplete("two cosigners are stated, one is there", removed, "parts-missing")


def _same_public(log: EvidenceLog) -> None:
    pub = ids.b64url(bodies.public("coalition/wit/1"))
    log.say("russia", "key", "root/1", key={"kid": "russia/wit/2", "pub": pub, "held": "machine"})


def _at_another_time(line: str, later: str) -> str:
    """The bytes of one signature behind the time of another."""
    name, _, encoded = line.rstrip("\n").rpartition(" ")
    mine, other = b64decode(encoded), b64decode(later.rstrip("\n").rpartition(" ")[2])
    return f"{name} {b64encode(other[:12] + mine[12:]).decode()}\n"


def _worded(*words: bytes, places: tuple[int, ...] = (5, 9)) -> bytes:
    def edit(members: Members) -> None:
        members["words"] = [word.decode() for word in words]
        members["stated"]["words"] = list(places)

    return _edited(edit)


def _words() -> Named:
    log = whole()
    receipt, beat = log.receipt_of_notice, log.beat()
    row, head = log.rows()[5], _head(receipt)
    said = {"index": 5, "stamp": row.stamp, "of": log.of, "keys": head}
    differing = {
        "receipt-of-another-leaf": ("the receipt for leaf 5 names another token", {"of": bodies.HASH}),
        "receipt-of-another-stamp": ("the receipt for leaf 5 names another stamp", {"stamp": row.stamp + 1}),
    }
    for name, (about, changes) in differing.items():
        yield name, refuted(about, _worded(relays("receipt", **said | changes), beat), "word-differs")
    other_root = _worded(receipt, log.beat(root=bodies.HASH))
    yield "heartbeat-of-another-root", refuted("a heartbeat names another root of size 9", other_root, "word-differs")
    forged = relays("receipt", by=AUTHOR, **said)
    yield (
        "receipt-by-a-party",
        refuted("the coalition signed the receipt", _worded(forged, beat, places=(9,)), "bad-word"),
    )
    unsigned = _spoilt(receipt.decode()).encode()
    about = "a character of the receipt's signature is another"
    yield "receipt-signature-changed", refuted(about, _worded(unsigned, beat, places=(9,)), "bad-word")
    about = "a word that carries no chain head"
    yield "word-of-another-type", refuted(about, _worded(relays("busy"), beat, places=(9,)), "bad-word")
    swapped = _worded(beat, receipt, places=(9, 5))
    yield "words-swapped", refuted("the words are not in the order of their place", swapped, "bad-bundle")
    yield (
        "words-twice",
        refuted("the receipt is there twice", _worded(receipt, receipt, beat, places=(5, 5, 9)), "bad-bundle"),
    )
    about = "no word of the relay: nothing confirms the key chain"
    yield "without-words", incomplete(about, _worded(places=()), "keys-unattested")
    about = "the last word is about leaf 5: a key may have been withdrawn between it and leaf 7"
    yield "words-too-old", incomplete(about, _worded(receipt, places=(5,)), "keys-unattested")
    about = "two words are stated, the receipt is not there"
    yield "word-removed", incomplete(about, _worded(beat), "parts-missing")
    about = "the heartbeat carries the head of another key chain"
    yield "key-chain-differs", incomplete(about, _worded(receipt, log.beat(keys=bodies.HASH)), "keys-incomplete")


def _head(receipt: bytes) -> str:
    keys: str = json.loads(ids.unb64url(receipt.decode().split(".")[1]))["keys"]
    return keys


def _disclosed() -> Named:
    about = "another inner token of the author than the one that the notice names"
    changed = spelled(whole().members(disclosed=[_inner(text="Another text.")]))
    yield "disclosed-other", refuted(about, changed, "bad-disclosure")
    about = "an inner token is stated that is not there"
    removed = _edited(lambda m: m["disclosed"].clear())
    yield "disclosed-removed", incomplete(about, removed, "parts-missing")
    twice = spelled(whole().members(disclosed=[INNER, INNER]))
    yield "disclosed-twice", refuted("the inner token is there twice", twice, "bad-disclosure")
    second = "coalition/sig/machine-2"
    cases = {
        "disclosed-differs": (
            "the inner notice has another nid than its outer",
            _inner(nid=bodies.NID[:-1] + "f"),
        ),
        "disclosed-by-another-party": ("the inner notice is signed by Russia", _inner_of("russia/sig/machine-1")),
        "disclosed-by-unknown-key": ("the inner notice's key was never enrolled", _inner(second)),
    }
    for name, (about, token) in cases.items():
        data = spelled(EvidenceLog(sealed=token).members(disclosed=[token]))
        yield name, refuted(about, data, "bad-disclosure")
    late = EvidenceLog(lambda log: log.say("coalition", "key", "root/1", key=key(second)), sealed=_inner(second))
    about = "the inner notice's key was enrolled after its outer"
    yield (
        "disclosed-by-later-key",
        refuted(about, spelled(late.members(disclosed=[_inner(second)])), "bad-disclosure"),
    )


def _inner(by: str = AUTHOR, **changes: object) -> bytes:
    return inner(by, read_back=..., **changes)


def _inner_of(kid: str) -> bytes:
    """An inner token with the coalition as `from` under somebody else's key."""
    payload = rfc8785.dumps(bodies.members("notice", seq=..., prev=..., seen=..., read_back=...))
    header = rfc8785.dumps({"alg": "Ed25519", "kid": kid, "typ": "dcn-inner+jws"})
    return make_guard.token(payload, kid, "notice", header=header)


def _charters() -> Named:
    about = "leaf 0 is another charter, all else is rightly signed under it"
    yield "other-charter", refuted(about, spelled(EvidenceLog(charter=OTHER_CHARTER).members()), "wrong-charter")
    log = whole()
    yield (
        "without-charter",
        refuted("leaf 0 is left out, and not stated", spelled(log.members(leave_out=[0])), "no-charter"),
    )
    signed = _edited(lambda m: m["rows"][0].update(token=_spoilt(m["rows"][0]["token"])))
    about = "the charter's own signature does not hold; so leaf 0 is not under the root either"
    yield "charter-signature-changed", refuted(about, signed, "no-charter", "bad-inclusion")
    about = "leaf 0 is the charter given under another signature of the same key: not the same bytes"
    yield "charter-signed-anew", refuted(about, spelled(EvidenceLog(charter=CHARTER_ANEW).members()), "wrong-charter")
    about = "an accession names another charter"

    def elsewhere(log: EvidenceLog) -> None:
        log.passed_over("russia", "accession", charter=bodies.HASH)

    yield "accession-to-another-charter", refuted(about, _with(elsewhere), "wrong-charter")


def _spoilt(token: str) -> str:
    return token[:-80] + flip(token[-80:])


# --- what the relay should not have logged ---------------------------------------------------------------------------


def _receiving(log: EvidenceLog, **changes: object) -> bytes:
    """Another `received` of the notice with the next number of Russia's machine key."""
    said = {"from": "russia", "of": log.of, "seq": 3, "prev": ids.sha256(log.tokens[RECEIVED])}
    return rfc8785.dumps(bodies.members("receiving", **said | changes))


def _signed(payload: bytes, kid: str = "russia/sig/machine-1", signer_: str | None = None) -> bytes:
    return make_guard.token(payload, kid, "receiving", signer=signer_)


def _leaves() -> Named:
    """Logs of a relay that took what it must refuse: the leaf before the WILCO."""
    refused: dict[str, tuple[str, Extra, tuple[str, ...]]] = {
        "leaf-no-token": (
            "a leaf is no compact JWS of this protocol",
            lambda log: log.put(b"a.b.c"),
            ("bad-token",),
        ),
        "leaf-header-order": (
            "a leaf's header has its members in another order",
            lambda log: log.put(
                make_guard.token(
                    _receiving(log),
                    "russia/sig/machine-1",
                    "receiving",
                    header=b'{"kid":"russia/sig/machine-1","alg":"Ed25519","typ":"dcn-receiving+jws"}',
                )
            ),
            ("bad-header",),
        ),
        "leaf-signed-by-another": (
            "a leaf is signed with another key than it names",
            lambda log: log.put(_signed(_receiving(log), signer_="coalition/sig/machine-1")),
            ("bad-signature",),
        ),
        "leaf-not-canonical": (
            "a leaf's payload has white space",
            lambda log: log.put(_signed(_receiving(log).replace(b",", b", "))),
            ("not-canonical",),
        ),
        "leaf-schema": (
            "a leaf has a member that does not exist",
            lambda log: log.put(_signed(_receiving(log, colour="red"))),
            ("schema",),
        ),
        "leaf-of-another-net": (
            "a leaf is for another net",
            lambda log: log.put(_signed(_receiving(log, net=OTHER_NET))),
            ("wrong-net",),
        ),
        "leaf-from-another-party": (
            "a leaf says `from` another party than its key's",
            lambda log: log.put(_signed(_receiving(log, **{"from": "coalition"}))),
            ("wrong-party",),
        ),
        "leaf-by-the-wrong-kind-of-key": (
            "an answer by a machine's key",
            lambda log: log.put(
                make_guard.token(
                    rfc8785.dumps(
                        bodies.members(
                            "answer", **{"from": "russia", "of": log.of, "seq": 3, "prev": ids.sha256(log.tokens[6])}
                        )
                    ),
                    "russia/sig/machine-1",
                    "answer",
                )
            ),
            ("wrong-key",),
        ),
        "leaf-twice": ("the same token is two leaves", lambda log: log.put(log.tokens[RECEIVED]), ("duplicate-leaf",)),
        "leaf-with-a-number-used-before": (
            "Russia's machine key signed two statements with one number",
            lambda log: log.put(_signed(_receiving(log, seq=2, prev=ids.sha256(log.tokens[3])))),
            ("equivocation",),
        ),
        "leaf-a-word": (
            "a receipt is a leaf; and it is not about the notice",
            lambda log: log.put(log.receipt_of_notice),
            ("not-a-leaf", "stray-leaf"),
        ),
        "leaf-a-second-charter": (
            "a second charter is a leaf",
            lambda log: log.put(seal(bodies.body("charter", title="Second"), signer("relay/sig/machine-1"))),
            ("not-a-leaf",),
        ),
    }
    for name, (about, extra, codes) in refused.items():
        yield name, refuted(about, _with(extra), *codes)
    yield "leaf-stamped-before", refuted("leaf 6 is stamped before leaf 5", _backdated(), "stamp-decreased")


def _backdated() -> bytes:
    """A log that its relay signed with a stamp that goes back."""
    log = EvidenceLog()
    rows = log.rows()
    rows[RECEIVED] = replace(rows[RECEIVED], stamp=rows[5].stamp - 1)
    log.tree = Tree()
    for row in rows:
        log.tree.append(leaf_hash(encode(row.stamp, row.token)))
    vars(log)["rows"] = lambda: rows
    return spelled(log.members())


def _keys() -> Named:
    """Keys by position, and statements about keys that do not hold."""
    desk = f"russia/{DESK}"

    def withdrawn(log: EvidenceLog) -> None:
        log.say("russia", "revocation", "root/1", kid=desk, compromised_since=...)

    yield (
        "key-withdrawn-before",
        refuted("the WILCO's key was withdrawn a leaf before it", _with(withdrawn), "key-not-valid"),
    )

    def later(log: EvidenceLog) -> None:
        kid = "russia/sig/desk-ministry"
        log.say("russia", "answer", "sig/desk-ministry", desk="ministry", word="WILCO", until=..., reason=..., pt=PT)
        log.say("russia", "key", "root/1", key=key(kid))

    about = "an answer's key is enrolled only after it: by what is here it is not known"
    yield "key-enrolled-after", incomplete(about, _with(later), "unknown-kid")
    again: dict[str, tuple[str, Extra, str]] = {
        "key-enrolled-twice": (
            "a key is enrolled under an id that was used before",
            lambda log: log.passed_over("russia", "key", key=key(STAFF)),
            "key-exists",
        ),
        "key-of-another-party": (
            "Russia's root enrols a key of the coalition",
            lambda log: log.passed_over("russia", "key", key=key("coalition/sig/machine-2")),
            "wrong-party",
        ),
    }
    for name, (about, extra, code) in again.items():
        yield name, refuted(about, _with(extra), code)
    missing: dict[str, tuple[str, Extra, str]] = {
        "key-unknown-withdrawn": (
            "a key is withdrawn that is not enrolled by what is here",
            lambda log: log.passed_over("russia", "revocation", kid="russia/sig/desk-night", compromised_since=...),
            "unknown-key",
        ),
        "key-signed-against-another-chain": (
            "a key is enrolled against a chain head that is not one of those here",
            lambda log: log.passed_over("russia", "key", key=key("russia/sig/desk-night"), keys=bodies.HASH),
            "keys-outdated",
        ),
    }
    for name, (about, extra, code) in missing.items():
        yield name, incomplete(about, _with(extra), code)
