"""A party's own place: its keys, its net and the files that open its link. Private keys never leave it.

Layout: `keys/*.pem` (0600), `party.json`, `request.json`, and after acceding `charter.jws`, `accession.jws` and
`tls/{ca,cert}.pem`. How a home comes to be is `enrolling`; what a client stores while it runs is not here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError

from channel.protocol import enrolment, keyfile
from channel.protocol.envelope import Signer, open_charter
from channel.protocol.errors import FatalError, PeerError, UsageError
from channel.protocol.ids import Hash
from channel.protocol.statements import Charter, Code, Desk, Model, Name, NetName, Party

if TYPE_CHECKING:
    from channel.wire.link import Endpoint

HOMES = Path(".homes")  # where trial channels are made, below the working directory
USER_HOMES = Path(".local/share/deconfliction")  # below the user's own directory
_FILE_BYTES_MAX = 256 * 1024


class PartySettings(Model):
    """`party.json`: who this home is. `host` and `port` are there once a packet has been acceded to."""

    v: Literal[1] = 1
    net: NetName
    party: Party
    name: Name
    language: Literal["en", "ru", "ar", "ku"]
    client: Code  # the module that sets this party's habits; `party` is the generic one
    held: Literal["person", "machine"]  # who holds the desk keys
    desks: Annotated[tuple[Desk, ...], Field(min_length=1, max_length=8)]
    host: str | None = None
    port: enrolment.Port | None = None


class PartyHome:
    """One party's home. Nothing is read until it is asked for; a file that is missing or damaged is named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys = path / "keys"
        self.settings_file = path / "party.json"
        self.request_file = path / "request.json"
        self.charter_file = path / "charter.jws"
        self.accession_file = path / "accession.jws"
        self.ca_file = path / "tls" / "ca.pem"
        self.cert_file = path / "tls" / "cert.pem"
        self.lock_file = path / "connection.lock"
        self.passphrase: Callable[[str], str] | None = None
        """Asked for the passphrase of a protected key, by its label; what it opens stays open for the process."""

    def __repr__(self) -> str:
        return f"PartyHome({str(self.path)!r})"

    @property
    def enrolled(self) -> bool:
        """Whether the keys and the request are made."""
        return self.settings_file.exists()

    @property
    def acceded(self) -> bool:
        """Whether this party has signed a charter."""
        return self.accession_file.exists()

    def settings(self) -> PartySettings:
        """UsageError if nothing is enrolled here."""
        try:
            return PartySettings.model_validate_json(self.settings_file.read_bytes())
        except FileNotFoundError:
            raise UsageError(f"{self.path} is no party's home; make one: {_enrol_command(self.path)}") from None
        except (OSError, ValidationError) as error:
            raise FatalError(f"{self.settings_file} cannot be read: restore it from a copy") from error

    def request(self) -> enrolment.Enrolment:
        """The request as it was made at the enrolment."""
        if not self.enrolled:
            raise UsageError(f"{self.path} is no party's home; make one: {_enrol_command(self.path)}")
        return enrolment.read_request(self._read(self.request_file))

    def charter(self) -> tuple[Charter, Hash]:
        """The charter that this party signed, and its hash: what everything else is judged by."""
        if not self.acceded:
            raise UsageError(
                f"{self.path} has not signed a charter; get a packet from the operator, then: party accede"
            )
        try:
            return open_charter(self._read(self.charter_file))
        except PeerError as error:
            raise FatalError(
                f"{self.charter_file} is damaged ({error.code}): accede to the same packet again"
            ) from error

    def charter_token(self) -> bytes:
        """The charter as it was signed, byte for byte."""
        return self._read(self.charter_file)

    def accession(self) -> bytes:
        """The accession's token: the first that the root key signed, so its next statement goes on from it."""
        return self._read(self.accession_file)

    def signer(self, label: str) -> Signer:
        """The key of that label, like `sig/desk-operations`. UsageError if others may read its file."""
        if label.startswith("enc/"):
            raise UsageError(f"{label} opens sealed notices and signs nothing")
        return Signer(f"{self.settings().party}/{label}", self._seed(label))

    def has_key(self, label: str) -> bool:
        """Whether there is a file of that key."""
        return (self.keys / keyfile.file_name(label)).exists()

    def labels(self) -> list[str]:
        """Of every key whose file is here, like `sig/desk-operations`; withdrawn ones too."""
        files = sorted(path.name for path in self.keys.glob("*.pem"))
        return [label for label in map(keyfile.label_of, files) if label is not None]

    def enc_seed(self, label: str) -> bytes:
        """The private X25519 key that opens what was sealed to this party's key of that label."""
        return self._seed(label)

    def enc_seed_of(self, kid: str) -> bytes | None:
        """The same by key id; None if that key is not in this home. Withdrawn ones are kept, for what was sealed."""
        label = kid.partition("/")[2]
        return self.enc_seed(label) if self.has_key(label) else None

    def public(self, label: str) -> bytes:
        """The public half of the key of that label."""
        return keyfile.enc_public(self._seed(label)) if label.startswith("enc/") else self.signer(label).public

    def write_key(self, label: str, seed: bytes, lock: tuple[str, bytes] | None = None) -> None:
        """Make the file of a new key, durably; `lock`: passphrase and salt. UsageError if there is one already."""
        if self.has_key(label):
            raise UsageError(f"there is a key file of {label} in {self.keys} already: keys are never overwritten")
        self._write_key(label, seed, lock)

    def set_aside(self, label: str) -> Path:
        """Take the file of a key that was never enrolled out of use; where it is now. Nothing is deleted."""
        file = self.keys / keyfile.file_name(label)
        aside = next(
            place for number in count(1) if not (place := file.with_name(f"{file.name}.{number}.unused")).exists()
        )
        try:
            file.rename(aside)
        except OSError as error:
            raise FatalError(f"cannot rename {file}: {error.strerror}") from error
        return aside

    def is_protected(self, label: str) -> bool:
        """Whether the key's file opens only with a passphrase."""
        return keyfile.is_protected(self._read(self.keys / keyfile.file_name(label)))

    def protect(self, label: str, lock: tuple[str, bytes] | None) -> None:
        """Put a passphrase on the key's file, another in its place, or none. The key stays the same."""
        self._write_key(label, self._seed(label), lock)

    def _write_key(self, label: str, seed: bytes, lock: tuple[str, bytes] | None) -> None:
        pem = keyfile.to_pem(label, seed) if lock is None else keyfile.protected(label, seed, *lock)
        write_file(self.keys / keyfile.file_name(label), pem, 0o600)

    def endpoint(self) -> Endpoint:
        """Where the link goes and with which files."""
        from channel.wire.link import Endpoint  # here, because it brings the MQTT client with it

        settings = self.settings()
        if settings.host is None or settings.port is None or not self.acceded:
            raise UsageError(f"{self.path} has no link yet; get a packet from the operator, then: party accede")
        tls_key = self.keys / "tls.pem"
        keyfile.check_mode(tls_key, self._mode(tls_key))
        client_id = f"{settings.net}-{settings.party}"
        return Endpoint(settings.host, settings.port, self.ca_file, self.cert_file, tls_key, client_id)

    def connection_lock(self) -> AbstractContextManager[bool]:
        """Whether the caller owns the party's one connection while the block runs. It ends with the process, too."""
        return _locked(self.lock_file)

    def say_link(self, up: bool) -> None:
        """For the other processes of the home: whether the connection that this one owns is there. A hint, no more."""
        with suppress(OSError):
            self.lock_file.write_bytes(b"up" if up else b"down")

    def link_elsewhere(self) -> bool:
        """Whether the process that owns the connection has one, as it said last; also if it said nothing."""
        try:
            return self.lock_file.read_bytes() != b"down"
        except OSError:
            return True

    def key_lock(self) -> AbstractContextManager[bool]:
        """Whether the caller alone changes keys here while the block runs."""
        return _locked(self.path / "keys.lock")

    def _seed(self, label: str) -> bytes:
        path = self.keys / keyfile.file_name(label)
        keyfile.check_mode(path, self._mode(path))
        pem = self._read(path)
        locked = keyfile.is_protected(pem)
        if locked and self.passphrase is None:
            raise UsageError(f"the key {label} is protected by a passphrase: give it with --passphrase-file FILE")
        try:
            return keyfile.from_pem(label, pem, self.passphrase(label) if locked and self.passphrase else None)
        except ValueError as error:
            if locked:
                raise UsageError(f"the passphrase does not open {path}: give the right one") from None
            raise FatalError(f"{path}: {error}; restore it from a copy") from error

    def _mode(self, path: Path) -> int:
        try:
            return path.stat().st_mode
        except OSError as error:
            raise UsageError(f"there is no key file {path}; this home cannot sign with it") from error

    def _read(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(_FILE_BYTES_MAX).strip()
        except OSError as error:
            raise FatalError(f"cannot read {path}: {error.strerror}; restore it from a copy") from error


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FatalError(f"cannot open {file}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owned = True
        except BlockingIOError:
            owned = False
        yield owned
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes, mode: int) -> None:
    """The whole file or none of it, durable on return, never readable more widely than `mode`."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise FatalError(f"cannot write {path}: {error.strerror}") from error


def locate(home: Path | None, party: str, *, cwd: Path | None = None, user: Path | None = None) -> PartyHome:
    """The party's home in DIR, which may be a channel's home or the party's own; without DIR the newest at hand.

    UsageError says what was looked for and what to type.
    """
    if home is not None:
        return _locate_in(home, party)
    channel = newest_channel((cwd or Path()) / HOMES)
    own = (user or Path.home()) / USER_HOMES / party
    for place in ([channel / "parties" / party] if channel else []) + [own]:
        if (place / "party.json").exists():
            return PartyHome(place)
    looked = f"{channel}/parties/{party} and {own}" if channel else f"{HOMES} and {own}"
    raise UsageError(f"no home of {party} in {looked}; say where it is: party -p {party} --home DIR ...")


def place(home: Path | None, party: str, *, user: Path | None = None) -> PartyHome:
    """Where `enrol` makes the party's home: DIR itself, or its place in DIR if that is a channel's home."""
    if home is None:
        return PartyHome((user or Path.home()) / USER_HOMES / party)
    return PartyHome(home / "parties" / party if _is_channel(home) else home)


def newest_channel(homes: Path) -> Path | None:
    """The channel home made last below a directory. By its charter's file: it is written once."""
    try:
        found = [path for path in homes.iterdir() if _is_channel(path)]
    except OSError:
        return None
    return max(found, key=lambda path: ((path / "charter.jws").stat().st_mtime_ns, path.name), default=None)


def _is_channel(path: Path) -> bool:
    return (path / "charter.jws").exists() and not (path / "party.json").exists()


def _locate_in(home: Path, party: str) -> PartyHome:
    inside = home / "parties" / party
    if (inside / "party.json").exists():
        return PartyHome(inside)
    if not home.is_dir():
        raise UsageError(f"there is no directory {home}")
    if (home / "party.json").exists():
        found = PartyHome(home)
        settings = found.settings()
        if settings.party != party:
            raise UsageError(f"{home} is the home of {settings.party}, not of {party}")
        return found
    if (home / "parties").is_dir():
        names = ", ".join(sorted(path.name for path in (home / "parties").iterdir() if path.is_dir()))
        raise UsageError(f"{home} holds the homes of {names or 'no party'}, not of {party}")
    if _is_channel(home):
        raise UsageError(f"{home} is a channel's home and holds no home of {party}; give that party's own directory")
    raise UsageError(f"{home} holds no home of {party}; make one: {_enrol_command(home, party)}")


def _enrol_command(home: Path, party: str = "NAME") -> str:
    return f"party -p {party} --home {home} enrol --net NET"
