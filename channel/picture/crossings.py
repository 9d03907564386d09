"""Notices against agreed lines and against areas of caution (protocol.md 16.3.1, 16.3.4). Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from channel.ledger import Ledger
from channel.ledger.lines import LineVersion
from channel.picture.causes import Cause, Shown
from channel.picture.lines import AgreedLine, Crossing
from channel.protocol.forms import Kind
from channel.protocol.ids import Hash
from channel.protocol.statements import Precedence, Response, Shape


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

    def crossed(self, ledger: Ledger, side: Shown) -> Iterator[Crossed]:
        """Each version in force at the notice's stamp that its author has accepted and it reaches across."""
        if side.body.kind not in (Kind.INTENT, Kind.POSITION):
            return
        for version in ledger.lines.in_force(side.record.stamp_ms):
            if side.author not in version.named:
                continue
            if version.of not in self._ready:
                self._ready[version.of] = AgreedLine.of(version.body)
            line = self._ready[version.of]
            found = [at for part in side.solids if (at := line.crossing(part, side.author)) is not None]
            if found:
                yield Crossed(side, version, max(found, key=lambda at: (at.depth_m, at.at)))


def same_side(ledger: Ledger, a: str, b: str, at_ms: int) -> bool:
    """Whether two parties keep the same side of a line that both have accepted and that is in force."""
    for version in ledger.lines.in_force(at_ms):
        keeps = {keep.party: keep.side for keep in version.body.keeps}
        if a in version.named and b in version.named and a in keeps and keeps[a] == keeps.get(b):
            return True
    return False


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
        precedence=Precedence.IMMEDIATE if found.side.body.kind is Kind.INTENT else Precedence.PRIORITY,
        response=Response.NE,
        detail=f"{found.side.what} reaches {far} across the line {body.line}, version {body.version}, which "
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
