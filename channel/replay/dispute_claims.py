"""What a dispute report says, in sentences: each exactly as strong as the signature under it (protocol.md section 15).

Here are no facts and no layout. A machine's receipt is not a person's knowledge; a forwarding by voice is the
intermediary's word; silence is not ignorance; a key that a machine holds is nobody's hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from channel.ledger import wording
from channel.ledger.ledger import Ledger
from channel.log.claims import moment
from channel.log.report import Report, Verdict
from channel.protocol.statements import (
    Acknowledgement,
    Alert,
    Call,
    Finding,
    Forwarding,
    Notice,
    Word,
)
from channel.protocol.times import from_wire
from channel.replay.dispute import Act, Dispute, Disputed, Level, Step, Told

METHOD = (
    "Every sentence here rests on statements that the parties signed and that are in the log, and goes no further than "
    "the statement does.",
    "What is proven of a party and a notice is, from least to most: nothing; in the log; forwarded by voice; forwarded "
    "by channel; received by a machine; passed on; displayed at a desk; answered.",
    "A time is an interval: not before the stamp of the newest leaf that the signer names as seen, not after the "
    "relay's stamp of the statement, and before the second in which the charter's quorum of witnesses had cosigned it.",
    "Keys count by their position in the log, and desks' keys, which speak for a person on watch, are told apart from "
    "machines' keys; a desk's key that a machine holds is named as such.",
    "That something is not in the log shows only that: silence is not ignorance, and a machine's receipt is not a "
    "person's knowledge.",
)

_LEVELS = {
    Level.NOTHING: "nothing",
    Level.IN_LOG: "in the log",
    Level.BY_VOICE: "forwarded by voice",
    Level.BY_CHANNEL: "forwarded by channel",
    Level.RECEIVED: "received by a machine",
    Level.PASSED_ON: "passed on",
    Level.DISPLAYED: "displayed at its desk",
    Level.ANSWERED: "answered",
}


def level(step: Step | None) -> str:
    """`received by a machine`, `answered WILCO`."""
    if step is None:
        return _LEVELS[Level.NOTHING]
    return _LEVELS[step.level] + (f" {step.word.value}" if step.word is not None else "")


def interval(step: Step) -> str:
    """`not before 00:38:00Z; in the log at 00:41:00Z by the relay's stamp; witnessed before 00:41:01Z`, with dates."""
    after = f"not before {moment(step.not_before_ms)}; " if step.not_before_ms is not None else "no earliest time; "
    quorum = step.witnessed
    seen = f"; witnessed before {moment(quorum.before_ms)}" if quorum is not None else "; no quorum of witnesses"
    seen += ", and not so without keys that were called compromised" if quorum is not None and not quorum.sound else ""
    return f"{after}in the log at {moment(step.stamp_ms)} by the relay's stamp{seen}"


def signature(step: Step) -> str:
    """`russia/sig/machine-1 (machine), leaf 117`."""
    held = " key held by a machine" if step.key == "desk" and step.held == "machine" else ""
    return f"{step.kid} ({step.key}{held}), leaf {step.entry.index}"


def _time(text: str) -> str:
    return moment(from_wire(text))


# --- one party and one notice -----------------------------------------------------------------------------------------


def claims(dispute: Dispute, notice: Disputed, told: Told) -> Iterator[str]:
    """The sentences: what is shown in the end, then what was in the log when the time in dispute began."""
    yield from _shown(notice, told)
    yield from _not_by(dispute, notice, told)
    for step in told.steps:
        if step.entry.opened.party == told.party:
            yield from _marks(step)


def _shown(notice: Disputed, told: Told) -> Iterator[str]:
    party, best = told.party, told.at()
    if told.role == "intermediary":
        yield f"{party} was not an addressee: it had only to pass the notice on"
    for step in told.steps:
        if step.level in (Level.BY_VOICE, Level.BY_CHANNEL, Level.PASSED_ON):
            yield _forwarded(step)
    if best is None:
        yield (
            f"no statement of {told.via} that it passed this notice on to {party} is in the log, and the channel gave "
            f"{party} nothing of it: this does not show that {party} did not know"
        )
        return
    own = [step for step in told.steps if step.entry.opened.party == party]
    if not own:
        yield f"no statement of {party} about this notice is in the log: this does not show that {party} did not know"
        return
    last = own[-1] if best not in own else best
    if last.level is Level.ANSWERED:
        yield from _answered(told, best)
    elif last.level is Level.DISPLAYED:
        desk = getattr(last.entry.opened.body, "desk", "")
        whose = "the word of the desk, not of an eye" if last.key == "desk" else "a machine's word, not a desk's"
        yield f"{_signer(last)} signed that the notice was displayed at its desk {desk}: this is {whose}"
    elif any(step.level is Level.RECEIVED for step in own):
        yield f"a machine of {party} signed that it stored the notice: this is not knowledge by a person"
    if last.key == "desk" and last.held == "machine":
        yield f"by its enrolment a machine holds {last.kid}: it is not shown that a person of {party} acted"
    elif last.key == "desk":
        yield f"the charter says that a person holds {last.kid}; who held it then is not shown"


def _answered(told: Told, best: Step) -> Iterator[str]:
    answers = [step for step in told.steps if step.level is Level.ANSWERED]
    word = best.word.value if best.word is not None else ""
    first = answers[0]
    before = f", after {first.word.value} at leaf {first.entry.index}" if first is not best and first.word else ""
    levels = {step.level for step in told.steps}
    if Level.BY_VOICE in levels and not levels & {Level.BY_CHANNEL, Level.RECEIVED, Level.DISPLAYED}:
        heard = "; nothing in the log shows that it had more of it than what it was told by voice"
        yield f"{_signer(best)} gave the word {word} on the notice of this hash{before}{heard}"
    else:
        yield f"{_signer(best)} gave the word {word} on exactly these bytes{before}"
    if best.word is Word.STANDBY:
        yield f"no word of {told.party} after STANDBY is in the log"
    elif not best.closes and told.role == "action":
        yield "the answer is in the log as evidence, and did not end what was owed: it came late, or was a wrong word"


def _signer(step: Step) -> str:
    return f"{step.entry.opened.party}'s {step.key} key"


def _forwarded(step: Step) -> str:
    body, by = step.entry.opened.body, step.entry.opened.party
    if not isinstance(body, Forwarding):
        return ""
    if body.voice is None:
        return f"{by} signed that it let the notice through to {body.to}: from then on the channel had it for {body.to}"
    voice, inert = body.voice, wording.inert
    return (
        f"{by} says that it told {body.to} by voice ({inert(voice.role)}, to {inert(voice.contact)}, "
        f"at {_time(voice.at)}): this is {by}'s word, and shows nothing of {body.to}"
    )


def _marks(step: Step) -> Iterator[str]:
    leaf, quorum = step.entry.index, step.witnessed
    if quorum is not None and quorum.doubted:
        named = ", ".join(quorum.doubted)
        rest = "" if quorum.sound else ", and without it there is no quorum"
        yield f"of the witnesses of leaf {leaf}, {named} later called the key compromised{rest}"
    if step.saw_other_log:
        yield f"the signer of leaf {leaf} names as seen another log than this one: compare what its party holds"
    if step.compromised_since is not None:
        yield (
            f"{step.entry.opened.party} later called {step.kid} compromised since leaf {step.compromised_since}: "
            f"it stays a statement of that key, and who used it at leaf {leaf} is not shown"
        )


# --- by the time in dispute -------------------------------------------------------------------------------------------


def _not_by(dispute: Dispute, notice: Disputed, told: Told) -> Iterator[str]:
    """What was in the log of a person's knowledge when the time in dispute began, and what came later."""
    start_ms = dispute.query.from_ms
    then, at = told.at(start_ms), moment(start_ms)
    if then == told.at() or (then is not None and then.level is Level.ANSWERED):
        return
    if notice.record.stamp_ms > start_ms:
        yield f"the notice itself came into the log after the time in dispute began, {at}"
        return
    if then is None:
        had = f"no word that it was passed on to {told.party}"
    elif then.entry.opened.party != told.party:
        had = f"the notice, {level(then)}, and no statement of {told.party} about it"
    else:
        had = f"of {told.party} no more than this: {level(then)}"
    yield f"when the time in dispute began, {at}, the log held {had}"
    if then is None or then.level.rank < Level.DISPLAYED.rank:
        yield (
            f"no statement that was in the log by {at} says that the notice was displayed to a person of {told.party}"
            f" or answered: this does not show that nobody of {told.party} knew"
        )
    yield from _later(told, start_ms)


