"""Makes an old log for `tests/unit/replay/test_old_logs.py`: `python -m tests.vectors.make_log tests/vectors/log-2`.

The relay's real core writes it on its real store, the parties' real clients sign, cosign and seal; the frames between
them are carried by hand, and the clock is set. Keys are drawn, so the bytes differ each time; the story is the same.
`expected.json` is what relay and clients held when it ended. A log that is committed is never made anew.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from channel.ledger.digest import state_digest
from channel.ledger.fold import fold
from channel.log.sqlite import SqliteLog
from channel.log.store import Cosignature, LinkRow
from channel.protocol import geometry, ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.forms import Circle, Volume
from channel.protocol.statements import (
    Acknowledgement,
    Addressee,
    Check,
    ClockStep,
    Key,
    KeyStatement,
    ReadBack,
    Revocation,
    Seen,
    Statement,
)
from channel.protocol.times import to_wire
from channel.relay.core import Batch, Core
from channel.relay.operator import newest, statement
from channel.relay.witness import Witnesses
from channel.replay import account
from clients.core import drafts
from clients.core.clock import random_bytes
from clients.core.drafts import Draft
from tests.unit.clients.lab import NET, Lab, Relay

Members = dict[str, Any]

EVERYBODY = ("coalition", "russia", "sdf", "regime")
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
VERSION = "0.1.0"
RIDGE, BRIDGE = (401_408_000, 353_359_000), (401_900_000, 353_050_000)  # the bridge is on the line
RIVER = [[(401_300_000, 353_600_000), (402_500_000, 352_500_000)]]
ACROSS = (402_200_000, 353_400_000)


class StoredCore(Core):
    """The relay's core, whose batches are stored before anything is sent, as its loop does."""

    store: SqliteLog

    def committed(self, batch: Batch | None) -> list[tuple[str, bytes]]:
        if batch is not None:
            self.store.append(batch.leaves, batch.note, batch.bodies, batch.spent)
        return Core.committed(self, batch)


class StoredWitnesses(Witnesses):
    """The relay's witnesses, whose cosignatures are stored before they count."""

    store: SqliteLog

    def kept(self, rows: Any) -> None:
        kept: list[Cosignature] = list(rows)
        if kept:
            self.store.put_cosignatures(kept)
            self.store.flush()
        super().kept(kept)


