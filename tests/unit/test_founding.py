"""The operator's side of a founding: requests are judged, the charter is leaf 0, accessions follow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from channel.founding import ChannelHome, Founded, admit, found_trial, init
from channel.founding import ceremony as ceremony_module
from channel.log.checkpoint import open_note
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import charter as charters
from channel.protocol import enrolment, ids
from channel.protocol.enrolment import Enrolment, Packet
from channel.protocol.envelope import open_charter, seal
from channel.protocol.errors import FatalError, UsageError
from channel.protocol.statements import Check, Desk, Level, Seen
from channel.protocol.times import to_wire
from clients.core.enrolling import accede, enrol
from clients.core.home import PartyHome

NET = "river-line"
NOW_MS = 1_505_433_600_000
WALL_MS = 1_790_000_000_000
DESKS = (Desk(desk="operations", level=Level.OPERATIONS, contact="+000 1"),)


def _random(seed: str) -> Callable[[int], bytes]:
    """The same bytes in every run."""
    state = hashlib.shake_256(seed.encode()).digest(1 << 16)
    place = 0

    def take(count: int) -> bytes:
        nonlocal place
        place += count
        return state[place - count : place]

    return take


def _enrol(root: Path, party: str, net: str = NET) -> tuple[PartyHome, Enrolment]:
    home = PartyHome(root / party)
    return home, enrol(home, party, net, party.title(), "en", DESKS, random=_random(f"{net}/{party}"))


def _packet(founded: Founded, party: str) -> Packet:
    return enrolment.read_packet(founded.packets[party].read_bytes())


class Ceremony:
    """Two parties that have enrolled, and the channel drafted for them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "channel"
        self.a, self.request_a = _enrol(root, "alpha")
        self.b, self.request_b = _enrol(root, "bravo")
        self.founded = init(
            self.home, NET, [self.request_a, self.request_b], now_ms=NOW_MS, wall_ms=WALL_MS, random=_random("relay")
        )

    def accede(self, home: PartyHome) -> bytes:
        return accede(home, _packet(self.founded, home.settings().party), now_ms=NOW_MS + 1).token

    def leaves(self) -> list[StoredLeaf]:
        log = SqliteLog(self.home / "log.sqlite", "read")
        try:
            return list(log.leaves())
        finally:
            log.close()


@pytest.fixture
def ceremony(tmp_path: Path) -> Ceremony:
    return Ceremony(tmp_path)


def test_the_charter_is_leaf_0_under_a_signed_checkpoint(ceremony: Ceremony) -> None:
    home = ChannelHome.open(ceremony.home)
    charter, of = home.charter()
    (leaf,) = ceremony.leaves()
    assert leaf.token == home.charter_file.read_bytes()
    assert (of, charter) == (ceremony.founded.of, ceremony.founded.charter)
    assert ids.sha256(leaf.token) == of
    log = SqliteLog(home.log_file, "read")
    note = log.newest_note()
    log.close()
    tree = Tree()
    tree.append(leaf_hash(encode(NOW_MS, leaf.token)))
    assert note is not None
    assert open_note(note, f"dcn/{NET}", home.signer("sig/log-1").public).root == tree.root()


def test_private_files_are_their_owners_alone(ceremony: Ceremony) -> None:
    private = [*ceremony.home.rglob("*.pem"), *ceremony.home.rglob("*.key")]
    assert len(private) >= 4 + 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)
    assert (ceremony.home / "keys").stat().st_mode & 0o077 == 0


def test_packets_carry_what_opens_a_link_and_no_private_key(ceremony: Ceremony) -> None:
    for party in ("alpha", "bravo"):
        data = ceremony.founded.packets[party].read_bytes()
        assert b"PRIVATE KEY" not in data
        packet = _packet(ceremony.founded, party)
        certificate = x509.load_pem_x509_certificate(packet.certificate.encode())
        assert certificate.subject.rfc4514_string() == f"CN=party-{party},O={NET}"
        assert (packet.host, packet.port) == ("localhost", 8883)


def test_certificates_run_on_real_time_and_the_log_on_the_nets(ceremony: Ceremony) -> None:
    certificate = x509.load_pem_x509_certificate(_packet(ceremony.founded, "alpha").certificate.encode())
    assert certificate.not_valid_before_utc.year == 2026
    assert ceremony.leaves()[0].stamp == NOW_MS
    assert ceremony.founded.charter.issued.startswith("2017-09-15")


