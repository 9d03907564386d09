"""A dispute report as one JSON document (docs/evidence.md, section E10)."""

from __future__ import annotations

from typing import Any

from channel.ledger.ledger import Ledger
from channel.log.report import Report
from channel.protocol.times import to_wire
from channel.replay import dispute_claims as claims
from channel.replay.dispute import Act, Dispute, Disputed, Step, Told
from channel.replay.reading import Reading


def document(reading: Reading, dispute: Dispute, log: Report) -> dict[str, Any]:
    """All of the report. Times are RFC 3339 or null."""
    ledger, query, head = reading.folded.ledger, dispute.query, reading.head()
    return {
        "net": ledger.charter.net,
        "charter": ledger.charter_of,
        "trial": ledger.charter.trial,
        "area": query.area.to_geojson(),
        "from": to_wire(query.from_ms),
        "until": to_wire(query.until_ms),
        "party": query.party,
        "tree_size": head["tree_size"],
        "root": head["root"],
        "log": {"verdict": log.verdict.value, "reasons": log.to_json()["reasons"]},
        "method": list(claims.METHOD),
        "notices": [_notice(ledger, dispute, notice) for notice in dispute.notices],
        "unproven": list(claims.unproven(ledger, dispute, log)),
    }


def _notice(ledger: Ledger, dispute: Dispute, notice: Disputed) -> dict[str, Any]:
    body, record = notice.body, notice.record
    return {
        "nid": record.nid,
        "of": record.of,
        "leaf": record.index,
        "author": record.author,
        "kind": record.kind,
        "status": body.status,
        "precedence": body.precedence.value,
        "how": body.how,
        "sealed": body.sealed is not None,
        "text": body.text,
        "elements": [{"code": element.code, "values": list(element.values)} for element in body.elements],
        "volumes": [volume.model_dump(mode="json", by_alias=True, exclude_none=True) for volume in body.volumes],
        "placed": notice.placed,
        "logged_at": to_wire(record.stamp_ms),
        **_signed(notice.step),
        "deliveries": [_told(dispute, notice, told) for told in notice.told],
        "after": [_act(ledger, act) for act in notice.after],
    }


def _told(dispute: Dispute, notice: Disputed, told: Told) -> dict[str, Any]:
    best = told.at()
    return {
        "addressee": told.party,
        "via": told.via,
        "role": told.role,
        "level": _level(best),
        "word": _word(best),
        **_signed(best),
        "at_from": _standing(told, dispute.query.from_ms),
        "at_until": _standing(told, dispute.query.until_ms),
        "steps": [{"level": _level(step), "word": _word(step), **_signed(step)} for step in told.steps],
        "claims": list(claims.claims(dispute, notice, told)),
    }


def _standing(told: Told, moment_ms: int) -> dict[str, Any]:
    """What was in the log by then; `not_excluded`: leaves that came later and may have been signed by then."""
    step = told.at(moment_ms)
    return {
        "level": _level(step),
        "word": _word(step),
        "leaf": None if step is None else step.entry.index,
        "not_excluded": [later.entry.index for later in told.maybe_by(moment_ms)],
    }


def _level(step: Step | None) -> str:
    return "nothing" if step is None else step.level.value


def _word(step: Step | None) -> str | None:
    return None if step is None or step.word is None else step.word.value


def _signed(step: Step | None) -> dict[str, Any]:
    """On whose signature, and the interval: `not_after` is the relay's stamp, `witnessed_before` the quorum's time."""
    if step is None:
        names = (
            "not_before",
            "not_after",
            "witnessed_before",
            "witnesses",
            "witnesses_doubted",
            "signed_by",
            "leaf",
            "key",
            "held",
        )
        return dict.fromkeys(names)
    quorum = step.witnessed
    return {
        "not_before": None if step.not_before_ms is None else to_wire(step.not_before_ms),
        "not_after": to_wire(step.stamp_ms),
        "witnessed_before": None if quorum is None else to_wire(quorum.before_ms),
        "witnesses": None if quorum is None else list(quorum.parties),
        "witnesses_doubted": [] if quorum is None else list(quorum.doubted),
        "signed_by": step.kid,
        "leaf": step.entry.index,
        "key": step.key,
        "held": step.held,
    }


def _act(ledger: Ledger, act: Act) -> dict[str, Any]:
    opened = act.entry.opened
    return {
        "leaf": act.entry.index,
        "at": to_wire(act.entry.stamp_ms),
        "by": opened.party,
        "what": act.what,
        "says": claims.act(ledger, act),
        "signed_by": opened.kid,
    }