class Story:
    """A net from its founding on. Times are counted from there."""

    def __init__(self, home: Path) -> None:
        self.lab = Lab(home)
        self.nids = 0
        self.start(0)

    # --- the relay --------------------------------------------------------------------------------------------------

    def start(self, downtime_ms: int) -> None:
        """The relay's process begins: it reads what is stored, and says so."""
        before = self.lab.relay
        self.store = SqliteLog(self.lab.channel.log_file, "write")
        core = StoredCore(fold(self.store.leaves()), before.core.keys, self.store.newest_note() or "")
        core.store = self.store
        witnesses = StoredWitnesses.of_store(core.folded.ledger, self.store)
        assert isinstance(witnesses, StoredWitnesses)
        witnesses.store = self.store
        relay = Relay(core, before.now_ms + downtime_ms, witnesses, before.mono_ms + downtime_ms)
        relay.leaves, relay.notes = list(self.store.leaves()), dict(self.store.notes())
        relay.bodies = {ct: body for ct in self.store.bodies() if (body := self.store.body(ct)) is not None}
        relay.downs = {party: type(down)(party) for party, down in before.downs.items()}
        witnesses.since_ms = relay.now_ms
        self.lab.relay = relay
        core.start(relay.now_ms, VERSION)
        relay.commit()

    def restart(self, downtime_ms: int) -> None:
        """The relay is stopped, and comes back later."""
        self.store.close()
        for party in self.lab.sessions:
            self.lab.session(party).disconnected()
        self.start(downtime_ms)
        for party in self.lab.sessions:
            self.lab.session(party).connected()

    @property
    def now_ms(self) -> int:
        return self.lab.relay.now_ms

    @property
    def ledger(self) -> Any:
        return self.lab.relay.core.folded.ledger

    def settle(self, *parties: str) -> None:
        """Everything that is under way arrives."""
        self.lab.settle(*(parties or EVERYBODY))

    def wait(self, ms: int, *parties: str, silent: tuple[str, ...] = ()) -> None:
        """Time passes, with an instant at each moment at which something falls due."""
        relay, until_ms = self.lab.relay, self.now_ms + ms
        while self.now_ms < until_ms:
            due_ms = relay.core.next_ms()
            next_ms = until_ms if due_ms is None else min(max(due_ms, self.now_ms + 1), until_ms)
            relay.mono_ms += next_ms - self.now_ms
            relay.now_ms = next_ms
            relay.core.tick(relay.now_ms, silent)
            relay.commit()
        self.settle(*parties)

    def operator(self, model: type[Statement], *here: str, **members: object) -> None:
        """A statement of the operator's desk."""
        core, signer = self.lab.relay.core, self.lab.channel.signer("sig/desk-operations")
        seq, prev = newest(core.folded.ledger, signer.kid)
        body = statement(model, core.folded, self.now_ms, seq + 1, prev, **members)
        outcome = core.submit(seal(body, signer), self.now_ms, ids.RELAY)
        assert outcome.index is not None, outcome
        self.lab.relay.commit()
        self.settle(*here)

    # --- the parties ------------------------------------------------------------------------------------------------

    def nid(self) -> str:
        self.nids += 1
        return ids.uuid7(self.now_ms, self.nids.to_bytes(10, "big"))

    def say(self, party: str, draft: Draft, *parties: str) -> ids.Hash:
        """A statement by a party's officer, taken to the relay and on to whom it concerns."""
        row = self.lab.say(party, draft)
        self.settle(*(parties or EVERYBODY))
        return row.of

    def send(self, party: str, *to: str, here: tuple[str, ...] = (), sealed: bool = False, **members: Any) -> ids.Hash:
        """A notice: `regime:russia` goes via Russia. `here`: who is online."""
        named = [Addressee(party=name.partition(":")[0], via=name.partition(":")[2] or None) for name in to]
        draft = drafts.notice(self.nid(), to=named, **members)
        return self.say(party, replace(draft, sealed=sealed), *here)

    def circle(self, center: tuple[int, int], radius_m: int, begin_ms: int, end_ms: int) -> Volume:
        """A circle, from and until so long after now."""
        window: Members = {"from_": to_wire(self.now_ms + begin_ms), "until": to_wire(self.now_ms + end_ms)}
        return Volume(shape=geometry.circle(center, radius_m), **window)

    def root_says(self, party: str, draft: Draft) -> None:
        """A statement about keys, by the party's root."""
        session, home = self.lab.session(party), self.lab.home(party)
        session.store.sign_and_queue(
            lambda seq, prev: draft.statement(
                net=NET, party=party, now_ms=self.now_ms, seen=session.replica.seen, seq=seq, prev=prev
            ),
            home.signer("root/1"),
            created_ms=self.now_ms,
            due_ms=self.now_ms + 15 * SECOND,
        )
        session.out.changed()
        self.settle()

    def change_key(self, party: str, old: str, new: str, since: int | None = None) -> None:
        """A new key, and the old one withdrawn with it."""
        home = self.lab.home(party)
        home.write_key(new, random_bytes(32))
        key = Key(kid=f"{party}/{new}", pub=ids.b64url(home.public(new)), held="machine")
        chain = self.lab.session(party).ledger.ring.chain
        self.root_says(party, Draft(KeyStatement, {"key": key, "keys": chain}))
        chain = self.lab.session(party).ledger.ring.chain
        members: dict[str, object] = {
            "kid": f"{party}/{old}",
            "reason": "changed",
            "compromised_since": since,
            "keys": chain,
        }
        self.root_says(party, Draft(Revocation, members))

    def offline(self, party: str) -> None:
        self.lab.relay.downs[party].gone()
        self.lab.session(party).disconnected()

    def online(self, party: str) -> None:
        self.lab.session(party).connected()
        self.settle()


# --- what happens ----------------------------------------------------------------------------------------------------


def play(story: Story) -> None:
    """Everything that this version can put into a log, once."""
    story.settle()
    for party in EVERYBODY:
        story.say(party, drafts.check())
    _a_line(story)
    _a_strike(story)
    _a_conflict(story)
    _sealed(story)
    _keys(story)
    _nobody_answers(story)
    _refused(story)
    _an_incident(story)
    _the_clock(story)


