"""A view (view.py) in lines for people: each notice with what became of it, then what the party was told. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def lines(view: Document) -> Iterator[str]:
    """The whole view; the first line says whose it is and of when."""
    notices, alerts = len(view["notices"]), len(view["alerts"])
    yield f"{view['party']} at {_at(view['at'])}: {view['leaves']} leaves, {notices} notices, {alerts} alerts"
    for notice in view["notices"]:
        yield from _notice(notice)
    for told in view["told_by_voice"]:
        answers = ", ".join(_answer(one) for one in told["answers"]) or "not answered"
        yield f'  told by voice by {told["told"]["by"]}, {_at(told["told"]["at"])}: "{told["readback"]}"; {answers}'
    for alert in view["alerts"]:
        yield f"  {_alert(alert)}"
    for finding in view["findings"]:
        over = f", over {_at(finding['cleared_at'])}" if finding["cleared_at"] else ""
        yield f"  finding {finding['kind']} {_at(finding['raised_at'])}{over}: {finding['detail']}"


def _notice(notice: Document) -> Iterator[str]:
    head = f"{notice['precedence']} {notice['kind']} {notice['nid'][:13]} {notice['author']} -> {notice['to']}"
    hand = _hand(notice["signed"])
    shown = "" if notice["released_at"] == notice["signed"]["at"] else f", shown from {_at(notice['released_at'])}"
    yield f"  {head}: {_at(notice['signed']['at'])} by {hand}{shown}"
    for one in notice["deliveries"]:
        yield f"    {one['addressee']}: {'; '.join(_delivery(one))}"


def _delivery(one: Document) -> Iterator[str]:
    if one["via"] is not None:
        for stage in ("received", "displayed"):
            if one[f"via_{stage}"] is not None:
                yield f"{one['via']} {stage} {_signed(one[f'via_{stage}'])}"
        for passed in one["forwarded"]:
            how = "over the channel" if passed["by_channel"] else "by voice, its own word"
            yield f"passed on by {passed['by']} {how} {_signed(passed)}"
    for stage in ("received", "displayed"):
        if one[stage] is not None:
            yield f"{stage} {_signed(one[stage])}"
    for answer in one["answers"]:
        yield _answer(answer)
    for owed in one["owed"]:
        late = "OVERDUE since" if owed["overdue"] else "due"
        yield f"{owed['by']} owes {_OWED[owed['what']]}, {late} {_at(owed['due_at'])}"
    if one["end"] != "open":
        yield one["outcome"].replace("_", " ")


_OWED = {"receipt": "a receipt", "forward": "to pass it on", "answer": "an answer"}


def _answer(answer: Document) -> str:
    return f"{answer['word']} {_signed(answer)}"


def _signed(statement: Document) -> str:
    return f"{_at(statement['at'])} by {_hand(statement)}"


def _hand(statement: Document) -> str:
    """`a machine key`, `a desk key (held by a machine)`, and the mark of one that its party doubts."""
    held = " (held by a machine)" if statement["key"] == "desk" and statement["held"] == "machine" else ""
    since = statement.get("compromised_since")
    doubt = "" if since is None else f" (called compromised since leaf {since})"
    return f"{statement['by']}'s {statement['key']} key{held}{doubt}"


def _alert(alert: Document) -> str:
    about = "" if alert["notice"] is None else f" on {alert['notice'][:13]}"
    state = f"over {_at(alert['cleared_at'])}" if alert["cleared_at"] else "standing"
    acked = f", acknowledged {_at(alert['acknowledged_at'])}" if alert["acknowledged_at"] else ""
    fault = f"{alert['stage']} ({alert['rung']}, round {alert['round']}) of {alert['fault']}"
    return f"told {_at(alert['raised_at'])}: {fault}{about}, {state}{acked}"


def _at(wire: str) -> str:
    """To the second: a FLASH is answered within a minute."""
    return f"{wire[:10]} {wire[11:19]}Z"