def _later(told: Told, start_ms: int) -> Iterator[str]:
    maybe = told.maybe_by(start_ms)
    later = [step for step in told.steps if step.stamp_ms > start_ms and step.entry.opened.party == told.party]
    for step in later:
        if step.level.rank < Level.DISPLAYED.rank:
            continue
        open_ = "; whether it was signed before is not shown" if step in maybe else ", and was signed after it"
        which = f"leaf {step.entry.index} ({level(step)})"
        yield f"{which} came into the log after that moment{open_}, by the relay's stamps"


# --- what came after, and what is not shown ---------------------------------------------------------------------------


def act(ledger: Ledger, done: Act) -> str:
    """One sentence on what came after a notice."""
    body, party, inert = done.entry.opened.body, done.entry.opened.party, wording.inert
    match body:
        case Alert():
            told = ", ".join(wording.desk(of) for of in body.told)
            named = f", for {body.addressee}" if body.addressee not in (None, body.fault) else ""
            return (
                f"the relay raised the alert `{body.stage}` on {body.fault}{named}: due {_time(body.due)}; told {told}"
            )
        case Acknowledgement():
            ref = wording.alert_ref(ledger, body.alert)
            return f'{party}/{body.desk} acknowledged alert {ref}: "{inert(body.reason)}"'
        case Call():
            desks = ", ".join(wording.desk(of) for of in body.desks)
            return (
                f"{party} recorded a call of {desks}, {_time(body.began)} to {_time(body.ended)}: "
                f'"{inert(body.readout)}"; the record names no notice'
            )
        case Finding():
            return f"the relay signed the finding `{body.kind}`, {body.state}: {inert(body.detail)}"
        case Notice():
            did = "withdrew" if done.what == "withdrawal" else "amended"
            return f"{party} {did} the notice by notice {body.nid}"
        case _:
            return f"{done.what} by {party}"


