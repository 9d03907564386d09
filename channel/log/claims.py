"""What a verified bundle proves and what it does not, in plain words: never more than the signatures say.

The rules are those of protocol.md section 15: a machine's `received` is not a person's knowledge, a forwarding by voice
is the intermediary's word alone, silence is not ignorance, and a key that a machine holds is nobody's hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from channel.log.answers import Judged
from channel.log.case import FOUNDING, Case, CaseLeaf
from channel.log.cosignature import quorum_time
from channel.protocol import ids
from channel.protocol.keys import KeyRing
from channel.protocol.statements import (
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Call,
    Charter,
    Finding,
    Forwarding,
    LineStatement,
    Notice,
    Receiving,
    Stage,
    Word,
)
from channel.protocol.times import to_wire


def moment(ms: int) -> str:
    """A time for people to read, in whole seconds if it is one; also for times that no calendar holds."""
    try:
        return to_wire(ms).replace(".000Z", "Z")
    except (OverflowError, ValueError):
        return f"{ms} ms after 1970"


def proven(case: Case, answers: Mapping[int, Judged]) -> Iterator[str]:
    """One sentence for each thing that the bundle shows, the notice first. `answers`: judged, by leaf."""
    before = _before(case)
    for leaf in (case.notice, *(leaf for leaf in case.leaves if leaf is not case.notice)):
        says = _says(case, leaf, answers.get(leaf.index))
        if says is None:
            continue
        kid = leaf.opened.kid
        stamped = f"at leaf {leaf.index}; stamped {moment(leaf.stamp_ms)} by the relay"
        yield f"{_key(case, kid)} {says} {stamped}{before}{_after(leaf)}{_marked(case, kid, leaf.index)}"
    for index in case.receipts:
        yield f"the relay gave a receipt for leaf {index} that agrees with its log"
    yield f"the log signed for these leaves, in this order and with these stamps, under its root of {case.size} leaves"
    yield from witnessed(case.times, case.size, case.charter.terms.quorum)
    for inner in case.disclosed:
        yield (
            f"the disclosed inner notice is the content of {_named(inner.outer)}: its hash is the one that is named "
            f"there; {_key(case, inner.kid)} signed it{_marked(case, inner.kid, inner.outer.index)}"
        )


def _marked(case: Case, kid: str, index: int) -> str:
    """Whether its own party doubts what the key signed there (protocol.md 5.5)."""
    since = case.ring.doubted(kid, index)
    return "" if since is None else f"; its party later called this key compromised since leaf {since}"


def _named(leaf: CaseLeaf) -> str:
    body = leaf.opened.body
    return f"notice {body.nid} at leaf {leaf.index}" if isinstance(body, Addressed) else f"leaf {leaf.index}"


def _before(case: Case) -> str:
    at_s = quorum_time(case.times, case.charter.terms.quorum)
    return "" if at_s is None else f"; before {_before_second(at_s)}"


def _before_second(at_s: int) -> str:
    """A cosignature's time is cut to the second: what it covers was there before the next one."""
    return moment((at_s + 1) * 1000)


def _after(leaf: CaseLeaf) -> str:
    seen = getattr(leaf.opened.body, "seen", None)
    if seen is None or seen.size == 0 or leaf.opened.party == ids.RELAY:
        return ""
    return f"; its signer names a log of {seen.size} leaves as seen"


def witnessed(times: Mapping[str, int], size: int, quorum: int, doubtful: Collection[str] = ()) -> Iterator[str]:
    """Who had verified the log, and before when. `doubtful`: parties that call their witness key compromised there."""
    if times:
        marks = dict.fromkeys(doubtful, ", a key that its party calls compromised by then")
        yield f"witnesses had verified this log up to {size} leaves: {_cosigned(times, quorum, marks)}"


def witnessed_by_charter(times: Mapping[str, int], quorum: int) -> Iterator[str]:
    """Where no key chain tells whether the charter's witness keys were still valid."""
    if times:
        yield f"it is cosigned with the charter's witness keys of {_cosigned(times, quorum, {})}"


def keys_of_charter(times: Mapping[str, int], size: int) -> Iterator[str]:
    """What such cosignatures leave open."""
    if times:
        named = ", ".join(sorted(times))
        yield (
            f"that the witnesses themselves had verified it: no key chain is here that shows that the keys of {named} "
            f"were not withdrawn before leaf {size}"
        )


