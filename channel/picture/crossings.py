"""Notices against agreed lines and against areas of caution (protocol.md 16.3.1, 16.3.4). Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from channel.ledger import Ledger
from channel.ledger.lines import LineVersion
from channel.picture.causes import Cause, Shown
from channel.picture.lines import AgreedLine, Crossing
from channel.protocol.forms import Kind
from channel.protocol.ids import Hash
from channel.protocol.statements import Precedence, Response, Shape

_ANSWERS_MAX = 1 << 14  # kept of what was asked of lines and notices


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """A notice reaches the wrong side of a version of a line that was in force at its stamp."""

    side: Shown
    version: LineVersion
    crossing: Crossing


class AgreedLines:
    """Versions of lines made ready, each once."""

    def __init__(self) -> None:
        self._ready: dict[Hash, AgreedLine] = {}
        self._answers: dict[tuple[str, Hash, Hash], bool] = {}

    def crossed(self, ledger: Ledger, side: Shown) -> Iterator[Crossed]:
        """Each version in force at the notice's stamp that its author has accepted and it reaches across."""
        if side.kind not in (Kind.INTENT, Kind.POSITION):
            return
        for version in ledger.lines.in_force(side.record.stamp_ms):
            if side.author not in version.named:
                continue
            line = self._made(version)
            found = [at for part in side.solids if (at := line.crossing(part, side.author)) is not None]
            if found:
                yield Crossed(side, version, max(found, key=lambda at: (at.depth_m, at.at)))

    def may_be_close(self, ledger: Ledger, a: Shown, b: Shown, at_ms: int) -> bool:
        """Whether both lie on the side of a line in force that both authors keep to, and no line parts them there."""
        agreed = False
        for version in ledger.lines.in_force(at_ms):
            keeps = {keep.party: keep.side for keep in version.body.keeps}
            if not {a.author, b.author} <= keeps.keys() & set(version.named):
                continue
            if keeps[a.author] != keeps[b.author]:
                if self._ask("covers", version, a) or self._ask("covers", version, b):
                    return False
            elif not agreed:
                agreed = self._ask("holds", version, a) and self._ask("holds", version, b)
        return agreed

    def _ask(self, question: Literal["covers", "holds"], version: LineVersion, side: Shown) -> bool:
        """Of a whole notice; what was asked lately is not worked out again."""
        key = question, version.of, side.record.of
        if key not in self._answers:
            if len(self._answers) >= _ANSWERS_MAX:
                self._answers.clear()
            line = self._made(version)
            self._answers[key] = (
                any(line.covers(part) for part in side.solids)
                if question == "covers"
                else all(line.holds(part, side.author) for part in side.solids)
            )
        return self._answers[key]

    def _made(self, version: LineVersion) -> AgreedLine:
        if version.of not in self._ready:
            self._ready[version.of] = AgreedLine.of(version.body)
        return self._ready[version.of]


def crossing(found: Crossed) -> Cause:
    """A line that was crossed: which version, who had accepted it, and how far beyond it."""
    body, record = found.version.body, found.side.record
    accepted = tuple(party for party in found.version.named if party in found.version.accepted)
    depth_m = round(found.crossing.depth_m)
    far = f"{depth_m / 1000:.1f} km" if depth_m >= 1000 else f"{depth_m} m"
    return Cause(
        kind="line-crossed",
        rests_on=(record.of,),
        needs=(record.index, found.version.index),
        concerns=(record.author,),
        precedence=Precedence.IMMEDIATE if found.side.kind is Kind.INTENT else Precedence.PRIORITY,
        response=Response.NE,
        detail=f"{found.side.what} reaches at least {far} across the line {body.line}, version {body.version}, which "
        f"{', '.join(accepted)} had accepted",
        measures={"accepted-count": len(accepted), "depth-m": depth_m},
        line=found.version.of,
    )


def caution(area: Shape) -> Cause:
    """What a party that may not read a notice is told of it: its `warn` area, and nothing else."""
    return Cause(
        kind="warned",
        rests_on=(),
        needs=(),
        concerns=(),
        precedence=Precedence.PRIORITY,
        response=Response.NE,
        detail="another party asks for caution in this area; ask the operator, or ring who may be there",
        area=area,
    )