def test_accessions_become_leaves_and_the_last_brings_the_charter_in_force(ceremony: Ceremony) -> None:
    first = admit(ceremony.home, [ceremony.accede(ceremony.a)], now_ms=NOW_MS + 5)
    assert (first.added, first.missing, first.in_force) == (("alpha",), ("bravo",), False)
    second = admit(ceremony.home, [ceremony.accede(ceremony.b)], now_ms=NOW_MS + 9)
    assert (second.added, second.known, second.missing, second.in_force) == (("bravo",), ("alpha",), (), True)
    assert [leaf.stamp for leaf in ceremony.leaves()] == [NOW_MS, NOW_MS + 5, NOW_MS + 9]


def test_an_accession_that_is_there_already_is_no_fault(ceremony: Ceremony) -> None:
    token = ceremony.accede(ceremony.a)
    admit(ceremony.home, [token, token], now_ms=NOW_MS + 5)
    again = admit(ceremony.home, [token], now_ms=NOW_MS + 6)
    assert (again.added, again.known) == ((), ("alpha",))
    assert len(ceremony.leaves()) == 2


def test_one_bad_accession_keeps_all_of_them_out(ceremony: Ceremony) -> None:
    good, bad = ceremony.accede(ceremony.a), ceremony.accede(ceremony.b)[:-4] + b"AAAA"
    with pytest.raises(UsageError, match="file 2"):
        admit(ceremony.home, [good, bad], now_ms=NOW_MS + 5)
    assert len(ceremony.leaves()) == 1


def test_an_accession_to_another_charter_is_refused(ceremony: Ceremony, tmp_path: Path) -> None:
    other = init(
        tmp_path / "other", NET, [ceremony.request_a, ceremony.request_b], now_ms=NOW_MS + 1, random=_random("other")
    )
    token = accede(ceremony.a, _packet(other, "alpha"), now_ms=NOW_MS + 2).token
    with pytest.raises(UsageError, match="compare them by voice"):
        admit(ceremony.home, [token], now_ms=NOW_MS + 5)


def test_a_second_accession_with_other_bytes_is_refused(ceremony: Ceremony) -> None:
    admit(ceremony.home, [ceremony.accede(ceremony.a)], now_ms=NOW_MS + 5)
    ceremony.a.accession_file.unlink()
    other = accede(ceremony.a, _packet(ceremony.founded, "alpha"), now_ms=NOW_MS + 77).token
    with pytest.raises(UsageError, match="signed other bytes"):
        admit(ceremony.home, [other], now_ms=NOW_MS + 80)


def test_only_accessions_are_admitted(ceremony: Ceremony) -> None:
    ceremony.accede(ceremony.a)
    seen = Seen(size=0, root=ids.sha256(b""))
    of = ceremony.founded.of
    body = Check(
        net=NET, from_="alpha", desk="operations", issued=to_wire(NOW_MS), seen=seen, seq=1, prev=of, state="on-watch"
    )
    token = seal(body, ceremony.a.signer("sig/desk-operations"))
    with pytest.raises(UsageError, match="type check"):
        admit(ceremony.home, [token], now_ms=NOW_MS + 5)


def test_admission_waits_for_the_relay_to_stop(ceremony: Ceremony) -> None:
    relay = SqliteLog(ceremony.home / "log.sqlite", "write")
    try:
        with pytest.raises(FatalError):
            admit(ceremony.home, [ceremony.accede(ceremony.a)], now_ms=NOW_MS + 5)
    finally:
        relay.close()


def test_a_clock_before_the_last_leaf_admits_nobody(ceremony: Ceremony) -> None:
    with pytest.raises(UsageError, match="set it"):
        admit(ceremony.home, [ceremony.accede(ceremony.a)], now_ms=NOW_MS - 60_000)


def test_a_place_that_is_taken_is_refused_and_left_alone(ceremony: Ceremony) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in ceremony.home.rglob("*"))
    with pytest.raises(UsageError, match="new directory"):
        init(ceremony.home, NET, [ceremony.request_a, ceremony.request_b], now_ms=NOW_MS)
    assert sorted((path, path.stat().st_mtime_ns) for path in ceremony.home.rglob("*")) == before


