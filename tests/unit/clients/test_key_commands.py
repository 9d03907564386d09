"""`party key`: what is typed, what is printed, exit codes; and the mark of a key called compromised in `party show`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.clients.lab import lab_at
from tests.unit.clients.test_cli import FLASH, Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with lab_at(tmp_path / "net") as lab:
        yield Desk(lab, monkeypatch)


def test_a_changed_key_is_listed_with_its_places_in_the_log(desk: Desk) -> None:
    changed = desk.json("coalition", "key", "rotate", "desk", "staff")
    (new,) = [one for one in desk.json("coalition", "key", "list") if one["kid"].endswith("desk-staff-2")]
    assert new["enrolled"] == changed["enrolled"]["enrolled"]
    assert new.items() >= {"kind": "sig/desk-staff", "valid": True, "here": True, "used": True}.items()
    (old,) = [one for one in desk.json("coalition", "key", "list") if one["kid"].endswith("desk-staff")]
    assert old["withdrawn"] == changed["withdrawn"][0]["withdrawn"] == new["enrolled"] + 1
    assert old.items() >= {"enrolled": None, "valid": False, "here": True, "used": False}.items()
    lines = desk.run("coalition", "key", "list").splitlines()
    assert any("desk-staff-2" in line and "in use" in line and f"leaf {new['enrolled']}" in line for line in lines)
    everybody = desk.json("russia", "key", "list", "--all")
    assert {one["kid"].partition("/")[0] for one in everybody} == {"coalition", "russia", "sdf", "regime", "relay"}
    assert not any(one["here"] for one in everybody if not one["kid"].startswith("russia/"))


def test_what_cannot_be_withdrawn_or_changed_says_what_to_type(desk: Desk) -> None:
    last = desk.json("coalition", "key", "revoke", "coalition/enc/1", "--reason", "x", status=2)
    assert last["error"]["detail"].endswith("party -p coalition key rotate enc")
    assert "which desk" in desk.json("coalition", "key", "rotate", "desk", status=2)["error"]["detail"]
    assert "has no desk" in desk.json("coalition", "key", "rotate", "wit", "staff", status=2)["error"]["detail"]


def test_a_root_key_is_changed_and_said_where_it_lies(desk: Desk) -> None:
    changed = desk.json("coalition", "key", "rotate", "root", "--compromised-since", "3")
    assert changed["enrolled"]["kid"] == "coalition/root/2"
    assert [(one["kid"], one["compromised_since"]) for one in changed["withdrawn"]] == [("coalition/root/1", 3)]
    assert "root-2.pem: keep it apart" in desk.errors
    desk.run("coalition", "key", "rotate", "wit")
    last = desk.json("coalition", "key", "revoke", "coalition/root/2", "--reason", "x", status=2)
    assert last["error"]["detail"].endswith("party -p coalition key rotate root")


def test_a_change_that_cannot_be_sent_is_gone_on_with_by_the_same_command(desk: Desk) -> None:
    desk.run("coalition", "inbox")
    desk.up = False
    queued = desk.json("coalition", "key", "rotate", "machine", "--wait", "0.1", status=3)
    assert queued["queued"] is True
    assert "give the same command again" in desk.errors
    used = {one["kid"] for one in desk.json("coalition", "key", "list") if one["used"]}
    assert "coalition/sig/machine-1" in used, "the key in use stays so"
    desk.up = True
    assert desk.json("coalition", "key", "rotate", "machine")["enrolled"]["kid"] == "coalition/sig/machine-2"


def test_statements_of_a_key_called_compromised_are_marked_from_that_leaf_on(desk: Desk) -> None:
    early, late = (desk.json("coalition", *FLASH) for _ in range(2))
    words = ["--reason", "laptop lost", "--compromised-since", str(late["index"])]
    assert (
        desk.json("coalition", "key", "rotate", "desk", "operations", *words)["withdrawn"][0]["compromised_since"]
        == late["index"]
    )
    for sent, marked in ((early, False), (late, True)):
        first = desk.json("russia", "show", sent["nid"])["timeline"][0]
        assert (first.get("compromised_since") == late["index"]) is marked
        assert ("compromised since leaf" in first["text"]) is marked
    again = desk.json("coalition", *FLASH)
    first = desk.json("russia", "show", again["nid"])["timeline"][0]
    assert (first["kid"], "compromised_since" in first) == ("coalition/sig/desk-operations-2", False)


def test_what_a_compromised_key_said_is_marked_in_the_inbox_and_the_answer_in_the_status(desk: Desk) -> None:
    said, mark = desk.json("coalition", *FLASH), "calls this key compromised since leaf"
    answered = desk.json("russia", "answer", said["nid"], "WILCO")
    assert mark not in desk.run("russia", "inbox") + desk.run("coalition", "show", said["nid"])
    for party, since in (("coalition", said["index"]), ("russia", answered["index"])):
        words = ["--reason", "stolen", "--compromised-since", str(since)]
        desk.json(party, "key", "rotate", "desk", "operations", *words)
    assert f"its party {mark} {said['index']}" in desk.run("russia", "inbox")
    assert desk.json("russia", "inbox")[0]["compromised_since"] == said["index"]
    delivery = desk.json("coalition", "show", said["nid"])["deliveries"][0]
    assert delivery["answer_compromised_since"] == answered["index"]
    shown = desk.run("coalition", "show", said["nid"]).split("  token ")[0]
    assert f"WILCO after 0 s, its party {mark} {answered['index']}" in shown


# --- passphrases ------------------------------------------------------------------------------------------------------

FIRST, SECOND = "correct horse battery", "staple 33 \u0434\u043e\u043c"


def _file(path: Path, text: str) -> str:
    path.write_text(f"{text}\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def test_a_protected_desk_key_signs_only_with_its_passphrase(desk: Desk, tmp_path: Path) -> None:
    first, second = _file(tmp_path / "first", FIRST), _file(tmp_path / "second", SECOND)
    home = desk.lab.home("coalition")
    public = home.public("sig/desk-operations")
    made = desk.json("coalition", "key", "protect", "operations", "--new-passphrase-file", first)
    assert made == {"label": "sig/desk-operations", "protected": True}
    assert "ENCRYPTED" in (home.keys / "sig-desk-operations.pem").read_text()
    assert (home.keys / "sig-desk-operations.pem").stat().st_mode & 0o777 == 0o600
    assert "--passphrase-file" in desk.json("coalition", "check", "on-watch", status=2)["error"]["detail"]
    assert desk.run("coalition", "inbox"), "what needs no desk needs no passphrase"
    wrong = desk.json("coalition", "--passphrase-file", second, "check", "on-watch", status=2)
    assert "does not open" in wrong["error"]["detail"]
    desk.run("coalition", "--passphrase-file", first, "check", "on-watch")
    (row,) = [one for one in desk.json("coalition", "key", "list") if one["kid"].endswith("desk-operations")]
    assert (row["protected"], row["used"]) == (True, True)

    desk.run("coalition", "--passphrase-file", first, "key", "protect", "operations", "--new-passphrase-file", second)
    desk.run("coalition", "--passphrase-file", first, "check", "on-watch", status=2)
    desk.run("coalition", "--passphrase-file", second, "key", "protect", "operations", "--off")
    desk.run("coalition", "check", "on-watch")
    assert home.public("sig/desk-operations") == public


def test_a_protected_key_is_changed_for_one_that_is_protected_alike(desk: Desk, tmp_path: Path) -> None:
    first = _file(tmp_path / "first", FIRST)
    desk.run("coalition", "key", "protect", "operations", "--new-passphrase-file", first)
    desk.run("coalition", "key", "rotate", "desk", "operations", status=2)
    assert not desk.lab.home("coalition").has_key("sig/desk-operations-2")
    desk.run("coalition", "--passphrase-file", first, "key", "rotate", "desk", "operations")
    assert desk.lab.home("coalition").is_protected("sig/desk-operations-2")
    desk.run("coalition", "check", "on-watch", status=2)
    desk.run("coalition", "--passphrase-file", first, "check", "on-watch")


def test_a_passphrase_is_long_enough_and_its_file_is_nobody_elses(desk: Desk, tmp_path: Path) -> None:
    words = ("key", "protect", "operations", "--new-passphrase-file")
    short = desk.json("coalition", *words, _file(tmp_path / "short", "123456789"), status=2)
    assert "at least 10" in short["error"]["detail"]
    open_ = _file(tmp_path / "open", FIRST)
    Path(open_).chmod(0o644)
    assert "chmod 600" in desk.json("coalition", *words, open_, status=2)["error"]["detail"]
    missing = desk.json("coalition", *words, str(tmp_path / "none"), status=2)
    assert "cannot read a passphrase" in missing["error"]["detail"]
    assert "terminal" in desk.json("coalition", "key", "protect", "operations", status=2)["error"]["detail"]
    assert not desk.lab.home("coalition").is_protected("sig/desk-operations")


# --- sealed notices -------------------------------------------------------------------------------------------------


def test_without_a_terminal_the_message_names_the_option_for_a_new_passphrase(desk: Desk) -> None:
    desk.run("coalition", "key", "protect", "operations", status=2)
    assert "nobody is at the terminal; use --new-passphrase-file FILE" in desk.errors


def test_an_intermediary_that_answers_a_sealed_notice_is_told_to_pass_it_on(desk: Desk) -> None:
    words = ["send", "--sealed", "--to", "regime:russia", "--kind", "text", "--text", "x"]
    sent = desk.json("coalition", *words)
    for word in ("ROGER", "UNABLE"):
        desk.run("russia", "answer", sent["nid"], word, status=2)
        assert "pass it on with `party forward`" in desk.errors


def test_sealed_notices_go_to_the_newest_key_and_old_bodies_still_open(desk: Desk) -> None:
    def sealed(text: str) -> str:
        nid: str = desk.json("coalition", "send", "--to", "russia", "--sealed", "--text", text)["nid"]
        return nid

    early = sealed("before the change")
    waiting = sealed("not fetched before the change")
    assert desk.json("russia", "show", early)["text"] == "before the change"
    desk.run("russia", "key", "rotate", "enc")
    late = sealed("after the change")
    assert not desk.lab.relay.core.folded.ledger.refused, "the home is brought up to date before it seals"
    (desk.lab.home("russia").keys / "enc-1.pem").rename(desk.lab.path / "away.pem")
    assert desk.json("russia", "show", late)["text"] == "after the change", "the new key alone opens it"
    (desk.lab.path / "away.pem").rename(desk.lab.home("russia").keys / "enc-1.pem")
    for nid, text in ((early, "before the change"), (waiting, "not fetched before the change")):
        assert desk.json("russia", "show", nid)["text"] == text
