"""What of a quarantine survives a restart, and what the operator's commands read of it: small files in the home.

`quarantine.json` is there for as long as it lasts; `quarantine.without` is the operator's list of parties that cannot
come; `log.head` is the newest checkpoint, kept beside the log so that an older log is found out (protocol.md 10.14).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from channel.broker.pki import write_file
from channel.protocol.charter import spans
from channel.protocol.errors import FatalError, UsageError
from channel.protocol.forms import Hash, Index, Model

FILE = "quarantine.json"
SETTLED = "quarantine.settled.json"
WITHOUT = "quarantine.without"
HEAD = "log.head"


class Kept(Model):
    """`quarantine.json`. `notes`: checkpoints by who showed them; the rest is how it stood when it was written.

    `given_up`: at its end, leaves of which only the relay's own checkpoint spoke.
    """

    v: Literal[1] = 1
    since_ms: Index
    why: str
    notes: dict[str, str]
    size: Index
    root: Hash
    shown: Index
    shown_root: Hash
    waiting: tuple[str, ...]
    missing: tuple[Index, ...]
    forked: bool
    unfit: bool = False
    given_up: tuple[Index, ...] = ()

    @property
    def state(self) -> Literal["waiting", "incomplete", "forked"]:
        """What it waits for: parties; or nothing any more, because leaves are lost or two histories were signed.

        What was handed back and does not fit (`unfit`) is incomplete too: the true leaves are not here.
        """
        if self.forked:
            return "forked"
        return "waiting" if self.waiting else "incomplete"

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"state": self.state, **self.model_dump(mode="json", exclude={"v", "notes"})}

    @property
    def line(self) -> str:
        """For people: what happened, and what to do."""
        more = "" if self.shown == self.size else f", and a signed checkpoint of {self.shown} was shown"
        base = f"the log has {self.size} leaves{more} ({self.why})"
        if self.forked:
            return f"{base}; two histories were signed, so this net ends: docs/operations.md, section 6.3"
        if self.waiting:
            held = f"; so far nobody holds {spans(self.missing)}" if self.missing else ""
            return f"{base}; waiting for the leaves of {', '.join(self.waiting)}: have them connect{held}"
        if self.unfit:
            return (
                f"{base}; every party was heard, and what they handed back does not give that tree: one of them "
                "handed back what never was. `channel quarantine --without PARTY` leaves its leaves out and shows what "
                "is missing then; if no other party can help, this net ends: docs/operations.md, section 6.3"
            )
        return (
            f"{base}; nobody holds {len(self.missing)} of them ({spans(self.missing)}), so this net ends: "
            "docs/operations.md, section 6.3"
        )


def given_up(home: Path) -> tuple[int, ...]:
    """Indexes that were given up when the last quarantine ended (protocol.md 10.15)."""
    try:
        return Kept.model_validate_json((home / SETTLED).read_bytes()).given_up
    except (OSError, ValidationError):
        return ()


def read(home: Path) -> Kept | None:
    """What is kept; None if there is no quarantine. FatalError if it cannot be read."""
    try:
        return Kept.model_validate_json((home / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise FatalError(
            f"{home / FILE} cannot be read: the relay stays stopped, so that no second history comes about. Mark the "
            "log anew with `channel restore --mark`"
        ) from error


def mark(home: Path, kept: Kept) -> None:
    """Write it down, durably: a relay that starts reads it before anything else."""
    _replace(home / FILE, kept.model_dump_json(indent=2).encode() + b"\n")


def settled(home: Path) -> None:
    """It is over: what it was stays readable."""
    take_back(home)  # first: of a crash in between the operator is asked again, and the next quarantine knows nothing
    (home / FILE).replace(home / SETTLED)
    _sync(home)


def without(home: Path) -> set[str]:
    """Parties that the operator goes on without."""
    try:
        return set((home / WITHOUT).read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return set()


def go_without(home: Path, party: str, parties: Collection[str]) -> None:
    """The operator's word that a party cannot come. UsageError: there is no quarantine, or no such party."""
    if read(home) is None or party not in parties:
        raise UsageError(f"there is no quarantine, or no party {party}: the parties are {', '.join(parties)}")
    _replace(home / WITHOUT, ("\n".join(sorted({*without(home), party})) + "\n").encode())


def take_back(home: Path) -> None:
    """Nobody is gone without any more."""
    (home / WITHOUT).unlink(missing_ok=True)
    _sync(home)


def head(home: Path) -> str:
    """The newest checkpoint that was kept beside the log; empty if there is none."""
    try:
        return (home / HEAD).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def put_head(home: Path, note: str) -> None:
    """Keep it; what a power cut takes away of it finds out less, and harms nothing."""
    if head(home) != note:
        write_file(home / HEAD, note.encode())


def _replace(path: Path, data: bytes) -> None:
    write_file(path, data)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
