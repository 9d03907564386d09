"""What a verification found: a verdict, the reasons against it, and what is and is not proven by it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from channel.protocol.ids import Hash

REASONS_MAX = 100  # a wholly broken file gives one reason a leaf: this many tell enough

REASONS: dict[str, str] = {
    "no-charter": "the log does not begin with a charter that can be read",
    "bad-charter": "the charter given to compare with cannot be read",
    "wrong-charter": "the log, or an accession in it, names another charter",
    "missing-leaf": "rows are missing, or there are more than the log can have",
    "misplaced-leaf": "a row has an index that it cannot have",
    "leaf-changed": "a row's bytes differ from the signed tree",
    "hash-changed": "only the hash that the store keeps beside a row was changed",
    "root-mismatch": "the leaves do not give the root of a signed checkpoint",
    "unsigned-leaves": "no checkpoint covers the last leaves",
    "truncated": "a signed checkpoint covers more leaves than there are",
    "bad-note": "a checkpoint is not well formed, or not at its place",
    "wrong-origin": "a checkpoint is another log's",
    "bad-note-signature": "a checkpoint is not signed by a log key valid there",
    "stamp-decreased": "a leaf is stamped before the leaf before it",
    "not-a-leaf": "a statement of a type that is never a leaf, or a second charter",
    "duplicate-leaf": "the same token is in the log twice",
    "equivocation": "a key signed two statements with the same sequence number",
    "key-not-valid": "the signing key was not valid at this position",
    "bad-log": "the file is no log that can be read: it is cut off, changed, or something else",
    "more": "more reasons than can be listed",
}
"""Codes beside those of the guard (`channel.protocol.codes`), which a leaf's statement can break too."""


class Verdict(StrEnum):
    """`incomplete`: nothing is wrong, but nothing was given to pin the charter with, or there is nothing to verify."""

    VERIFIED = "verified"
    REFUTED = "refuted"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong. `leaf` is the leaf's index, or where the leaves in question begin; None: the whole."""

    code: str
    leaf: int | None
    detail: str

    def to_json(self) -> dict[str, object]:
        """Always these three; `leaf` is null where it is about the whole."""
        return {"code": self.code, "leaf": self.leaf, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for a log of `size` leaves; `root` is the root of the newest checkpoint that holds, if any."""

    verdict: Verdict
    net: str | None
    size: int
    root: Hash | None
    checkpoints: int
    reasons: tuple[Reason, ...]
    proven: tuple[str, ...]
    unproven: tuple[str, ...]
    witnessed: int = 0
    """The size of the newest checkpoint that a quorum of witnesses has cosigned, as far as that can be judged here."""

    def to_json(self) -> dict[str, object]:
        """The report as one JSON document; `net`, `root` and `witnessed` are absent without a value."""
        document: dict[str, object] = {
            "verdict": self.verdict.value,
            "size": self.size,
            "checkpoints": self.checkpoints,
            "reasons": [reason.to_json() for reason in self.reasons],
            "proven": list(self.proven),
            "unproven": list(self.unproven),
        }
        optional = {"net": self.net, "root": self.root, "witnessed": self.witnessed or None}
        return document | {name: value for name, value in optional.items() if value is not None}


class Reasons:
    """Collects reasons up to `REASONS_MAX`; what comes after is only counted, and its codes are kept."""

    def __init__(self) -> None:
        self._listed: list[Reason] = []
        self._more: Counter[str] = Counter()

    def add(self, code: str, leaf: int | None, detail: str) -> None:
        """One more."""
        if len(self._listed) < REASONS_MAX:
            self._listed.append(Reason(code, leaf, detail))
        else:
            self._more[code] += 1

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all reasons, also of those that are not listed: a verdict is judged by these."""
        return frozenset({reason.code for reason in self._listed} | self._more.keys())

    def listed(self) -> tuple[Reason, ...]:
        """All of them, by leaf; the whole log's first."""
        ordered = sorted(self._listed, key=lambda reason: -1 if reason.leaf is None else reason.leaf)
        counted = ", ".join(f"{count} {code}" for code, count in sorted(self._more.items()))
        rest = [Reason("more", None, f"{self._more.total()} more: {counted}")] if self._more else []
        return (*ordered, *rest)

    def __bool__(self) -> bool:
        return bool(self._listed)