VERDICTS = {
    Verdict.VERIFIED: "verified under the charter given",
    Verdict.INCOMPLETE: "nothing wrong found; no charter was given to compare with",
    Verdict.REFUTED: "REFUTED",
}


def log_line(ledger: Ledger, log: Report) -> str:
    """What the report stands on: the log, its charter, and whether it holds."""
    head = f"the log of {ledger.charter.net}, {log.size} leaves, charter {ledger.charter_of}: {VERDICTS[log.verdict]}"
    if log.verdict is not Verdict.REFUTED:
        return head
    return f"{head}. Nothing below can be relied on before the reasons at the end are explained"


def unproven(ledger: Ledger, dispute: Dispute, log: Report) -> Iterator[str]:
    """What a reader might take the report for, and what it does not show."""
    for reason in log.reasons:
        where = "" if reason.leaf is None else f" at leaf {reason.leaf}"
        yield f"that this log is what was signed: `channel verify` refutes it, {reason.code}{where}: {reason.detail}"
    for leaf in dispute.key_not_valid:
        yield f"anything by leaf {leaf}: its key was not valid at its position, so it counts for nothing here"
    for record in dispute.sealed:
        yield (
            f"whether the sealed notice at leaf {record.index}, {record.author} to {wording.addressees(record.body)}, "
            "concerns this area: its outer shows none"
        )
    if dispute.without_area:
        counts = ", ".join(f"{number} {kind}" for kind, number in dispute.without_area.items())
        yield f"whether what has no area of its own spoke of this place: {counts}; read them with `channel replay`"
    if dispute.refused:
        yield f"what was refused said: {dispute.refused} statements were refused, and the log holds only their hashes"
    if dispute.swapped:
        yield (
            "anything, if the area has latitude and longitude in each other's place: swapped, it touches notices of "
            "this log; GeoJSON gives longitude first"
        )
    yield "that no notice was made which never reached the log: its author's own record is the author's side of that"
    yield from log.unproven