def _a_line(story: Story) -> None:
    """Proposed, accepted, crossed; and agreed on the telephone."""
    now = to_wire(story.now_ms)
    terms: Members = {
        "precedence": "PRIORITY",
        "line": "river",
        "version": 1,
        "title": "River line",
        "parts": RIVER,
        "keeps": [{"party": "coalition", "side": "right"}, {"party": "russia", "side": "left"}],
        "excluded": [],
        "precision_m": 500,
        "from_time": now,
        "beyond": "Nothing is said of the river above the first point.",
        "text": "",
    }
    to_coalition, to_russia = [{"party": "coalition"}], [{"party": "russia"}]
    proposal = story.say("russia", drafts.line(story.nid(), to=to_coalition, action="propose", **terms))
    story.say("coalition", drafts.answer(proposal, "WILCO"))
    accepting = drafts.line(story.nid(), to=to_russia, action="accept", of=proposal, **terms)
    accepted = story.say("coalition", accepting)
    story.say("russia", drafts.answer(accepted, "ROGER"))
    story.wait(MINUTE)
    volume = story.circle(ACROSS, 200, 0, HOUR)
    members: Members = {"kind": "position", "response": "NE", "unit": "first", "volumes": [volume]}
    story.send("coalition", "russia", **members)
    began, ended = to_wire(story.now_ms - 10 * MINUTE), to_wire(story.now_ms - 2 * MINUTE)
    desks = [{"party": "coalition", "desk": "staff"}, {"party": "russia", "desk": "staff"}]
    said: Members = {
        "level": "staff",
        "began": began,
        "ended": ended,
        "desks": desks,
        "readout": "Both keep to the line.",
    }
    call = story.say("coalition", drafts.call(story.nid(), "staff", precedence="ROUTINE", to=to_russia, **said))
    story.say("russia", drafts.answer(call, "ROGER", desk="staff"))


def _a_strike(story: Story) -> None:
    """Misread, read back again, passed on by channel, answered with STANDBY and then with UNABLE, and taken back."""
    volume = story.circle(RIDGE, 2_000, 20 * MINUTE, 50 * MINUTE)
    strike = story.send(
        "coalition",
        "russia",
        "regime:russia",
        info=["sdf"],
        kind="intent",
        precedence="FLASH",
        volumes=[volume],
        elements=[{"code": "intent-strike", "values": ["the ridge"]}],
        text="Strike on an armed group at this place, دير الزور.",
        read_back=True,
    )
    story.say("russia", drafts.displayed(strike))
    right: Members = {"place": "35.33590,40.14080", "time": volume.from_, "at": RIDGE, "when": volume.from_}
    swapped = {**right, "place": "40.14080,35.33590", "at": (353_359_000, 401_408_000)}
    for said in (swapped, right):
        story.wait(5 * SECOND)
        story.say("russia", drafts.answer(strike, "WILCO", readback=ReadBack(**said)))
    story.say("russia", drafts.forwarding(strike, "regime"))
    story.say("regime", drafts.answer(strike, "STANDBY", until=to_wire(story.now_ms + 5 * MINUTE), reason="asking"))
    story.wait(MINUTE)
    story.say("regime", drafts.answer(strike, "UNABLE", reason="troops there"))
    record = story.lab.session("coalition").ledger.notices[strike]
    withdrawn = story.say("coalition", drafts.withdrawal(story.nid(), record, "Called off."))
    voice = {"role": "duty officer", "contact": "+000 1", "at": to_wire(story.now_ms), "readback": "called off"}
    story.say("russia", drafts.forwarding(withdrawn, "regime", voice))
    story.say("russia", drafts.answer(withdrawn, "ROGER"))
    story.say("regime", drafts.answer(withdrawn, "ROGER"))


def _a_conflict(story: Story) -> None:
    """Two overlap: what is owed falls due earlier, an alert says so, and an amendment ends it."""
    members: Members = {"kind": "intent", "precedence": "PRIORITY"}
    volume = story.circle(BRIDGE, 300, 20 * MINUTE, HOUR)
    first = story.send("coalition", "russia", volumes=[volume], accounts_for=[], text="Survey.", **members)
    second = story.send("russia", "coalition", volumes=[volume], text="Crossing.", **members)
    story.wait(6 * MINUTE)
    (alert,) = (one for one in story.ledger.alerts.values() if one.body.of == second and one.body.stage == "answer")
    story.say("russia", drafts.acknowledgement(alert.body.alert, "rang them"))
    story.say("coalition", drafts.answer(second, "UNABLE", reason="our survey comes first"))
    moved = story.circle(RIDGE, 300, 20 * MINUTE, HOUR)
    again = story.send("coalition", "russia", volumes=[moved], amends=first, text="Survey, elsewhere.", **members)
    story.say("russia", drafts.answer(again, "WILCO"))


