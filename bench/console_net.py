"""The log of the console's benchmark: a founded home, a thousand open notices, and a writer at a steady rate.

Everything is signed with the parties' own keys, judged by the relay's own core and stored in a real log file; only the
broker is left out. Stamps are the machine's time, so that deadlines pass and alerts are raised as in a real net.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

from channel.founding import found_trial
from channel.log.cosignature import cosign
from channel.log.store import Cosignature
from channel.protocol import charter as charters
from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.statements import Answer, Notice, Receiving, Seen, Statement
from channel.protocol.times import to_wire
from channel.relay.boot import boot
from channel.relay.clock import wall_ms
from channel.relay.home import ChannelHome
from clients.core.home import PartyHome

NET = "bench-line"
HISTORY_MS = 25 * 60_000  # the notices that are open at the start came in over so long
GROUP = 25  # notices in one commit while the log is filled
WEST, SOUTH, WIDTH, HEIGHT = 37.5, 33.5, 4.5, 4.0
PRECEDENCES = ("FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE")
SHARES = (1, 3, 30, 66)
TEXTS = (
    "Convoy of twelve vehicles on the river road. Keep clear.",
    "Clearing two kilometres north of the bridge until noon; call before you cross.",
    "Artillery at the ridge, no fire east of the canal.",
    "Hospital and water works: no strike within three kilometres.",
)


class BenchNet:
    """A net in force in `home`, and everybody's keys."""

    def __init__(self, home: Path, seed: int = 1) -> None:
        self.start_ms = wall_ms() - HISTORY_MS
        terms = charters.default_terms(len(charters.DEFAULT_PARTIES)).model_copy(update={"watch_ms": 0})
        found_trial(home, terms=terms, now_ms=self.start_ms, wall_ms=self.start_ms, net=NET)
        self.home = ChannelHome.open(home)
        booted = boot(self.home)
        self.core, self.store = booted.core, booted.store
        self.parties = [member.party for member in self.core.folded.ledger.charter.parties]
        homes = {party: PartyHome(self.home.parties / party) for party in self.parties}
        self._desks = {party: home.signer("sig/desk-operations") for party, home in homes.items()}
        self._witnesses = {party: home.signer("wit/1") for party, home in homes.items()}
        self._last: dict[str, tuple[int, str]] = {}
        self._chance = random.Random(seed)
        self._stages: dict[str, list[tuple[str, str]]] = {"logged": [], "received": [], "displayed": []}
        self.refused: list[str] = []

    def fill(self, count: int) -> None:
        """So many notices, most of them received, half of them displayed, all unanswered."""
        for number in range(count):
            at_ms = self.start_ms + HISTORY_MS * number // count
            self.core.tick(at_ms)
            of, addressees = self._notice(at_ms, several=self._chance.random() < 0.3)
            stage = self._chance.choices(("logged", "received", "displayed"), (5, 40, 55))[0]
            for party in addressees:
                if stage != "logged":
                    self._sign(party, Receiving, at_ms + 200, of=of, stage=stage)
            if len(addressees) == 1:
                self._stages[stage].append((of, addressees[0]))
            if number % GROUP == GROUP - 1:
                self.commit()
        self.core.tick(wall_ms())
        self.commit()
        self.cosign()

    def change(self, turn: int) -> None:
        """One more statement: each notice that comes is received, displayed and answered, so as many stay open."""
        now_ms = wall_ms()
        self.core.tick(now_ms)
        if turn % 4 == 0:
            of, addressees = self._notice(now_ms)
            self._stages["logged"].append((of, addressees[0]))
            return
        stage, after = (("logged", "received"), ("received", "displayed"), ("displayed", ""))[turn % 4 - 1]
        waiting = self._stages[stage]
        of, party = waiting.pop(self._chance.randrange(len(waiting)))
        if after:
            self._sign(party, Receiving, now_ms, of=of, stage=after)
            self._stages[after].append((of, party))
        else:
            self._sign(party, Answer, now_ms, of=of, word="WILCO")

    def commit(self) -> list[int]:
        """Make durable what is staged; the indexes of its leaves."""
        batch = self.core.batch()
        if batch is None:
            return []
        self.store.append(batch.leaves, batch.note, batch.bodies, batch.spent)
        self.core.committed(batch)
        return [leaf.index for leaf in batch.leaves]

    def cosign(self) -> None:
        """Three witnesses on the newest checkpoint; durable with the next commit, as at the relay."""
        size, note = self.core.committed_size, self.core.note
        signers = [self._witnesses[party] for party in self.parties[:3]]
        made = [(ids.kid_party(signer.kid), cosign(note, NET, signer, wall_ms() // 1000)) for signer in signers]
        self.store.put_cosignatures([Cosignature(size, party, line) for party, line in made])

    def _notice(self, now_ms: int, several: bool = False) -> tuple[str, list[str]]:
        chance = self._chance
        author, *others = chance.sample(self.parties, 4)
        addressees = others[: 2 if several else 1]
        lon, lat = WEST + chance.random() * WIDTH, SOUTH + chance.random() * HEIGHT
        circle = {
            "type": "circle",
            "center": [round(lon * 1e7), round(lat * 1e7)],
            "radius_m": chance.choice((500, 1000)),
        }
        of = self._sign(
            author, Notice, now_ms, nid=ids.uuid7(now_ms, chance.randbytes(10)), kind="intent", status="operation",
            precedence=chance.choices(PRECEDENCES, SHARES)[0], to=[{"party": party} for party in addressees], info=[],
            response="WU", how="human", elements=[], text=chance.choice(TEXTS),
            volumes=[{"shape": circle, "from": to_wire(now_ms), "until": to_wire(now_ms + 6 * 3_600_000)}],
        )  # fmt: skip
        return of, addressees

    def _sign(self, party: str, model: type[Statement], now_ms: int, **members: Any) -> str:
        signer: Signer = self._desks[party]
        seq, prev = self._last.get(signer.kid, (0, self.core.folded.ledger.charter_of))
        seen = Seen(size=self.core.committed_size, root=ids.b64url(self.core.committed_root))
        common = {"net": NET, "from": party, "desk": "operations", "issued": to_wire(now_ms), "seen": seen}
        body = model.model_validate({**common, "seq": seq + 1, "prev": prev, **members}, strict=False)
        token = seal(body, signer)
        of = ids.sha256(token)
        self._last[signer.kid] = (seq + 1, of)
        outcome = self.core.submit(token, now_ms, party)
        if outcome.index is None:
            self.refused.append(f"{outcome.code}: {outcome.detail}")
        return of

    def close(self) -> None:
        """The log is one file again."""
        self.store.close()


class Writer:
    """`with Writer(net, rate) as writer`: changes at that rate; `commits`: (index, seconds since 1970) of each leaf."""

    def __init__(self, net: BenchNet, rate: float) -> None:
        self._net, self._rate = net, rate
        self.commits: list[tuple[int, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer")

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began, turn = time.monotonic(), 0
        while not self._stop.wait(max(0.0, began + turn / self._rate - time.monotonic())):
            self._net.change(turn)
            indexes = self._net.commit()
            now_s = time.time()
            self.commits += [(index, now_s) for index in indexes]
            turn += 1
            if turn % round(self._rate) == 0:
                self._net.cosign()
