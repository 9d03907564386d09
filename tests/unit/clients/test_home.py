"""A party's home: keys are made once and stay private; one charter is signed, if it says what was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from channel.founding import ChannelHome, Founded, init
from channel.protocol import enrolment, ids
from channel.protocol.enrolment import Packet
from channel.protocol.envelope import Signer, open_token, seal
from channel.protocol.errors import FatalError, UsageError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Accession, Charter, Desk, Level
from clients.core.clock import random_bytes
from clients.core.enrolling import accede, enrol, judge
from clients.core.home import PartyHome, locate, newest_channel, place

NET = "river-line"
NOW_MS = 1_505_433_600_000
DESKS = (
    Desk(desk="operations", level=Level.OPERATIONS, contact="+000 1"),
    Desk(desk="staff", level=Level.STAFF, contact="+000 2"),
)


def _enrol(path: Path, party: str = "alpha") -> PartyHome:
    home = PartyHome(path)
    enrol(home, party, NET, party.title(), "en", DESKS, random=random_bytes)
    return home


class Parties:
    """Alpha and bravo, enrolled, and the channel drafted for them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.alpha, self.bravo = _enrol(root / "alpha"), _enrol(root / "bravo", "bravo")
        self.founded = self.found("channel")
        self.packet = self.packet_of(self.founded)

    def found(self, name: str, **terms: int) -> Founded:
        requests = [self.alpha.request(), self.bravo.request()]
        return init(self.root / name, NET, requests, now_ms=NOW_MS + len(name), **terms)  # type: ignore[arg-type]

    def packet_of(self, founded: Founded, party: str = "alpha") -> Packet:
        return enrolment.read_packet(founded.packets[party].read_bytes())

    def tampered(self, **changes: object) -> Packet:
        """A packet whose charter a dishonest operator changed and signed with the relay's real key."""
        charter: Charter = self.founded.charter
        ours = charter.parties[0].model_copy(update=changes)
        changed = charter.model_copy(update={"parties": (ours, *charter.parties[1:])})
        relay = Signer("relay/sig/machine-1", _relay_seed(self.root / "channel"))
        return self.packet.model_copy(update={"charter": seal(changed, relay).decode()})


def _relay_seed(home: Path) -> bytes:
    return ChannelHome(home).signer("sig/machine-1").seed


@pytest.fixture
def parties(tmp_path: Path) -> Parties:
    return Parties(tmp_path)


# --- enrolment ------------------------------------------------------------------------------------------------------


def test_keys_are_private_files_in_a_private_directory(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    names = {path.name for path in home.keys.iterdir()}
    desks = {"sig-desk-operations.pem", "sig-desk-staff.pem"}
    assert names == {"root-1.pem", "sig-machine-1.pem", "wit-1.pem", "enc-1.pem", "tls.pem"} | desks
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in home.keys.iterdir())
    assert home.keys.stat().st_mode & 0o777 == 0o700
    assert all(b"BEGIN PRIVATE KEY" in path.read_bytes() for path in home.keys.iterdir())