def _sealed(story: Story) -> None:
    """One that all addressees have, and one whose body is still kept; the second with a `warn`."""
    volume = story.circle(RIDGE, 300, 0, 24 * HOUR)
    said: Members = {
        "sealed": True,
        "kind": "site",
        "precedence": "PRIORITY",
        "volumes": [volume],
        "text": "Clinic with 40 beds.",
    }
    first = story.send("coalition", "sdf", **said)
    pt = story.ledger.notices[first].body.sealed.pt
    story.say("sdf", drafts.answer(first, "ROGER", pt=pt))
    warn = Circle(center=(401_000_000, 353_000_000), radius_m=15_000)
    second = story.send("coalition", "regime:russia", info=["sdf"], warn=warn, **said)
    assert story.ledger.notices[second].body.sealed.ct in story.store.bodies()


def _keys(story: Story) -> None:
    """A machine's key that is called compromised, a witness key, and a key for sealing; then a notice sealed to it."""
    since = story.ledger.size - 3
    story.change_key("russia", "sig/machine-1", "sig/machine-2", since)
    story.change_key("sdf", "wit/1", "wit/2")
    story.change_key("sdf", "enc/1", "enc/2")
    story.wait(2 * SECOND)
    story.send("russia", "sdf", sealed=True, precedence="IMMEDIATE", text="To the new key.")


def _nobody_answers(story: Story) -> None:
    """A party is away: silence, receipt, every rung, acknowledgements by author and operator, a second round."""
    here = ("coalition", "russia", "sdf")
    story.offline("regime")
    members: Members = {"kind": "incident", "precedence": "FLASH", "text": "Shots at the pass."}
    shots = story.send("coalition", "regime", here=here, volumes=[story.circle(BRIDGE, 300, 0, HOUR)], **members)
    story.wait(20 * SECOND, *here)
    receipt = _alert(story, shots, "receipt")
    story.say("coalition", drafts.acknowledgement(receipt, "ringing them"), *here)
    story.wait(11 * SECOND, *here, silent=("regime",))
    story.wait(5 * MINUTE, *here)
    answer = _alert(story, shots, "answer")
    story.operator(Acknowledgement, *here, alert=answer, reason="taken up with the ministry")
    story.wait(2 * MINUTE, *here)
    story.online("regime")
    story.say("regime", drafts.answer(shots, "ROGER"))


def _alert(story: Story, of: ids.Hash, stage: str) -> str:
    found: str = next(a for a, one in story.ledger.alerts.items() if one.body.of == of and one.body.stage == stage)
    return found


def _refused(story: Story) -> None:
    """A suspension and what it refuses; one number used twice; a tree that nobody signed."""
    story.say("regime", drafts.suspension("suspend", "protest"))
    story.send("coalition", "regime", precedence="ROUTINE", text="We regret it.")
    story.say("regime", drafts.suspension("resume", "talks"))
    signer = story.lab.home("regime").signer("sig/desk-staff")
    _hand_in(story, "regime", signer, seq=1, prev=story.ledger.charter_of, state="on-watch")
    _hand_in(story, "regime", signer, seq=1, prev=story.ledger.charter_of, state="off-watch")
    other = Seen(size=5, root=ids.sha256(b"another tree"))
    for _ in range(2):
        _hand_in(story, "regime", signer, seq=2, prev=_newest(story, signer), state="off-watch", seen=other)
        story.lab.relay.core.history.shown("regime")
    # The number that was refused stays missing: an alert says so when `hole_ms` are over.
    _hand_in(story, "regime", signer, seq=4, prev=_newest(story, signer), state="off-watch")
    story.settle()


def _newest(story: Story, signer: Signer) -> ids.Hash:
    return newest(story.ledger, signer.kid)[1]


