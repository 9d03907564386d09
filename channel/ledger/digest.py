"""The state digest: SHA-256 over the canonical JSON of the ledger's state (protocol.md 7.6).

No root and no leaf hash is in it: it says what the fold made of the leaves, so a changed rule changes the digest and
leaves the root alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from enum import Enum

from channel.ledger.delivery import Delivery
from channel.ledger.ledger import Ledger
from channel.protocol import canonical
from channel.protocol.canonical import Json


def _key(ledger: Ledger, kid: str) -> list[Json]:
    record = ledger.ring.record(kid)
    return [record.after, _known(record.until), _known(record.compromised_since)]


def state(ledger: Ledger) -> dict[str, Json]:
    """The whole state as canonical JSON values, in an order of its own."""
    found: dict[str, Json] = {
        finding: {"raised_ms": record.raised_ms, "cleared_ms": _known(record.cleared_ms)}
        for finding, record in ledger.findings.items()
    }
    return {
        **({"lines": _lines(ledger)} if ledger.lines else {}),
        **({"findings": found} if found else {}),  # a log without findings keeps the digest that it always had
        "net": ledger.charter.net,
        "in_force_ms": _known(ledger.in_force_ms),
        "last_stamp_ms": ledger.last_stamp_ms,
        "keys": {kid: _key(ledger, kid) for kid in ledger.ring},
        "key_chain": ledger.ring.chain,
        "parties": {
            name: {
                "acceded": record.acceded,
                "suspended": record.suspended,
                "on_watch_ms": _known(record.on_watch_ms),
                "heard_ms": _known(record.heard_ms),
                "watch_alerts": record.watch_alerts,
                "feed": [*record.feed],
            }
            for name, record in ledger.parties.items()
        },
        "devices": {
            kid: {"highest": device.highest, "missing": [*sorted(device.missing)]}
            for kid, device in ledger.devices.items()
        },
        "notices": {of: {"index": n.index, "ended_by": _known(n.ended_by)} for of, n in ledger.notices.items()},
        "deliveries": {"/".join(key): _delivery(delivery) for key, delivery in ledger.deliveries.items()},
        "alerts": {
            alert: {
                "raised_ms": record.raised_ms,
                "cleared_ms": _known(record.cleared_ms),
                "acked": dict(record.acked),
            }
            for alert, record in ledger.alerts.items()
        },
        "refused": {of: refusal.code for of, refusal in ledger.refused.items()},
    }


def state_digest(ledger: Ledger) -> str:
    """SHA-256 of the canonical state, 64 hexadecimal digits."""
    return hashlib.sha256(canonical.dumps(state(ledger))).hexdigest()


def _lines(ledger: Ledger) -> dict[str, Json]:
    return {
        of: {"accepted": dict(version.accepted), "withdrawn_ms": _known(version.withdrawn_ms)}
        for of, version in ledger.lines.versions.items()
    }


def _known(value: int | str | None) -> int | str | bool:
    """Canonical JSON has no null here: unknown is false."""
    return False if value is None else value


def _delivery(delivery: Delivery) -> dict[str, Json]:
    values: dict[str, Json] = {}
    for item in fields(delivery):
        value = getattr(delivery, item.name)
        if item.name == "shortened_ms" and value is None:
            continue  # as `findings`: only where there is one
        values[item.name] = value.value if isinstance(value, Enum) else _known(value)
    return values
