"""Up to where a log is read: everything, up to a leaf, or up to a time; the leaf and the moment included. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from channel.protocol.errors import UsageError
from channel.protocol.times import moment_ms


@dataclass(frozen=True, slots=True)
class Moment:
    """At most one of the two is given; neither means the end."""

    index: int | None = None
    ms: int | None = None

    @classmethod
    def of(cls, text: str | None) -> Moment:
        """`117`, `2017-09-16T00:30Z`, a DTG; None is the end. UsageError on anything else."""
        if text is None:
            return END
        if text.isdecimal():
            return cls(index=int(text))
        if text.startswith("+") or text == "now":
            raise UsageError(f"--until takes a leaf index or a time like 2017-09-16T00:30Z, not {text!r}")
        return cls(ms=moment_ms(text, 0))

    def covers(self, index: int, stamp_ms: int) -> bool:
        """Whether a leaf is inside. Stamps never decrease, so all before it are too."""
        return (self.index is None or index <= self.index) and (self.ms is None or stamp_ms <= self.ms)


END = Moment()