def _hand_in(story: Story, party: str, signer: Signer, **members: Any) -> None:
    """A statement that no honest client signs."""
    root = ids.b64url(story.lab.relay.core.folded.tree.root(0))
    seen = members.pop("seen", Seen(size=0, root=root))
    common = {"net": NET, "from": party, "desk": "staff", "issued": to_wire(story.now_ms), "seen": seen}
    body = Check.model_validate(common | members)
    story.lab.relay.core.submit(seal(body, signer), story.now_ms, party)
    story.lab.relay.commit()


def _an_incident(story: Story) -> None:
    """Somebody is said to have fired where he had been notified."""
    site = story.circle(BRIDGE, 500, 0, 24 * HOUR)
    members: Members = {"kind": "site", "precedence": "ROUTINE", "response": "NE", "text": "Pumping station."}
    story.send("sdf", "russia", "coalition", volumes=[site], **members)
    fired = story.circle(BRIDGE, 300, 0, 10 * MINUTE)
    members = {"kind": "incident", "precedence": "IMMEDIATE", "how": "relayed", "alleged": "russia", "text": "Shells."}
    shells = story.send("coalition", "russia", "sdf", volumes=[fired], **members)
    story.wait(30 * SECOND)
    for party in ("russia", "sdf"):
        story.say(party, drafts.answer(shells, "ROGER"))


def _the_clock(story: Story) -> None:
    """The relay's clock steps, the relay is down for a while, no quorum witnesses, and nobody is on watch for long."""
    old_ms = story.now_ms
    new_ms = old_ms + 9 * SECOND
    story.lab.relay.core.clock_stepped(old_ms, new_ms, old_ms)
    story.lab.relay.commit()
    story.settle()
    story.lab.relay.now_ms = new_ms
    story.operator(ClockStep, old=to_wire(old_ms), new=to_wire(new_ms), reason="time source was wrong")
    story.restart(2 * MINUTE)
    story.settle()
    for party in ("russia", "sdf"):
        story.offline(party)
    story.say("coalition", drafts.check(), "coalition", "regime")
    story.wait(11 * MINUTE, "coalition", "regime")
    relay = story.lab.relay
    draft = relay.witnesses.due(relay.core.committed_size)
    assert draft is not None
    relay.core.raise_alert(draft, relay.now_ms)
    relay.commit()
    for party in ("russia", "sdf"):
        story.online(party)
    story.wait(13 * HOUR)
    story.wait(2 * SECOND)


# --- what came of it -------------------------------------------------------------------------------------------------


def expected(story: Story) -> dict[str, Any]:
    """What relay and clients hold at the end."""
    relay, ledger = story.lab.relay, story.ledger
    tree, entries = relay.core.folded.tree, ledger.entries.values()
    return {
        "net": ledger.charter.net,
        "tree_size": tree.size,
        "root": ids.b64url(tree.root()),
        "state_digest": state_digest(ledger),
        "notices": len(ledger.notices),
        "deliveries": account.outcomes(ledger),
        "refused": len(ledger.refused),
        "alerts": len(ledger.alerts),
        "findings": len(ledger.findings),
        "types": dict(sorted(Counter(entry.opened.type for entry in entries).items())),
        "alert_stages": sorted({record.body.stage for record in ledger.alerts.values()}),
        "finding_kinds": sorted({record.body.kind for record in ledger.findings.values()}),
        "bodies": len(story.store.bodies()),
        "witnessed": relay.witnesses.witnessed.size if relay.witnesses.witnessed is not None else 0,
        "cosignatures": sum(len(story.store.cosignatures(size)) for size, _ in story.store.notes()),
        "parties": {
            party: {
                "leaves": len(story.lab.session(party).ledger.entries),
                "state_digest": state_digest(story.lab.session(party).ledger),
            }
            for party in EVERYBODY
        },
    }


def make(folder: Path) -> None:
    """Play it, and put the log, its charter and what is expected into `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "channel"
        story = Story(home)
        play(story)
        links = {
            party: LinkRow(down.have_n, down.size, down.root, story.now_ms)
            for party, down in story.lab.relay.downs.items()
        }
        story.store.put_links(links)
        story.store.flush()
        found = expected(story)
        story.store.close()
        story.lab.close()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(story.lab.channel.log_file, folder / "log.sqlite")
        shutil.copyfile(story.lab.channel.charter_file, folder / "charter.jws")
        (folder / "expected.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
