"""Who may sign in: names, roles and password hashes in one file of mode 0600. No sessions here, and no requests."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Annotated, Literal

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channel.console.asked import UnreadableError
from channel.console.shapes import Role
from channel.protocol import ids
from channel.protocol.errors import FatalError, UsageError

PEOPLE_FILE = "console-users.json"
ROLES: tuple[Role, ...] = ("viewer", "watch", "admin")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 12, 200
PASSWORD_RULE = f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
LINK_MS = 24 * 3_600_000  # how long a sign-in link may wait for its person
USERS_MAX = 200
SALT_BYTES = 16
_HASHER = PasswordHasher()  # argon2id, RFC 9106's second choice: 64 MiB, three passes


class User(BaseModel):
    """One person, by a name that others recognise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    password: str | None = None
    certificate: str | None = None
    """SHA-256 of a client certificate, hexadecimal."""
    link: str | None = None
    """SHA-256 of a sign-in link that was not used yet."""
    link_until_ms: int = 0
    hands: tuple[str, ...] = ()
    """Admins who asked for what this account is, or agreed to it, up to `hands_ms` (apart.py)."""
    hands_ms: int = 0


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    v: Literal[1] = 1
    users: Annotated[list[User], Field(max_length=USERS_MAX)]


@dataclass(frozen=True, slots=True)
class Link:
    """A sign-in link's secret part, shown once."""

    name: str
    token: str


class People:
    """The file, in memory; every change is written whole, beside it, and renamed over it."""

    def __init__(self, path: Path, random_bytes: Callable[[int], bytes]) -> None:
        self._path, self._random = path, random_bytes
        self._version = (0, 0)
        self._lock = RLock()
        """A password is hashed and put in a thread of its own."""
        self.users: dict[str, User] = {}
        self.read()

    def read(self) -> None:
        """Take in the file if it was changed: `channel console link` writes it too. FatalError if it is damaged."""
        try:
            state = self._path.stat()
            if _version(state) == self._version:
                return
            data, mode, self._version = self._path.read_bytes(), state.st_mode, _version(state)
        except FileNotFoundError:
            return
        except OSError as error:
            raise FatalError(f"cannot read {self._path}: {error.strerror}") from error
        if mode & 0o077:
            raise FatalError(f"others may read {self._path}: chmod 600 it, then have every password changed")
        try:
            self.users = {user.name: user for user in _File.model_validate_json(data).users}
        except ValidationError as error:
            raise FatalError(
                f"{self._path} cannot be read: restore it from a copy, or remove it to begin anew"
            ) from error

    def _write(self) -> None:
        data = _File(users=list(self.users.values())).model_dump_json(indent=1).encode()
        beside = self._path.with_name(self._path.name + ".new")
        try:
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, data)
                os.fsync(file)
            finally:
                os.close(file)
            beside.replace(self._path)
            self._version = _version(self._path.stat())
        except OSError as error:
            raise FatalError(f"cannot write {self._path}: {error.strerror}; nothing was changed") from error

    def put(self, user: User) -> None:
        """Add or change somebody. What another process has changed about others meanwhile stays."""
        with self._lock:
            self.read()
            if user.name not in self.users and len(self.users) >= USERS_MAX:
                raise UsageError(f"there are {USERS_MAX} users already: remove one first")
            self.users[user.name] = user
            self._write()

    def change(self, name: str, **values: object) -> None:
        """Change some members of somebody, as they are in the file by now. UsageError if they were removed."""
        with self._lock:
            self.read()
            if name not in self.users:
                raise UsageError(f"there is no user {name} any more")
            self.put(self.users[name].model_copy(update=values))

    def remove(self, name: str) -> None:
        """Take somebody away. What another process has changed about others meanwhile stays."""
        with self._lock:
            self.read()
            self.users.pop(name, None)
            self._write()

    def admins(self) -> list[str]:
        """Those who can really act as one."""
        return [
            user.name for user in self.users.values() if user.role == "admin" and (user.password or user.certificate)
        ]

    # --- links --------------------------------------------------------------------------------------------------------

    def make_link(self, name: str, role: Role, now_ms: int) -> Link:
        """A one-time sign-in link for that person; an earlier one of theirs is void."""
        token = ids.b64url(self._random(32))
        with self._lock:
            self.read()
            user = self.users.get(name) or User(name=checked_name(name), role=role)
            self.put(user.model_copy(update={"link": _digest(token), "link_until_ms": now_ms + LINK_MS, "role": role}))
        return Link(name, token)

    def use_link(self, token: str, now_ms: int) -> User | None:
        """Whose link it is; it is void from then on."""
        self.read()
        wanted = _digest(token)
        for user in self.users.values():
            if user.link is not None and hmac.compare_digest(user.link, wanted):
                hands_ms = now_ms if user.hands else user.hands_ms  # only now is it in somebody's hands
                used = user.model_copy(update={"link": None, "link_until_ms": 0, "hands_ms": hands_ms})
                self.put(used)
                return used if now_ms <= user.link_until_ms else None
        return None

    # --- passwords ----------------------------------------------------------------------------------------------------

    def set_password(self, name: str, password: str) -> None:
        """UsageError if it is too short or too long. Slow: not for the event loop."""
        if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
            raise UnreadableError("bad-password", PASSWORD_RULE)
        hashed = _HASHER.hash(password, salt=self._random(SALT_BYTES))
        self.change(name, password=hashed)

    def password_of(self, name: str, password: str) -> User | None:
        """The person, if that is their password. Slow, and as slow for a name that there is not."""
        self.read()
        user = self.users.get(name)
        hashed = user.password if user is not None else None
        try:
            _HASHER.verify(hashed or _nobody(), password[:PASSWORD_CHARS_MAX])
        except (Argon2Error, InvalidHashError):
            return None
        return user if hashed is not None else None

    def certificate_of(self, fingerprint: str | None) -> User | None:
        """Whose client certificate it is."""
        if fingerprint is None:
            return None
        return next((user for user in self.users.values() if user.certificate == fingerprint), None)


@cache
def _nobody() -> str:
    """Verified when there is no such name, so that the time it takes tells nothing."""
    return _HASHER.hash("nobody", salt=bytes(SALT_BYTES))


def checked_name(name: str) -> str:
    """UsageError unless it can be a user's name."""
    if NAME.fullmatch(name) is None:
        raise UnreadableError(
            "bad-name", f"a user's name is up to 32 of a-z, 0-9, '.', '_' and '-', not {name!r}", name
        )
    return name


def _version(state: os.stat_result) -> tuple[int, int]:
    """Each change is a new file; times alone are too coarse to tell two of them apart."""
    return state.st_ino, state.st_mtime_ns


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
