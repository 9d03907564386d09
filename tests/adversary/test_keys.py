"""Another party's key statements cannot keep a stolen key in force."""

from __future__ import annotations

from channel.protocol import ids
from channel.protocol.keys import KeyRing
from channel.protocol.statements import KeyStatement
from tests.vectors import bodies


def test_only_a_newer_key_statement_of_the_same_party_outdates_one() -> None:
    charter = bodies.body("charter")
    ring = KeyRing(charter, bodies.HASH)  # type: ignore[arg-type]
    statement = bodies.body("key")
    assert isinstance(statement, KeyStatement)
    old, speaker = ring.chain, statement.from_
    assert not ring.outdated(old, speaker)
    ring.apply(7, ids.sha256(b"one"), statement)
    assert ring.outdated(old, speaker)
    assert not ring.outdated(old, "another-party")
    assert not ring.outdated(ring.chain, speaker)
    assert ring.outdated(ids.sha256(b"no head of ours"), "another-party")