@pytest.mark.parametrize("writes", range(0, 24, 3))
def test_a_founding_that_was_interrupted_is_recognised(
    ceremony: Ceremony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """After any write: no command takes the half for a channel, and founding again says what to do."""
    left = writes
    write_file = ceremony_module.pki.write_file

    def failing(path: Path, data: bytes, *, mode: int = 0o600) -> None:
        nonlocal left
        if left == 0:
            raise OSError(28, "no space left on device")
        left -= 1
        write_file(path, data, mode=mode)

    monkeypatch.setattr(ceremony_module.pki, "write_file", failing)
    home = tmp_path / "half"
    try:
        init(home, NET, [ceremony.request_a, ceremony.request_b], now_ms=NOW_MS)
    except OSError:
        with pytest.raises(UsageError, match="interrupted"):
            ChannelHome.open(home)
        with pytest.raises(UsageError, match="interrupted"):
            init(home, NET, [ceremony.request_a, ceremony.request_b], now_ms=NOW_MS)
    else:
        assert ChannelHome.open(home).settings().net == NET


def test_a_home_that_lost_a_file_says_which(ceremony: Ceremony) -> None:
    (ceremony.home / "charter.jws").unlink()
    with pytest.raises(FatalError, match=r"charter\.jws is missing"):
        ChannelHome.open(ceremony.home)
    with pytest.raises(UsageError, match="channel init"):
        ChannelHome.open(ceremony.root / "nowhere")


def test_a_changed_log_admits_nobody(ceremony: Ceremony, tmp_path: Path) -> None:
    other = init(
        tmp_path / "other", NET, [ceremony.request_a, ceremony.request_b], now_ms=NOW_MS, random=_random("other")
    )
    (tmp_path / "other" / "log.sqlite").replace(ceremony.home / "log.sqlite")
    assert other.of != ceremony.founded.of
    with pytest.raises(FatalError, match="restore it"):
        admit(ceremony.home, [ceremony.accede(ceremony.a)], now_ms=NOW_MS + 5)


# --- requests -------------------------------------------------------------------------------------------------------


def _changed(request: Enrolment, **update: object) -> Enrolment:
    return request.model_copy(update=update)


def test_a_request_travels_as_a_file(ceremony: Ceremony) -> None:
    data = enrolment.to_file(ceremony.request_a)
    assert enrolment.read_request(data) == ceremony.request_a
    enrolment.check(enrolment.read_request(data), NET)
    assert b"PRIVATE KEY" not in data


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"t":"enrolment"}', b'{"t":"packet","t":"packet"}', b"\xff\xfe", b'{"\x1b[31m":1}', b"1.5"],
)
def test_a_file_that_is_none_is_refused_in_words(data: bytes) -> None:
    for read in (enrolment.read_request, enrolment.read_packet):
        with pytest.raises(UsageError, match="expected") as caught:
            read(data)
        assert "\x1b" not in str(caught.value)


def test_a_request_that_was_changed_on_its_way_is_refused(ceremony: Ceremony) -> None:
    a, b = ceremony.request_a, ceremony.request_b
    other_desk = (Desk(desk="operations", level=Level.OPERATIONS, contact="+000 666"),)
    without_root = {kid: proof for kid, proof in a.proofs.items() if "/root/" not in kid}
    for changed, said in (
        (_changed(a, name="Somebody Else"), "does not verify"),
        (_changed(a, desks=other_desk), "does not verify"),
        (_changed(a, csr=b.csr), "does not verify"),
        (_changed(a, keys=(b.keys[0], *a.keys[1:])), "should hold the keys"),
        (_changed(a, proofs=without_root), "one proof for each"),
        (_changed(a, proofs={}), "one proof for each"),
        (_changed(a, party="relay"), "the channel's own"),
        (_changed(a, net="elsewhere"), "for the net"),
    ):
        with pytest.raises(UsageError, match=said):
            enrolment.check(changed, NET)


def test_an_enc_key_of_small_order_is_refused(tmp_path: Path) -> None:
    home, request = _enrol(tmp_path, "alpha")
    weak = request.keys[-1].model_copy(update={"pub": ids.b64url(bytes(32))})
    member = request.member().model_copy(update={"keys": (*request.keys[:-1], weak)})
    signers = [home.signer(key.kid.partition("/")[2]) for key in request.keys[:-1]]
    with pytest.raises(UsageError, match="nothing can be sealed"):
        enrolment.check(enrolment.make(member, NET, request.csr, signers), NET)


