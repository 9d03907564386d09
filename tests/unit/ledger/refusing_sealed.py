"""Scenarios of refusals of sealed notices, and of answers to them."""

from __future__ import annotations

from channel.protocol import ids
from tests.unit.ledger.refusing import gets
from tests.unit.relay.lab import Lab, Said


@gets("sealed-form")
def a_text_beside_what_is_sealed(lab: Lab) -> Said:
    return lab.sealed("coalition", "russia", text="SECRET")


@gets("sealed-form")
def a_warn_that_gives_the_place_away(lab: Lab) -> Said:
    warn = {"type": "circle", "center": [401_500_000, 353_300_000], "radius_m": 9_999}
    return lab.sealed("coalition", "russia", warn=warn)


@gets("sealed-form")
def a_read_back_that_would_show_the_place(lab: Lab) -> Said:
    return lab.sealed("coalition", "russia", read_back=True)


@gets("sealed-form")
def read_the_place_back_in_clear(lab: Lab) -> Said:
    readback = {
        "place": "SECRET",
        "time": "SECRET",
        "at": [401_500_000, 353_300_000],
        "when": "2017-09-16T00:00:00.000Z",
    }
    return lab.answer("regime", lab.sealed("coalition", "regime").of, "UNABLE", readback=readback)


@gets("sealed-body")
def a_body_to_the_intermediary_too(lab: Lab) -> Said:
    return lab.sealed("coalition", "regime via russia", recipients=("regime/enc/1", "russia/enc/1"))


@gets("sealed-body")
def a_body_that_one_addressee_cannot_open(lab: Lab) -> Said:
    return lab.sealed("coalition", "regime", info=["sdf"], recipients=("regime/enc/1",))


@gets("sealed-body")
def a_body_to_a_key_that_is_not_known(lab: Lab) -> Said:
    return lab.sealed("coalition", "regime", recipients=("regime/enc/9",))


@gets("sealed-body")
def bytes_that_are_no_body(lab: Lab) -> Said:
    outer, _ = lab.sealed_members("regime")
    outer["sealed"] = {**outer["sealed"], "ct": ids.sha256(b"no body")}
    return lab.submit(lab.sign("coalition", "notice", **outer), "coalition", b"no body")


@gets("wrong-pt")
def complied_without_saying_with_what(lab: Lab) -> Said:
    return lab.answer("regime", lab.sealed("coalition", "regime").of)


@gets("wrong-pt")
def understood_what_was_passed_on_without_saying_what(lab: Lab) -> Said:
    of = lab.sealed("coalition", "regime via russia", response="R").of
    lab.forward("russia", of, "regime")
    return lab.answer("regime", of, "ROGER")


@gets("wrong-pt")
def quoted_another(lab: Lab) -> Said:
    return lab.answer("regime", lab.sealed("coalition", "regime").of, "UNABLE", pt=ids.sha256(b"another"))


@gets("wrong-pt")
def quoted_from_a_notice_in_clear(lab: Lab) -> Said:
    return lab.answer("regime", lab.notice("coalition", "regime").of, pt=ids.sha256(b"another"))
