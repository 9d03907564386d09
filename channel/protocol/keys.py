"""Keys by log position (protocol.md section 5): which key was valid where, and the chain of key-affecting leaves.

A key is valid after the leaf that enrols it and up to the leaf that revokes it, never by a clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from channel.protocol import ids
from channel.protocol.statements import Accession, Body, Charter, KeyStatement, Revocation


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key: `after` is the index of its enrolling leaf, `until` that of its revocation."""

    kid: str
    public: bytes
    held: str
    after: int
    until: int | None = None
    compromised_since: int | None = None


def chained(chain: ids.Hash, of: ids.Hash) -> ids.Hash:
    """The next head of the key chain: SHA-256 over both raw hashes (protocol.md 5.6)."""
    return ids.sha256(ids.unb64url(chain) + ids.unb64url(of))


def kind_of(kid: str, desks: Iterable[str] = ()) -> str:
    """What a key is for: `root`, `wit`, `enc`, `sig/machine`, `sig/desk-operations` (protocol.md 5.8).

    `desks`: those of its party; a label that fits two is of the one with the longer name.
    """
    purpose, label = ids.kid_purpose(kid), kid.rpartition("/")[2]
    if purpose != "sig":
        return purpose
    if not ids.is_desk_kid(kid):
        return f"sig/{label.partition('-')[0]}"
    fitting = [desk for desk in desks if ids.is_of_desk(kid, desk)]
    return f"sig/desk-{max(fitting, key=len)}" if fitting else f"sig/{label}"


class KeyRing(Mapping[str, bytes]):
    """Every key ever enrolled, by key id; `valid_at` judges by position. Mapping access ignores validity."""

    def __init__(self, charter: Charter, of: ids.Hash) -> None:
        members = (charter.relay, *charter.parties)
        self._records = {
            key.kid: KeyRecord(key.kid, ids.unb64url(key.pub), key.held, after=-1) for m in members for key in m.keys
        }
        self._desks = {member.party: tuple(desk.desk for desk in member.desks) for member in members}
        self.chain = of
        self._heads: list[tuple[int, ids.Hash]] = [(0, of)]
        self._speakers: list[str] = [ids.RELAY]

    def __getitem__(self, kid: str) -> bytes:
        return self._records[kid].public

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def record(self, kid: str) -> KeyRecord:
        """KeyError if no such key was ever enrolled."""
        return self._records[kid]

    def valid_at(self, kid: str, index: int) -> bool:
        """Whether the key was valid for a token at that leaf index."""
        record = self._records.get(kid)
        return record is not None and record.after < index and (record.until is None or index <= record.until)

    def apply(self, index: int, of: ids.Hash, body: Body) -> None:
        """Take in a leaf; only accessions, keys and revocations have an effect.

        A root speaks for its own party's keys, once for each: anything else in a log has no effect, whoever let it in.
        """
        match body:
            case KeyStatement(key=key) if not self._is_new(key.kid, body.from_):
                pass
            case KeyStatement(key=key):
                self._records[key.kid] = KeyRecord(key.kid, ids.unb64url(key.pub), key.held, after=index)
            case Revocation(kid=kid) if not self._is_standing(kid, body.from_):
                pass
            case Revocation(kid=kid, compromised_since=since):
                self._records[kid] = replace(self._records[kid], until=index, compromised_since=since)
            case Accession():
                pass
            case _:
                return
        self.chain = chained(self.chain, of)
        self._heads.append((index, self.chain))
        self._speakers.append(body.from_)

    def _is_new(self, kid: str, party: str) -> bool:
        return kid not in self._records and ids.kid_party(kid) == party

    def _is_standing(self, kid: str, party: str) -> bool:
        return kid in self._records and ids.kid_party(kid) == party and self._records[kid].until is None

    def chain_at(self, index: int) -> ids.Hash:
        """The chain's head before the leaf at `index`: what its receipt carries. The charter's own is its hash."""
        position = bisect_left(self._heads, index, key=lambda head: head[0])
        return self._heads[max(position - 1, 0)][1]

    def outdated(self, chain: ids.Hash, party: str) -> bool:
        """Whether a key statement of `party` signed against that head is too old, or names a head that never was.

        Only a newer one of the same party makes it so: no other can keep a party from withdrawing a key.
        """
        for (_, head), speaker in zip(reversed(self._heads), reversed(self._speakers), strict=True):
            if head == chain:
                return False
            if speaker == party:
                return True
        return True

    def valid(self, party: str, kind: str, index: int) -> list[KeyRecord]:
        """The party's keys of a kind (`kind_of`) that are valid for a token at that index, the newest first."""
        found = [one for one in self.of_party(party) if self.kind(one.kid) == kind and self.valid_at(one.kid, index)]
        return sorted(found, key=lambda one: -one.after)

    def newest(self, party: str, kind: str, index: int) -> KeyRecord | None:
        """The one of these to use: whoever seals to a party takes its newest `enc` key (protocol.md 5.8)."""
        return next(iter(self.valid(party, kind, index)), None)

    def doubted(self, kid: str, index: int) -> int | None:
        """Since which leaf its party calls the key compromised, if a statement at `index` is one of those (5.5)."""
        record = self._records.get(kid)
        since = None if record is None else record.compromised_since
        return since if since is not None and index >= since else None

    def kind(self, kid: str) -> str:
        """What a key is for, known or not."""
        return kind_of(kid, self._desks.get(ids.kid_party(kid), ()))

    def of_party(self, party: str) -> list[KeyRecord]:
        """All keys of a party, in the order of their enrolment."""
        return [record for record in self._records.values() if ids.kid_party(record.kid) == party]
