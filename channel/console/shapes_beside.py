"""What the API says beside the channel itself: who may sign in, what two admins decide, layers of the map."""

from __future__ import annotations

from typing import Literal

from channel.console.shapes import Role, Shown


class UserShown(Shown):
    """One person who may sign in."""

    name: str
    role: Role
    password: bool
    """A password is set."""
    certificate: bool
    link_until_at: str | None
    """A sign-in link waits for them until then."""
    signed_in: bool


class ApprovalShown(Shown):
    """Something that two admins decide: one has asked, another has to agree."""

    id: str
    what: Literal["put-user", "remove-user", "link", "clock-step", "go-without"]
    user: str | None
    party: str | None
    """Without whom the relay is to go on, after a restore."""
    role: Role | None
    reason: str
    by: str
    asked_at: str
    until_at: str
    mine: bool
    """The viewer asked for it, so another must agree."""


class Decided(Shown):
    """What became of a request of an admin: waiting for a second person, or done."""

    waiting: ApprovalShown | None
    link: str | None
    """A one-time sign-in link, shown this once: hand it to its person."""
    index: int | None
    """Of a clock step: its leaf."""


class LayerShown(Shown):
    """A layer of the operator's own, from the directory `layers` of the home."""

    name: str
    kind: Literal["geojson", "tiles"]
    url: str
    """Of tiles with {z}, {x} and {y}."""
    min_zoom: int | None
    max_zoom: int | None
