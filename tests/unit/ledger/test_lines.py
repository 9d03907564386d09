"""Which version of a line is in force when, and who had accepted it (protocol.md 6.9, 16.2.1)."""

from __future__ import annotations

from typing import Any

import pytest

from channel.ledger.digest import state, state_digest
from channel.ledger.ledger import Ledger
from channel.ledger.lines import TERMS, LineVersion
from channel.protocol import ids
from channel.protocol.statements import LineStatement
from channel.protocol.times import to_wire
from tests.unit.ledger.nets import START_MS, Net
from tests.unit.ledger.refusing import line_members
from tests.unit.relay.lab import Lab

HOUR = 3_600_000
T0 = START_MS + HOUR


class Lines(Net):
    """A net whose parties speak of lines."""

    def propose(self, party: str, at_ms: int, to: str, *, version: int = 1, **members: Any) -> str:
        fixed: dict[str, Any] = {
            "nid": ids.uuid7(at_ms, bytes([self._seq % 256]) * 10),
            "precedence": "ROUTINE",
            "to": [{"party": name} for name in to.split()],
            "info": [],
            "line": "euphrates",
            "version": version,
            "action": "propose",
            "title": "River",
            "parts": (((401_500_000, 353_300_000), (402_500_000, 352_300_000)),),
            "keeps": (),
            "excluded": (),
            "precision_m": 200,
            "from_time": to_wire(START_MS),
            "beyond": "",
            "text": "",
        }
        return self.sign(party, LineStatement, at_ms, **fixed | members)

    def react(self, party: str, at_ms: int, of: str, action: str = "accept") -> str:
        proposal = self.ledger.lines.versions[of]
        others = [name for name in proposal.named if name != party]
        same = {name: getattr(proposal.body, name) for name in TERMS if getattr(proposal.body, name) is not None}
        return self.propose(
            party, at_ms, " ".join(others), version=proposal.version, line=proposal.line, action=action, of=of, **same
        )

    def standing(self, at_ms: int, ledger: Ledger | None = None) -> list[tuple[str, int]]:
        found: list[LineVersion] = (ledger or self.ledger).lines.in_force(at_ms)
        return [(version.line, version.version) for version in found]


@pytest.fixture
def net() -> Lines:
    return Lines()


def test_a_version_is_in_force_from_the_last_acceptance_of_those_named(net: Lines) -> None:
    of = net.propose("russia", T0, "coalition sdf", info=["regime"])
    net.react("coalition", T0 + 1, of)
    assert net.standing(T0 + HOUR) == []
    assert net.ledger.lines.versions[of].missing == ("sdf",)
    net.react("sdf", T0 + 5, of)
    assert net.standing(T0 + 4) == []
    assert net.standing(T0 + 5) == [("euphrates", 1)]
    assert net.ledger.lines.versions[of].accepted == {"russia": T0, "coalition": T0 + 1, "sdf": T0 + 5}


def test_not_before_its_from_time_and_not_from_its_until_time_on(net: Lines) -> None:
    times = {"from_time": to_wire(T0 + HOUR), "until_time": to_wire(T0 + 2 * HOUR)}
    of = net.propose("russia", T0, "coalition", **times)
    net.react("coalition", T0 + 1, of)
    assert net.standing(T0 + HOUR - 1) == []
    assert net.standing(T0 + HOUR) == [("euphrates", 1)]
    assert net.standing(T0 + 2 * HOUR) == []


def test_accepted_after_its_end_it_never_was_in_force(net: Lines) -> None:
    of = net.propose("russia", T0, "coalition", until_time=to_wire(T0 + HOUR))
    net.react("coalition", T0 + HOUR, of)
    assert net.standing(T0 + HOUR) == []
    assert net.ledger.lines.versions[of].start_ms is None


@pytest.mark.parametrize("who", ["russia", "coalition"])
def test_any_party_named_in_it_withdraws_it(net: Lines, who: str) -> None:
    of = net.propose("russia", T0, "coalition")
    net.react("coalition", T0 + 1, of)
    net.react(who, T0 + 9, of, "withdraw")
    assert net.standing(T0 + 8) == [("euphrates", 1)]
    assert net.standing(T0 + 9) == []
    assert net.ledger.lines.versions[of].withdrawn_by == who


def test_withdrawn_before_it_began_it_never_was_in_force_and_supersedes_nothing(net: Lines) -> None:
    first = net.propose("russia", T0, "coalition")
    net.react("coalition", T0 + 1, first)
    second = net.propose("russia", T0 + 2, "coalition", version=2, from_time=to_wire(T0 + HOUR))
    net.react("coalition", T0 + 3, second)
    net.react("coalition", T0 + 4, second, "withdraw")
    assert net.standing(T0 + 2 * HOUR) == [("euphrates", 1)]


