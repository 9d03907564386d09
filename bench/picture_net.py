"""The net of the picture's benchmark: a real ledger of made-up notices, all active at one time and read by everybody.

The ledger's fold and the relay's findings are the real ones. Nothing is signed or hashed into the tree, which is not
what is measured: a leaf's hash is made of its number.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from channel.ledger import Ledger
from channel.protocol import charter as charters
from channel.protocol import ids
from channel.protocol.envelope import Opened
from channel.protocol.statements import Finding, Key, LineStatement, Member, Notice, Statement
from channel.protocol.times import from_wire, to_wire

PARTIES = tuple(founder.party for founder in charters.DEFAULT_PARTIES)
NET = "bench-picture"
WEST, SOUTH, WIDTH, HEIGHT = 37.5, 33.5, 4.5, 4.0  # degrees: the valley from Raqqah to Abu Kamal, and around it
HOUR_MS = 3_600_000
PROXIMITY_M = charters.DEFAULT_TERMS.proximity_m
NOW_MS = from_wire("2017-09-16T00:00:00.000Z")
MOVED_DEGREE_MAX = 0.02  # between two positions of a unit: two kilometres in half an hour
RIVERS = Path(__file__).resolve().parents[1] / "channel" / "scenario" / "data" / "deir-ezzor-2017" / "rivers.geojson"


class World:
    """Positions, intents, sites and incidents of made-up units, `share` of the theatre wide; all active at one time."""

    def __init__(self, seed: int, share: float) -> None:
        self._chance = random.Random(seed)
        self._side = math.sqrt(share)
        self._units: list[tuple[str, str, int, int]] = []

    def notice(self) -> tuple[str, dict[str, Any]]:
        """(author, members) of a notice about something that was not there before."""
        chance = self._chance
        author = chance.choice(PARTIES)
        lon = round((WEST + self._side * chance.random() * WIDTH) * 1e7)
        lat = round((SOUTH + self._side * chance.random() * HEIGHT) * 1e7)
        kind, shape = self._shape(lon, lat)
        members: dict[str, Any] = {"kind": kind}
        if kind == "position" and chance.random() < 0.5:
            self._units.append((author, f"unit {len(self._units)}", lon, lat))
            members["unit"] = self._units[-1][1]
        members |= {"alleged": chance.choice(PARTIES)} if kind == "incident" else {}
        members |= {"accounts_for": []} if kind == "intent" and chance.random() < 0.1 else {}
        band = {"floor_m": 0, "ceiling_m": chance.choice((500, 6000)), "reference": chance.choice(("msl", "agl"))}
        altitude = {"altitude": band} if kind == "intent" and chance.random() < 0.5 else {}
        return author, members | self._volume(shape, chance.randrange(1, 12), chance.randrange(1, 24), altitude)

    def move(self) -> tuple[str, dict[str, Any]]:
        """The next position of one of the units."""
        chance = self._chance
        number = chance.randrange(len(self._units))
        author, unit, lon, lat = self._units[number]
        lon += round(chance.uniform(-1, 1) * MOVED_DEGREE_MAX * 1e7)
        lat += round(chance.uniform(-1, 1) * MOVED_DEGREE_MAX * 1e7)
        self._units[number] = author, unit, lon, lat
        shape = {"type": "point", "at": [lon, lat], "accuracy_m": 100}
        return author, {"kind": "position", "unit": unit, **self._volume(shape, 0, chance.randrange(1, 24), {})}

    def _volume(self, shape: dict[str, Any], ago_h: int, ahead_h: int, altitude: dict[str, Any]) -> dict[str, Any]:
        begin, end = to_wire(NOW_MS - ago_h * HOUR_MS), to_wire(NOW_MS + ahead_h * HOUR_MS)
        return {"volumes": [{"shape": shape, "from": begin, "until": end, **altitude}]}

    def _shape(self, lon: int, lat: int) -> tuple[str, dict[str, Any]]:
        chance, of = self._chance, self._chance.random()
        if of < 0.3:
            return "position", {"type": "point", "at": [lon, lat], "accuracy_m": chance.choice((10, 100, 500))}
        kind = "incident" if of < 0.32 else "site" if of < 0.4 else "intent"
        if of < 0.7:
            radius_m = chance.choice((200, 500, 1000, 2000))
            return kind, {"type": "circle", "center": [lon, lat], "radius_m": radius_m}
        if of < 0.8:
            bends = [[lon, lat], [lon + 300_000, lat + 200_000], [lon + 500_000, lat]]
            return kind, {"type": "line", "path": bends, "width_m": chance.choice((0, 200))}
        around = [(math.cos(turn / 4 * math.pi), math.sin(turn / 4 * math.pi)) for turn in range(8)]
        return kind, {"type": "polygon", "rings": [[[lon + round(x * 2e5), lat + round(y * 2e5)] for x, y in around]]}


class Net:
    """A ledger, and what is logged in it."""

    def __init__(self) -> None:
        relay = _member(ids.RELAY, "Operator", "en", charters.OPERATOR_DESKS, charters.relay_labels)
        parties = [_member(f.party, f.name, f.language, f.desks, charters.key_labels) for f in charters.DEFAULT_PARTIES]
        body = charters.draft(NET, relay, parties, issued_ms=NOW_MS - 24 * HOUR_MS)
        self.ledger = Ledger(body, _hash(0))
        self._log(ids.RELAY, body, NOW_MS - 24 * HOUR_MS)
        self._agree()

    def notice(self, author: str, members: dict[str, Any]) -> int:
        """Log a notice of `author` to everybody else; the index of its leaf."""
        others = [{"party": party} for party in PARTIES if party != author]
        usual = {
            "nid": ids.uuid7(NOW_MS, self.ledger.size.to_bytes(10, "big")), "precedence": "ROUTINE", "to": others,
            "info": [], "status": "operation", "response": "NE", "how": "human", "elements": [], "text": "",
        }  # fmt: skip
        return self._say(Notice, author, **usual, **members)

    def finding(self, members: dict[str, object]) -> int:
        """Log a finding of the relay's; the index of its leaf."""
        return self._say(Finding, ids.RELAY, **members)

    def _agree(self) -> None:
        """The Euphrates as an agreed line between coalition and Russia, a day ago."""
        rivers = json.loads(RIVERS.read_text(encoding="utf-8"))["features"]
        parts = next(river for river in rivers if river["properties"]["id"] == "euphrates")["geometry"]["coordinates"]
        terms: dict[str, Any] = {
            "line": "euphrates", "version": 1, "title": "Euphrates",
            "parts": [[[round(lon * 1e7), round(lat * 1e7)] for lon, lat in part] for part in parts],
            "keeps": [{"party": "coalition", "side": "left"}, {"party": "russia", "side": "right"}],
            "excluded": [], "precision_m": 2_000, "from_time": to_wire(NOW_MS - 24 * HOUR_MS), "beyond": "",
            "text": "", "precedence": "ROUTINE", "info": [],
        }  # fmt: skip
        nid, coalition, russia = ids.uuid7(NOW_MS, bytes(10)), {"party": "coalition"}, {"party": "russia"}
        index = self._say(LineStatement, "coalition", nid=nid, to=[russia], action="propose", **terms)
        of = self.ledger.entries[index].opened.of
        self._say(LineStatement, "russia", nid=nid, to=[coalition], action="accept", of=of, **terms)

    def _say(self, model: type[Statement], author: str, **members: object) -> int:
        size = self.ledger.size
        shell = {
            "v": 1, "net": NET, "from": author, "desk": "operations", "issued": to_wire(NOW_MS), "seq": size,
            "seen": {"size": 0, "root": _hash(0)}, "prev": self.ledger.charter_of,
        }  # fmt: skip
        said = json.dumps({**shell, **members}, default=_plain)
        return self._log(author, model.model_validate_json(said), NOW_MS - 6 * HOUR_MS + size)

    def _log(self, author: str, body: Any, stamp_ms: int) -> int:
        index = self.ledger.size
        self.ledger.apply(index, stamp_ms, Opened(b"", _hash(index), f"{author}/sig/machine-1", body.TYPE, body))
        self.ledger.touched.clear()
        return index


def filled(world: World, size: int) -> Net:
    """A net with so many active volumes."""
    net = Net()
    for _ in range(size):
        net.notice(*world.notice())
    return net


def _plain(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def _hash(number: int) -> ids.Hash:
    return ids.sha256(b"leaf %d" % number)


def _member(party: str, name: str, language: Any, desks: Any, labels: Callable[..., tuple[str, ...]]) -> Member:
    kids = [f"{party}/{label}" for label in labels(desks)]
    keys = tuple(Key.model_validate({"kid": kid, "pub": ids.sha256(kid.encode()), "held": "machine"}) for kid in kids)
    return Member(party=party, name=name, language=language, keys=keys, desks=desks)
