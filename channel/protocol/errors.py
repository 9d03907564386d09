"""Errors, by whose fault they are. A refusal that policy decides is a value, not an error."""

from __future__ import annotations


class ChannelError(Exception):
    """Base of every error that this project raises on purpose. `exit_code` is the command's exit status.

    `code` names the kind of error, or the rule that was broken, in `--json`: a promise, as is the exit status.
    """

    exit_code = 6
    code: str = "fatal"


class PeerError(ChannelError):
    """Bytes from outside broke a rule. `code` is stable (protocol.md section 12); `detail` never holds contents."""

    exit_code = 4

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unattributable(PeerError):
    """Nobody's signature stands behind these bytes: count them and drop them, never log them."""


class Attributable(PeerError):
    """A known key signed these bytes: its party gets a signed refusal. `of`: the token's SHA-256; `seq` 0: unread."""

    def __init__(self, code: str, detail: str, *, of: str, kid: str, seq: int = 0, nid: str | None = None) -> None:
        super().__init__(code, detail)
        self.of = of
        self.kid = kid
        self.seq = seq
        self.nid = nid


class UsageError(ChannelError):
    """The caller asked for something that cannot be; the message says what was expected and what came."""

    exit_code = 2
    code = "usage"


class TransientError(ChannelError):
    """Cannot be reached now; trying again may work."""

    exit_code = 3
    code = "transient"


class RefusedError(ChannelError):
    """The channel refused the statement. `code` is the refusal's stable code."""

    exit_code = 4

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"refused, {code}: {detail}")
        self.code = code
        self.detail = detail

    def told(self) -> None:
        """Whoever must know of it does. What a party signed is an alarm of its client until then (protocol.md 11.6)."""


class IncompleteError(ChannelError):
    """What is at hand does not suffice to decide."""

    exit_code = 5
    code = "incomplete"


class FatalError(ChannelError):
    """State is unknown or damaged: stop, and let the next start recover or say what to do."""

    exit_code = 6
    code = "fatal"


class DamagedError(FatalError):
    """What is stored is no log, or one that was changed or cut off: evidence says so, everything else stops."""


class InvariantError(ChannelError):
    """A rule of our own is broken: a fault in this program. Stop."""

    exit_code = 6
    code = "invariant"


class ProofError(ChannelError):
    """A Merkle proof, checkpoint or signature does not verify. `code` is stable."""

    exit_code = 1

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