def test_two_parties_never_share_a_name_a_key_or_a_link(tmp_path: Path) -> None:
    a, request = _enrol(tmp_path, "alpha")
    _, again = _enrol(tmp_path / "again", "alpha")
    with pytest.raises(UsageError, match="two requests are of alpha"):
        init(tmp_path / "c", NET, [request, again], now_ms=NOW_MS)
    keys = tuple(key.model_copy(update={"kid": key.kid.replace("alpha", "bravo")}) for key in request.keys)
    copied = request.member().model_copy(update={"party": "bravo", "keys": keys})
    signers = [a.signer(key.kid.partition("/")[2]) for key in request.keys[:-1]]
    signers = [type(signer)(signer.kid.replace("alpha", "bravo"), signer.seed) for signer in signers]
    with pytest.raises(UsageError, match="one TLS key"):
        init(tmp_path / "c", NET, [request, enrolment.make(copied, NET, request.csr, signers)], now_ms=NOW_MS)
    _, other = _enrol(tmp_path / "other", "charlie")
    with pytest.raises(UsageError, match="the same key"):
        init(tmp_path / "c", NET, [request, enrolment.make(copied, NET, other.csr, signers)], now_ms=NOW_MS)
    assert not (tmp_path / "c").exists()


def test_a_channel_needs_two_parties(ceremony: Ceremony, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two parties"):
        init(tmp_path / "c", NET, [ceremony.request_a], now_ms=NOW_MS)


# --- trials, defaults, hashes -----------------------------------------------------------------------------------------


def test_a_trial_is_in_force_at_once_and_says_that_it_is_one(tmp_path: Path) -> None:
    founded = found_trial(tmp_path / "t", now_ms=NOW_MS, wall_ms=WALL_MS, net="deir-ezzor-2017")
    charter = founded.charter
    assert charter.trial
    assert {key.held for member in (charter.relay, *charter.parties) for key in member.keys} == {"machine"}
    assert [member.party for member in charter.parties] == ["coalition", "russia", "sdf", "regime"]
    assert admit(tmp_path / "t", [], now_ms=NOW_MS).in_force
    for party in ("coalition", "russia", "sdf", "regime"):
        home = PartyHome(tmp_path / "t" / "parties" / party)
        assert home.charter() == (charter, founded.of)
        assert home.settings().client == party
        assert (home.path / "clock.json").read_bytes() == (tmp_path / "t" / "clock.json").read_bytes()


def test_a_trial_of_the_present_needs_no_clock_file(tmp_path: Path) -> None:
    found_trial(tmp_path / "t", charters.DEFAULT_PARTIES[:2], now_ms=WALL_MS, wall_ms=WALL_MS, net=NET)
    assert not (tmp_path / "t" / "clock.json").exists()


@pytest.mark.parametrize(("parties", "k"), [(2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (16, 9)])
def test_a_quorum_is_the_smallest_two_of_which_share_an_honest_witness(parties: int, k: int) -> None:
    liars = 1 if parties >= 4 else 0
    assert charters.quorum(parties) == k
    assert 2 * k > parties + liars >= 2 * (k - 1)


def test_the_default_parties_cannot_be_rung_by_mistake() -> None:
    contacts = [desk.contact for founder in charters.DEFAULT_PARTIES for desk in founder.desks]
    assert len(set(contacts)) == 12
    assert all(contact.startswith("+000 ") for contact in contacts)


def test_a_desk_is_typed_in_one_word() -> None:
    assert charters.desk_of("operations=+000 1") == DESKS[0]
    night = charters.desk_of("night-watch:staff= +000 2")
    assert (night.desk, night.level, night.contact) == ("night-watch", Level.STAFF, "+000 2")
    for wrong in (
        "",
        "operations",
        "operations=",
        "night-watch=+000 2",
        "a:general=+000 2",
        "Ops:staff=1",
        "staff=\x1b[1m",
    ):
        with pytest.raises(UsageError, match="the levels are"):
            charters.desk_of(wrong)


def test_what_is_signed_can_be_read(ceremony: Ceremony) -> None:
    said = "\n".join(charters.describe(ceremony.founded.charter))
    assert "alpha: Alpha; operations (operations) +000 1" in said
    assert "FLASH: receipt 15 s, passed on 30 s, answer 60 s, staff told 60 s, ministry told 3 min" in said
    assert "2 of 2" in said
    assert "not outvoted" in said
    assert "TRIAL" not in said


def test_the_charters_hash_can_be_compared_by_voice(ceremony: Ceremony) -> None:
    of, spoken = ceremony.founded.of, ceremony.founded.spoken
    assert [len(group) for group in spoken.split()] == [5] * 12
    assert enrolment.same_hash(spoken, of)
    assert enrolment.same_hash(spoken.replace(" ", "-"), of)
    assert enrolment.same_hash(f" {of}\n", of)
    assert not enrolment.same_hash(spoken[:-1] + str((int(spoken[-1]) + 1) % 10), of)
    assert not enrolment.same_hash("", of)
    assert open_charter((ceremony.home / "charter.jws").read_bytes())[1] == of
