"""A party's view: only what it could read, as its own store has it, at any moment; playback and its pauses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from channel.cli import app
from channel.commands import replay
from channel.ledger.digest import state_digest
from channel.ledger.ledger import Ledger
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import Answer, Forwarding, Receiving, Revocation
from channel.protocol.times import to_wire
from channel.replay.moment import END, Moment
from channel.replay.playback import Playback, play, speed_of
from channel.replay.reading import count_inside, inside
from channel.replay.view import as_of, feed_of, seen_by, view
from channel.replay.view_lines import lines
from clients.core import drafts
from clients.core.drafts import Draft
from tests.unit.clients.lab import Lab, lab_at
from tests.unit.ledger.nets import START_MS, Net

S = 1000
VOICE = {"role": "watch", "contact": "+000 04 555 0014", "at": to_wire(START_MS), "readback": "35.3359 40.1408"}
PARTIES = ("coalition", "russia", "sdf", "regime")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "net") as made:
        yield made


def _notice(lab: Lab, text: str, to: list[dict[str, str]], info: tuple[str, ...] = ()) -> Draft:
    lab.relay.now_ms += S
    nid = ids.uuid7(lab.relay.now_ms, text.encode().ljust(10)[:10])
    return drafts.notice(nid, to=to, info=info, text=text, precedence="FLASH", response="WU")


def _story(lab: Lab) -> list[str]:
    """Notices with and without intermediary, by channel and by voice, answered, unanswered, withdrawn; their hashes."""
    for party in PARTIES:
        lab.session(party)
    lab.settle(*PARTIES)
    via = [{"party": "regime", "via": "russia"}]
    texts = {"over-russia": via, "told-by-voice": via, "to-russia-alone": [{"party": "russia"}], "not-passed-on": via}
    ofs = []
    for text, to in texts.items():
        ofs.append(lab.say("coalition", _notice(lab, text, to, ("sdf",) if text == "to-russia-alone" else ())).of)
        lab.settle(*PARTIES)
        lab.advance(5 * S)
    lab.say("russia", drafts.forwarding(ofs[0], "regime", None))
    lab.say("russia", drafts.forwarding(ofs[1], "regime", VOICE))
    lab.settle(*PARTIES)
    lab.say("regime", drafts.displayed(ofs[0]))
    lab.say("regime", drafts.answer(ofs[0], "WILCO"))
    lab.settle(*PARTIES)
    lab.advance(90 * S)
    lab.settle(*PARTIES)
    alert = next(iter(lab.session("russia").ledger.alerts))
    lab.say("russia", drafts.acknowledgement(alert, "ringing them"))
    lab.say("regime", drafts.answer(ofs[1], "UNABLE", reason="they are there"))
    lab.settle(*PARTIES)
    return ofs


def test_at_the_end_it_is_the_view_of_the_partys_own_store(lab: Lab) -> None:
    _story(lab)
    whole = lab.relay.core.folded.ledger
    for party in PARTIES:
        own = lab.session(party).ledger
        found = view(whole, END, party)
        assert found == seen_by(own, party)
        assert found["state_digest"] == state_digest(own)
        assert found["leaves"] == lab.session(party).replica.n > 5
        assert json.loads(json.dumps(found)) == found
    assert [len(view(whole, END, party)["notices"]) for party in PARTIES] == [4, 4, 1, 1]


def test_at_every_moment_it_holds_nothing_that_the_party_could_not_read_by_then(lab: Lab) -> None:
    ofs = _story(lab)
    whole = lab.relay.core.folded.ledger
    secrets = [getattr(whole.notices[of].body, "text", "") for of in ofs]
    secrets += [
        one for entry in whole.entries.values() for one in (entry.opened.of, getattr(entry.opened.body, "nid", ""))
    ]
    shown = set()
    for index in range(whole.size):
        for party in PARTIES:
            found = view(whole, Moment(index=index), party)
            said = "\n".join([json.dumps(found), *lines(found)])
            readable = _readable(whole, index, party)
            assert not [one for one in secrets if one and one in said and one not in readable], (party, index)
            shown |= {(party, one) for one in secrets if one and one in said}
    assert {party for party, one in shown if one == "over-russia"} == {"coalition", "russia", "regime"}
    assert {party for party, one in shown if one == "not-passed-on"} == {"coalition", "russia"}


def _readable(whole: Ledger, index: int, party: str) -> str:
    """Everything that was in the party's feed when the log had grown to that leaf: payloads and hashes."""
    at = as_of(whole, Moment(index=index))
    opened = [at.entries[released].opened for released in at.parties[party].feed]
    return "\n".join(f"{one.of} {one.body.model_dump_json(by_alias=True)}" for one in opened)


