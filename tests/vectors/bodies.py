"""One example of every statement as plain members, and the keys that sign them. All fixed: no clock, no chance."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nacl import bindings

from channel.protocol import ids
from channel.protocol.statements import BY_TYPE, Model

NET = "vector-net"
HASH = ids.sha256(b"vector")
NID = "015e89c1-b3c0-7000-8000-000000000001"
T0 = "2017-09-16T00:30:00.000Z"
T1 = "2017-09-16T02:30:00.000Z"
ALERT = "0123456789abcdef"

Members = dict[str, Any]


def seed(kid: str) -> bytes:
    """The private key behind a key id of the vectors. Public, so good for nothing else."""
    return hashlib.sha256(f"vector {kid}".encode()).digest()


def public(kid: str) -> bytes:
    """Its public key: X25519 for `enc`, else Ed25519."""
    if ids.kid_purpose(kid) == "enc":
        return bindings.crypto_scalarmult_base(seed(kid))
    return bindings.crypto_sign_seed_keypair(seed(kid))[0]


def _key(kid: str) -> Members:
    return {"kid": kid, "pub": ids.b64url(public(kid)), "held": "machine"}


def _member(party: str, language: str, labels: tuple[str, ...]) -> Members:
    levels = ("operations",) if party == ids.RELAY else ("operations", "staff", "ministry")
    return {
        "party": party,
        "name": party.title(),
        "language": language,
        "keys": [_key(f"{party}/{label}") for label in labels],
        "desks": [{"desk": level, "level": level, "contact": f"line {level}"} for level in levels],
    }


_RELAY_KEYS = ("root/1", "sig/machine-1", "sig/log-1", "sig/desk-operations")
_PARTY_KEYS = ("root/1", "sig/machine-1", "sig/desk-operations", "wit/1", "enc/1")


def charter() -> Members:
    row = {"receipt_ms": 15_000, "forward_ms": 30_000, "answer_ms": 60_000, "staff_ms": 60_000, "ministry_ms": 180_000}
    return {
        "v": 1,
        "net": NET,
        "from": "relay",
        "issued": T0,
        "title": "Vectors",
        "trial": True,
        "relay": _member("relay", "en", _RELAY_KEYS),
        "parties": [_member("coalition", "en", _PARTY_KEYS), _member("russia", "ru", _PARTY_KEYS)],
        "deadlines": dict.fromkeys(("FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"), row),
        "terms": {
            "quorum": 2,
            "watch_ms": 0,
            "hole_ms": 60_000,
            "silent_ms": 60_000,
            "unwitnessed_ms": 60_000,
            "notices_per_minute": 60,
            "flash_per_minute": 60,
            "refusals_per_minute": 60,
            "proximity_m": 5000,
            "shorten": True,
        },
    }


def _common(party: str) -> Members:
    seen = {"size": 7, "root": HASH}
    return {
        "v": 1,
        "net": NET,
        "from": party,
        "desk": "operations",
        "issued": T0,
        "seen": seen,
        "seq": 5,
        "prev": HASH,
    }


def _addressed() -> Members:
    return {"nid": NID, "precedence": "FLASH", "to": [{"party": "russia"}], "info": []}


_CIRCLE = {"type": "circle", "center": [401_500_000, 353_300_000], "radius_m": 2000}
_DESK = {"party": "russia", "desk": "operations"}
_KEY_OF = {"kid": "coalition/sig/machine-2", "pub": ids.b64url(public("coalition/sig/machine-2")), "held": "machine"}

_OWN: dict[str, Members] = {
    "accession": {"charter": HASH},
    "key": {"key": _KEY_OF, "keys": HASH},
    "revocation": {"kid": "coalition/sig/machine-1", "reason": "lost", "compromised_since": 3, "keys": HASH},
    "notice": {
        **_addressed(),
        "kind": "intent",
        "status": "operation",
        "response": "WU",
        "how": "human",
        "volumes": [
            {
                "shape": _CIRCLE,
                "altitude": {"floor_m": 0, "ceiling_m": 3000, "reference": "msl"},
                "from": T0,
                "until": T1,
            }
        ],
        "elements": [{"code": "stay-clear", "values": ["2 km"]}],
        "text": "Strike on the ridge, دير الزور.",
        "read_back": True,
    },
    "receiving": {"of": HASH, "stage": "received"},
    "answer": {"of": HASH, "word": "STANDBY", "until": T1, "reason": "asking staff"},
    "forwarding": {"of": HASH, "to": "russia", "by": "channel"},
    "line": {
        **_addressed(),
        "line": "euphrates",
        "version": 1,
        "action": "propose",
        "title": "Euphrates",
        "parts": [[[401_500_000, 353_300_000], [402_500_000, 352_300_000]]],
        "keeps": [{"party": "coalition", "side": "left"}, {"party": "russia", "side": "right"}],
        "excluded": [],
        "precision_m": 200,
        "from_time": T0,
        "beyond": "undefined",
        "text": "",
    },
    "call": {**_addressed(), "level": "staff", "began": T0, "ended": T1, "desks": [_DESK], "readout": "agreed"},
    "check": {"state": "on-watch"},
    "acknowledgement": {"alert": ALERT, "reason": "rang them"},
    "suspension": {"action": "suspend", "reason": "protest"},
    "clock": {"old": T0, "new": T1, "reason": "time server was wrong"},
    "refusal": {
        "of": HASH,
        "code": "schema",
        "detail": "text: missing",
        "party": "russia",
        "kid": "russia/sig/machine-1",
        "refused_seq": 9,
        "count": 1,
    },
    "alert": {
        "alert": ALERT,
        "stage": "answer",
        "rung": "operations",
        "round": 1,
        "due": T1,
        "fault": "russia",
        "told": [_DESK],
        "ring": _DESK,
        "precedence": "FLASH",
        "of": HASH,
        "nid": NID,
        "detail": "",
    },
    "finding": {
        "finding": ALERT,
        "kind": "conflict",
        "state": "raised",
        "precedence": "FLASH",
        "response": "R",
        "rests_on": [HASH],
        "concerns": ["russia"],
        "told": [_DESK],
        "measures": {"distance-m": -40},
        "area": _CIRCLE,
        "detail": "",
    },
    "start": {"size": 12, "downtime_ms": 0, "version": "0.1.0"},
}
_WORDS: dict[str, Members] = {
    "receipt": {"index": 3, "stamp": 1_505_521_800_000, "of": HASH, "keys": HASH},
    "busy": {"of": HASH, "code": "quota", "retry_ms": 1000},
    "heartbeat": {
        "issued": T0,
        "to": "russia",
        "size": 3,
        "root": HASH,
        "keys": HASH,
        "devices": [{"kid": "russia/sig/machine-1", "seq": 4}],
    },
    "quarantine": {"issued": T0, "to": "russia", "size": 3, "since": T0, "shown": 5},
}
_ROOT = ("accession", "key", "revocation")
_DESK_SIGNED = ("answer", "check", "call", "acknowledgement")
_RELAY_SIGNED = ("refusal", "alert", "finding", "start", *_WORDS)

TYPES = ("charter", *_OWN, *_WORDS)


def kid(type_: str) -> str:
    """The key that rightly signs the example of this type."""
    if type_ == "charter" or type_ in _RELAY_SIGNED:
        return "relay/sig/machine-1"
    if type_ == "clock":
        return "relay/sig/desk-operations"
    if type_ in _ROOT:
        return "coalition/root/1"
    return f"coalition/sig/{'desk-operations' if type_ in _DESK_SIGNED else 'machine-1'}"


def members(type_: str, **changes: Any) -> Members:
    """The example's payload, with members changed or, for `...`, left out. `from_` stands for `from`."""
    if type_ == "charter":
        made = charter()
    elif type_ in _WORDS:
        made = {"v": 1, "net": NET, "from": "relay", **_WORDS[type_]}
    else:
        made = {**_common(ids.kid_party(kid(type_))), **_OWN[type_]}
    if "from_" in changes:
        changes["from"] = changes.pop("from_")
    return {name: member for name, member in {**made, **changes}.items() if member is not ...}


def body(type_: str, **changes: Any) -> Model:
    """The example as a model."""
    text = json.dumps(members(type_, **changes))
    return BY_TYPE[type_].model_validate_json(text, by_alias=True, by_name=False)
