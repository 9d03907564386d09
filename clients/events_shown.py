"""What `watch` prints for each event of a running client: lines for a person, or one document. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from channel.ledger import wording
from channel.ledger.records import Entry
from channel.protocol.statements import Alert, Answer, Finding, Receiving, Refusal
from clients import documents, render
from clients.core.events import (
    AlarmCleared,
    AlarmRaised,
    AlertRepeated,
    Event,
    LeafSeen,
    LinkDown,
    LinkUp,
    SealedOpened,
    Settled,
    Stopped,
)
from clients.documents import Document
from clients.render import View


def ends(event: Event) -> bool:
    """Whether nothing more can come after it."""
    return isinstance(event, Stopped)


def lines(view: View, event: Event) -> Iterator[tuple[str, str]]:
    """(text, style) of an event; none for what is told by another."""
    match event:
        case LeafSeen(index=index):
            entry = view.ledger.entries[index]
            first, *more = wording.entry_lines(view.ledger, entry, view.command)
            yield first, _style(view, entry)
            yield from ((line, render.DONE) for line in more)
        case AlarmRaised(alarm=alarm):
            yield f"!! ALARM of this client, {alarm.code} {alarm.subject}: {alarm.detail}", render.ALARM
        case AlarmCleared(alarm=alarm):
            yield f"over: {alarm.code} {alarm.subject}", render.DONE
        case AlertRepeated(record=record):
            yield wording.alert_line(view.ledger, record, view.now_ms, view.command), render.ALARM
        case LinkUp():
            yield "connected", render.DONE
        case LinkDown(why=why):
            yield f"not connected: {why}; what is sent waits in this home", render.ALARM
        case Stopped():
            yield "!! STOPPED: the relay showed two histories of the log", render.ALARM
        case SealedOpened(of=of):
            notice = view.ledger.notices[of]
            yield f"opened: {wording.notice_line(view.ledger, notice)}", render.STYLES[notice.body.precedence.value]
        case Settled():
            return  # the leaf itself, or the refusal's, says it


def _style(view: View, entry: Entry) -> str:
    match entry.opened.body:
        case Alert() | Refusal():
            return render.ALARM
        case Finding() as body:
            return render.STYLES[body.precedence.value] if body.state == "raised" else render.DONE
        case Answer():
            return render.DONE
        case Receiving():
            return render.FAINT
        case _:
            record = view.ledger.notices.get(entry.opened.of)
            return render.STYLES[record.body.precedence.value] if record is not None else ""


def document(view: View, event: Event) -> Document:
    """An event as one JSON document; `event` names its kind."""
    match event:
        case LeafSeen(n=n, index=index, stamp_ms=stamp_ms, opened=opened):
            entry = view.ledger.entries[index]
            text = "\n".join(wording.entry_lines(view.ledger, entry, view.command))
            kind = getattr(opened.body, "TYPE", "")
            head = {"n": n, "index": index, "stamp": stamp_ms, "type": kind, "by": opened.party}
            return {"event": "leaf", **head, "token_sha256": opened.of, "text": text}
        case AlarmRaised(alarm=alarm, at_ms=at_ms) | AlarmCleared(alarm=alarm, at_ms=at_ms):
            name = "alarm" if isinstance(event, AlarmRaised) else "alarm-over"
            return {"event": name, "at": at_ms, "code": alarm.code, "subject": alarm.subject, "detail": alarm.detail}
        case AlertRepeated(record=record, at_ms=at_ms):
            return {"event": "alert-repeated", "at": at_ms, "alert": documents.alert(view.ledger, view.me, record)}
        case LinkUp(at_ms=at_ms):
            return {"event": "connected", "at": at_ms}
        case LinkDown(at_ms=at_ms, why=why):
            return {"event": "disconnected", "at": at_ms, "why": why}
        case Stopped(proof=proof):
            return {"event": "stopped", "proof": dict(proof)}
        case SealedOpened(of=of, at_ms=at_ms):
            notice = view.ledger.notices[of]
            text = wording.notice_line(view.ledger, notice)
            return {"event": "opened", "at": at_ms, "nid": notice.nid, "token_sha256": of, "text": text}
        case Settled(of=of, state=state):
            return {"event": "settled", "token_sha256": of, "state": state}