def test_what_is_released_late_is_shown_from_the_forwarding_on() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "regime:russia")
    net.sign("russia", Receiving, START_MS + 2 * S, of=of, stage="received", label="sig/machine-1")
    net.sign("russia", Forwarding, START_MS + 20 * S, of=of, to="regime", by="channel")
    (shown,) = view(net.ledger, END, "regime")["notices"]
    assert (shown["signed"]["at"], shown["released_at"]) == (to_wire(START_MS), to_wire(START_MS + 20 * S))
    (one,) = shown["deliveries"]
    assert [passed["by_channel"] for passed in one["forwarded"]] == [True]
    assert one["via_received"] is None, "the intermediary's receipt is not the addressee's to read"
    assert [(owed["what"], owed["by"]) for owed in one["owed"]] == [("receipt", "regime"), ("answer", "regime")]
    (author,) = view(net.ledger, END, "coalition")["notices"]
    assert author["deliveries"][0]["via_received"]["key"] == "machine"
    assert author["released_at"] == to_wire(START_MS)


def test_up_to_a_time_or_a_leaf_both_included() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "russia")
    net.sign("russia", Answer, START_MS + 30 * S, of=of, word="STANDBY", until=to_wire(START_MS + 90 * S))
    net.sign("russia", Answer, START_MS + 50 * S, of=of, word="WILCO")

    def words(until: str) -> list[str]:
        (notice,) = view(net.ledger, Moment.of(until), "coalition")["notices"]
        return [answer["word"] for answer in notice["deliveries"][0]["answers"]]

    last = net.ledger.size - 1
    assert words(str(last)) == words("2017-09-16T00:30:50Z") == ["STANDBY", "WILCO"]
    assert words(str(last - 1)) == words("2017-09-16T00:30:49Z") == ["STANDBY"]
    assert words("2017-09-16T00:30:00Z") == []
    owed = view(net.ledger, Moment.of("2017-09-16T00:31:35Z"), "coalition")["notices"][0]["deliveries"][0]["owed"]
    assert owed == [], "answered by then"
    for wrong in ("+5min", "now", "soon"):
        with pytest.raises(UsageError):
            Moment.of(wrong)
    with pytest.raises(UsageError, match="not a party"):
        view(net.ledger, END, "relay")


def test_what_is_owed_is_overdue_by_the_moment_that_was_asked_for() -> None:
    net = Net()
    net.notice("coalition", START_MS, "russia")

    def overdue(until: str) -> list[bool]:
        (notice,) = view(net.ledger, Moment.of(until), "coalition")["notices"]
        return [owed["overdue"] for owed in notice["deliveries"][0]["owed"]]

    assert overdue("2017-09-16T00:30:10Z") == [False, False]
    assert overdue("2017-09-16T00:30:15Z") == [True, False]
    assert overdue("2017-09-16T00:31:00Z") == [True, True]


