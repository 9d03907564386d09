"""For each code a scenario that gets it: what is said before, then the statement that is refused or told to wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from channel.protocol import ids, limits
from channel.protocol.times import to_wire
from tests.unit.relay.lab import HOUR, MINUTE, T0_MS, Lab, Said, addressees, public_key, volume

Scenario = Callable[[Lab], Said]
DAY = 24 * HOUR
BOW = (400_000_000, 350_000_009)  # makes a bow-tie of three others
NOWHERE = ids.sha256(b"nobody ever said this")
SCENARIOS: dict[str, list[Scenario]] = {}


def gets(code: str) -> Callable[[Scenario], Scenario]:
    """File a scenario under the code that its last statement gets."""

    def file(scenario: Scenario) -> Scenario:
        SCENARIOS.setdefault(code, []).append(scenario)
        return scenario

    return file


def in_volume(shape: dict[str, Any] | None = None, begin: int = HOUR, end: int = 2 * HOUR, **more: Any) -> Scenario:
    """A notice with that one volume."""
    return lambda lab: lab.notice(
        "coalition", "russia", volumes=[volume(T0_MS + begin, T0_MS + end, shape)], **{"kind": "intent", **more}
    )


def circle(lon_e7: int, lat_e7: int, radius_m: int = 2000) -> dict[str, Any]:
    return {"type": "circle", "center": [lon_e7, lat_e7], "radius_m": radius_m}


def ring(*positions: tuple[int, int]) -> dict[str, Any]:
    return {"type": "polygon", "rings": [list(positions)]}


def path(vertices: int) -> dict[str, Any]:
    return {"type": "line", "path": [[i, 0] for i in range(vertices)], "width_m": 0}


# --- keys, desks, founding --------------------------------------------------------------------------------------------


@gets("key-not-valid")
def signed_by_a_revoked_key(lab: Lab) -> Said:
    lab.say("sdf", "revocation", kid="sdf/sig/machine-1", reason="lost", keys=lab.folded.ledger.ring.chain)
    return lab.notice("sdf", "coalition")


@gets("key-not-valid")
def revoked_twice(lab: Lab) -> Said:
    lab.say("sdf", "revocation", kid="sdf/sig/machine-1", reason="lost", keys=lab.folded.ledger.ring.chain)
    return lab.say("sdf", "revocation", kid="sdf/sig/machine-1", reason="", keys=lab.folded.ledger.ring.chain)


@gets("key-exists")
def enrolled_twice(lab: Lab) -> Said:
    return lab.say("sdf", "key", key=public_key("sdf/sig/machine-1"), keys=lab.folded.ledger.ring.chain)


@gets("key-exists")
def enrolled_anothers_key_as_its_own(lab: Lab) -> Said:
    key = public_key("sdf/wit/2") | {"pub": public_key("russia/wit/1")["pub"]}
    return lab.say("sdf", "key", key=key, keys=lab.folded.ledger.ring.chain)


@gets("keys-full")
def one_key_more_than_there_is_room_for(lab: Lab) -> Said:
    ring = lab.folded.ledger.ring
    own = len(ring.of_party("sdf"))
    for n in range(limits.NET_KEYS_MAX // 4 - own):
        if n % 100 == 0:
            lab.at(n * MINUTE)
        said = lab.say("sdf", "key", key=public_key(f"sdf/sig/machine-x{n}"), keys=ring.chain)
        assert said.index is not None
    return lab.say("sdf", "key", key=public_key("sdf/sig/machine-last"), keys=ring.chain)


@gets("wrong-party")
def enrolled_for_another_party(lab: Lab) -> Said:
    return lab.say("sdf", "key", key=public_key("regime/sig/machine-2"), keys=lab.folded.ledger.ring.chain)


@gets("wrong-key")
def enrolled_a_weak_key(lab: Lab) -> Said:
    weak = {**public_key("sdf/sig/machine-2"), "pub": ids.b64url(bytes(32))}
    return lab.say("sdf", "key", key=weak, keys=lab.folded.ledger.ring.chain)


@gets("wrong-key")
def signed_in_the_name_of_another_desk(lab: Lab) -> Said:
    return lab.say("sdf", "check", state="on-watch", desk="staff")


@gets("unknown-key")
def revoked_what_was_never_enrolled(lab: Lab) -> Said:
    return lab.say("sdf", "revocation", kid="sdf/sig/machine-9", reason="", keys=lab.folded.ledger.ring.chain)


@gets("unknown-key")
def revoked_another_partys_key(lab: Lab) -> Said:
    return lab.say("sdf", "revocation", kid="russia/sig/machine-1", reason="", keys=lab.folded.ledger.ring.chain)


@gets("keys-outdated")
def enrolled_against_an_older_chain(lab: Lab) -> Said:
    chain = lab.folded.ledger.ring.chain
    lab.say("coalition", "key", key=public_key("coalition/sig/machine-3"), keys=chain)
    return lab.say("coalition", "key", key=public_key("coalition/sig/machine-2"), keys=chain)


@gets("unknown-desk")
def signed_for_a_desk_that_is_not(lab: Lab) -> Said:
    return lab.notice("sdf", "coalition", desk="night")


@gets("relay-only")
def a_suspension_by_the_operator(lab: Lab) -> Said:
    return lab.say("relay", "suspension", action="suspend", reason="", label="sig/desk-operations")


@gets("wrong-charter")
def acceded_to_another_charter(lab: Lab) -> Said:
    return lab.say("sdf", "accession", charter=NOWHERE)


@gets("already-acceded")
def acceded_twice(lab: Lab) -> Said:
    return lab.accede("sdf")


@gets("issued-ahead")
def issued_too_far_ahead(lab: Lab) -> Said:
    return lab.notice("sdf", "coalition", issued=to_wire(lab.now_ms + 10 * MINUTE + 1))


# --- addressees -------------------------------------------------------------------------------------------------------


def to(*names: str, info: tuple[str, ...] = ()) -> Scenario:
    return lambda lab: lab.notice("coalition", *names, info=list(info))


gets("no-addressee")(to())
gets("unknown-addressee")(to("atlantis"))
gets("unknown-addressee")(to("regime via atlantis"))
gets("unknown-addressee")(to("russia", info=("relay",)))
gets("self-address")(to("coalition"))
gets("self-address")(to("russia", info=("coalition",)))
gets("self-address")(to("regime via coalition"))
gets("duplicate-addressee")(to("russia", "russia"))
gets("duplicate-addressee")(to("russia", info=("russia",)))
gets("duplicate-addressee")(to("regime", "regime via russia"))
gets("via-invalid")(to("regime via regime"))


@gets("suspended")
def sent_by_a_party_that_has_suspended(lab: Lab) -> Said:
    lab.say("russia", "suspension", action="suspend", reason="")
    return lab.notice("russia", "coalition")


@gets("suspended")
def sent_to_a_party_that_has_suspended(lab: Lab) -> Said:
    lab.say("russia", "suspension", action="suspend", reason="")
    return lab.notice("coalition", "russia")


@gets("suspended")
def sent_via_a_party_that_has_suspended(lab: Lab) -> Said:
    lab.say("russia", "suspension", action="suspend", reason="")
    return lab.notice("coalition", "regime via russia")


# --- windows and areas ------------------------------------------------------------------------------------------------

gets("window-invalid")(in_volume(begin=HOUR, end=HOUR))
gets("window-past")(in_volume(begin=-2 * HOUR, end=0))
gets("window-too-long")(in_volume(begin=0, end=366 * DAY + 1))
gets("window-too-far")(in_volume(begin=366 * DAY + 1, end=366 * DAY + HOUR))
gets("volume-invalid")(
    in_volume(ring((400_000_000, 350_000_000), (400_000_009, 350_000_009), (400_000_009, 350_000_000), BOW))
)
gets("volume-antimeridian")(in_volume(circle(1_799_999_999, 350_000_000)))
gets("volume-pole")(in_volume(circle(400_000_000, 899_999_000)))
gets("too-many-vertices")(
    lambda lab: lab.notice(
        "coalition", "russia", volumes=[volume(T0_MS, T0_MS + HOUR, path(600)), volume(T0_MS, T0_MS + HOUR, path(600))]
    )
)


def line_members(lab: Lab, *names: str, **members: Any) -> dict[str, Any]:
    fixed = {
        "nid": lab.nid(), "precedence": "ROUTINE", "to": addressees(*names), "info": [], "line": "euphrates",
        "version": 1, "action": "propose", "title": "River", "keeps": [], "excluded": [], "precision_m": 200,
        "parts": [[[401_500_000, 353_300_000], [402_500_000, 352_300_000]]], "from_time": to_wire(T0_MS),
        "beyond": "", "text": "",
    }  # fmt: skip
    return {**fixed, **members}


@gets("volume-invalid")
def a_line_without_length(lab: Lab) -> Said:
    return lab.say("coalition", "line", **line_members(lab, "russia", parts=[[[1, 1], [1, 1]]]))


@gets("window-invalid")
def a_call_that_ended_before_it_began(lab: Lab) -> Said:
    return lab.say(
        "coalition", "call", nid=lab.nid(), precedence="FLASH", to=addressees("russia"), info=[], level="operations",
        began=to_wire(T0_MS + 1), ended=to_wire(T0_MS), desks=[{"party": "russia", "desk": "staff"}], readout="",
    )  # fmt: skip


# --- temporary --------------------------------------------------------------------------------------------------------


@gets("quota")
def more_notices_than_the_lane(lab: Lab) -> Said:
    for _ in range(3):
        lab.notice("coalition", "russia", precedence="ROUTINE")
    return lab.notice("coalition", "russia", precedence="ROUTINE")


@gets("quota")
def more_flash_than_its_lane(lab: Lab) -> Said:
    for _ in range(2):
        lab.notice("coalition", "russia")
    return lab.notice("coalition", "russia")