def test_the_next_version_supersedes_it_and_its_end_brings_nothing_back(net: Lines) -> None:
    first = net.propose("russia", T0, "coalition")
    net.react("coalition", T0 + 1, first)
    second = net.propose("coalition", T0 + 2, "russia", version=2, from_time=to_wire(T0 + HOUR))
    net.react("russia", T0 + 3, second)
    assert net.standing(T0 + HOUR - 1) == [("euphrates", 1)]
    assert net.standing(T0 + HOUR) == [("euphrates", 2)]
    net.react("coalition", T0 + 2 * HOUR, second, "withdraw")
    assert net.standing(T0 + 2 * HOUR) == []
    assert net.ledger.lines.end_ms(net.ledger.lines.versions[first]) == T0 + HOUR


def test_a_lower_version_accepted_late_does_not_take_the_place_of_a_higher_one(net: Lines) -> None:
    first = net.propose("russia", T0, "coalition")
    second = net.propose("russia", T0 + 1, "coalition", version=2)
    net.react("coalition", T0 + 2, second)
    net.react("coalition", T0 + 3, first)
    assert net.standing(T0 + 4) == [("euphrates", 2)]


def test_two_parties_cannot_end_a_line_of_three_by_its_name(net: Lines) -> None:
    of = net.propose("russia", T0, "coalition sdf")
    net.react("coalition", T0 + 1, of)
    net.react("sdf", T0 + 1, of)
    other = net.propose("russia", T0 + 2, "regime", version=99)
    net.react("regime", T0 + 3, other)
    assert net.standing(T0 + 4) == [("euphrates", 1), ("euphrates", 99)]


def test_a_line_to_nobody_is_never_in_force(net: Lines) -> None:
    net.propose("russia", T0, "", info=["coalition"])
    assert net.standing(T0 + HOUR) == []


def test_an_information_addressee_accepts_and_withdraws_nothing(net: Lines) -> None:
    of = net.propose("russia", T0, "coalition", info=["sdf"])
    net.react("coalition", T0 + 1, of)
    net.react("sdf", T0 + 2, of, "withdraw")
    assert net.standing(T0 + 3) == [("euphrates", 1)]


def test_an_acceptance_after_a_withdrawal_counts_for_nothing(net: Lines) -> None:
    of = net.propose("russia", T0, "coalition")
    net.react("russia", T0 + 1, of, "withdraw")
    net.react("coalition", T0 + 2, of)
    assert net.standing(T0 + 3) == []


def test_a_past_answer_does_not_change_with_what_comes_later(net: Lines) -> None:
    of = net.propose("russia", T0, "coalition")
    net.react("coalition", T0 + 1, of)
    before = [net.standing(T0 + at) for at in range(4)]
    net.react("russia", T0 + 10, of, "withdraw")
    second = net.propose("russia", T0 + 11, "coalition", version=2)
    net.react("coalition", T0 + 12, second)
    assert [net.standing(T0 + at) for at in range(4)] == before


def test_a_clients_ledger_knows_an_acceptance_that_came_before_the_proposal_was_forwarded(net: Lines) -> None:
    """Its feed is in the order of release: what went through an intermediary comes later than its index."""
    of = net.propose("russia", T0, "coalition sdf")
    net.react("coalition", T0 + 1, of)
    net.react("sdf", T0 + 2, of)
    entries = {index: net.ledger.entries[index] for index in net.ledger.parties["sdf"].feed}
    proposal = net.ledger.lines.versions[of].index
    own = Ledger(net.ledger.charter, net.ledger.charter_of)
    for index in [index for index in entries if index != proposal] + [proposal]:
        own.apply(index, entries[index].stamp_ms, entries[index].opened)
    assert net.standing(T0 + 3, own) == net.standing(T0 + 3) == [("euphrates", 1)]


def test_the_digest_of_a_log_without_lines_has_no_member_for_them(net: Lines) -> None:
    assert "lines" not in state(net.ledger)
    before = state_digest(net.ledger)
    net.propose("russia", T0, "coalition")
    assert "lines" in state(net.ledger)
    assert state_digest(net.ledger) != before


@pytest.mark.parametrize("action", ["accept", "withdraw"])
def test_a_suspension_stops_new_proposals_and_not_what_is_said_of_old_ones(action: str) -> None:
    lab = Lab()
    of = lab.say("coalition", "line", **line_members(lab, "russia")).of
    lab.say("russia", "suspension", action="suspend", reason="")
    assert lab.say("russia", "line", **line_members(lab, "coalition", version=2)).code == "suspended"
    said = lab.say("russia", "line", **line_members(lab, "coalition", action=action, of=of))
    assert said.code is None
    assert said.index is not None


def test_the_relay_has_a_line_in_force_once_both_have_signed() -> None:
    lab = Lab()
    proposal = lab.say("coalition", "line", **line_members(lab, "russia"))
    said = lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=proposal.of))
    ledger = lab.folded.ledger
    assert said.index is not None
    (version,) = ledger.lines.in_force(ledger.entries[said.index].stamp_ms)
    assert (version.of, version.named) == (proposal.of, ("coalition", "russia"))
    for party in ("coalition", "russia"):
        own = Ledger(ledger.charter, ledger.charter_of)
        for index in ledger.parties[party].feed:
            entry = ledger.entries[index]
            own.apply(index, entry.stamp_ms, entry.opened)
        assert [one.of for one in own.lines.in_force(ledger.last_stamp_ms)] == [proposal.of]