def test_by_voice_only_the_word_of_the_intermediary_is_there() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "regime:russia", text="the strike")
    net.sign("russia", Forwarding, START_MS + 5 * S, of=of, to="regime", by="voice", voice=VOICE)
    net.sign("regime", Answer, START_MS + 9 * S, of=of, word="ROGER")
    found = view(net.ledger, END, "regime")
    assert "the strike" not in json.dumps(found)
    (told,) = found["told_by_voice"]
    assert (told["of"], told["readback"], told["told"]["key"]) == (of, VOICE["readback"], "desk")
    assert [answer["word"] for answer in told["answers"]] == ["ROGER"]


@pytest.mark.parametrize("end", ["answered", "expired"])
def test_what_was_said_before_the_notice_itself_was_passed_on_counts_when_it_comes(end: str) -> None:
    """Told by voice, and only then over the channel: the addressee's own copy gets the notice last."""
    net = Net()
    of = net.notice("coalition", START_MS, "regime:russia")
    net.sign("russia", Forwarding, START_MS + 5 * S, of=of, to="regime", by="voice", voice=VOICE)
    if end == "answered":
        net.sign("regime", Answer, START_MS + 9 * S, of=of, word="WILCO")
    else:
        net.alerts(START_MS + 7_200 * S)
    net.sign("russia", Forwarding, START_MS + 7_201 * S, of=of, to="regime", by="channel")
    own = feed_of(net.ledger, "regime")
    assert own.deliveries[of, "regime"] == net.ledger.deliveries[of, "regime"]
    assert own.deliveries[of, "regime"].end.value == end
    assert own.open == {}
    (notice,) = view(net.ledger, END, "regime")["notices"]
    assert notice["deliveries"][0]["owed"] == [], "it has no more to do, and is not told that it has"


def test_desk_and_machine_keys_are_told_apart_and_doubted_ones_marked() -> None:
    net = Net()
    of = net.notice("coalition", START_MS, "russia")
    net.sign("russia", Receiving, START_MS + S, of=of, stage="received", label="sig/machine-1")
    net.sign("russia", Receiving, START_MS + 2 * S, of=of, stage="displayed")
    index = net.ledger.size - 1
    members: dict[str, Any] = {"kid": "russia/sig/desk-operations", "compromised_since": index, "reason": "x"}
    net.sign("russia", Revocation, START_MS + 3 * S, label="root/1", keys=net.ledger.ring.chain, **members)
    found = view(net.ledger, END, "coalition")
    one = found["notices"][0]["deliveries"][0]
    assert (one["received"]["key"], "compromised_since" in one["received"]) == ("machine", False)
    assert (one["displayed"]["key"], one["displayed"]["compromised_since"]) == ("desk", index)
    text = "\n".join(lines(found))
    assert "received 2017-09-16 00:30:01Z by russia's machine key;" in text
    assert f"russia's desk key (held by a machine) (called compromised since leaf {index})" in text
    before = view(net.ledger, Moment(index=index), "coalition")["notices"][0]["deliveries"][0]
    assert "compromised_since" not in before["displayed"], "nobody had said so then"


# --- playback -------------------------------------------------------------------------------------------------------


def _leaves(lab: Lab) -> list[StoredLeaf]:
    return lab.relay.leaves


@pytest.mark.parametrize("party", [None, *PARTIES])
def test_played_back_it_ends_in_the_live_state(lab: Lab, party: str | None) -> None:
    _story(lab)
    playback = Playback(party)
    played = list(play(_leaves(lab), playback, None, _never))
    assert state_digest(playback.folded.ledger) == state_digest(lab.relay.core.folded.ledger)
    assert [one.index for one in played] == list(range(len(_leaves(lab))))
    said = [line for one in played for line in one.lines]
    if party is None:
        assert all(one.lines for one in played)
    else:
        assert state_digest(playback.own) == state_digest(lab.session(party).ledger)
        assert ("not-passed-on" in "\n".join(said)) is (party in ("coalition", "russia"))
        assert ("over-russia" in "\n".join(said)) is (party != "sdf")


