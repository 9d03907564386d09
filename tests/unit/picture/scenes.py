"""Scenes for tests of findings: notices with places on the relay lab's net, and what the log says of them.

Places are metres east and north of a point near Deir ez-Zor; the few metres that this is off do not matter here.
"""

from __future__ import annotations

from typing import Any

from channel.ledger import FindingRecord
from channel.protocol.envelope import open_token
from channel.protocol.statements import Finding, Notice
from channel.protocol.times import to_wire
from tests.unit.relay.lab import HOUR, PARTIES, T0_MS, Lab, Said

LON_E7, LAT_E7 = 401_500_000, 353_300_000
LAT_E7_PER_M = 90.13
LON_E7_PER_M = 109.99


def at(east_m: float, north_m: float = 0) -> list[int]:
    """A position so far from the middle."""
    return [LON_E7 + round(east_m * LON_E7_PER_M), LAT_E7 + round(north_m * LAT_E7_PER_M)]


def circle(east_m: float, radius_m: int = 1_000, north_m: float = 0) -> dict[str, Any]:
    return {"type": "circle", "center": at(east_m, north_m), "radius_m": radius_m}


def within(shape: dict[str, Any], begin_ms: int = 0, end_ms: int = 4 * HOUR, **altitude: Any) -> dict[str, Any]:
    """A volume; times count from the lab's beginning."""
    band = {"altitude": altitude} if altitude else {}
    return {"shape": shape, "from": to_wire(T0_MS + begin_ms), "until": to_wire(T0_MS + end_ms), **band}


class Scene(Lab):
    """A lab whose parties send notices with places; each call is a turn of its own."""

    def place(
        self, party: str, *to: str, kind: str = "position", east_m: float = 0, radius_m: int = 1_000,
        begin: int | None = None, until: int = 4 * HOUR, **members: Any,
    ) -> Said:  # fmt: skip
        """A position, or another kind, as a circle from now on; ROUTINE, and it asks for nothing."""
        begin_ms = self.now_ms - T0_MS if begin is None else begin
        usual = {
            "precedence": "ROUTINE",
            "response": "NE",
            "volumes": [within(circle(east_m, radius_m), begin_ms, until)],
        }
        return self.now(self.notice(party, *to, kind=kind, **(usual | members)))

    def intent(self, party: str, *to: str, **members: Any) -> Said:
        """An intent, PRIORITY, that asks for WILCO or UNABLE."""
        return self.place(party, *to, kind="intent", **({"precedence": "PRIORITY", "response": "WU"} | members))

    def now(self, said: Said) -> Said:
        """One turn; the statement must have been taken."""
        assert said.code is None, said.detail
        self.turn()
        return said

    def line(self, author: str, *others: str, accept: bool = True, **members: Any) -> Said:
        """A line north to south through the middle, agreed at once. It runs south: east of it is its left."""
        left = members.pop("left", (author,))
        terms: dict[str, Any] = {
            "line": "middle", "version": 1, "title": "Line", "parts": [[at(0, 50_000), at(0, -50_000)]],
            "keeps": [{"party": p, "side": "left" if p in left else "right"} for p in (author, *others)],
            "excluded": [], "precision_m": 500, "from_time": to_wire(T0_MS), "beyond": "", "text": "",
            "precedence": "ROUTINE", **members,
        }  # fmt: skip
        to = [{"party": party} for party in others]
        said = self.say(author, "line", nid=self.nid(), to=to, info=[], action="propose", **terms)
        for party in others if accept else ():
            rest = [{"party": other} for other in (author, *others) if other != party]
            self.say(party, "line", nid=self.nid(), to=rest, info=[], action="accept", of=said.of, **terms)
        return self.now(said)

    def opened(self, token: bytes) -> Notice:
        """The notice in a token that was not handed in."""
        body = open_token(token, self.folded.ledger.ring).body
        assert isinstance(body, Notice)
        return body

    # --- what the log says ------------------------------------------------------------------------------------------

    def findings(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """(state, kind, parties told) of every finding leaf, in the order of the log."""
        bodies = [entry.opened.body for entry in self.folded.ledger.entries.values()]
        return [(b.state, b.kind, told(b)) for b in bodies if isinstance(b, Finding)]

    def standing(self) -> list[str]:
        """The kinds of the findings that stand."""
        return sorted(record.body.kind for record in self.folded.ledger.findings.values() if record.standing)

    def finding(self, kind: str) -> FindingRecord:
        """The only finding of a kind."""
        (found,) = [record for record in self.folded.ledger.findings.values() if record.body.kind == kind]
        return found


def told(body: Finding) -> tuple[str, ...]:
    """The parties that were told, in the order of the statement."""
    return tuple(dict.fromkeys(desk.party for desk in body.told))


__all__ = ["PARTIES", "T0_MS", "Scene", "at", "circle", "told", "within"]
