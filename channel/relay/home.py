"""The channel's home: which file is where, and whether it is whole. What the relay stores while it runs is not here.

Layout: `charter.jws`, `log.sqlite`, `settings.json`, `keys/*.pem` (0600), `broker/pki/`, `packets/P.json`, and in a
trial `parties/P/`. A file `founding.unfinished` stands there from the first write of a founding to the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from channel.broker.pki import write_file
from channel.protocol import ids, keyfile
from channel.protocol.enrolment import Port
from channel.protocol.envelope import Signer, open_charter
from channel.protocol.errors import FatalError, PeerError, UsageError
from channel.protocol.ids import Hash
from channel.protocol.statements import Charter, Model, Name, NetName

__all__ = ["ChannelHome", "ChannelSettings"]

_FILE_BYTES_MAX = 256 * 1024


class ChannelSettings(Model):
    """`settings.json`: the net, and where its broker listens for links."""

    v: Literal[1] = 1
    net: NetName
    trial: bool
    host: Name
    port: Port


class ChannelHome:
    """A channel's home. `open` it to be sure that its founding was finished."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.charter_file = path / "charter.jws"
        self.log_file = path / "log.sqlite"
        self.settings_file = path / "settings.json"
        self.clock_file = path / "clock.json"
        self.keys = path / "keys"
        self.pki = path / "broker" / "pki"
        self.packets = path / "packets"
        self.parties = path / "parties"
        self.unfinished = path / "founding.unfinished"

    @classmethod
    def open(cls, path: Path) -> ChannelHome:
        """UsageError, saying what to do, if there is no channel or only half of one."""
        home = cls(path)
        home.refuse_unfinished()
        missing = [file for file in (home.settings_file, home.charter_file, home.log_file) if not file.exists()]
        if len(missing) == 3:
            raise UsageError(f"{path} is no channel's home; found one: channel init --net NET {path} REQUEST...")
        if missing:
            raise FatalError(f"{missing[0]} is missing: restore it from a copy of {path}")
        return home

    def settings(self) -> ChannelSettings:
        try:
            return ChannelSettings.model_validate_json(self.settings_file.read_bytes())
        except (OSError, ValidationError) as error:
            raise FatalError(f"{self.settings_file} cannot be read: restore it from a copy") from error

    def charter(self) -> tuple[Charter, Hash]:
        """The charter and its hash."""
        try:
            return open_charter(self._read(self.charter_file))
        except PeerError as error:
            raise FatalError(f"{self.charter_file} is damaged ({error.code}): restore it from a copy") from error

    def signer(self, label: str) -> Signer:
        """The relay's key of that label, like `sig/machine-1`. UsageError if others may read its file."""
        path = self.keys / keyfile.file_name(label)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise UsageError(f"there is no key file {path}; this home cannot sign with it") from error
        keyfile.check_mode(path, mode)
        try:
            return Signer(f"{ids.RELAY}/{label}", keyfile.from_pem(label, self._read(path)))
        except ValueError as error:
            raise FatalError(f"{path}: {error}; restore it from a copy") from error

    def refuse_unfinished(self) -> None:
        """UsageError if a founding was interrupted here."""
        if self.unfinished.exists():
            raise UsageError(
                f"a founding in {self.path} was interrupted and nothing of it is in force: remove the directory "
                "(packets from it, if any were handed out, are void) and found again"
            )

    @contextmanager
    def founding(self) -> Iterator[None]:
        """Around all writes of a founding. What a crash or an error leaves is recognised by `refuse_unfinished`."""
        self.refuse_unfinished()
        self._refuse_occupied()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self.unfinished, b"a founding is under way, or was interrupted here\n")
        yield
        self.unfinished.unlink()

    def _refuse_occupied(self) -> None:
        files = (self.charter_file, self.log_file, self.settings_file, self.keys, self.packets, self.pki, self.parties)
        found = [file for file in files if file.exists()]
        if found:
            raise UsageError(f"{self.path} already holds {found[0].name}: found the channel in a new directory")

    def _read(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(_FILE_BYTES_MAX).strip()
        except OSError as error:
            raise FatalError(f"cannot read {path}: {error.strerror}; restore it from a copy") from error
