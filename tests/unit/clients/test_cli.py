"""The `party` command: real homes, keys and sessions, the relay's real core, a link in memory, a clock that stands."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

import channel.cli
from channel.cli import app as channel_app
from channel.protocol import frames, topics
from channel.protocol.errors import (
    ChannelError,
    FatalError,
    IncompleteError,
    RefusedError,
    TransientError,
    UsageError,
)
from channel.protocol.forms import Kind, Level, Precedence, Response, Word
from clients import cli
from clients.commands import answering, looking, sending
from clients.commands import app as shared
from clients.core.clock import SteppedClock
from clients.core.duties import GRACE_MS
from clients.core.home import PartyHome
from clients.core.party import Party
from tests.unit.clients.lab import NET, NOW_MS, Lab, lab_at

FLASH = [
    "send", "--to", "russia", "--to", "regime:russia", "--precedence", "FLASH", "--kind", "intent",
    "--at", "35.3359,40.1408", "--radius", "2km", "--from", "+10min", "--until", "+40min",
    "--text", "North of the bridge", "--no-read-back",  # which is test_cli_readback.py's
]  # fmt: skip


class HandLink:
    """A link of one party to the relay in memory: what is published is taken and committed at once."""

    last_error: str | None = "no route"

    def __init__(self, lab: Lab, party: str, up: bool) -> None:
        self._lab, self._party, self._up = lab, party, up
        self._arrived: Callable[[str, bytes], Awaitable[None]] | None = None
        self._lab.relay.downs[party].gone()

    @property
    def connected(self) -> bool:
        return self._arrived is not None

    async def run(self, on_payload: Callable[[str, bytes], Awaitable[None]], on_state: Callable[[bool], None]) -> None:
        if self._up:
            self._arrived = on_payload
            on_state(True)
        await asyncio.Event().wait()

    async def publish(self, topic: str, payload: bytes) -> None:
        if topic != topics.up(NET, self._party):
            return
        if self._arrived is None:
            raise TransientError("no link")
        self._lab.relay.take(self._party, frames.decode_up(payload))
        while due := self._lab.relay.due(self._party):
            for frame in due:
                await self._arrived(topics.down(NET, self._party), frames.encode(frame))


class Desk:
    """Types `party` commands at the homes of a lab. `up`: whether the channel can be reached."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = lab
        self.up = True
        self.errors = ""
        self._class = shared.party_class
        monkeypatch.setattr(shared, "party_class", self._linked)
        monkeypatch.setattr(shared, "CATCH_UP_S", 0.3)

    def _linked(self, home: PartyHome) -> Any:
        desk, kind = self, self._class(home)

        class Linked(kind):  # type: ignore[misc, valid-type]
            @classmethod
            def connect(cls, path: Path, party: str) -> Party:
                clock = SteppedClock(desk.lab.relay.now_ms)
                made: Party = super().connect(path, party, clock, make_link=lambda: HandLink(desk.lab, party, desk.up))
                return made

        return Linked

    def run(self, party: str, *words: str, status: int = 0) -> str:
        result = CliRunner().invoke(cli.app, ["-p", party, "--home", str(self.lab.path), *words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, (result.exit_code, result.output)
        self.errors = result.stderr
        return result.stdout

    def json(self, party: str, *words: str, status: int = 0) -> Any:
        return json.loads(self.run(party, *words, "--json", status=status))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits before it."""
    monkeypatch.setattr(looking, "before_a_person", lambda json_output=False: not json_output)
    monkeypatch.setattr(answering, "before_a_person", lambda json_output=False: not json_output)


# --- sending --------------------------------------------------------------------------------------------------------


def test_send_gives_the_receipt_as_json(desk: Desk) -> None:
    sent = desk.json("coalition", *FLASH)
    assert list(sent) == ["nid", "token_sha256", "index", "stamp", "stamp_time", "receipt", "findings"]
    assert sent["findings"] == []  # a FLASH is looked at: nothing is near it
    assert desk.lab.relay.core.folded.ledger.index_of[sent["token_sha256"]] == sent["index"]
    assert sent["stamp"] == NOW_MS
    assert sent["receipt"].count(".") == 2


def test_the_author_is_told_who_else_reads_before_anything_is_signed(desk: Desk) -> None:
    desk.run("coalition", "send", "--to", "regime", "--text", "x", "--desk", "nowhere", status=2)
    assert desk.errors.startswith("party: russia reads this notice too: it passes it on to regime\n")


def test_without_addressees_it_goes_by_the_release_rule(desk: Desk) -> None:
    nid = desk.json("coalition", "send", "--text", "x")["nid"]
    shown = desk.json("coalition", "show", nid)
    assert shown["to"] == [{"party": "russia"}, {"party": "regime", "via": "russia"}]


def test_what_cannot_be_sent_is_queued_and_goes_out_with_the_next_command(desk: Desk) -> None:
    desk.up = False
    queued = desk.json("coalition", *FLASH, "--wait", "0.1", status=3)
    assert queued["queued"] is True
    assert set(queued) == {"queued", "nid", "token_sha256"}
    assert "queued" in desk.errors
    desk.up = True
    desk.run("coalition", "inbox")
    assert queued["token_sha256"] in desk.lab.relay.core.folded.ledger.index_of


def test_a_refusal_has_its_code_and_status_4(desk: Desk) -> None:
    refused = desk.json("coalition", "send", "--to", "coalition", "--text", "x", status=4)
    assert refused["error"]["code"] == "self-address"
    assert desk.errors.count("\n") == 1


def test_a_refusal_that_was_not_printed_is_an_alarm(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def alarms() -> list[str]:
        desk.lab.advance(GRACE_MS)
        return [one["code"] for one in desk.json("coalition", "status")["alarms"]]

    desk.run("coalition", "send", "--to", "coalition", "--text", "x", status=4)
    assert alarms() == []

    def killed(text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as before_it_is_said:
        before_it_is_said.setattr(shared, "note", killed)
        desk.run("coalition", "send", "--to", "coalition", "--text", "x", status=130)
    assert alarms() == ["refused"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "russia"], "a notice says something"),
        (["--to", "russia", "--text", "x", "--radius", "2km"], "--radius belongs to a place"),
        (["--to", "russia", "--at", "35,40"], "--until +40min"),
        (["--at", "35,40", "--until", "+1h", "--radius", "1km", "--accuracy", "5m"], "one of them"),
        (["--to", "russia", "--at", "95,1", "--until", "+1h"], "latitude"),
        (["--to", "russia", "--text", "x", "--exercise", "--test"], "not both"),
        (["--to", "russia", "--element", "no-such=1"], "no phrase"),
        (["--to", "Russia!", "--text", "x"], "PARTY"),
        (["--to", "russia", "--text", "a" * 5000], "text"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_with_status_2(desk: Desk, words: list[str], says: str) -> None:
    error = desk.json("coalition", "send", *words, status=2)
    assert says in error["error"]["detail"]
    assert desk.errors.count("\n") == 1
    assert "a" * 100 not in desk.errors


def test_an_amendment_keeps_what_is_not_given(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    amended = desk.json("coalition", "send", "--amends", nid[:18], "--text", "South of it")
    shown = desk.json("coalition", "show", amended["nid"])
    assert (shown["precedence"], shown["kind"], shown["text"]) == ("FLASH", "intent", "South of it")
    assert [one["addressee"] for one in shown["deliveries"]] == ["russia", "regime"]
    assert desk.json("coalition", "show", nid)["ended_by"] == amended["token_sha256"]


def test_a_withdrawal_ends_the_notice(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    desk.run("coalition", "withdraw", nid, "--text", "Cancelled")
    assert {one["end"] for one in desk.json("coalition", "show", nid)["deliveries"]} == {"withdrawn"}


def test_a_call_and_a_line_are_put_on_record(desk: Desk) -> None:
    desk.run("russia", "call", "--to", "coalition", "--readout", "Place corrected")
    places = ["--part", "35.45,40.05; 35.3359,40.1408", "--keeps", "coalition=left", "--beyond", "North of it"]
    nid = desk.json("russia", "line", "propose", "euphrates", "--title", "River", "--to", "coalition", *places)["nid"]
    accepted = desk.json("coalition", "line", "accept", nid)
    assert desk.json("coalition", "show", accepted["nid"])["action"] == "accept"
    assert "ROGER" in desk.run("coalition", "inbox", "--wanted")


# --- looking and answering ------------------------------------------------------------------------------------------


def test_the_way_of_a_notice_through_an_intermediary(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    assert desk.json("regime", "inbox") == []
    (at_russia,) = desk.json("russia", "inbox", "--wanted")
    assert [(want["do"], want["to"]) for want in at_russia["wanted"]] == [
        ("answer", "coalition"),
        ("forward", "regime"),
    ]
    desk.run("russia", "forward", nid[:18])
    (at_regime,) = desk.json("regime", "inbox")
    assert [one["addressee"] for one in at_regime["deliveries"]] == ["regime"]
    desk.run("regime", "answer", nid, "STANDBY", "--until", "+30s")
    desk.run("regime", "answer", nid, "unable", "--reason", "Out of reach")
    desk.run("regime", "answer", nid, "WILCO", status=4)
    desk.run("regime", "answer", nid, "WILCO", "--corrects")
    deliveries = {one["addressee"]: one for one in desk.json("coalition", "show", nid)["deliveries"]}
    assert deliveries["regime"]["reply"] == "wilco"
    assert deliveries["russia"]["reply"] == "owed"


def test_what_was_told_by_voice_is_in_the_inbox_and_can_be_answered(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    desk.run("russia", "forward", nid, "--by", "voice", "--role", "watch", status=2)
    desk.run("russia", "forward", nid, "--by", "voice", "--role", "watch", "--read-back", "35.3 40.1")
    (told,) = desk.json("regime", "inbox")
    assert (told["type"], told["readback"], told["answered"]) == ("told-by-voice", "35.3 40.1", False)
    desk.run("regime", "answer", told["token_sha256"][:12], "WILCO")
    assert desk.json("regime", "inbox")[0]["answered"] is True
    assert "WILCO after" in desk.run("coalition", "show", nid)


@pytest.mark.usefixtures("at_a_terminal")
def test_only_what_is_before_a_person_is_signed_as_displayed(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]

    def custody() -> str:
        ledger = desk.lab.relay.core.folded.ledger
        return ledger.deliveries[ledger.nids[nid], "russia"].custody.value

    desk.json("russia", "inbox")
    desk.json("russia", "show", nid)
    assert custody() == "received"
    assert "> answer coalition, due in 60 s: party -p russia answer" in desk.run("russia", "inbox")
    assert custody() == "displayed"
    size = desk.lab.relay.core.committed_size
    desk.run("russia", "inbox")
    desk.run("russia", "show", nid)
    assert desk.lab.relay.core.committed_size == size


@pytest.mark.usefixtures("at_a_terminal")
def test_a_person_who_answers_has_seen_it(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    desk.run("russia", "answer", nid, "WILCO")
    stages = [entry["text"] for entry in desk.json("coalition", "show", nid)["timeline"]]
    assert any("displayed by russia" in text for text in stages)


def test_places_times_and_phrases_are_in_the_viewers_own_ways(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH, "--element", "keep-clear=the bridge|500 m")["nid"]
    assert "37S FV 03674 10891, from 150010Z SEP 17" in desk.run("coalition", "show", nid)
    at_russia = desk.run("russia", "show", nid)
    assert "SK-42 3912555 7603827, from 2017-09-15 03:10 UTC+3" in at_russia
    assert "Не приближайтесь" in at_russia


def test_alerts_are_listed_with_whom_to_ring_and_acknowledged(desk: Desk) -> None:
    desk.run("coalition", *FLASH)
    desk.lab.advance(61_000)
    (first, *_) = desk.json("coalition", "alerts", "--standing")
    assert first["contact"].startswith("+000 02")
    text = desk.run("coalition", "alerts")
    assert "NOT PASSED ON by russia, 31 s overdue" in text
    assert f"party -p coalition alerts ack {first['id'][:4]}" in text
    desk.run("coalition", "alerts", "ack", first["id"][:6], "--reason", "Ringing them")
    acked = {one["id"]: one for one in desk.json("coalition", "alerts")}[first["id"]]
    assert (acked["acknowledged"], acked["reason"]) == (NOW_MS + 61_000, "Ringing them")
    desk.run("coalition", "alerts", "ack", "zz", "--reason", "x", status=2)
    for nothing in ("   ", "\u200b", "a\x1b[2Jb"):
        desk.run("coalition", "alerts", "ack", first["id"][:6], "--reason", nothing, status=2)


def test_status_says_what_is_owed_and_whom_to_ring(desk: Desk) -> None:
    desk.run("coalition", *FLASH)
    own = desk.run("coalition", "status")
    assert re.search(r"FLASH coalition -> russia \S+: no answer from russia, .*; ring russia/operations \+000 02", own)
    theirs = desk.json("russia", "status")
    assert [one["do"] for one in theirs["owed"]] == ["forward", "answer"]
    assert (theirs["net"], theirs["party"], theirs["link"]) == (NET, "russia", "up")


def test_a_notice_is_logged_and_with_a_quorum_of_witnesses_witnessed(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    assert desk.json("coalition", "show", nid)["grade"] == "logged"
    assert "(logged)" in desk.run("coalition", "show", nid)
    for party in ("russia", "sdf", "regime") * 2:  # the first time they sign `received`, and the log grows
        desk.run(party, "status")
    assert desk.json("coalition", "show", nid)["grade"] == "witnessed"
    assert "(witnessed)" in desk.run("coalition", "show", nid)
    status = desk.json("coalition", "status")
    assert (status["own"][0]["grade"], status["receipted"]) == ("witnessed", [])
    assert 0 < status["witnessed_size"] <= status["tree_size"]
    assert "; witnessed; ring russia" in desk.run("coalition", "status")
    assert [one["grade"] for one in desk.json("russia", "inbox")] == ["witnessed"]
    desk.up = False
    assert desk.json("coalition", "show", nid)["grade"] == "witnessed"


def test_check_suspend_and_resume(desk: Desk) -> None:
    desk.run("sdf", "check")
    desk.run("sdf", "suspend", "--reason", "Order")
    assert desk.json("coalition", "send", "--to", "sdf", "--text", "x", status=4)["error"]["code"] == "suspended"
    desk.run("sdf", "resume")
    desk.run("coalition", "send", "--to", "sdf", "--text", "x")


def test_a_look_without_the_channel_shows_what_the_home_holds_and_says_so(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    desk.up = False
    assert desk.json("coalition", "show", nid)["nid"] == nid
    assert "cannot be reached" in desk.errors
    assert "NOT CONNECTED" in desk.run("coalition", "status")


def test_a_name_that_fits_none_or_several_is_refused(desk: Desk) -> None:
    desk.run("coalition", *FLASH)
    desk.run("coalition", *FLASH)
    desk.run("coalition", "show", "015", status=2)
    assert "give more of one" in desk.errors
    desk.run("coalition", "show", "ffff", status=2)


# --- the command itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words", "says"),
    [
        (cli.app, "send --bogus", "No such option: --bogus"),
        (cli.app, "send --check=foo", "Invalid value for '--check'"),
        (cli.app, "line propose euphrates", "Missing option '--title'"),
        (cli.app, "answer", "Missing argument"),
        (cli.app, "nope", "No such command 'nope'"),
        (channel_app, "side --bogus", "No such option: --bogus"),
        (channel_app, "nope", "No such command 'nope'"),
    ],
)
def test_what_the_option_parser_does_not_take_is_a_document_too(command: typer.Typer, words: str, says: str) -> None:
    plain = CliRunner().invoke(command, words.split())
    assert (plain.exit_code, plain.stdout, says in plain.stderr) == (2, "", True)
    ended = CliRunner().invoke(command, [*words.split(), "--json"])
    error = json.loads(ended.stdout)["error"]
    assert (ended.exit_code, error["code"], says in error["detail"]) == (2, "usage", True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 2), (TransientError("x"), 3), (RefusedError("schema", "x"), 4), (IncompleteError("x"), 5),
        (FatalError("x"), 6),
    ],
)  # fmt: skip
def test_every_kind_of_error_has_its_status_and_one_line(
    error: ChannelError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, shared.told(json_output=True):
        raise error
    told = capsys.readouterr()
    assert ended.value.exit_code == status
    assert set(json.loads(told.out)["error"]) == {"code", "detail"}
    assert told.err == f"party: {error}\n"


def test_a_fault_of_the_program_shows_no_contents(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(prog_name: str) -> None:
        raise KeyError("strike at dawn")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr().err
    assert ended.value.code == 6
    assert "KeyError" in told
    assert "dawn" not in told


def test_the_words_that_commands_take_are_the_protocols() -> None:
    assert get_args(sending.PrecedenceWord) == tuple(Precedence)
    assert get_args(sending.KindWord) == tuple(Kind)
    assert get_args(sending.ResponseWord) == tuple(Response)
    assert get_args(sending.LevelWord) == tuple(Level)
    assert set(get_args(answering.AnswerWord)) == set(Word)


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        yield (*path, name), command


def test_every_command_shows_an_example_that_names_it() -> None:
    found = dict(_commands(typer.main.get_command(cli.app)))
    assert {"send", "inbox", "show", "answer", "forward", "withdraw", "watch", "status", "check"} <= {
        p[0] for p in found
    }
    silent = [path for path, command in found.items() if f" {' '.join(path)}" not in (command.epilog or "")]
    assert not silent


def test_help_comes_without_loading_what_only_commands_need() -> None:
    heavy = "{'pydantic', 'aiomqtt', 'apsw', 'cryptography', 'joserfc', 'nacl', 'pyproj', 'shapely', 'rich.console'}"
    program = f"import sys, clients.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_the_outputs_encoding_cannot_say_ends_no_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it make JSON that is none: the escapes of text are not those of JSON."""
    says = "Né: أوقفوا النار 🛑"
    nid = desk.json("coalition", "send", "--to", "russia:", "--text", says)["nid"]

    def printed(main: Callable[[], None], *words: str) -> str:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "argv", ["command", *words])
        monkeypatch.setattr(sys, "stdout", out := io.TextIOWrapper(raw, encoding="koi8-r"))
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="koi8-r"))
        with pytest.raises(SystemExit, match="0"):
            main()
        out.flush()
        return raw.getvalue().decode("koi8-r")

    who = ("-p", "russia", "--home", str(desk.lab.path))
    escaped = says.encode("koi8-r", "backslashreplace").decode("koi8-r")
    assert escaped in printed(cli.main, *who, "show", nid)
    assert json.loads(printed(cli.main, *who, "show", nid, "--json"))["text"] == says

    def app() -> None:
        sys.stdout.write(says)
        raise SystemExit(0)

    monkeypatch.setattr(channel.cli, "app", app)
    assert printed(channel.cli.main) == escaped


