"""The ledger: a fold of the log (protocol.md sections 5, 8, 9).

`apply` takes leaves in log order and never decides anything: no refusal, no lateness, no geometry. The same leaves give
the same state. A client folds the leaves that it may read with the same code, in the order of its feed: what a leaf
refers to may then be missing, and is passed over. The operator's relay folds all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from channel.ledger import delivery as dl
from channel.ledger.findings import shortened
from channel.ledger.lines import Lines
from channel.ledger.records import AlertRecord, DeviceRecord, Entry, FindingRecord, NoticeRecord, PartyRecord
from channel.protocol import ids
from channel.protocol.answering import READ_BACK, lacks_read_back
from channel.protocol.envelope import Opened
from channel.protocol.errors import InvariantError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import (
    Accession,
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Charter,
    Check,
    ClockStep,
    Finding,
    Forwarding,
    KeyStatement,
    LineStatement,
    Member,
    Notice,
    Precedence,
    Receiving,
    Refusal,
    Revocation,
    Stage,
    Start,
    Suspension,
)  # fmt: skip
from channel.protocol.times import from_wire


@dataclass(frozen=True, slots=True)
class Due:
    """Something to look at when its time comes: a delivery, an alert's next round, a party's watch, a hole."""

    what: str
    key: tuple[str, ...]


class Ledger:
    """State of one net. `entries` by index; a client's ledger has gaps where it may not read."""

    def __init__(self, charter: Charter, of: ids.Hash) -> None:
        self.charter = charter
        self.charter_of = of
        self.ring = KeyRing(charter, of)
        self.entries: dict[int, Entry] = {}
        self.index_of: dict[ids.Hash, int] = {}
        self.notices: dict[ids.Hash, NoticeRecord] = {}
        self.nids: dict[str, ids.Hash] = {}
        self.deliveries: dict[tuple[str, str], dl.Delivery] = {}
        self.alerts: dict[str, AlertRecord] = {}
        self.alerts_on: dict[str, list[str]] = {}
        self.findings: dict[str, FindingRecord] = {}
        self.misread: dict[ids.Hash, str] = {}
        """Answers that do not count -> the finding before them: what they read back is not what the notice says."""
        self.lines = Lines()
        self.refused: dict[ids.Hash, Refusal] = {}
        self.devices: dict[str, DeviceRecord] = {}
        self.parties = {member.party: PartyRecord() for member in charter.parties}
        self.told_by_voice: dict[ids.Hash, int] = {}
        """In a client's ledger: notices told by voice whose token it may not read -> index of the forwarding."""
        self._early: dict[ids.Hash, list[Entry]] = {}
        """In a client's ledger: what was said of such a notice, for when the notice itself is released."""
        self.size = 0
        """One more than the highest index seen."""
        self.open: dict[tuple[str, str], None] = {}
        """Keys of the deliveries that have not ended."""
        self.last_stamp_ms = 0
        self.clock_steps = 0
        self.in_force_ms: int | None = None
        self.touched: list[Due] = []
        """What changed since the caller last emptied this list: for the index of due times, not part of the state."""

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def in_force(self) -> bool:
        """Whether every party has acceded."""
        return self.in_force_ms is not None

    def deliveries_of(self, of: ids.Hash) -> list[dl.Delivery]:
        """The deliveries of one notice, in the order in which its addressees were named."""
        notice = self.notices[of]
        return [self.deliveries[of, party] for party in notice.parties]

    def readers(self, index: int) -> list[str]:
        """Parties to whom the leaf is released."""
        return [party for party, record in self.parties.items() if index in record.released]

    def desk(self, party: str, level: str) -> str:
        """Name of a party's desk at a level, or its nearest lower one."""
        desks = {desk.level.value: desk.desk for desk in self.member(party).desks}
        downwards = ("ministry", "staff", "operations")
        for name in downwards[downwards.index(level) :]:
            if name in desks:
                return desks[name]
        raise InvariantError(f"{party} has no desk at level operations")

    def contact(self, party: str, desk: str) -> str:
        """The voice line of a desk."""
        return next((d.contact for d in self.member(party).desks if d.desk == desk), "no line known")

    def member(self, party: str) -> Member:
        """The charter's entry for a party or the relay. KeyError if there is none."""
        if party == ids.RELAY:
            return self.charter.relay
        return next(member for member in self.charter.parties if member.party == party)

    # --- folding ----------------------------------------------------------------------------------------------------

    def apply(self, index: int, stamp_ms: int, opened: Opened) -> None:
        """Take in one leaf. Releases it to the feeds of those who may read it."""
        self.entries[index] = Entry(index, stamp_ms, opened)
        self.index_of[opened.of] = index
        self.size = max(self.size, index + 1)
        self.last_stamp_ms = max(self.last_stamp_ms, stamp_ms)
        body, party = opened.body, opened.party
        if not isinstance(body, Charter):
            seq = getattr(body, "seq", 0)
            self.devices.setdefault(opened.kid, DeviceRecord()).occupy(seq, opened.of, stamp_ms)
            self._occupied(opened.kid, stamp_ms)
        self._heard(party, body, stamp_ms)
        if isinstance(body, Check | KeyStatement | Revocation | Suspension) and party in self.parties:
            self.parties[party].rare_stamps.append(stamp_ms)
        match body:
            case Charter() | Start():
                self._release(index, *self.parties)
            case ClockStep():
                self.clock_steps += 1
                self._clear("clock/relay", stamp_ms)
                self._release(index, *self.parties)
            case Accession():
                self.ring.apply(index, opened.of, body)
                self._acceded(party, stamp_ms)
                self._release(index, *self.parties)
            case KeyStatement() | Revocation():
                self.ring.apply(index, opened.of, body)
                self._release(index, *self.parties)
            case Suspension(action=action):
                self.parties[party].suspended = action == "suspend"
                self._release(index, *self.parties)
            case Addressed():
                self._notice(index, stamp_ms, opened, body)
            case Receiving() | Answer() | Forwarding():
                self._reaction(index, stamp_ms, opened, body)
            case Alert():
                self._alert(index, stamp_ms, body)
            case Acknowledgement(alert=alert, reason=reason):
                self._acknowledged(alert, party, reason, stamp_ms)
                self._release(index, party)
            case Refusal():
                self._refused(index, stamp_ms, body)
            case Check():
                self._release(index, party)
            case Finding():
                self._finding(index, stamp_ms, body)
            case _:
                self._release(index, *{told.party for told in getattr(body, "told", ())})

    def _touch(self, what: str, *key: str) -> None:
        self.touched.append(Due(what, key))

    def _release(self, index: int, *parties: str) -> None:
        for party in parties:
            record = self.parties.get(party)
            if record is not None and index not in record.released:
                record.released.add(index)
                record.feed.append(index)

    def _occupied(self, kid: str, stamp_ms: int) -> None:
        """A number of this key was taken: a hole may have come or gone."""
        self._touch("hole", kid)
        party = ids.kid_party(kid)
        if not any(device.missing for name, device in self.devices.items() if ids.kid_party(name) == party):
            self._clear(f"hole/{party}", stamp_ms)

    def _heard(self, party: str, body: object, stamp_ms: int) -> None:
        record = self.parties.get(party)
        if record is None:
            return
        record.heard_ms = stamp_ms
        self._clear(f"silent/{party}", stamp_ms)
        on = isinstance(body, Answer | Acknowledgement | Check)
        if on and getattr(body, "state", "on-watch") == "on-watch":
            record.on_watch_ms = stamp_ms
            self._clear(f"watch/{party}", stamp_ms)
            self._touch("watch", party)

    def _acceded(self, party: str, stamp_ms: int) -> None:
        self.parties[party].acceded = True
        if self.in_force_ms is None and all(record.acceded for record in self.parties.values()):
            self.in_force_ms = stamp_ms
            for name in self.parties:
                self._touch("watch", name)

    # --- notices ----------------------------------------------------------------------------------------------------

    def _notice(self, index: int, stamp_ms: int, opened: Opened, body: Addressed) -> None:
        parties = (*(a.party for a in body.to), *body.info)
        record = NoticeRecord(opened.of, index, stamp_ms, opened.party, body, parties)
        self.notices[opened.of] = record
        self.nids.setdefault(body.nid, opened.of)
        ends = [from_wire(volume.until) for volume in body.volumes] if isinstance(body, Notice) else []
        readers = [opened.party]
        for position, party in enumerate(parties):
            action = position < len(body.to)
            via = body.to[position].via if action else None
            new = dl.opened(
                of=opened.of,
                author=opened.party,
                addressee=party,
                via=via,
                action=action,
                response=record.response,
                precedence=body.precedence,
                logged_ms=stamp_ms,
                window_end_ms=max(ends) if ends else None,
            )
            self.deliveries[new.key] = new
            self.open[new.key] = None
            self._touch("delivery", *new.key)
            readers.append(via if via is not None else party)
        for party in dict.fromkeys(readers):
            self._release(index, party)
        if opened.party in self.parties:
            flash = body.precedence is Precedence.FLASH
            record_of_party = self.parties[opened.party]
            (record_of_party.flash_stamps if flash else record_of_party.notice_stamps).append(stamp_ms)
        if isinstance(body, LineStatement):
            self.lines.apply(index, stamp_ms, opened.of, opened.party, body)
        for entry in self._early.pop(opened.of, ()):
            self._take(record, entry.stamp_ms, entry.opened)
        if isinstance(body, Notice):
            self._end(body.withdraws, dl.End.WITHDRAWN, opened.of, stamp_ms)
            self._end(body.amends, dl.End.SUPERSEDED, opened.of, stamp_ms)

    def _end(self, of: ids.Hash | None, end: dl.End, by: ids.Hash, stamp_ms: int) -> None:
        record = self.notices.get(of) if of is not None else None
        if record is None:
            return
        record.ended_by = by
        for party in record.parties:
            self._step(record.of, party, dl.Ended(stamp_ms, end))

    def _step(self, of: ids.Hash, party: str, event: dl.Event) -> None:
        before = self.deliveries.get((of, party))
        if before is None:
            return
        after = dl.step(before, event)
        if after == before:
            return
        self.deliveries[of, party] = after
        if after.end is not dl.End.OPEN:
            self.open.pop(after.key, None)
        self._touch("delivery", of, party)
        for alert in self.alerts_on.get(of, ()):
            record = self.alerts[alert]
            stands = dl.cause_stands(after, record.body.stage, record.subject)
            if record.body.addressee == party and record.standing and not stands:
                record.cleared_ms = event.at_ms

    def _reaction(self, index: int, stamp_ms: int, opened: Opened, body: Receiving | Answer | Forwarding) -> None:
        """A receiving, answer or forwarding: its readers are its signer, the author, and that delivery's via."""
        record = self.notices.get(body.of)
        if record is None:
            self._release(index, opened.party)
            self._early.setdefault(body.of, []).append(self.entries[index])
            if isinstance(body, Forwarding) and body.by == "voice":
                self.told_by_voice[body.of] = index
            return
        readers = {opened.party, record.author}
        self._take(record, stamp_ms, opened)
        if isinstance(body, Forwarding):
            for party in sorted(readers):
                self._release(index, party)
            if record.ended_by is None:
                if body.by == "channel":
                    self._release(record.index, body.to)
                self._release(index, body.to)
            return
        own = self.deliveries.get((body.of, opened.party))
        if own is not None and own.via is not None:
            readers.add(own.via)
        for party in sorted(readers):
            self._release(index, party)

    def _take(self, record: NoticeRecord, stamp_ms: int, opened: Opened) -> None:
        """What a leaf about a notice does to its deliveries."""
        match opened.body:
            case Forwarding(to=to, by=by):
                if record.ended_by is None:  # also a delivery that had ended before: what was taken back stays so
                    self._step(record.of, to, dl.Forwarded(stamp_ms, by))
            case Receiving(stage=stage):
                custody = dl.Custody.RECEIVED if stage is Stage.RECEIVED else dl.Custody.DISPLAYED
                for party in record.parties:
                    self._step(record.of, party, dl.Received(stamp_ms, opened.party, custody))
            case Alert(stage="expired", addressee=str(party)):
                self._step(record.of, party, dl.Ended(stamp_ms, dl.End.EXPIRED))
            case Answer() if opened.of in self.misread:
                pass
            case Answer(word=word, readback=readback) if lacks_read_back(record.body, word, readback is not None):
                pass  # logged, and counts as no answer
            case Answer(word=word, until=until):
                until_ms = from_wire(until) if until is not None else None
                answer_ms = self.charter.deadlines.row(record.body.precedence).answer_ms
                self._step(record.of, opened.party, dl.Answered(stamp_ms, opened.of, word, until_ms, answer_ms))
            case _:
                pass

    # --- alerts and refusals ----------------------------------------------------------------------------------------

    def _alert(self, index: int, stamp_ms: int, body: Alert) -> None:
        record = AlertRecord(body, index, stamp_ms, subject=alert_subject(body))
        self.alerts[body.alert] = record
        cause = body.of if body.of is not None else f"{body.stage}/{body.fault}"
        self.alerts_on.setdefault(cause, []).append(body.alert)
        if body.of is not None and body.addressee is not None:
            if (notice := self.notices.get(body.of)) is None:
                self._early.setdefault(body.of, []).append(self.entries[index])
            else:
                self._take(notice, stamp_ms, self.entries[index].opened)
            self._touch("delivery", body.of, body.addressee)
            if body.stage == "silent":
                self.alerts_on.setdefault(f"silent/{body.fault}", []).append(body.alert)
        if body.stage == "watch" and body.fault in self.parties:
            self.parties[body.fault].watch_alerts += 1
            self._touch("watch", body.fault)
        self._release(index, *sorted({told.party for told in body.told}))

    def _finding(self, index: int, stamp_ms: int, body: Finding) -> None:
        """Raised once and cleared once; shortens what the parties told still owe on its notices (16.4)."""
        record = self.findings.get(body.finding)
        told = sorted({desk.party for desk in body.told})
        if body.state == "raised" and record is None:
            self.findings[body.finding] = FindingRecord(body, index, stamp_ms)
            if body.kind == READ_BACK:
                self.misread |= dict.fromkeys(body.rests_on[1:], body.finding)
            for of, party, due_ms in shortened(self, body, stamp_ms):
                self._step(of, party, dl.Shortened(stamp_ms, due_ms))
        elif body.state == "cleared" and record is not None and record.standing:
            record.cleared_ms = stamp_ms
        self._release(index, *told)

    def _clear(self, cause: str, stamp_ms: int) -> None:
        for alert in self.alerts_on.pop(cause, ()):
            record = self.alerts[alert]
            if record.standing:
                record.cleared_ms = stamp_ms

    def _acknowledged(self, alert: str, party: str, reason: str, stamp_ms: int) -> None:
        record = self.alerts.get(alert)
        if record is None:
            return
        record.acked.setdefault(party, stamp_ms)
        record.reasons.setdefault(party, reason)
        self._touch("alert", alert)

    def _refused(self, index: int, stamp_ms: int, body: Refusal) -> None:
        self.refused[body.of] = body
        if body.refused_seq:
            self.devices.setdefault(body.kid, DeviceRecord()).occupy(body.refused_seq, body.of, stamp_ms)
            self._occupied(body.kid, stamp_ms)
        if body.party in self.parties:
            self.parties[body.party].refusal_stamps.append(stamp_ms)
        self._release(index, body.party)


def alert_subject(body: Alert) -> str:
    """The part of an alert's id that says whose leg is meant: `regime`, or `regime via russia` (protocol.md 9.3)."""
    if body.addressee is None:
        return body.fault
    return body.addressee if body.via is None else f"{body.addressee} via {body.via}"
