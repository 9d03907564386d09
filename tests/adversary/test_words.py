"""Who may make whose word look like what (protocol.md 4.3, 6.6, 12.4)."""

from __future__ import annotations

from tests.unit.relay.lab import Lab


def test_a_machine_cannot_sign_that_a_person_saw_a_notice() -> None:
    """`displayed` is the word of a desk, and is read so afterwards: a script's must not pass for it."""
    lab = Lab()
    said = lab.notice("coalition", "russia")
    script = lab.say("russia", "receiving", of=said.of, stage="displayed", label="sig/machine-1")
    assert (script.code, script.detail) == ("wrong-key", "a receiving as displayed is signed by a desk key")
    officer = lab.say("russia", "receiving", of=said.of, stage="displayed", label="sig/desk-operations")
    assert officer.index is not None


def test_an_addressee_that_sends_a_notice_back_causes_no_receipts_to_its_author() -> None:
    lab = Lab()
    said = lab.notice("coalition", "russia")
    lab.turn()
    lab.words.clear()
    for _ in range(100):
        assert lab.submit(said.token, "russia").index == said.index
    lab.turn()
    assert lab.words == []
    assert lab.core.dropped["foreign-known"] == 100
    lab.submit(said.token, "coalition")
    lab.turn()
    assert [party for party, _ in lab.words] == ["coalition"]
