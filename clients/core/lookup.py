"""What people name by the beginning of an id or a hash: notices, refused notices, alerts. Pure.

UsageError says what there is, or what to type instead.
"""

from __future__ import annotations

from channel.ledger import AlertRecord, Ledger
from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import Refusal

LISTED_MAX = 6  # names that an error spells out


def notice(ledger: Ledger, ref: str) -> ids.Hash:
    """A notice that can be read here, or was told by voice."""
    named = dict(ledger.nids)
    named.update((of, of) for of in (*ledger.notices, *ledger.told_by_voice))
    if ref in named:
        return named[ref]
    found = {of for name, of in named.items() if ref and name.startswith(ref)}
    if len(found) == 1:
        return found.pop()
    if not found:
        raise UsageError(f"no notice here begins with {ref!r}; `party inbox` and `party status` list them")
    longer = ", ".join(sorted(name for name in named if name.startswith(ref))[:LISTED_MAX])
    raise UsageError(f"{len(found)} notices begin with {ref!r}; give more of one: {longer}")


def refused(ledger: Ledger, party: str, ref: str) -> ids.Hash:
    """A notice of that party that was refused: only `replaces` names one."""
    bodies = (entry.opened.body for entry in ledger.entries.values())
    refusals = [body for body in bodies if isinstance(body, Refusal) and body.party == party and body.nid]
    found = {body.of for body in refusals if ref and (body.of.startswith(ref) or str(body.nid).startswith(ref))}
    if len(found) == 1:
        return found.pop()
    known = ", ".join(str(body.nid) for body in refusals[-LISTED_MAX:]) or "none"
    raise UsageError(f"{len(found)} refused notices of ours begin with {ref!r}; the newest refused: {known}")


def alert(ledger: Ledger, prefix: str) -> AlertRecord:
    """An alert that was told to this party."""
    found = [record for id_, record in ledger.alerts.items() if prefix and id_.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no alert here begins with {prefix!r}; `party alerts` lists them")
    raise UsageError(f"{len(found)} alerts begin with {prefix!r}; give more of its id")
