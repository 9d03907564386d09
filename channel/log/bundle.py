"""Evidence bundles: one file about one notice, verified with nothing but the charter (docs/evidence.md).

Here are the form and the verification. What the bundle proves in words is `claims`, which leaves it holds `case`;
making one is `bundle_build`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from channel.log import claims
from channel.log.answers import judge
from channel.log.case import FOUNDING, Case, CaseLeaf, Disclosed, about
from channel.log.checkpoint import NOTE_CHARS_MAX, Checkpoint, open_under, split_note
from channel.log.cosignature import merge, open_all, witnesses
from channel.log.leaf import decode, leaf_hash
from channel.log.proof import verify_inclusion
from channel.log.report import Reasons, Report, Verdict
from channel.log.store import StoredLeaf
from channel.log.tokens import Statements
from channel.protocol import canonical, ids
from channel.protocol.envelope import open_charter, open_token
from channel.protocol.errors import PeerError, ProofError
from channel.protocol.forms import Count, Hash, Index, Millis, Model, NetName, Party
from channel.protocol.frames import Proof, Token
from channel.protocol.keys import KeyRing
from channel.protocol.limits import BUNDLE_BYTES_MAX, BUNDLE_ROWS_MAX
from channel.protocol.sealing import open_inner_notice
from channel.protocol.statements import Addressed, Charter, Heartbeat, Notice, Receipt

FORMAT: Literal["dcn-bundle"] = "dcn-bundle"
WORDS_MAX = 64

REASONS: dict[str, str] = {
    "bad-bundle": "the file is not a bundle in its one canonical form",
    "no-notice": "the notice that the bundle names is not in it",
    "stray-leaf": "a leaf is neither of the key chain nor about the notice",
    "bad-inclusion": "a leaf, its stamp or its place is not the one under the signed root",
    "bad-cosignature": "a signature line is not a cosignature by a witness key valid there",
    "bad-word": "a receipt or heartbeat cannot be read, or is not the relay's",
    "word-differs": "the relay's receipt or heartbeat says otherwise than its log",
    "bad-disclosure": "a disclosed token is not the one that a sealed notice here names",
    "keys-incomplete": "key-affecting leaves are missing: the chain does not reach the head that the relay signed",
    "keys-unattested": "no receipt or heartbeat is there that confirms the key chain up to the last row",
    "parts-missing": "fewer receipts, cosignatures or disclosed tokens than the bundle states",
}
"""Codes beside those of a log's verification (`channel.log.report`) and of the guard."""

INCOMPLETE = frozenset(
    {
        "missing-leaf",
        "keys-incomplete",
        "keys-unattested",
        "keys-outdated",
        "unknown-kid",
        "unknown-key",
        "parts-missing",
    }
)
"""Something is not there, and nothing that is there is wrong."""


NOTHING = {
    Verdict.REFUTED: "anything: what is wrong may be anywhere in it",
    Verdict.INCOMPLETE: "anything yet: nothing here is wrong, but parts are missing",
}


class Row(Model):
    """A leaf with its inclusion proof under the bundle's checkpoint."""

    index: Index
    stamp: Millis
    token: Token
    proof: Proof


class Stated(Model):
    """What the maker says is in the file, part by part, so that a lost one shows and a changed one is told from it."""

    rows: Count
    indexes: Annotated[tuple[Index, ...], Field(max_length=BUNDLE_ROWS_MAX)]
    cosigners: Annotated[tuple[Party, ...], Field(max_length=WORDS_MAX)]
    words: Annotated[tuple[Index, ...], Field(max_length=WORDS_MAX)]
    disclosed: Annotated[tuple[Hash, ...], Field(max_length=WORDS_MAX)]


class Bundle(Model):
    """The file (evidence.md E2)."""

    format: Literal["dcn-bundle"]
    v: Literal[1]
    net: NetName
    of: Hash
    note: Annotated[str, Field(max_length=NOTE_CHARS_MAX)]
    rows: Annotated[tuple[Row, ...], Field(max_length=BUNDLE_ROWS_MAX)]
    words: Annotated[tuple[Token, ...], Field(max_length=WORDS_MAX)]
    disclosed: Annotated[tuple[Token, ...], Field(max_length=WORDS_MAX)]
    stated: Stated


