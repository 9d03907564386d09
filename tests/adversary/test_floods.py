"""One party's flood against the relay and the others: what it may cost them (protocol.md 4.6, 9.6, 12.4)."""

from __future__ import annotations

from tests.unit.relay.lab import MINUTE, Lab


def test_a_key_that_jumps_again_and_again_owes_no_more_than_a_hundred_alerts() -> None:
    """Without the bound the cost of a hundred such checks grows with the square of 10,000 holes, all in one tick."""
    lab = Lab()
    for jump in range(1, 101):
        assert lab.say("sdf", "check", state="on-watch", seq=1 + 101 * jump).index is not None
    lab.turn()
    lab.at(11 * MINUTE).turn()
    holes = [(stage, fault) for _, stage, _, _, fault in lab.raised()]
    assert holes == [("hole", "sdf")] * 100


def test_a_hole_that_is_filled_makes_room_for_the_next() -> None:
    lab = Lab()
    lab.say("sdf", "check", state="on-watch", seq=200)
    lab.say("sdf", "check", state="on-watch", seq=1)
    lab.say("sdf", "check", state="on-watch", seq=202)
    missing = lab.folded.ledger.devices["sdf/sig/desk-operations"].missing
    assert list(missing) == [*range(2, 101), 201]