def _cosigned(times: Mapping[str, int], quorum: int, marks: Mapping[str, str]) -> str:
    named = ", ".join(
        f"{party} before {_before_second(at)}{marks.get(party, '')}" for party, at in sorted(times.items())
    )
    return f"{named} (the charter asks for {quorum})"


def _key(case: Case, kid: str) -> str:
    party = ids.kid_party(kid)
    if party == ids.RELAY and not ids.is_desk_kid(kid):
        return "the relay"
    kind = "desk" if ids.is_desk_kid(kid) else "machine" if ids.is_machine_kid(kid) else ids.kid_purpose(kid)
    held = " (held by a machine)" if kind == "desk" and case.ring.record(kid).held == "machine" else ""
    return f"{party}'s {kind} key{held}"


def _says(case: Case, leaf: CaseLeaf, judged: Judged | None) -> str | None:
    """What the signature says; None for the key chain. `judged`: what is to be said of an answer."""
    match leaf.opened.body:
        case Addressed() as body if leaf is case.notice:
            return f"signed {_name(body)} to {_addressees(body)}"
        case Receiving(stage=stage):
            return f"signed that it was {stage.value}"
        case Answer() as body:
            until = f" until {body.until}" if body.until else ""
            corrects = ", correcting an earlier answer" if body.corrects else ""
            quoted = ", quoting the hash of what was sealed" if body.pt and body.pt == _sealed(case) else ""
            remarks = "".join(f", {remark}" for remark in judged.remarks) + "," if judged and judged.remarks else ""
            return f"signed {body.word.value} to it{until}{corrects}{quoted}{remarks}"
        case Forwarding(by="channel", to=to):
            return f"signed that it passed it on to {to} over the channel"
        case Forwarding(to=to, voice=voice):
            told = f" ({voice.role}, {voice.contact}, at {voice.at})" if voice else ""
            return f"says that it told {to} by voice{told}"
        case Alert() as body:
            return f"signed the alert `{body.stage}`, due at {body.due}, with {body.fault}"
        case Acknowledgement(alert=alert):
            return f"acknowledged alert {alert}"
        case Finding(kind=kind, state=state):
            return f"signed the finding `{kind}`, {state}, that rests on it"
        case LineStatement(action=action):
            return f"signed `{action}` to it"
        case Notice(withdraws=withdraws, nid=nid):
            return f"{'withdrew' if withdraws else 'amended'} it by notice {nid}"
        case _:
            return None


def _sealed(case: Case) -> str | None:
    body = case.notice.opened.body
    return body.sealed.pt if isinstance(body, Notice) and body.sealed else None


def _name(body: Addressed) -> str:
    match body:
        case Notice(kind=kind, status=status):
            said = "sealed notice" if body.sealed else kind.value  # the outer's kind is a cover
            what = said if status == "operation" else f"{status} {said}"
        case LineStatement(line=line, version=version):
            what = f"line {line} version {version}"
        case Call():
            what = "call"
        case _:
            what = body.TYPE
    return f"the {what} {body.nid} ({body.precedence.value})"


def _addressees(body: Addressed) -> str:
    action = [f"{to.party} via {to.via}" if to.via else to.party for to in body.to]
    return ", ".join([*action, *(f"{party} (for information)" for party in body.info)])


# --- what is not proven ---------------------------------------------------------------------------------------------


def unproven(case: Case, answers: Mapping[int, Judged]) -> Iterator[str]:
    """One clause for each thing that a reader might take the bundle for and that it does not show."""
    if not case.pinned:
        yield "that this is the charter which the parties signed: none was given to compare with"
    yield from of_trial(case.charter)
    body = case.notice.opened.body
    if isinstance(body, Addressed):
        counting = {index for index, judged in answers.items() if judged.counts}
        for party in (*(to.party for to in body.to), *body.info):
            yield from _of_addressee(case, party, counting)
    yield from _of_keys(case)
    yield from _of_witnesses(case)
    sealed = _sealed(case)
    if sealed is not None and sealed not in {inner.of for inner in case.disclosed}:
        yield "what the sealed notice says: only its hashes are here"
    yield "that what the notice says is true"
    yield "that nothing else was signed about it: a bundle holds what its maker could read"


def of_trial(charter: Charter) -> Iterator[str]:
    """What a trial net's charter says of it (protocol.md 5.2): every report on such a net says so."""
    if charter.trial:
        yield "anything between parties: by its charter this net is a trial, made by one hand"