def write(bundle: Bundle) -> bytes:
    """The file's one spelling: canonical JSON and a line feed."""
    return canonical.dumps(bundle.model_dump(mode="json")) + b"\n"


def read(data: bytes) -> Bundle:
    """Read the file, verifying nothing. ProofError(`bad-bundle`) on any other bytes than `write` gives."""
    try:
        bundle = Bundle.model_validate_json(data[: BUNDLE_BYTES_MAX + 1])
        value = canonical.loads_canonical(data.removesuffix(b"\n"), size_max=BUNDLE_BYTES_MAX)
    except (PeerError, ValidationError) as error:
        what = error.code if isinstance(error, PeerError) else "members"
        raise ProofError("bad-bundle", f"expected a bundle of version 1 ({what})") from None
    if not data.endswith(b"\n") or not isinstance(value, dict) or value["v"] is True:  # a model takes true for 1
        raise ProofError("bad-bundle", "expected `v` 1, and a line feed at the end")
    return bundle


def verify_bundle(data: bytes, charter: bytes | None) -> Report:
    """Verify a bundle under the charter token that the reader trusts (evidence.md E5). Never raises on any bytes.

    Without a charter it is verified under its own leaf 0, which anybody can make: then at best `incomplete`.
    """
    reasons = Reasons()
    try:
        bundle = read(data)
    except ProofError as error:
        reasons.add(error.code, None, error.detail)
        return _report(None, None, reasons, None)
    return _Verifier(bundle, charter, reasons).run()


