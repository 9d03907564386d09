"""Cosignatures of checkpoints, C2SP tlog-cosignature `cosignature/v1` (protocol.md 7.8): made, opened, counted, merged.

Here is no tree: a witness verifies the consistency proof before it cosigns, and that is its client's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from channel.log.checkpoint import ALG_COSIGNATURE, key_id, parse_body, signature_line, split_note
from channel.protocol import ids
from channel.protocol.envelope import Signer, verify_signature
from channel.protocol.errors import InvariantError, ProofError
from channel.protocol.keys import KeyRing

TIME_S_MAX = 253_402_300_799  # the last second of the year 9999: beyond it a time cannot be written (protocol.md 2.4)
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_KEY_ID_BYTES = 4

Witnesses = Mapping[str, tuple[bytes, ...]]
"""Party -> its witness keys, 32 raw bytes each."""


def cosigner_name(net: str, party: str) -> str:
    """The key name under which a party cosigns."""
    return f"dcn/{net}/{party}"


def witnesses(ring: KeyRing, size: int) -> Witnesses:
    """The witness keys that are valid for a checkpoint of `size`: after its leaves, by position (protocol.md 5.4).

    The signed bytes do not name the cosigner, so a public key counts for one party only: who enrolled it first.
    """
    found: dict[str, tuple[bytes, ...]] = {}
    taken: set[bytes] = set()
    for kid, public in ring.items():
        party = ids.kid_party(kid)
        if ids.kid_purpose(kid) == "wit" and party != ids.RELAY and public not in taken:
            taken.add(public)
            if ring.valid_at(kid, size):
                found[party] = (*found.get(party, ()), public)
    return found


def sound(ring: KeyRing, size: int) -> Witnesses:
    """Of `witnesses`, the keys that their own party does not call compromised from a leaf below `size` on (5.5)."""
    doubted = {(ids.kid_party(kid), one) for kid, one in ring.items() if ring.doubted(kid, size - 1) is not None}
    return {
        party: tuple(one for one in publics if (party, one) not in doubted)
        for party, publics in witnesses(ring, size).items()
    }


def cosign(note: str, net: str, signer: Signer, time_s: int) -> str:
    """The party's signature line, with its line break, on a checkpoint's note; `signer` is the party's `wit` key.

    ProofError(`bad-note`) if that is no checkpoint of this net: it is not cosigned.
    """
    if ids.kid_purpose(signer.kid) != "wit":
        raise InvariantError(f"{signer.kid} is not a witness key")
    if not 0 <= time_s <= TIME_S_MAX:
        raise InvariantError(f"a cosignature's time is between 0 and {TIME_S_MAX} s, not {time_s}")
    body = split_note(note)[0]
    if parse_body(body).origin != f"dcn/{net}":
        raise ProofError("wrong-origin", "the checkpoint is another log's")
    name = cosigner_name(net, ids.kid_party(signer.kid))
    stamped = time_s.to_bytes(_TIME_BYTES, "big") + signer.sign(_message(time_s, body))
    return signature_line(name, ALG_COSIGNATURE, signer.public, stamped)


def open_cosignatures(note: str, net: str, keys: Witnesses) -> dict[str, int]:
    """Party -> time in seconds since 1970 of its earliest cosignature; errors as in `open_all`."""
    times: dict[str, int] = {}
    for party, time_s in open_all(note, net, keys):
        times[party] = min(time_s, times.get(party, time_s))
    return times


def open_all(note: str, net: str, keys: Witnesses) -> list[tuple[str, int]]:
    """(party, time in seconds) of each line under a known key; others are passed over.

    ProofError: `bad-note`; `bad-cosignature` if a line under a known key does not verify, or comes twice.
    """
    body, lines = split_note(note)
    names = {
        (cosigner_name(net, party), key_id(cosigner_name(net, party), ALG_COSIGNATURE, public)): (party, public)
        for party, publics in keys.items()
        for public in publics
    }
    found: list[tuple[str, int]] = []
    opened: set[tuple[str, bytes]] = set()
    for name, data in lines:
        key = (name, data[:_KEY_ID_BYTES])
        if key not in names:
            continue
        party, public = names[key]
        if key in opened:
            raise ProofError("bad-cosignature", f"two cosignatures by one key of {party}")
        opened.add(key)
        found.append((party, _open(body, data[_KEY_ID_BYTES:], public, party)))
    return found


def open_line(note: str, line: str, net: str, keys: Witnesses) -> tuple[str, int]:
    """(party, time in seconds) of one line that came by itself, for this checkpoint. ProofError if it is not good."""
    body, _ = split_note(note)
    _single(body, line)
    times = open_cosignatures(f"{body}\n{line}", net, keys)
    if not times:
        raise ProofError("bad-cosignature", "not under a valid witness key of this net")
    return next(iter(times.items()))


def cosigners(note: str, lines: Iterable[str], net: str, keys: Witnesses) -> dict[str, int]:
    """Party -> time in seconds of each good cosignature under these keys, in the note or as a line beside it."""
    times: dict[str, int] = {}
    for line in ("", *lines):
        try:
            times |= dict([open_line(note, line, net, keys)] if line else open_all(note, net, keys))
        except ProofError:
            continue
    return times


def quorum_time(times: Mapping[str, int], quorum: int) -> int | None:
    """The second at which so many parties had cosigned; None if they have not."""
    if quorum < 1:
        raise InvariantError("a quorum is at least one")
    return sorted(times.values())[quorum - 1] if len(times) >= quorum else None


def merge(note: str, lines: Iterable[str]) -> str:
    """One note: the log's own line first, then the cosignatures by name, one a key, the earliest if there are two.

    Nothing is verified: hand in lines that `open_line` has opened.
    """
    body, _ = split_note(note)
    origin = parse_body(body).origin
    own: list[str] = []
    others: dict[tuple[str, bytes], tuple[bytes, str]] = {}
    for line in (*note[len(body) + 1 :].splitlines(keepends=True), *lines):
        name, data = _single(body, line)
        if name == origin:
            own += [line] if line not in own else []
            continue
        key = (name, data[:_KEY_ID_BYTES])
        others[key] = min((data, line), others.get(key, (data, line)))
    return body + "\n" + "".join(own) + "".join(others[key][1] for key in sorted(others))


def _single(body: str, line: str) -> tuple[str, bytes]:
    found, lines = split_note(f"{body}\n{line}")
    if found != body or len(lines) != 1:
        raise ProofError("bad-note", "expected one signature line")
    return lines[0]


def _open(body: str, stamped: bytes, public: bytes, party: str) -> int:
    if len(stamped) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise ProofError("bad-cosignature", f"the cosignature of {party} is not a time and a signature")
    time_s = int.from_bytes(stamped[:_TIME_BYTES], "big")
    if time_s > TIME_S_MAX:
        raise ProofError("bad-cosignature", f"the time in the cosignature of {party} is out of range")
    if not verify_signature(public, stamped[_TIME_BYTES:], _message(time_s, body)):
        raise ProofError("bad-cosignature", f"the cosignature of {party} does not verify")
    return time_s


def _message(time_s: int, body: str) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()
