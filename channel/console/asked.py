"""What the console's API is asked with: one model for each request's body. Answers are in `shapes`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from channel.protocol import limits


class Asked(BaseModel):
    """Base of every request."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Secret = Annotated[str, Field(max_length=200)]
UserName = Annotated[str, Field(max_length=32)]
Why = Annotated[str, Field(min_length=1, max_length=limits.REASON_CHARS_MAX)]


class SignIn(Asked):
    """By name and password, by a one-time link's token, or by the connection's client certificate: one of them."""

    name: UserName | None = None
    password: Secret | None = None
    link: Secret | None = None
    certificate: bool = False


class PasswordSet(Asked):
    """A new password for oneself. `old` is not asked for after a sign-in by link."""

    password: Secret
    old: Secret | None = None


class Acknowledged(Asked):
    """Why this desk needs to be told no more, or who has it in hand."""

    reason: Why