class _Verifier:
    """Judges in the order of evidence.md E5, going on past faults as far as there is something to judge."""

    def __init__(self, bundle: Bundle, charter: bytes | None, reasons: Reasons) -> None:
        self._bundle = bundle
        self._given = charter
        self._reasons = reasons
        self._leaves: list[CaseLeaf] = []
        self._attested = -1
        self._places: list[int] = []
        self._receipts: list[int] = []

    def run(self) -> Report:
        self._stated()
        opened = self._charter()
        head = None if opened is None else self._note(opened[0])
        if opened is None or head is None or not self._included(head):
            return _report(self._bundle, head, self._reasons, None)
        charter, of = opened
        statements = Statements(charter, of, self._reasons)
        self._rows(statements)
        for word in self._bundle.words:
            self._word(statements, word, head)
        self._compare("words", self._places, self._bundle.stated.words)
        self._confirmed()
        times = self._cosignatures(statements, head)
        notice = self._notice()
        disclosed = tuple(self._disclosed(statements.ring))
        if notice is None or self._reasons:
            return _report(self._bundle, head, self._reasons, None)
        leaves, receipts, pinned = tuple(self._leaves), tuple(self._receipts), self._given is not None
        counted = times if self._attested >= head.size else {}
        case = Case(
            charter, statements.ring, notice, leaves, head.size, counted, len(times) - len(counted), self._attested,
            receipts, disclosed, pinned,
        )  # fmt: skip
        return _report(self._bundle, head, self._reasons, case)

    # --- form -------------------------------------------------------------------------------------------------------

    def _stated(self) -> None:
        stated, here = self._bundle.stated, [row.index for row in self._bundle.rows]
        if stated.rows != len(stated.indexes) or list(stated.indexes) != sorted(set(stated.indexes)):
            self._reasons.add("bad-bundle", None, "the stated indexes are not so many, ascending")
        elif here != sorted(set(here)) or not set(here) <= set(stated.indexes):
            wrong = next((b for a, b in pairwise(here) if b <= a), None)
            self._reasons.add("misplaced-leaf", wrong, "the rows are not those stated, each once, in the log's order")
        else:
            for index in sorted(set(stated.indexes) - set(here)):
                self._reasons.add("missing-leaf", index, "stated, and not there")
        self._compare("disclosed", [ids.sha256(token.encode()) for token in self._bundle.disclosed], stated.disclosed)

    def _compare(self, name: str, here: Sequence[object], stated: Sequence[object]) -> None:
        """Parts beside the rows, against those stated: the same, or some of them missing."""
        if list(here) == list(stated):
            return
        if len(here) < len(stated) and Counter(here) <= Counter(stated):
            self._reasons.add("parts-missing", None, f"{name}: {len(stated)} stated, {len(here)} there")
        else:
            self._reasons.add("bad-bundle", None, f"{name}: not those stated")

    def _charter(self) -> tuple[Charter, ids.Hash] | None:
        """The charter that everything else is verified under: the bundle's own, which must be the one given."""
        given = own = None
        if self._given is not None:
            try:
                given = open_charter(self._given)
            except PeerError as error:
                self._reasons.add("bad-charter", None, f"{error.code}: {error.detail}")
        first = self._bundle.rows[0] if self._bundle.rows else None
        if first is not None and first.index == 0:
            try:
                own = open_charter(first.token.encode())
            except PeerError as error:
                self._reasons.add("no-charter", 0, f"{error.code}: {error.detail}")
        elif 0 not in self._bundle.stated.indexes:
            self._reasons.add("no-charter", 0, "the bundle does not hold leaf 0")
        if given is not None and own is not None and given[1] != own[1]:
            self._reasons.add("wrong-charter", 0, f"the bundle's charter is {own[1]}, not {given[1]}")
        return own or given

    def _note(self, charter: Charter) -> Checkpoint | None:
        if charter.net != self._bundle.net:
            self._reasons.add("wrong-net", None, "the charter is another net's")
        try:
            return open_under(self._bundle.note, charter)
        except ProofError as error:
            self._reasons.add(error.code, None, f"the checkpoint: {error.detail}")
            return None

    # --- leaves -----------------------------------------------------------------------------------------------------

    def _included(self, head: Checkpoint) -> bool:
        """Whether every row is under the root at its place; if not, what they say is not looked at."""
        good, stamp = True, 0
        for row in self._bundle.rows:
            try:
                data = f"{row.stamp} {row.token}".encode()
                decode(data)
                proof = [ids.unb64url(digest) for digest in row.proof]
                verify_inclusion(leaf_hash(data), row.index, head.size, proof, head.root)
            except (PeerError, ProofError) as error:
                self._reasons.add(error.code, row.index, error.detail)
                good = False
            if row.stamp < stamp:
                self._reasons.add("stamp-decreased", row.index, f"{row.stamp} comes after {stamp}")
            stamp = max(stamp, row.stamp)
        return good

    def _rows(self, statements: Statements) -> None:
        for row in self._bundle.rows:
            if row.index == 0:
                continue
            token = row.token.encode()
            statements.check(StoredLeaf(row.index, row.stamp, token), None)
            try:
                opened = open_token(token, statements.ring, net=self._bundle.net)
            except PeerError:
                continue  # `check` has told
            self._leaves.append(CaseLeaf(row.index, row.stamp, opened))

    def _notice(self) -> CaseLeaf | None:
        """The notice itself. Where leaves are missing nobody can say what the others are about."""
        of = self._bundle.of
        found = (leaf for leaf in self._leaves if leaf.opened.of == of and isinstance(leaf.opened.body, Addressed))
        notice = next(found, None)
        if self._is_partial():
            return notice
        if notice is None:
            self._reasons.add("no-notice", None, "no leaf here is the notice that the bundle names")
        wanted = {leaf.index for leaf in about(self._leaves, of)}
        for leaf in self._leaves:
            if leaf.index not in wanted and not isinstance(leaf.opened.body, FOUNDING):
                self._reasons.add("stray-leaf", leaf.index, f"a {leaf.opened.type} that is not about the notice")
        return notice

    def _is_partial(self) -> bool:
        return not INCOMPLETE.isdisjoint(self._reasons.codes)

    # --- what stands beside the log ---------------------------------------------------------------------------------

    def _word(self, statements: Statements, token: str, head: Checkpoint) -> None:
        try:
            opened = open_token(token.encode(), statements.ring, net=self._bundle.net)
        except (PeerError, UnicodeEncodeError):
            self._reasons.add("bad-word", None, "not a word that the relay signed")
            return
        match opened.body:
            case Receipt(index=index, keys=keys):
                position = index
                self._receipt(opened.body)
            case Heartbeat(size=size, keys=keys, root=root):
                position = size
                if size == head.size and root != ids.b64url(head.root):
                    self._reasons.add("word-differs", None, f"a heartbeat names another root of size {size}")
            case _:
                self._reasons.add("bad-word", None, f"a {opened.type} does not carry the key chain's head")
                return
        self._places.append(position)
        if keys != statements.ring.chain_at(position):
            detail = "the key chain here is not the one whose head the relay signed for this place"
            self._reasons.add("keys-incomplete", position, detail)
        elif position <= self._attested:
            self._reasons.add("bad-bundle", None, "the words are not in the order of their place, each once")
        self._attested = max(self._attested, position)

    def _confirmed(self) -> None:
        """Every row must be within what the words confirm: else a key may have been withdrawn before it, unseen."""
        last = max((leaf.index for leaf in self._leaves), default=0)
        if self._attested < 0:
            self._reasons.add("keys-unattested", None, "no receipt or heartbeat of the relay is in the bundle")
        elif self._attested < last:
            detail = f"the relay's words confirm the key chain up to leaf {self._attested} only: make the bundle again"
            self._reasons.add("keys-unattested", last, detail)

    def _receipt(self, receipt: Receipt) -> None:
        row = next((row for row in self._bundle.rows if row.index == receipt.index), None)
        if row is not None and (row.stamp, ids.sha256(row.token.encode())) != (receipt.stamp, receipt.of):
            self._reasons.add("word-differs", row.index, "the relay gave a receipt for another leaf at this place")
        elif row is not None:
            self._receipts.append(row.index)

    def _cosignatures(self, statements: Statements, head: Checkpoint) -> dict[str, int]:
        """Party -> seconds. In a bundle no line is passed over: what nobody vouches for does not belong there."""
        note, prefix = self._bundle.note, f"dcn/{self._bundle.net}/"
        names = [name.removeprefix(prefix) for name, _ in split_note(note)[1][1:]]
        try:
            opened = open_all(note, self._bundle.net, witnesses(statements.ring, head.size))
            ordered = merge(note, ()) == note
        except ProofError as error:
            self._reasons.add(error.code, None, f"the checkpoint: {error.detail}")
            return {}
        if not ordered or not (self._is_partial() or len(opened) == len(names)):
            self._reasons.add("bad-cosignature", None, "a line of the checkpoint is nobody's, or not in its place")
        self._compare("cosignatures", names, self._bundle.stated.cosigners)
        return {party: min(at for name, at in opened if name == party) for party, _ in opened}

    def _disclosed(self, ring: KeyRing) -> Iterator[Disclosed]:
        """Each disclosed token opens inside the one sealed notice here that names it (protocol.md 6.5.2)."""
        if self._is_partial():
            return
        outers = {
            body.sealed.pt: (leaf, body)
            for leaf in self._leaves
            if isinstance(body := leaf.opened.body, Notice) and body.sealed is not None
        }
        for token in self._bundle.disclosed:
            of = ids.sha256(token.encode())
            leaf, outer = outers.pop(of, (None, None))
            if leaf is None or outer is None:
                self._reasons.add("bad-disclosure", None, "a disclosed token has not the hash that a notice here names")
                continue
            try:
                kid = open_inner_notice(token.encode(), ring, outer).kid
            except PeerError as error:
                self._reasons.add("bad-disclosure", leaf.index, f"{error.code}: {error.detail}")
                continue
            if not ring.valid_at(kid, leaf.index):
                self._reasons.add("bad-disclosure", leaf.index, f"{kid} was not valid at this position")
            yield Disclosed(of, kid, leaf)


def _report(bundle: Bundle | None, head: Checkpoint | None, reasons: Reasons, case: Case | None) -> Report:
    answers = judge(case.notice, case.leaves) if case else {}
    if not reasons.codes <= INCOMPLETE:
        verdict = Verdict.REFUTED
    elif case is None or not case.pinned:
        verdict = Verdict.INCOMPLETE
    else:
        verdict = Verdict.VERIFIED
    return Report(
        verdict=verdict,
        net=bundle.net if bundle else None,
        size=head.size if head else 0,
        root=ids.b64url(head.root) if head else None,
        checkpoints=1 if head else 0,
        reasons=reasons.listed(),
        proven=_lines(claims.proven(case, answers)) if case else (),
        unproven=_lines(claims.unproven(case, answers)) if case else (NOTHING[verdict],),
        witnessed=case.size if case and len(case.times) >= case.charter.terms.quorum else 0,
    )


def _lines(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))
