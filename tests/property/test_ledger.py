"""Anything that parties may say, in any order, with any delay: the relay's core takes it, and its log says it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channel.ledger import delivery as dl
from channel.ledger.delivery import Custody, End, Leg, Reply
from channel.ledger.digest import state_digest
from channel.ledger.fold import fold
from channel.log.verify import verify_log
from channel.protocol import ids
from channel.protocol.statements import Addressed, Alert, Forwarding, Response, Word
from channel.protocol.times import from_wire, to_wire
from tests.unit.relay.lab import HOUR, MINUTE, PARTIES, SECOND, T0_MS, VOICE, Lab, public_key, volume

TERMS = {"watch_ms": 5 * HOUR, "refusals_per_minute": 4, "notices_per_minute": 6, "flash_per_minute": 4}
KINDS = (
    "notice", "notice", "notice", "notice", "notice", "amend", "withdraw", "answer", "answer", "answer", "answer",
    "received", "received", "forward", "forward", "forward", "acknowledge", "acknowledge", "check", "suspend", "resume",
    "resume", "key", "revoke", "twice", "nobody", "foreign", "withheld", "release", "again", "turn", "restart",
    "silent", "pass", "pass", "pass",
)  # fmt: skip
ROUTES = (
    ("russia",), ("regime via russia",), ("regime via russia", "russia"), ("sdf", "regime via coalition"), ("regime",),
    ("coalition via sdf",), ("sdf via russia", "regime via russia"), ("coalition", "sdf", "regime"), ("coalition",),
)  # fmt: skip
SPANS = (0, 1, 14_999, 15 * SECOND, 20 * SECOND, MINUTE, 5 * MINUTE, 11 * MINUTE, 2 * HOUR)
PRECEDENCES = ("FLASH", "FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE")

Action = tuple[str, str, int, int]
ACTIONS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(PARTIES), st.integers(0, 200), st.integers(0, 200)), max_size=45
)
ANY_RUN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Play:
    """Carries actions out in a lab. Numbers pick among what there is; where there is nothing, nothing happens."""

    def __init__(self) -> None:
        self.lab = Lab(terms=TERMS)
        self.said: list[tuple[str, str, bytes]] = []
        """(party, hash, token) of everything signed so far, taken or not."""
        self.kept: list[tuple[str, bytes]] = []

    def act(self, action: Action) -> None:
        kind, party, a, b = action
        lab = self.lab
        match kind:
            case "turn":
                lab.turn()
            case "restart":
                lab.turn()
                lab.restart()
            case "silent":
                lab.turn(party)
            case "pass":
                lab.run_to(lab.now_ms - T0_MS + SPANS[a % len(SPANS)])
            case "again" if self.said:
                lab.submit(self.said[a % len(self.said)][2], PARTIES[b % 4])
            case "release" if self.kept:
                owner, token = self.kept.pop(a % len(self.kept))
                lab.submit(token, owner)
            case _:
                self._say(kind, party, a, b)

    def _party(self, kind: str, party: str, of: str, b: int) -> str:
        """Mostly somebody whose part it is to say this of that notice; at times anybody."""
        record = self.lab.folded.ledger.notices.get(of)
        if record is None or b % 5 == 0:
            return party
        vias = [a.via for a in record.body.to if a.via is not None]
        match kind:
            case "answer" | "received":
                return (record.parties + tuple(vias if kind == "received" else ()))[b % len(record.parties)]
            case "forward":
                return vias[b % len(vias)] if vias else party
            case "amend" | "withdraw":
                return record.author
            case _:
                return party

    def _of(self, a: int) -> str:
        """Mostly one of the newest notices; at times anything that was signed."""
        notices = list(self.lab.folded.ledger.notices)
        if notices and a % 5:
            return notices[-1 - a % min(len(notices), 5)]
        return self.said[a % len(self.said)][1] if self.said else ids.sha256(b"nothing yet")

    def _say(self, kind: str, party: str, a: int, b: int) -> None:
        party = self._party(kind, party, self._of(a), b)
        made = self._made(kind, party, a, b)
        if made is None:
            return
        type_, members = made
        token = self.lab.sign(party, type_, **members)
        self.said.append((party, ids.sha256(token), token))
        if kind == "withheld":
            self.kept.append((party, token))
        else:
            self.lab.submit(token, PARTIES[b % 4] if kind == "foreign" else party)

    def _made(self, kind: str, party: str, a: int, b: int) -> tuple[str, dict[str, Any]] | None:
        of, number = self._of(a), a * 201 + b
        chain = self.lab.folded.ledger.ring.chain
        match kind:
            case "notice" | "foreign" | "withheld":
                return "notice", self._notice(party, a, b)
            case "amend" | "withdraw":
                earlier = self.lab.folded.ledger.notices.get(of)
                to = [member.model_dump(exclude_none=True) for member in earlier.body.to] if earlier else []
                info = list(earlier.body.info) if earlier else []
                return "notice", {**self._notice(party, a, b), "to": to, "info": info, f"{kind}s": of}
            case "answer":
                word = list(Word)[number % 4].value
                until = {"until": to_wire(self.lab.now_ms + SPANS[number % len(SPANS)])} if word == "STANDBY" else {}
                delivery = self.lab.folded.ledger.deliveries.get((of, party))
                earlier_of = delivery.answer_of if delivery is not None and number % 3 else None
                return "answer", {"of": of, "word": word, **until, **({"corrects": earlier_of} if earlier_of else {})}
            case "received":
                return "receiving", {"of": of, "stage": ("received", "displayed")[number % 2]}
            case "forward":
                record = self.lab.folded.ledger.notices.get(of)
                behind = [x.party for x in record.body.to if x.via == party] if record is not None else []
                by = ("channel", "voice")[number % 2]
                voice = {"voice": VOICE} if by == "voice" else {}
                return "forwarding", {
                    "of": of,
                    "to": (behind or PARTIES)[b % len(behind or PARTIES)],
                    "by": by,
                    **voice,
                }
            case "acknowledge":
                alerts = list(self.lab.folded.ledger.alerts)
                return "acknowledgement", {"alert": alerts[a % len(alerts)] if alerts else "0" * 16, "reason": "seen"}
            case "check":
                return "check", {"state": ("on-watch", "off-watch")[b % 2]}
            case "suspend" | "resume":
                return "suspension", {"action": kind, "reason": ""}
            case "key":
                return "key", {"key": public_key(f"{party}/sig/machine-{2 + a % 3}"), "keys": chain}
            case "revoke":
                return "revocation", {"kid": f"{party}/sig/machine-{2 + a % 3}", "reason": "", "keys": chain}
            case "twice":
                return "notice", {**self._notice(party, a, b), "seq": 1 + a % 5}
            case "nobody":
                return "notice", self.lab.notice_members()
            case _:
                return None

    def _notice(self, party: str, a: int, b: int) -> dict[str, Any]:
        now_ms = self.lab.now_ms
        routes = [route for route in ROUTES if not any(party in name.split(" via ") for name in route)]
        more: dict[str, Any] = {"volumes": [volume(now_ms, now_ms + SPANS[a % len(SPANS)] + 1)]} if b % 3 == 0 else {}
        return self.lab.notice_members(
            *(routes if b % 9 else ROUTES)[a % len(routes)],
            precedence=PRECEDENCES[b % len(PRECEDENCES)],
            response=("WU", "R", "WU", "NE", "WU")[(a + b) % 5],
            info=["sdf"] if b % 7 == 0 and party != "sdf" else [],
            **more,
        )


def _played(actions: list[Action]) -> Lab:
    play = Play()
    for action in actions:
        play.act(action)
    play.lab.turn()
    return play.lab


@ANY_RUN
@given(ACTIONS)
def test_the_fold_of_the_log_is_the_state_of_the_relay_whatever_was_said(actions: list[Action]) -> None:
    lab = _played(actions)
    leaves = list(lab.store.leaves())
    again = fold(leaves)
    assert state_digest(again.ledger) == state_digest(lab.folded.ledger)
    part = fold(leaves[: len(leaves) // 2 + 1])
    for leaf in leaves[len(leaves) // 2 + 1 :]:
        part.apply(leaf)
    assert state_digest(part.ledger) == state_digest(again.ledger)
    assert verify_log(leaves, lab.store.notes(), leaves[0].token).reasons == ()


@ANY_RUN
@given(ACTIONS)
def test_every_delivery_comes_to_one_end_and_none_without_a_word_its_author_or_an_alert(actions: list[Action]) -> None:
    lab = _played(actions)
    lab.run_to(lab.now_ms - T0_MS + 60 * HOUR)
    ledger = lab.folded.ledger
    assert not ledger.open
    for (of, party), delivery in ledger.deliveries.items():
        ended_by = ledger.notices[of].ended_by
        why: dict[End, Callable[[], bool]] = {
            End.ANSWERED: lambda d=delivery: d.reply in dl.FINAL and d.answer_of in ledger.index_of,  # type: ignore[misc]
            End.TOLD: lambda d=delivery: d.reply is Reply.NOT_OWED and d.custody is not Custody.LOGGED,  # type: ignore[misc]
            End.WITHDRAWN: lambda by=ended_by: by is not None,  # type: ignore[misc]
            End.SUPERSEDED: lambda by=ended_by: by is not None,  # type: ignore[misc]
            End.EXPIRED: lambda of=of, p=party: ids.alert_id(of, p, "expired", "operations", 1) in ledger.alerts,  # type: ignore[misc]
        }
        assert why[delivery.end](), (delivery.end, delivery)


@ANY_RUN
@given(ACTIONS)
def test_no_alert_is_early_nor_twice_and_no_leaf_is_twice(actions: list[Action]) -> None:
    lab = _played(actions)
    lab.run_to(lab.now_ms - T0_MS + 60 * HOUR)
    entries = lab.folded.ledger.entries
    assert not [of for of, count in Counter(entry.opened.of for entry in entries.values()).items() if count > 1]
    alerts = [(at, alert) for at, alert in lab.alerts()]
    assert len({alert.alert for _, alert in alerts}) == len(alerts)
    assert all(from_wire(alert.due) - T0_MS <= at for at, alert in alerts)


@ANY_RUN
@given(ACTIONS)
def test_nobody_reads_what_was_not_for_it_and_nobody_behind_a_via_is_told_early(actions: list[Action]) -> None:
    lab = _played(actions)
    lab.run_to(lab.now_ms - T0_MS + 60 * HOUR)
    entries = lab.folded.ledger.entries
    released: set[tuple[str, str]] = set()
    for index in sorted(entries):
        opened = entries[index].opened
        body = opened.body
        if isinstance(body, Forwarding):
            released.add((body.of, body.to))
        if isinstance(body, Alert) and body.of is not None:
            behind = {a.party for a in lab.folded.ledger.notices[body.of].body.to if a.via is not None}
            early = {told.party for told in body.told if told.party in behind and (body.of, told.party) not in released}
            vias = {a.via for a in lab.folded.ledger.notices[body.of].body.to}
            assert early <= vias | {opened.party, body.author}
        if isinstance(body, Addressed):
            allowed = {opened.party, *body.info, *(a.via or a.party for a in body.to)}
            late = {f.to for e in entries.values() if isinstance(f := e.opened.body, Forwarding) and f.of == opened.of}
            assert {party for party in PARTIES if index in lab.feed(party)} <= allowed | late


@ANY_RUN
@given(ACTIONS)
def test_a_restart_at_any_moment_changes_nothing_that_follows(actions: list[Action]) -> None:
    lab = _played([action for action in actions if action[0] not in ("withheld", "twice")])
    lab.at(lab.now_ms - T0_MS + 20 * MINUTE).turn()  # nothing is held, no summary is owed: both live in memory only
    lab.at(lab.now_ms - T0_MS + MINUTE).turn()
    size = lab.core.committed_size
    leaves, notes = list(lab.store.leaves()), list(lab.store.notes())
    lab.run_to(lab.now_ms - T0_MS + 60 * HOUR)
    straight = [leaf.token for leaf in lab.store.leaves(size)]
    other = Lab(terms=TERMS)
    other.store = type(other.store)()
    for (done, note), before in zip(notes, [0, *(done for done, _ in notes)], strict=False):
        other.store.append(leaves[before:done], note)
    other.restart()
    other.now_ms = leaves[-1].stamp
    other.run_to(lab.now_ms - T0_MS)
    assert [leaf.token for leaf in other.store.leaves(size)] == straight


# --- one changed row --------------------------------------------------------------------------------------------------


def _everything() -> Lab:
    """Each row of the tables that leaves can reach."""
    lab = Lab()
    for response in ("WU", "R"):
        for word in Word:
            of = lab.notice("coalition", "russia", response=response).of
            lab.answer("russia", of, word.value, **({"until": to_wire(T0_MS + HOUR)} if word is Word.STANDBY else {}))
    for ways in (("channel",), ("voice",), ("voice", "channel")):
        of = lab.notice("coalition", "regime via russia").of
        for by in ways:
            lab.forward("russia", of, "regime", by)
    for stages in (("received",), ("displayed",), ("received", "displayed")):
        of = lab.notice("sdf", "regime").of
        for stage in stages:
            lab.received("regime", of, stage)
    lab.turn()
    return lab


ROWS: list[tuple[str, Any, Any]] = [
    *(("REPLY", (r, w), Reply.UNABLE) for r in (Response.WU, Response.R) for w in Word if w is not Word.UNABLE),
    *(("REPLY", (r, Word.UNABLE), None) for r in (Response.WU, Response.R)),
    ("LEG", (Leg.AWAITING_FORWARD, "channel"), Leg.BY_VOICE),
    ("LEG", (Leg.AWAITING_FORWARD, "voice"), Leg.BY_CHANNEL),
    ("LEG", (Leg.BY_VOICE, "channel"), Leg.BY_VOICE),
    ("CUSTODY", (Custody.LOGGED, Custody.RECEIVED), Custody.DISPLAYED),
    ("CUSTODY", (Custody.LOGGED, Custody.DISPLAYED), Custody.RECEIVED),
    ("CUSTODY", (Custody.RECEIVED, Custody.DISPLAYED), Custody.RECEIVED),
]


@pytest.mark.parametrize(("table", "row", "other"), ROWS, ids=str)
def test_one_changed_row_shows_in_the_digest_and_not_in_the_root(
    table: str, row: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = _everything()
    digest, root = state_digest(lab.folded.ledger), lab.folded.tree.root()
    monkeypatch.setitem(getattr(dl, table), row, other)
    changed = fold(lab.store.leaves())
    assert state_digest(changed.ledger) != digest
    assert changed.tree.root() == root