def test_without_a_name_a_partys_own_home_says_who_it_is(desk: Desk) -> None:
    runner, home = CliRunner(), desk.lab.path / "parties" / "sdf"
    assert "sdf in river-line" in runner.invoke(cli.app, ["--home", str(home), "status"]).stdout
    assert runner.invoke(cli.app, ["--home", str(desk.lab.path), "status"]).exit_code == 2


def test_founding_by_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from channel.founding import init
    from channel.protocol import enrolment

    monkeypatch.chdir(tmp_path)
    requests = []
    for party in ("north", "south"):
        words = ["-p", party, "--home", party, "enrol", "--net", NET, "--desk", "operations=+000 1"]
        made = CliRunner().invoke(cli.app, words)
        assert made.exit_code == 0, made.output
        requests.append(enrolment.read_request(made.stdout.encode()))
    founded = init(tmp_path / "operator", NET, requests, now_ms=NOW_MS)
    accede = ["-p", "north", "--home", "north", "accede", str(founded.packets["north"])]
    assert CliRunner().invoke(cli.app, [*accede, "--expect", "0" * 43]).exit_code == 2
    assert not (tmp_path / "accession-north.jws").exists()
    signed = CliRunner().invoke(cli.app, [*accede, "--expect", founded.spoken, "--json"])
    assert json.loads(signed.stdout)["charter"] == founded.of
    assert (tmp_path / "accession-north.jws").read_bytes().strip() == PartyHome(tmp_path / "north").accession()


def test_a_word_that_would_close_nothing_is_not_signed(desk: Desk) -> None:
    nid = desk.json("coalition", *FLASH)["nid"]
    error = desk.json("russia", "answer", nid, "ROGER", status=2)
    assert "asks for WILCO or UNABLE" in error["error"]["detail"]
    assert desk.json("russia", "answer", nid, "WILCO")
