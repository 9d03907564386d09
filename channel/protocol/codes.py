"""Every refusal code with its meaning, in one place (protocol.md section 12). A code never changes its meaning."""

from __future__ import annotations

REFUSALS: dict[str, str] = {
    "schema": "a member is missing, unknown, or not of its form",
    "not-canonical": "the payload is not canonical JSON (RFC 8785, no floats, no nulls)",
    "wrong-net": "the statement is for another net",
    "wrong-party": "`from` is not the party of the signing key",
    "wrong-key": "this kind of key may not sign this type of statement",
    "key-not-valid": "the key is not yet, or no longer, valid at this position of the log",
    "key-exists": "a key of that id, or that very key under another id, was enrolled before",
    "keys-full": "the party has enrolled as many keys as the net has room for; what is withdrawn counts too",
    "unknown-key": "the key to be withdrawn is not known",
    "keys-outdated": "a newer key statement of the same party came first; sign it again against the present key chain",
    "unknown-desk": "the charter names no such desk of that party",
    "relay-only": "only the channel itself makes statements of this type",
    "wrong-charter": "the accession names another charter",
    "already-acceded": "the party has acceded before",
    "issued-ahead": "`issued` lies too far ahead of the channel's clock",
    "no-addressee": "a statement needs at least one addressee",
    "unknown-addressee": "an addressee or intermediary is not a party to the charter",
    "self-address": "the author may not be its own addressee or intermediary",
    "duplicate-addressee": "a party is addressed more than once",
    "via-invalid": "the intermediary is the addressee itself",
    "window-invalid": "a time window ends before it begins",
    "window-past": "an intent whose window was over when it was issued",
    "window-too-long": "a time window is longer than the limit",
    "window-too-far": "a time window begins too far ahead",
    "volume-invalid": "an area crosses itself, has no extent, or its altitude band is upside down",
    "volume-antimeridian": "an area crosses the antimeridian: split it in two",
    "volume-pole": "an area touches a pole",
    "too-many-vertices": "more vertices than a statement may hold",
    "nid-reused": "the notice id was used by another party",
    "equivocation": "the same key and sequence number, or notice id, was used for other bytes",
    "unknown-reference": "what the statement refers to did not come in time",
    "wrong-reference": "what the statement refers to is not of the kind it must be",
    "not-author": "only the author may amend or withdraw a notice",
    "not-addressee": "the notice was not addressed to the signer",
    "own-notice": "the signer is the notice's own author",
    "not-intermediary": "the signer is not the intermediary to that addressee",
    "already-received": "that stage was signed for before",
    "already-forwarded": "the notice was passed on before in that way",
    "already-answered": "a final answer was given before; a new one must name it in `corrects`",
    "already-ended": "the notice was withdrawn or superseded before",
    "addressees-missing": "an amendment or withdrawal must go to all earlier addressees",
    "suspended": "one of the parties has suspended the channel: only new notices are refused",
    "alert-not-yours": "the alert was not told to the signer",
    "sealed-form": "what belongs inside a sealed notice stands in its outer or in an answer, or its `warn` is too fine",
    "sealed-body": "the body is not a JWE of this protocol to a valid `enc` key of each addressee, and to no other",
    "wrong-pt": "the answer does not quote the `pt` of the sealed notice",
    "seen-false": "`seen` names a tree that the log does not contain, and its signer shows no checkpoint of it",
    "summary": "more refusals than the charter's limit in a minute, in one leaf",
}
"""Final for those bytes: issue anew under a new id, with `replaces`."""

BUSY: dict[str, str] = {
    "not-in-force": "the charter is not in force until every party has acceded",
    "quota": "the party's rate of notices is above the charter's limit; FLASH has a lane of its own",
    "refusals-limited": "too many refusals this minute; they are counted in one summary",
    "other-tree": "`seen` names a tree that the log does not contain; the signer is asked for its checkpoint",
    "quarantine": "the relay was shown a signed tree that is not of its log, and takes nothing until that is settled",
    "body-missing": "the body of a sealed notice did not come beside it, or is not the one that `ct` names",
}
"""Temporary: the same bytes again later."""

UNATTRIBUTABLE: dict[str, str] = {
    "wrong-type": "a statement of another type than the one that must stand here",
    "bad-leaf": "not a stamp, a space and a token",
    "bad-frame": "not a frame of this protocol",
    "bad-token": "not a compact JWS of this protocol",
    "bad-header": "other header members, order or values than the protocol's",
    "bad-json": "not strict JSON",
    "too-large": "more bytes than the limit",
    "too-deep": "nested deeper than the limit",
    "unknown-kid": "no such key",
    "bad-signature": "the signature does not verify",
}
"""Nobody signed these bytes: counted and dropped, never logged."""
