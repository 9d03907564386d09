"""How well a leaf is attested: receipted, logged, witnessed (protocol.md 7.9). Computed for a reader, never folded."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """`receipted`: its author holds the receipt. `logged`: under a checkpoint that the reader has verified.
    `witnessed`: and under one with a quorum of cosignatures."""

    RECEIPTED = "receipted"
    LOGGED = "logged"
    WITNESSED = "witnessed"


def of_leaf(index: int, witnessed: int) -> Grade:
    """The grade of a leaf that the reader holds; `witnessed` is the newest size that has a quorum."""
    return Grade.WITNESSED if index < witnessed else Grade.LOGGED