def test_the_request_proves_the_keys_that_the_home_holds(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    request = home.request()
    enrolment.check(request, NET)
    for key in request.keys[:-1]:
        assert ids.unb64url(key.pub) == home.signer(key.kid.partition("/")[2]).public
    held = {key.kid: key.held for key in request.keys}
    assert held["alpha/sig/desk-staff"] == "person"
    assert held["alpha/sig/machine-1"] == "machine"


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    before = {path: path.read_bytes() for path in home.keys.iterdir()}
    with pytest.raises(UsageError, match="already the home of alpha"):
        _enrol(home.path, "bravo")
    assert {path: path.read_bytes() for path in home.keys.iterdir()} == before


def test_an_interrupted_enrolment_is_recognised(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    home.settings_file.unlink()
    with pytest.raises(UsageError, match="interrupted"):
        _enrol(home.path)
    with pytest.raises(UsageError, match="enrol"):
        home.request()


@pytest.mark.parametrize(
    ("party", "net", "desks"),
    [("relay", NET, DESKS), ("Alpha", NET, DESKS), ("../up", NET, DESKS), ("alpha", "x", DESKS), ("alpha", NET, ())],
)
def test_what_cannot_be_enrolled_leaves_nothing_behind(
    tmp_path: Path, party: str, net: str, desks: tuple[Desk, ...]
) -> None:
    with pytest.raises(UsageError):
        enrol(PartyHome(tmp_path / "a"), party, net, "A", "en", desks, random=random_bytes)
    assert not (tmp_path / "a").exists()


def test_a_key_file_that_others_may_read_is_refused_with_the_command_to_type(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    path = home.keys / "sig-desk-operations.pem"
    path.chmod(0o640)
    with pytest.raises(UsageError, match=f"chmod 600 {path}"):
        home.signer("sig/desk-operations")
    path.chmod(0o600)
    assert home.signer("sig/desk-operations").kid == "alpha/sig/desk-operations"


def test_a_damaged_or_missing_key_is_named_and_not_quoted(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    path = home.keys / "root-1.pem"
    path.write_bytes((home.keys / "enc-1.pem").read_bytes())
    with pytest.raises(FatalError, match=r"root-1\.pem") as caught:
        home.signer("root/1")
    assert "BEGIN" not in str(caught.value)
    path.unlink()
    with pytest.raises(UsageError, match=r"root-1\.pem"):
        home.signer("root/1")
    with pytest.raises(UsageError, match="signs nothing"):
        home.signer("enc/1")


# --- acceding -------------------------------------------------------------------------------------------------------


def test_acceding_signs_the_charter_with_the_root_key(parties: Parties) -> None:
    done = accede(parties.alpha, parties.packet, now_ms=NOW_MS, expected_hash=parties.founded.spoken)
    opened = open_token(done.token, KeyRing(done.charter, done.of), net=NET)
    assert isinstance(opened.body, Accession)
    assert (opened.kid, opened.body.charter, opened.body.seq) == ("alpha/root/1", parties.founded.of, 1)
    assert opened.body.prev == parties.founded.of
    assert parties.alpha.charter() == (parties.founded.charter, parties.founded.of)
    assert done.spoken == parties.founded.spoken
    endpoint = parties.alpha.endpoint()
    assert (endpoint.host, endpoint.port) == ("localhost", 8883)
    assert all(path.exists() for path in (endpoint.ca_file, endpoint.cert_file, endpoint.key_file))


def test_acceding_again_gives_the_same_token_and_takes_the_new_address(parties: Parties) -> None:
    first = accede(parties.alpha, parties.packet, now_ms=NOW_MS)
    moved = parties.packet.model_copy(update={"host": "channel.example", "port": 9})
    second = accede(parties.alpha, moved, now_ms=NOW_MS + 1_000)
    assert second.token == first.token
    assert (parties.alpha.endpoint().host, parties.alpha.endpoint().port) == ("channel.example", 9)


def test_a_home_signs_one_charter(parties: Parties) -> None:
    accede(parties.alpha, parties.packet, now_ms=NOW_MS)
    with pytest.raises(UsageError, match="signs no other"):
        accede(parties.alpha, parties.packet_of(parties.found("second")), now_ms=NOW_MS)
    assert parties.alpha.charter()[1] == parties.founded.of


def test_an_interrupted_accession_is_completed_with_the_same_bytes(parties: Parties) -> None:
    first = accede(parties.alpha, parties.packet, now_ms=NOW_MS)
    for path in (parties.alpha.charter_file, parties.alpha.ca_file, parties.alpha.cert_file):
        path.unlink()
    assert accede(parties.alpha, parties.packet, now_ms=NOW_MS + 9).token == first.token
    assert parties.alpha.charter()[1] == parties.founded.of


@pytest.mark.parametrize("expected", ["", "A" * 43, "12345 " * 12])
def test_a_charter_with_another_hash_than_was_told_is_not_signed(parties: Parties, expected: str) -> None:
    with pytest.raises(UsageError, match="sign nothing"):
        accede(parties.alpha, parties.packet, now_ms=NOW_MS, expected_hash=expected)
    assert not parties.alpha.acceded


def test_a_charter_that_says_something_else_of_us_is_not_signed(parties: Parties) -> None:
    ours = parties.founded.charter.parties[0]
    foreign = ours.keys[3].model_copy(update={"pub": ids.b64url(Signer("x", bytes(32)).public)})
    for part, change in (
        ("keys", {"keys": (*ours.keys[:3], foreign, *ours.keys[4:])}),
        ("desks", {"desks": DESKS[:1]}),
        ("name", {"name": "Somebody"}),
        ("language", {"language": "ru"}),
    ):
        with pytest.raises(UsageError, match=f"other {part}"):
            accede(parties.alpha, parties.tampered(**change), now_ms=NOW_MS)
    renamed = tuple(key.model_copy(update={"kid": key.kid.replace("alpha", "other")}) for key in ours.keys)
    with pytest.raises(UsageError, match="does not name alpha"):
        accede(parties.alpha, parties.tampered(party="other", keys=renamed), now_ms=NOW_MS)
    assert not parties.alpha.acceded
    assert not parties.alpha.charter_file.exists()


def test_a_packet_for_another_party_or_key_is_refused(parties: Parties) -> None:
    other = parties.packet_of(parties.founded, "bravo")
    with pytest.raises(UsageError, match="the packet is for bravo"):
        accede(parties.alpha, other, now_ms=NOW_MS)
    with pytest.raises(UsageError, match="another TLS key"):
        judge(parties.alpha, parties.packet.model_copy(update={"certificate": other.certificate}))
    second = parties.packet_of(parties.found("second"))
    with pytest.raises(UsageError, match="own authority"):
        judge(parties.alpha, parties.packet.model_copy(update={"ca": second.ca}))
    broken = parties.packet.charter[:-4] + "AAAA"
    with pytest.raises(UsageError, match="ask the operator"):
        judge(parties.alpha, parties.packet.model_copy(update={"charter": broken}))
    assert not parties.alpha.acceded


def test_without_a_packet_there_is_no_link_and_no_charter(parties: Parties) -> None:
    with pytest.raises(UsageError, match="party accede"):
        parties.alpha.endpoint()
    with pytest.raises(UsageError, match="party accede"):
        parties.alpha.charter()


# --- one owner of the connection --------------------------------------------------------------------------------------


def test_one_owner_of_the_connection_at_a_time(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    with home.connection_lock() as first:
        with home.connection_lock() as second:
            assert (first, second) == (True, False)
        with home.connection_lock() as still:
            assert not still
    with home.connection_lock() as free:
        assert free


def test_the_connection_is_free_again_when_its_owner_is_killed(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    hold = (
        "import sys; from pathlib import Path; from clients.core.home import PartyHome\n"
        "with PartyHome(Path(sys.argv[1])).connection_lock() as owned: print(owned, flush=True); sys.stdin.read()"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "True\n"
        with home.connection_lock() as owned:
            assert not owned
        owner.kill()
        owner.wait()
    with home.connection_lock() as owned:
        assert owned


# --- finding a home -------------------------------------------------------------------------------------------------


def _channel(path: Path, *names: str) -> Path:
    for name in names:
        _enrol(path / "parties" / name, name)
    path.mkdir(parents=True, exist_ok=True)
    (path / "charter.jws").write_bytes(b"x")
    return path


def test_a_directory_may_be_the_channels_home_or_the_partys_own(tmp_path: Path) -> None:
    channel = _channel(tmp_path / "c", "alpha")
    own = _enrol(tmp_path / "own")
    assert locate(channel, "alpha").path == channel / "parties" / "alpha"
    assert locate(own.path, "alpha").path == own.path
    assert place(channel, "bravo").path == channel / "parties" / "bravo"
    assert place(tmp_path / "new", "bravo").path == tmp_path / "new"


def test_without_a_directory_it_is_the_newest_at_hand(tmp_path: Path) -> None:
    user = tmp_path / "user"
    with pytest.raises(UsageError, match="no home of alpha"):
        locate(None, "alpha", cwd=tmp_path, user=user)
    own = _enrol(user / ".local/share/deconfliction/alpha")
    assert locate(None, "alpha", cwd=tmp_path, user=user).path == own.path
    first, second = (_channel(tmp_path / ".homes" / name, "alpha") for name in ("1", "2"))
    (first / "charter.jws").write_bytes(b"later")
    stat = (second / "charter.jws").stat()

    os.utime(first / "charter.jws", ns=(stat.st_mtime_ns + 10**9, stat.st_mtime_ns + 10**9))
    assert newest_channel(tmp_path / ".homes") == first
    assert locate(None, "alpha", cwd=tmp_path, user=user).path == first / "parties" / "alpha"


def test_a_wrong_directory_is_answered_with_what_is_there(tmp_path: Path) -> None:
    channel, own = _channel(tmp_path / "c", "alpha"), _enrol(tmp_path / "own")
    (tmp_path / "empty").mkdir()
    for directory, party, said in (
        (channel, "bravo", "holds the homes of alpha"),
        (own.path, "bravo", "home of alpha, not of bravo"),
        (tmp_path / "empty", "alpha", "enrol"),
        (tmp_path / "none", "alpha", "no directory"),
        (_channel(tmp_path / "bare"), "alpha", "party's own directory"),
    ):
        with pytest.raises(UsageError, match=said):
            locate(directory, party)


def test_damaged_settings_stop_and_say_so(tmp_path: Path) -> None:
    home = _enrol(tmp_path / "a")
    value = json.loads(home.settings_file.read_bytes())
    home.settings_file.write_text(json.dumps({**value, "surprise": 1}))
    with pytest.raises(FatalError, match=r"party\.json"):
        home.settings()
