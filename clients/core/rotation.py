"""Changing this party's keys (protocol.md 5.8): enrol a new one, use it, withdraw the old one; or only withdraw one.

No journal is kept: a key file that no leaf enrols, a key statement in the outbox, or two valid keys of a kind is a
change that was interrupted, and the same call goes on with it. Which key signs meanwhile is `signers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from channel.protocol import ids, keyfile
from channel.protocol.envelope import Signer
from channel.protocol.errors import RefusedError, TransientError, UsageError
from channel.protocol.keys import KeyRecord, KeyRing
from channel.protocol.statements import Key, KeyStatement, Level, Revocation
from clients.core.client import WAIT_S, Client
from clients.core.drafts import Draft
from clients.core.signers import ROOT

CATCH_UP_S = 5.0  # how long a change waits for what is new here
TRIES = 3  # a key statement that another one overtook is signed again
ABOUT_KEYS = (KeyStatement.TYPE, Revocation.TYPE)
REASON = "changed for a new key"

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Changed:
    """`enrolled` is in use. `elsewhere`: keys of the same kind that stay valid, because another home holds them."""

    kind: str
    enrolled: KeyRecord
    withdrawn: tuple[KeyRecord, ...]
    elsewhere: tuple[KeyRecord, ...]


async def rotate(
    client: Client,
    kind: str,
    *,
    random: Random,
    root: Path | None = None,
    reason: str = REASON,
    since: int | None = None,
    wait: float = WAIT_S,
) -> Changed:
    """Put a new key in the place of this home's of `kind`: `root`, `sig/machine`, `sig/desk-NAME`, `wit`, `enc`.

    `root`: the root key's file, if it is not in the home. `since`: the old key is compromised from that leaf on.
    A new root is made in the home and withdraws the old one itself: so it is known to sign (protocol.md 5.8).
    QueuedError or TransientError: interrupted, nothing is lost; call it again.
    """
    async with _alone(client, wait):
        await _settled(client, wait)
        signer = root_signer(client, root)
        _check_since(client, since)
        _check_apart(client, kind, root)
        kid = await _enrolled(client, kind, signer, random, wait)
        size = client.ledger.size
        others = [one for one in client.ledger.ring.valid(client.party, kind, size) if one.kid != kid]
        ours = [one.kid for one in others if one.kid in _held(client, kind, signer)]
        await _signed_out(client, ours, wait)
        if kind == ROOT and kid != signer.kid:
            signer = client.signers.of(client.ledger.ring.record(kid))
        for old in ours:
            await _withdraw(client, old, signer, reason, since, wait)
        ring = client.ledger.ring
        elsewhere = tuple(one for one in others if one.kid not in ours)
        return Changed(kind, ring.record(kid), tuple(ring.record(old) for old in ours), elsewhere)


async def revoke(
    client: Client,
    kid: str,
    reason: str,
    *,
    root: Path | None = None,
    since: int | None = None,
    wait: float = WAIT_S,
) -> KeyRecord:
    """Withdraw a key of this party at once, also one that another home holds. UsageError for the last of its kind.

    What it signed and has no receipt yet will be refused; what is in the log stays. A root is withdrawn by another.
    """
    async with _alone(client, wait):
        await _settled(client, wait)
        _check_since(client, since)
        _check_revocable(client, kid)
        signer = _withdrawing(client, kid, root)
        await _withdraw(client, kid, signer, reason, since, wait)
        return client.ledger.ring.record(kid)


def root_signer(client: Client, file: Path | None = None) -> Signer:
    """The party's root key, from the home or from `file`. UsageError if it is not there, or is not valid."""
    ring, size = client.ledger.ring, client.ledger.size
    if file is None:
        found = client.signers.find(ring, ROOT, size)
        if found is None:
            raise UsageError(f"the root key is not in {client.home.keys}: say where it is with --root FILE")
        return found
    try:
        keyfile.check_mode(file, file.stat().st_mode)
        seed = keyfile.from_pem(ROOT, file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the root key {file}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    for record in ring.valid(client.party, ROOT, size):
        if (signer := Signer(record.kid, seed)).public == record.public:
            return signer
    raise UsageError(f"{file} is not a valid root key of {client.party}; `party key list` shows which are")


def _withdrawing(client: Client, kid: str, file: Path | None) -> Signer:
    """The root key that withdraws `kid`. A root is withdrawn by another: so the party still holds one afterwards."""
    ring = client.ledger.ring
    if ring.kind(kid) != ROOT:
        return root_signer(client, file)
    if file is not None and (found := root_signer(client, file)).kid != kid:
        return found
    for one in ring.valid(client.party, ROOT, client.ledger.size) if file is None else ():
        if one.kid != kid and client.home.has_key(_label(one.kid)):
            return client.signers.of(one)
    raise UsageError(
        f"{kid} is withdrawn with another root key: say where one is with --root FILE; "
        f"or put a new one in its place: party -p {client.party} key rotate root"
    )


# --- what stands in the way -------------------------------------------------------------------------------------------


@asynccontextmanager
async def _alone(client: Client, wait: float) -> AsyncIterator[None]:
    """One change at a time in a home, and none before there are leaves to judge keys by."""
    # A home restored from a copy learns what its keys have signed since. In a busy net it is never quiet for long.
    here = await client.caught_up(min(wait, CATCH_UP_S))
    if not client.ledger.in_force and not here:
        raise TransientError("this home has not seen the charter in force: reach the channel first, then change keys")
    with client.home.key_lock() as owned:
        if not owned:
            raise UsageError("another command is changing keys of this home: wait until it has ended")
        yield


def _check_since(client: Client, since: int | None) -> None:
    if since is not None and not 0 <= since <= client.ledger.size:
        raise UsageError(f"a leaf index is from 0 to {client.ledger.size}, not {since}: see `party show`")


def _check_apart(client: Client, kind: str, file: Path | None) -> None:
    """A root that is valid and not in this home may be the old one of an interrupted change: it is not guessed at."""
    if kind != ROOT or file is not None:
        return
    valid = client.ledger.ring.valid(client.party, ROOT, client.ledger.size)
    for one in valid:
        if not client.home.has_key(_label(one.kid)):
            raise UsageError(
                f"{one.kid} is valid too, and not in this home: if it is the old one, withdraw it with "
                f"party -p {client.party} key revoke {one.kid}; else name the one to be changed with --root FILE"
            )


def _check_revocable(client: Client, kid: str) -> None:
    ring, party = client.ledger.ring, client.party
    if kid not in ring or ids.kid_party(kid) != party:
        raise UsageError(f"{kid} is not a key of {party}: `party key list` shows them")
    record, kind = ring.record(kid), ring.kind(kid)
    if record.until is not None:
        raise UsageError(f"{kid} was withdrawn at leaf {record.until}")
    if [one.kid for one in ring.valid(party, kind, client.ledger.size)] != [kid]:
        return
    raise UsageError(
        f"{kid} is the last valid key of its kind: put a new one in its place, which withdraws it: "
        f"party -p {party} key rotate {rotation_words(kind)}"
    )


def rotation_words(kind: str) -> str:
    """`sig/desk-staff` -> `desk staff`: what to type for it."""
    return kind.removeprefix("sig/").replace("desk-", "desk ", 1)


async def _settled(client: Client, wait: float) -> None:
    """What was said of keys before is known first: receipts, refusals and leaves are here."""
    for row in client.session.store.queued():
        if row.type in ABOUT_KEYS:
            try:
                await client.settled(row.of, wait)
            except RefusedError as error:
                error.told()  # it is said anew, if it is still wanted
    await _until(client, lambda: not _unseen(client), wait, "the relay has not shown the leaf of a key statement yet")


def _unseen(client: Client) -> bool:
    return any(row.type in ABOUT_KEYS for row in client.session.store.receipted())


async def _signed_out(client: Client, kids: list[str], wait: float) -> None:
    """What those keys signed is in the log, or refused."""

    def waiting() -> int:
        return sum(row.kid in kids for row in client.session.store.queued())

    why = f"statements signed with {', '.join(kids)} have no receipt yet: it stays valid until they have"
    await _until(client, lambda: not waiting(), wait, why)


async def _until(client: Client, met: Callable[[], bool], wait: float, why: str) -> None:
    def current() -> bool:
        client.refresh()
        return met()

    try:
        async with asyncio.timeout(wait):
            await client.until(current)
    except TimeoutError:
        raise TransientError(f"{why}; give the same command again, nothing is lost") from None


# --- the steps --------------------------------------------------------------------------------------------------------


async def _enrolled(client: Client, kind: str, root: Signer, random: Random, wait: float) -> str:
    """The new key, in the log and in this home; begun here, or in a change that was interrupted."""
    for _ in range(TRIES):
        _set_strays_aside(client, kind)
        kid = _begun(client, kind, root) or _begin(client, kind, random)
        if kid not in client.ledger.ring:
            await _enrol(client, kid, root, wait)
        if kid == root.kid or client.ledger.ring[kid] == client.home.public(_label(kid)):
            return kid
    raise TransientError(
        f"other homes of {client.party} change the same keys: give the command again when they are done"
    )


def _set_strays_aside(client: Client, kind: str) -> None:
    """Another home has enrolled a key under a label for which a file was made here: that file is of no use."""
    for one in client.ledger.ring.valid(client.party, kind, client.ledger.size):
        label = _label(one.kid)
        if client.home.has_key(label) and client.home.public(label) != one.public:
            client.home.set_aside(label)


def _held(client: Client, kind: str, root: Signer) -> list[str]:
    """The keys of a kind that are changed here: their files are in the home. A root may be kept apart from it."""
    kids = [f"{client.party}/{label}" for label in client.home.labels()]
    if kind == ROOT and root.kid not in kids:
        kids.append(root.kid)
    return [kid for kid in kids if client.ledger.ring.kind(kid) == kind]


def _begun(client: Client, kind: str, root: Signer) -> str | None:
    """The new key of a change that was interrupted: its file is there, or it is enrolled beside an older one."""
    ring, kids = client.ledger.ring, _held(client, kind, root)
    unknown = [kid for kid in kids if kid not in ring]
    if unknown:
        return min(unknown)
    held = [one for one in ring.valid(client.party, kind, client.ledger.size) if one.kid in kids]
    return held[0].kid if len(held) > 1 else None


def _begin(client: Client, kind: str, random: Random) -> str:
    """Make the new private key, durably, before anything is said of it."""
    ring, party = client.ledger.ring, client.party
    if not any(ring.kind(one.kid) == kind for one in ring.of_party(party)):
        kinds = dict.fromkeys(rotation_words(ring.kind(one.kid)) for one in ring.of_party(party))
        raise UsageError(f"{party} has no {rotation_words(kind)} key; it has {', '.join(kinds)}")
    label, old = _next_label(ring, party, kind), client.signers.record(ring, kind, client.ledger.size)
    lock = None
    if old is not None and client.home.passphrase is not None and client.home.is_protected(_label(old.kid)):
        client.home.signer(_label(old.kid))  # only who opens the old one changes it: the passphrase is the right one
        lock = (client.home.passphrase(_label(old.kid)), random(keyfile.SALT_BYTES))
    client.home.write_key(label, random(keyfile.SEED_BYTES), lock)
    return f"{party}/{label}"


def _next_label(ring: KeyRing, party: str, kind: str) -> str:
    """`sig/machine-2`, `wit/2`, `sig/desk-staff-2`: the first that names no key yet, nor another kind's."""
    number = 2
    while True:
        label = f"{kind}{'-' if '/' in kind else '/'}{number}"
        if f"{party}/{label}" not in ring and ring.kind(f"{party}/{label}") == kind:
            return label
        number += 1


async def _enrol(client: Client, kid: str, root: Signer, wait: float) -> None:
    """Have the key's leaf in the log, and here."""
    ring = client.ledger.ring
    before = [one for one in ring.of_party(client.party) if ring.kind(one.kid) == ring.kind(kid)]
    held: Literal["person", "machine"] = "person" if before[-1].held == "person" else "machine"
    key = Key(kid=kid, pub=ids.b64url(client.home.public(_label(kid))), held=held)

    def draft() -> Draft:
        return Draft(KeyStatement, {"key": key, "keys": client.ledger.ring.chain}, _desk(client))

    await _said(client, draft, root, wait, done=lambda: kid in client.ledger.ring)


async def _withdraw(client: Client, kid: str, root: Signer, reason: str, since: int | None, wait: float) -> None:
    def draft() -> Draft:
        members: dict[str, object] = {
            "kid": kid,
            "reason": reason,
            "compromised_since": since,
            "keys": client.ledger.ring.chain,
        }
        return Draft(Revocation, members, _desk(client))

    await _said(client, draft, root, wait, done=lambda: client.ledger.ring.record(kid).until is not None)


async def _said(
    client: Client, draft: Callable[[], Draft], root: Signer, wait: float, *, done: Callable[[], bool]
) -> None:
    """Sign against the chain's head as it is now; again, if a newer key statement of this party came first."""
    for attempt in range(TRIES):
        with client.session.store.transaction():
            client.refresh()
            if done():
                return
            row = client.queue(draft(), root)
        try:
            await client.settled(row.of, wait)
            break
        except RefusedError as error:
            if error.code != "keys-outdated" or attempt + 1 == TRIES:
                raise
            error.told()
            await client.caught_up(wait)
    await _until(client, done, wait, "the relay has not shown the leaf of a key statement yet")


def _desk(client: Client) -> str:
    return client.ledger.desk(client.party, Level.OPERATIONS.value)


def _label(kid: str) -> str:
    return kid.partition("/")[2]