def of_machines(ring: KeyRing, signers: Iterable[str]) -> Iterator[str]:
    """Desk keys that machines hold, of those that signed: their statements are nobody's hand (protocol.md 4.3)."""
    held = sorted({kid for kid in signers if ids.is_desk_kid(kid) and ring.record(kid).held == "machine"})
    if held:
        yield f"that a person signed with {', '.join(held)}: by their enrolment machines hold these keys"


def _of_witnesses(case: Case) -> Iterator[str]:
    if case.uncounted:
        yield (
            f"what {case.uncounted} cosignatures show: no word of the relay confirms the key chain up to the "
            f"checkpoint's {case.size} leaves, so a witness key may have been withdrawn before it"
        )
        yield "that nobody was shown another log, and times better than the relay's own: none of them counts here"
    else:
        yield from shown_alike(len(case.times), case.charter.terms.quorum)
    yield "that no withdrawal of a key was left out here: that the key chain is whole is the relay's signed word"
    known = min(case.attested, case.size) - 1
    yield f"that no key in it was withdrawn or called compromised after leaf {known}: beyond it nothing here says so"


def without_doubtful(times: Mapping[str, int], quorum: int, doubtful: Collection[str]) -> Iterator[str]:
    """Where a quorum is one only with keys that their parties call compromised."""
    sound = [party for party in times if party not in doubtful]
    if len(times) >= quorum > len(sound):
        named = ", ".join(sorted(set(times) & set(doubtful)))
        yield f"that a quorum had verified it, if the compromised witness keys of {named} are not counted"


def _of_addressee(case: Case, party: str, counting: Collection[int]) -> Iterator[str]:
    """`counting`: the leaves of those answers that nothing here keeps from counting."""
    own = [leaf for leaf in case.leaves if leaf.opened.party == party and not isinstance(leaf.opened.body, FOUNDING)]
    answers = [leaf.opened for leaf in own if isinstance(leaf.opened.body, Answer)]
    words = {leaf.opened.body.word for leaf in own if isinstance(leaf.opened.body, Answer) and leaf.index in counting}
    stages = {leaf.opened.body.stage for leaf in own if isinstance(leaf.opened.body, Receiving)}
    voices = [leaf.opened for leaf in case.leaves if _by_voice(leaf, party)]
    if voices and not (answers or stages):
        yield f"that {party} was told: a forwarding by voice is the word of {voices[0].party} alone"
    if not answers:
        yield f"that {party} answered: no answer by it is here"
    elif not words:
        yield f"that {party} answered: no answer by it that counts is here"
    elif words == {Word.STANDBY}:
        after = "nothing after it" if len(answers) == 1 else "nothing after it that counts"
        yield f"that {party} answered for good: it signed STANDBY and {after} is here"
    if answers:
        if all(case.ring.record(opened.kid).held == "machine" for opened in answers):
            yield f"that a person of {party} answered: by its enrolment a machine holds this desk's key"
    elif Stage.DISPLAYED in stages:
        yield f"that a person of {party} read it: `displayed` is the word of its desk"
    elif stages:
        yield f"that a person of {party} knew of it: `received` is a machine's word"
    elif own:
        signed = ", ".join(dict.fromkeys(leaf.opened.type for leaf in own))
        yield f"that a person of {party} read it: of what it signed about it only this is here: {signed}"
    elif not voices:
        yield f"that {party} had it, or had it not: nothing signed by {party} is here, and silence is not ignorance"


def _by_voice(leaf: CaseLeaf, party: str) -> bool:
    body = leaf.opened.body
    return isinstance(body, Forwarding) and body.to == party and body.by == "voice"


def _of_keys(case: Case) -> Iterator[str]:
    for leaf in case.leaves:
        if case.ring.doubted(leaf.opened.kid, leaf.index) is not None:
            yield f"that it was {leaf.opened.party} who used {leaf.opened.kid} at leaf {leaf.index}"
    for inner in case.disclosed:
        if case.ring.doubted(inner.kid, inner.outer.index) is not None:
            party = ids.kid_party(inner.kid)
            yield f"that it was {party} who used {inner.kid} for the content of {_named(inner.outer)}"


def shown_alike(count: int, quorum: int) -> Iterator[str]:
    """What so many cosignatures do not show."""
    if count < quorum:
        yield (
            f"that nobody was shown another log, and times better than the relay's own: {count} witnesses cosigned "
            f"this checkpoint, the charter asks for {quorum}"
        )
    else:
        yield "that nobody was shown another log by a relay and witnesses in concert"