def test_the_pauses_are_those_of_the_log_divided_by_the_speed(lab: Lab) -> None:
    _story(lab)
    pauses: list[float] = []
    leaves = list(inside(_leaves(lab), Moment(index=12)))
    list(play(leaves, Playback(), 4.0, pauses.append))
    assert sum(pauses) * 1000 * 4 == pytest.approx(leaves[-1].stamp - leaves[0].stamp)
    assert all(pause > 0 for pause in pauses)


def _never(seconds: float) -> None:
    raise AssertionError(f"waited for {seconds} s")


def test_a_speed_is_a_positive_number_or_max() -> None:
    assert (speed_of("max"), speed_of("60"), speed_of("0.5")) == (None, 60.0, 0.5)
    for wrong in ("0", "-1", "inf", "nan", "fast", ""):
        with pytest.raises(UsageError, match="a speed is"):
            speed_of(wrong)


def test_what_is_inside_a_moment_is_counted_without_reading_all_of_it(lab: Lab, tmp_path: Path) -> None:
    with closing(SqliteLog(lab.channel.log_file, "read")) as log:
        stamps = [leaf.stamp for leaf in log.leaves()]
        moments = [END, *(Moment(index=index) for index in (0, 2, len(stamps) - 1, 99_999))]
        moments += [Moment(ms=stamp + offset) for stamp in stamps for offset in (-1, 0, 1)]
        for moment in moments:
            covered = sum(moment.covers(index, stamp) for index, stamp in enumerate(stamps))
            assert count_inside(log, moment) == covered


# --- the command ----------------------------------------------------------------------------------------------------


def _run(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["replay", *words])
    assert result.exit_code == status, result.output
    return result.stdout


def test_the_command_prints_views_and_digest(tmp_path: Path) -> None:
    with lab_at(tmp_path / "net") as lab:
        digest = state_digest(lab.relay.core.folded.ledger)
    home = str(tmp_path / "net")
    whole = json.loads(_run(home, "--json"))
    assert (whole["state_digest"], whole["tree_size"]) == (digest, 5)
    assert [one["party"] for one in whole["parties"]] == list(PARTIES)
    own = json.loads(_run(home, "--as", "sdf", "--until", "3", "--json"))
    assert own == json.loads(_run(home, "--until", "3", "--json"))["parties"][2]
    assert {"tree_size", "root"}.isdisjoint(own), "that is of the whole log"
    text = _run(home, "--as", "sdf", "--speed", "1e9")
    assert "sdf accedes to the charter" in text
    assert f"state digest of what sdf could read {digest}" in text
    assert text.count("state digest") == 1
    assert _run(home).endswith(f"state digest {digest}\n")
    early = json.loads(_run(home, "--until", "1999-01-01T00:00Z", "--json", status=2))["error"]["detail"]
    first = json.loads(_run(home, "--until", "0", "--json"))["parties"][0]["at"]
    assert early.startswith(f"nothing was in the log at that time: its first leaf came at {first}")
    assert json.loads(_run(home, "--until", first, "--json"))["tree_size"] >= 1, "what is named can be typed"
    for words in (["--as", "relay"], ["--speed", "0"], ["--speed", "2", "--json"], ["--until", "soon"]):
        _run(home, *words, status=2)


def test_the_bar_ends_where_the_replay_ends_and_a_leaf_beyond_the_log_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab_at(tmp_path / "net"):
        home, totals, screen = str(tmp_path / "net"), list[int](), replay._screen

        def counted(count: int, *, quiet: bool) -> AbstractContextManager[replay.Show]:
            totals.append(count)
            return screen(count, quiet=quiet)

        monkeypatch.setattr(replay, "_screen", counted)
        beyond = "channel: the log ends at leaf 4: there is no leaf 99999\n"
        for until, total, said in (("2", 3, ""), ("99999", 5, beyond)):
            result = CliRunner().invoke(app, ["replay", home, "--until", until, "--json"])
            assert (totals.pop(), result.stderr) == (total, said)
            assert json.loads(result.stdout)["tree_size"] == total
