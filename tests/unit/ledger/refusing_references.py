"""Scenarios of refusals for what refers to something in the log: amendments, answers, receivings, forwardings."""

from __future__ import annotations

from channel.protocol import ids
from channel.protocol.times import to_wire
from tests.unit.ledger.refusing import gets, line_members
from tests.unit.relay.lab import HOUR, MINUTE, T0_MS, Lab, Said

NOWHERE = ids.sha256(b"nobody ever said this")

# --- the same twice ---------------------------------------------------------------------------------------------------


@gets("nid-reused")
def another_partys_notice_id(lab: Lab) -> Said:
    nid = lab.nid()
    lab.notice("coalition", "russia", nid=nid)
    return lab.notice("sdf", "coalition", nid=nid)


@gets("equivocation")
def ones_own_notice_id_for_other_bytes(lab: Lab) -> Said:
    nid = lab.nid()
    lab.notice("coalition", "russia", nid=nid)
    return lab.notice("coalition", "russia", nid=nid, text="other")


@gets("equivocation")
def one_number_for_other_bytes(lab: Lab) -> Said:
    lab.notice("coalition", "russia")
    return lab.notice("coalition", "russia", seq=1)


# --- amendments -------------------------------------------------------------------------------------------------------


@gets("not-author")
def withdrew_anothers_notice(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    return lab.notice("russia", "coalition", withdraws=of)


@gets("already-ended")
def amended_what_was_withdrawn(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.notice("coalition", "russia", withdraws=of)
    return lab.notice("coalition", "russia", amends=of)


@gets("already-ended")
def withdrew_what_was_amended(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.notice("coalition", "russia", amends=of)
    return lab.notice("coalition", "russia", withdraws=of)


@gets("addressees-missing")
def left_out_an_information_addressee(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia", info=["sdf"]).of
    return lab.notice("coalition", "russia", withdraws=of)


@gets("wrong-reference")
def amended_and_withdrew_at_once(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    return lab.notice("coalition", "russia", withdraws=of, amends=of)


@gets("wrong-reference")
def withdrew_a_line_by_a_notice(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia")).of
    return lab.notice("coalition", "russia", withdraws=of)


@gets("wrong-reference")
def answered_what_is_no_notice(lab: Lab) -> Said:
    return lab.answer("russia", lab.folded.ledger.charter_of)


@gets("wrong-reference")
def answered_what_was_refused(lab: Lab) -> Said:
    return lab.answer("russia", lab.notice("coalition").of)


@gets("wrong-reference")
def accepted_another_version_of_a_line(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia")).of
    return lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=of, version=2))


@gets("wrong-reference")
def accepted_what_is_no_line(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    return lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=of))


@gets("not-addressee")
def accepted_a_line_between_others(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia")).of
    return lab.say("sdf", "line", **line_members(lab, "coalition", action="accept", of=of))


@gets("not-addressee")
def withdrew_a_line_that_it_was_only_told_of(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia", info=["sdf"])).of
    return lab.say("sdf", "line", **line_members(lab, "coalition", "russia", action="withdraw", of=of))


@gets("wrong-reference")
def accepted_a_line_and_changed_it(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia")).of
    return lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=of, precision_m=300))


@gets("addressees-missing")
def accepted_a_line_behind_anothers_back(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia", "sdf")).of
    return lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=of))


@gets("already-ended")
def accepted_a_line_that_was_withdrawn(lab: Lab) -> Said:
    of = lab.say("coalition", "line", **line_members(lab, "russia")).of
    lab.say("coalition", "line", **line_members(lab, "russia", action="withdraw", of=of))
    return lab.say("russia", "line", **line_members(lab, "coalition", action="accept", of=of))


@gets("window-invalid")
def proposed_a_line_that_ends_before_it_begins(lab: Lab) -> Said:
    return lab.say("coalition", "line", **line_members(lab, "russia", until_time=to_wire(T0_MS)))


# --- answers, receivings, forwardings ---------------------------------------------------------------------------------


@gets("wrong-reference")
def corrected_where_nothing_was_answered(lab: Lab) -> Said:
    return lab.answer("russia", lab.notice("coalition", "russia").of, corrects=NOWHERE)


@gets("wrong-reference")
def corrected_another_answer(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.answer("russia", of)
    return lab.answer("russia", of, "UNABLE", corrects=NOWHERE)


@gets("already-answered")
def answered_twice(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.answer("russia", of)
    return lab.answer("russia", of, "UNABLE")


@gets("already-answered")
def asked_for_time_after_answering(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.answer("russia", of)
    return lab.answer("russia", of, "STANDBY", until=to_wire(T0_MS + HOUR))


@gets("not-addressee")
def answered_a_notice_to_another(lab: Lab) -> Said:
    return lab.answer("sdf", lab.notice("coalition", "russia").of)


@gets("not-addressee")
def answered_for_the_addressee_behind(lab: Lab) -> Said:
    return lab.answer("russia", lab.notice("coalition", "regime via russia").of)


@gets("not-addressee")
def received_a_notice_to_another(lab: Lab) -> Said:
    return lab.received("sdf", lab.notice("coalition", "russia").of)


@gets("own-notice")
def answered_its_own(lab: Lab) -> Said:
    return lab.answer("coalition", lab.notice("coalition", "russia").of)


@gets("own-notice")
def received_its_own(lab: Lab) -> Said:
    return lab.received("coalition", lab.notice("coalition", "russia").of)


@gets("already-received")
def received_twice(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.received("russia", of)
    return lab.received("russia", of)


@gets("already-received")
def received_after_displayed(lab: Lab) -> Said:
    of = lab.notice("coalition", "russia").of
    lab.received("russia", of, "displayed")
    return lab.received("russia", of)


@gets("not-intermediary")
def forwarded_what_goes_via_another(lab: Lab) -> Said:
    return lab.forward("sdf", lab.notice("coalition", "regime via russia").of, "regime")


@gets("not-intermediary")
def forwarded_what_goes_straight(lab: Lab) -> Said:
    return lab.forward("russia", lab.notice("coalition", "regime", "russia").of, "regime")


@gets("already-forwarded")
def forwarded_twice(lab: Lab) -> Said:
    of = lab.notice("coalition", "regime via russia").of
    lab.forward("russia", of, "regime")
    return lab.forward("russia", of, "regime")


@gets("already-forwarded")
def told_by_voice_after_the_channel(lab: Lab) -> Said:
    of = lab.notice("coalition", "regime via russia").of
    lab.forward("russia", of, "regime")
    return lab.forward("russia", of, "regime", "voice")


@gets("already-forwarded")
def forwarded_twice_after_the_answer(lab: Lab) -> Said:
    of = lab.notice("coalition", "regime via russia").of
    lab.answer("regime", of)
    lab.forward("russia", of, "regime")
    return lab.forward("russia", of, "regime")


@gets("alert-not-yours")
def acknowledged_an_alert_between_others(lab: Lab) -> Said:
    lab.notice("coalition", "russia")
    lab.run_to(MINUTE)
    return lab.acknowledge("sdf", lab.alerts()[0][1].alert)
