"""The dispute report says of each party and notice what its signatures show, and never more."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from channel.ledger.fold import Folded
from channel.log.merkle import Tree
from channel.log.report import Reason, Report, Verdict
from channel.protocol import ids
from channel.protocol.statements import Acknowledgement, Answer, Call, Forwarding, Receiving, Revocation
from channel.protocol.times import to_wire
from channel.replay.area import read_area
from channel.replay.dispute import Dispute, Query, judge
from channel.replay.dispute_document import document
from channel.replay.dispute_html import page
from channel.replay.reading import Reading
from channel.replay.witnessed import Quorum
from tests.unit.ledger.nets import START_MS, Net

MIN = 60_000
BOX = b'{"type":"Polygon","coordinates":[[[40.19,35.38],[40.22,35.38],[40.22,35.4],[40.19,35.4],[40.19,35.38]]]}'
HERE = {"type": "circle", "center": [402_050_000, 353_900_000], "radius_m": 2000}
AWAY = {"type": "circle", "center": [411_000_000, 353_900_000], "radius_m": 2000}
VOICE = {"role": "watch", "contact": "+000 04 555 0014", "at": to_wire(START_MS), "readback": "35.39 40.205"}


def volume(shape: dict[str, Any], begin_ms: int = START_MS, end_ms: int = START_MS + 60 * MIN) -> dict[str, Any]:
    return {"shape": shape, "from": to_wire(begin_ms), "until": to_wire(end_ms)}


class Case:
    """A net, its tree, and a time in dispute that begins ten minutes in."""

    def __init__(self) -> None:
        self.net = Net()
        self.tree = Tree()
        self.query = Query(read_area(BOX), START_MS + 10 * MIN, START_MS + 20 * MIN)

    def grown(self) -> Tree:
        """The tree of as many leaves as there are; their hashes are made up."""
        while self.tree.size < self.net.ledger.size:
            self.tree.append(ids.unb64url(ids.sha256(b"%d" % self.tree.size)))
        return self.tree

    def seen(self) -> dict[str, Any]:
        tree = self.grown()
        return {"size": tree.size, "root": ids.b64url(tree.root())}

    def notice(self, to: str = "russia", author: str = "coalition", at_ms: int = START_MS, **members: Any) -> str:
        members.setdefault("volumes", [volume(HERE)])
        return self.net.notice(author, at_ms, to, **members)

    def sign(self, party: str, model: Any, minutes: float, **members: Any) -> int:
        self.net.sign(party, model, START_MS + round(minutes * MIN), **members)
        return self.net.ledger.size - 1

    def receive(self, party: str, of: str, minutes: float, stage: str = "received", **members: Any) -> int:
        label = "sig/machine-1" if stage == "received" else "sig/desk-operations"
        return self.sign(party, Receiving, minutes, label=label, of=of, stage=stage, **members)

    def reading(self) -> Reading:
        return Reading(Folded(self.net.ledger, self.grown()), self.net.ledger.size, None, {})

    def judge(self, witnessed: Callable[[int], Quorum | None] = lambda index: None, **query: Any) -> Dispute:
        self.query = Query(**{"area": self.query.area, "from_ms": self.query.from_ms,
                              "until_ms": self.query.until_ms} | query)  # fmt: skip
        return judge(self.reading(), self.query, witnessed)

    def document(self, **query: Any) -> dict[str, Any]:
        found = document(self.reading(), self.judge(**query), REPORT)
        assert json.loads(json.dumps(found)) == found
        return found

    def row(self, addressee: str, **query: Any) -> dict[str, Any]:
        (notice,) = self.document(**query)["notices"]
        (row,) = (row for row in notice["deliveries"] if row["addressee"] == addressee)
        return dict(row)


REPORT = Report(Verdict.VERIFIED, "river-line", 1, None, 1, (), (), ("that anything said in it is true",))


@pytest.fixture
def case() -> Case:
    return Case()


def said(row: dict[str, Any], words: str) -> bool:
    return any(words in claim for claim in row["claims"])


# --- levels -----------------------------------------------------------------------------------------------------------


def test_a_receipt_by_a_machine_is_not_knowledge_by_a_person(case: Case) -> None:
    of = case.notice()
    leaf = case.receive("russia", of, 1)
    row = case.row("russia")
    assert (row["level"], row["leaf"], row["signed_by"], row["key"]) == (
        "received", leaf, "russia/sig/machine-1", "machine"
    )  # fmt: skip
    assert "a machine of russia signed that it stored the notice: this is not knowledge by a person" in row["claims"]


def test_silence_is_not_ignorance(case: Case) -> None:
    case.notice()
    row = case.row("russia")
    assert (row["level"], row["signed_by"]) == ("in-the-log", "coalition/sig/desk-operations")
    said_nothing = "no statement of russia about this notice is in the log: this does not show that russia did not know"
    assert said_nothing in row["claims"]


def test_what_was_not_passed_on_is_nothing(case: Case) -> None:
    case.notice("regime:russia")
    row = case.row("regime")
    assert (row["level"], row["leaf"], row["signed_by"], row["not_after"]) == ("nothing", None, None, None)
    assert said(row, "this does not show that regime did not know")
    assert case.row("russia")["role"] == "intermediary"


def test_a_forwarding_by_voice_is_the_intermediarys_word(case: Case) -> None:
    of = case.notice("regime:russia")
    case.sign("russia", Forwarding, 1, of=of, to="regime", by="voice", voice=VOICE)
    row = case.row("regime")
    assert (row["level"], row["signed_by"]) == ("forwarded-by-voice", "russia/sig/desk-operations")
    assert said(row, "this is russia's word, and shows nothing of regime")
    assert said(row, "no statement of regime about this notice is in the log")
    assert case.row("russia")["level"] == "passed-on"


def test_an_answer_to_what_was_told_by_voice_shows_no_reading_of_its_bytes(case: Case) -> None:
    of = case.notice("regime:russia")
    case.sign("russia", Forwarding, 1, of=of, to="regime", by="voice", voice=VOICE)
    case.sign("regime", Answer, 2, of=of, word="WILCO")
    row = case.row("regime")
    assert (row["level"], row["word"]) == ("answered", "WILCO")
    assert said(row, "nothing in the log shows that it had more of it than what it was told by voice")
    assert not said(row, "exactly these bytes")


def test_a_forwarding_by_channel_is_more_than_one_by_voice_and_less_than_a_receipt(case: Case) -> None:
    of = case.notice("regime:russia")
    case.sign("russia", Forwarding, 1, of=of, to="regime", by="channel", label="sig/machine-1")
    case.sign("russia", Forwarding, 2, of=of, to="regime", by="voice", voice=VOICE)
    assert case.row("regime")["level"] == "forwarded-by-channel"
    case.receive("regime", of, 3)
    assert case.row("regime")["level"] == "received"


def test_nobody_proves_anything_of_another_party(case: Case) -> None:
    of = case.notice("russia sdf")
    case.receive("sdf", of, 1, "displayed")
    case.sign("sdf", Answer, 2, of=of, word="WILCO")
    assert case.row("russia")["level"] == "in-the-log"


def test_the_word_that_closed_it_is_told_with_those_before(case: Case) -> None:
    of = case.notice()
    first = case.sign("russia", Answer, 1, of=of, word="STANDBY", until=to_wire(START_MS + MIN * 2))
    assert said(case.row("russia"), "no word of russia after STANDBY")
    last = case.sign("russia", Answer, 3, of=of, word="WILCO")
    case.sign("russia", Answer, 4, of=of, word="ROGER")  # a wrong word, which closes nothing
    row = case.row("russia")
    assert (row["level"], row["word"], row["leaf"]) == ("answered", "WILCO", last)
    assert said(row, f"the word WILCO on exactly these bytes, after STANDBY at leaf {first}")


def test_an_answer_that_ended_nothing_says_so(case: Case) -> None:
    of = case.notice()
    case.net.notice("coalition", START_MS + MIN, "russia", withdraws=of, kind="text", response="R")
    case.sign("russia", Answer, 2, of=of, word="WILCO")
    row = case.row("russia")
    assert (row["level"], row["word"]) == ("answered", "WILCO")
    assert said(row, "did not end what was owed")


def test_a_desk_key_that_a_machine_holds_is_nobodys_hand(case: Case) -> None:
    of = case.notice()
    case.receive("russia", of, 1, "displayed")
    row = case.row("russia")
    assert (row["level"], row["key"], row["held"]) == ("displayed", "desk", "machine")
    assert said(row, "this is the word of the desk, not of an eye")
    assert said(row, "a machine holds russia/sig/desk-operations: it is not shown that a person of russia acted")


def test_displayed_by_a_machines_key_is_no_word_of_a_desk(case: Case) -> None:
    of = case.notice()
    case.sign("russia", Receiving, 1, label="sig/machine-1", of=of, stage="displayed")
    assert said(case.row("russia"), "this is a machine's word, not a desk's")


# --- times ------------------------------------------------------------------------------------------------------------


def test_an_interval_begins_at_the_newest_leaf_that_the_signer_had_seen(case: Case) -> None:
    of = case.notice()
    case.notice("sdf", at_ms=START_MS + 3 * MIN, volumes=[])
    seen = case.seen()
    case.receive("russia", of, 9, seen=seen)
    row = case.row("russia")
    assert (row["not_before"], row["not_after"]) == (to_wire(START_MS + 3 * MIN), to_wire(START_MS + 9 * MIN))
    assert row["witnessed_before"] is None


def test_a_quorum_bounds_it_from_above_in_the_witnesses_own_time(case: Case) -> None:
    of = case.notice()
    leaf = case.receive("russia", of, 1)
    quorum = Quorum(leaf + 1, START_MS + 2 * MIN, ("coalition", "regime", "sdf"))
    (notice,) = case.judge(lambda index: quorum if index <= leaf else None).notices
    step = notice.told[0].at()
    assert step is not None
    assert step.witnessed == quorum


def test_another_log_seen_bounds_nothing_and_is_told(case: Case) -> None:
    of = case.notice()
    case.receive("russia", of, 1, seen={"size": 3, "root": ids.sha256(b"another log")})
    row = case.row("russia")
    assert row["not_before"] is None
    assert said(row, "names as seen another log than this one")


def test_what_came_later_and_may_have_been_signed_before_is_not_excluded(case: Case) -> None:
    of = case.notice()
    case.receive("russia", of, 1)
    shown = case.receive("russia", of, 12, "displayed")  # its signer had seen nothing: it bounds nothing from below
    row = case.row("russia")
    assert row["at_from"] == {"level": "received", "word": None, "leaf": shown - 1, "not_excluded": [shown]}
    assert said(row, "no statement that was in the log by 2017-09-16T00:40:00Z says that the notice was displayed")
    assert said(row, f"leaf {shown} (displayed at its desk) came into the log after that moment; whether")


def test_what_was_signed_after_that_moment_is_said_to_be(case: Case) -> None:
    of = case.notice()
    case.receive("russia", of, 1)
    case.notice("sdf", at_ms=START_MS + 11 * MIN, volumes=[])
    shown = case.receive("russia", of, 12, "displayed", seen=case.seen())
    row = case.row("russia")
    assert row["at_from"]["not_excluded"] == []
    assert row["at_until"] == {"level": "displayed", "word": None, "leaf": shown, "not_excluded": []}
    assert said(row, f"leaf {shown} (displayed at its desk) came into the log after that moment, and was signed after")


# --- which notices ----------------------------------------------------------------------------------------------------


def test_both_directions_and_only_what_touches_place_and_time(case: Case) -> None:
    ours, theirs = case.notice(), case.notice("coalition", author="russia")
    case.notice(volumes=[volume(AWAY)])
    case.notice(volumes=[volume(HERE, START_MS + 21 * MIN)])
    case.notice(volumes=[volume(HERE, end_ms=START_MS + 9 * MIN)])
    case.notice(volumes=[volume(AWAY), volume(HERE, START_MS + 30 * MIN)])  # each place at another time
    edges = [case.notice(volumes=[volume(HERE, START_MS + 20 * MIN)]),
             case.notice(volumes=[volume(HERE, end_ms=START_MS + 10 * MIN)])]  # fmt: skip
    case.notice(volumes=[])
    found = case.document()
    assert [notice["of"] for notice in found["notices"]] == [ours, theirs, *edges]
    assert any("1 intent" in line for line in found["unproven"])


def test_a_party_narrows_it_to_what_it_wrote_or_was_to_get_or_pass_on(case: Case) -> None:
    wrote, got = case.notice("coalition", author="sdf"), case.notice("russia", info=["sdf"])
    case.notice("russia")
    passed = case.notice("regime:sdf")
    assert [notice["of"] for notice in case.document(party="sdf")["notices"]] == [wrote, got, passed]


def test_a_place_that_means_nothing_is_listed_rather_than_left_out(case: Case) -> None:
    bowtie = {"type": "polygon", "rings": [[[10, 10], [20, 20], [20, 10], [10, 20]]]}
    case.notice(volumes=[volume(bowtie)])
    (notice,) = case.document()["notices"]
    assert notice["placed"] is False
    assert "means no place on the map" in page(case.reading(), case.judge(), REPORT)


def test_of_a_sealed_notice_only_the_outer_counts(case: Case) -> None:
    sealed = {"ct": ids.sha256(b"ct"), "pt": ids.sha256(b"pt")}
    warned = case.notice(volumes=[], sealed=sealed, warn=HERE, text="")
    case.notice(volumes=[], sealed=sealed, text="")
    found = case.document()
    assert [(notice["of"], notice["sealed"]) for notice in found["notices"]] == [(warned, True)]
    assert any("its outer shows none" in line for line in found["unproven"])
    assert "only what its outer shows" in page(case.reading(), case.judge(), REPORT)


# --- what came after, keys, the log itself ----------------------------------------------------------------------------


def test_what_the_author_did_then_is_listed_in_order(case: Case) -> None:
    of = case.notice()
    (alert,) = (one for one in case.net.alerts(START_MS + 16_000))
    case.sign("coalition", Acknowledgement, 1, alert=alert, reason="ringing them")
    times = {"began": to_wire(START_MS + 2 * MIN), "ended": to_wire(START_MS + 3 * MIN)}
    desks = [{"party": "russia", "desk": "operations"}]
    call = {"nid": ids.uuid7(START_MS, bytes(10)), "precedence": "ROUTINE", "to": [{"party": "russia"}], "info": [],
            "level": "operations", "desks": desks, "readout": "Read out."}  # fmt: skip
    case.sign("coalition", Call, 4, **call, **times)
    case.sign("sdf", Call, 4, **(call | {"nid": ids.uuid7(START_MS, bytes([1]) * 10)}), **times)  # not the author's
    case.net.notice("coalition", START_MS + 5 * MIN, "russia", withdraws=of, kind="text", response="R")
    (notice,) = case.document()["notices"]
    assert [done["what"] for done in notice["after"]] == ["alert", "acknowledgement", "call", "withdrawal"]
    assert "the record names no notice" in notice["after"][2]["says"]


def test_statements_since_a_keys_compromise_stay_and_are_marked(case: Case) -> None:
    of = case.notice()
    leaf = case.receive("russia", of, 1)
    members = {"kid": "russia/sig/machine-1", "reason": "", "keys": case.net.ledger.ring.chain}
    case.sign("russia", Revocation, 2, label="root/1", compromised_since=leaf, **members)
    row = case.row("russia")
    assert row["level"] == "received"
    assert said(row, f"later called russia/sig/machine-1 compromised since leaf {leaf}")
    late = case.receive("russia", of, 3)  # after its revocation: counts for nothing
    assert [step["leaf"] for step in case.row("russia")["steps"]] == [leaf - 1, leaf]
    assert any(f"anything by leaf {late}" in line for line in case.document()["unproven"])


def test_a_log_that_is_refuted_says_so_first(case: Case) -> None:
    case.notice()
    reason = Reason("leaf-changed", 3, "differs")
    report = Report(Verdict.REFUTED, "river-line", 1, None, 1, (reason,), (), ())
    found = document(case.reading(), case.judge(), report)
    assert found["log"]["verdict"] == "refuted"
    assert "leaf-changed at leaf 3" in found["unproven"][0]
    assert "This log is not what was signed" in page(case.reading(), case.judge(), report)


def test_an_area_with_swapped_axes_is_hinted_at(case: Case) -> None:
    case.notice()
    swapped = read_area(b'{"type":"Polygon","coordinates":[[[35.3,40.1],[35.45,40.1],[35.45,40.3],[35.3,40.1]]]}')
    found = case.document(area=swapped)
    assert found["notices"] == []
    assert any("longitude first" in line for line in found["unproven"])


# --- the page ---------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """The tags and attributes of a page; checks that what opens is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_hostile_text_is_inert_on_the_page(case: Case) -> None:
    hostile = '</td></table><script>alert(1)</script><img src=x onerror=alert(1)> & "\u202egnp.exe'
    of = case.notice("russia regime:russia", text=hostile, elements=[{"code": "no-such", "values": ["<b>x</b>"]}])
    voice = VOICE | {"role": "<i>watch</i>", "contact": "<u>line</u>"}
    case.sign("russia", Forwarding, 1, of=of, to="regime", by="voice", voice=voice)
    (alert,) = (one for one in case.net.alerts(START_MS + 16_000))
    case.sign("coalition", Acknowledgement, 2, alert=alert, reason=hostile[:400])
    shown = page(case.reading(), case.judge(), REPORT)
    tags = Tags()
    tags.feed(shown)
    tags.close()
    assert tags.open == []
    assert not tags.names & {"script", "img", "link", "b", "i", "u", "iframe", "a"}
    assert tags.attributes <= {"lang", "charset", "http-equiv", "content", "class", "style", "dir"}
    assert "\u202e" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_the_page_has_scope_method_and_a_table_for_each_notice(case: Case) -> None:
    case.notice()
    case.notice("coalition", author="russia")
    shown = page(case.reading(), case.judge(), REPORT)
    method = shown[shown.index("<h2>Method</h2>") : shown.index("<h2>At a glance</h2>")]
    assert method.count("<li>") == 5
    assert shown.count("Highest level proven") == 2
    assert "this net is a trial" in shown
    assert "@page { size: A4" in shown
    assert "http:" not in shown.replace("http-equiv", "")
    assert "https:" not in shown


def test_without_a_notice_the_page_says_so(case: Case) -> None:
    case.notice(volumes=[volume(AWAY)])
    assert "No notice in this log touches the area" in page(case.reading(), case.judge(), REPORT)
