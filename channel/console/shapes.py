"""What the console's API says: one model for each thing on the screen (docs/console.md, "The API").

Times are RFC 3339 UTC with milliseconds, ids and hashes as in docs/protocol.md, places [lon, lat] in degrees (GeoJSON).
No sentence of a screen is here: pages make them in the viewer's language from codes; only what a party or the channel
itself wrote comes as text. A row is whole: a newer one with the same key takes the place of the older one.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["en", "ru", "ar", "ku"]
Role = Literal["viewer", "watch", "admin"]
Precedence = Literal["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"]
Cell = Literal[
    "logged", "received", "displayed", "standby", "roger", "wilco", "unable", "told",
    "awaiting-forward", "forwarded-unconfirmed", "withdrawn", "superseded", "expired", "unseen",
]  # fmt: skip
"""The one state of a delivery that its cell shows: the answer if there is one, else custody, else the leg. `unseen`: it
is between others, and the party whose console this is may not read what becomes of it (docs/protocol.md 8.1)."""


class Shown(BaseModel):
    """Base of everything the API says: no member beyond these."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Shown):
    """A part of what the channel says, for pages in any language (facts.py). `code` is a key of the dictionaries."""

    code: str
    values: dict[str, str | int]


class DeskShown(Shown):
    """A role address, with the voice line to ring."""

    desk: str
    level: Literal["operations", "staff", "ministry"]
    contact: str


class PartyShown(Shown):
    """A party as the charter names it."""

    party: str
    name: str
    language: Language
    desks: tuple[DeskShown, ...]


class SessionShown(Shown):
    """Whose console this is, who is signed in, and what does not change while it runs. `party` None: the operator's."""

    signed_in: bool
    name: str | None
    role: Role | None
    csrf: str | None
    """Goes with every request that changes something, as header `X-CSRF`."""
    password_needed: bool
    """Signed in by a link: nothing else is allowed until a password is set."""
    certificate: bool
    """The connection shows a client certificate that may sign in."""
    party: str | None
    net: str
    title: str
    trial: bool
    scenario: bool
    """The net runs on a scenario's clock."""
    coordinates: Literal["latlon", "mgrs", "sk42"]
    zone: str
    """IANA name of the zone in which this console's people think, beside UTC."""
    routes: dict[str, str]
    """On a party's console: addressee -> the intermediary through whom its notices usually go."""
    place_example: str
    time_example: str
    """How its people type a place and a time; of nowhere in particular."""
    parties: tuple[PartyShown, ...]
    quorum: int


class DeliveryShown(Shown):
    """One notice to one addressee: a cell of the board."""

    addressee: str
    via: str | None
    action: bool
    cell: Cell
    owed: bool
    """An answer is still owed."""
    open: bool
    late: bool
    """The answer came after its deadline, or is overdue."""
    overdue: bool
    unconfirmed: bool
    """Passed on, and no sign of the addressee yet."""
    via_custody: Literal["logged", "received", "displayed"] | None
    """What the intermediary has signed of it."""
    due_at: str | None
    """The next deadline of this delivery, of whatever kind."""
    due_stage: str | None
    """Which one: receipt, forward, answer, standby, expired (docs/protocol.md 9.3.1). In the past while overdue."""
    told_next_at: str | None
    """When the next rung is told, if nothing comes before."""
    told_next: Literal["staff", "ministry"] | None
    logged_at: str
    received_at: str | None
    displayed_at: str | None
    forwarded_at: str | None
    forwarded_by: Literal["channel", "voice"] | None
    answered_at: str | None
    standby_until: str | None
    reason: str | None
    """Reason code or words with the answer."""
    by: Literal["person", "machine"] | None
    """Who held the key that signed the newest answer or `displayed`."""


class NoticeRow(Shown):
    """A row of the board. Key: `of`."""

    of: str
    nid: str
    index: int
    logged_at: str
    issued_at: str
    author: str
    desk: str
    type: Literal["notice", "line", "call"]
    kind: str
    status: Literal["operation", "exercise", "test"]
    precedence: Precedence
    response: Literal["R", "WU", "NE"]
    how: str
    says: dict[Language, str]
    """Phrasebook elements in each language, then the author's own words as written."""
    text: str
    sealed: bool
    opened: bool
    """It was sealed, and this party's client has opened it: `text` says what was in it."""
    grade: Literal["receipted", "logged", "witnessed"]
    open: bool
    rank: int
    """0: overdue, unanswered; 1: owed; 2: open and nothing owed; 3: ended. Sort key before precedence and time."""
    ended_by: str | None
    amends: str | None
    withdraws: str | None
    unit: str | None
    begins_at: str | None
    ends_at: str | None
    box: tuple[float, float, float, float] | None
    """West, south, east, north of all volumes."""
    read_back: bool
    deliveries: tuple[DeliveryShown, ...]


class Told(Shown):
    """One desk that an alert or a finding was told to, and how."""

    desk: str
    """`party/desk`."""
    how: Literal["channel", "screen"]
    """Over the channel, as a leaf of that party's feed; or on the operator's own screen."""
    has: bool | None
    """Whether that party's client has the leaf: a hint. None: not known here, or not at that moment."""


class AlertRow(Shown):
    """An alert or a standing finding in the queue. Key: `id`."""

    id: str
    what: Literal["alert", "finding"]
    stage: str
    """Stage of an alert (docs/protocol.md 9.3.1), kind of a finding (16.3)."""
    rung: Literal["operations", "staff", "ministry"] | None
    round: int
    precedence: Precedence
    of: str | None
    nid: str | None
    author: str | None
    addressee: str | None
    via: str | None
    fault: str | None
    due_at: str | None
    raised_at: str
    cleared_at: str | None
    cleared_why: str | None
    """Sentence of the channel, in English."""
    ending: tuple[Fact, ...]
    """The same for pages."""
    told: tuple[Told, ...]
    """Each desk that was told, and how."""
    ring: str | None
    contact: str | None
    acknowledged: dict[str, str]
    """By party (`relay`: the operator) -> time."""
    reasons: dict[str, str]
    mine: bool
    """This console's own desk has acknowledged it."""
    says: str
    """The channel's own sentence, in English."""
    facts: tuple[Fact, ...]
    """The same for pages: of an alert what is wrong, of a finding what was found."""
    concerns: tuple[str, ...]
    """Of a finding: the parties that it concerns; and the notices that it rests on. It is not acknowledged."""
    rests_on: tuple[str, ...]
    measures: dict[str, int]
    """Of a finding: what was measured, the unit at the end of each name."""


class RollCall(Shown):
    """What one desk last answered to a roll call: its newest `check` (docs/protocol.md 6.11)."""

    desk: str
    state: Literal["on-watch", "off-watch"]
    at: str


class Pulse(Shown):
    """A link, as a hint, and what a party was last heard to say."""

    party: str
    acceded: bool
    suspended: bool
    present: bool | None
    """The relay heard its client within the last half minute: a hint, never evidence. None: not known here."""
    heard_at: str | None
    statement_at: str | None
    on_watch_at: str | None
    """The newest sign of a person on duty: a `check` on-watch, an answer or an acknowledgement."""
    watch_until_at: str | None
    """When nobody on duty becomes an alert. None: the charter asks for no watch, or is not in force."""
    roll_calls: tuple[RollCall, ...]
    """The newest of each desk, the newest first."""
    feed: int
    has: int | None
    """How much of its feed its client has; None: not known here."""
    skew_ms: int | None
    """`issued` of its newest statement minus the channel's stamp of it."""
    cosigned_size: int | None


class Health(Shown):
    """The state of the installation."""

    size: int
    root: str
    witnessed_size: int
    cosigned: tuple[str, ...]
    last_stamp_at: str | None
    in_force: bool
    relay: Literal["up", "down", "unknown"]
    broker: Literal["up", "down", "unknown"]
    quarantined: bool
    store: str
    """The kind of store that holds the log, like sqlite."""
    log_bytes: int
    """With what was written and is not in its file yet."""
    disk_free_bytes: int
    alarms: tuple[str, ...]
    """On a party's console: what its own client has noticed (docs/protocol.md 11.6), in sentences of its own."""
    queued: int
    """On a party's console: statements that wait for the channel."""
    parties: tuple[Pulse, ...]


class Picture(Shown):
    """The common picture as GeoJSON; `what` of a feature: position, intent, site, incident, line, excluded, finding.

    A circle is a point with `circle_radius_m`; the downloads have it as a polygon.
    """

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: tuple[dict[str, Any], ...]


class View(Shown):
    """Everything on the screens at one moment; also the first thing that the live socket says."""

    kind: Literal["view"] = "view"
    index: int
    """Leaf after which this is the state; -1: before the first."""
    at: str
    """The channel's clock then."""
    party: str | None
    """As that party saw it; None: all."""
    live: bool
    board: tuple[NoticeRow, ...]
    alerts: tuple[AlertRow, ...]
    picture: Picture
    health: Health | None


class Change(Shown):
    """What the live socket says after the first View: rows and features that are new or differ.

    `gone`: ids that left a list, or the picture.
    """

    kind: Literal["change"] = "change"
    index: int
    at: str
    board: tuple[NoticeRow, ...]
    board_gone: tuple[str, ...]
    alerts: tuple[AlertRow, ...]
    alerts_gone: tuple[str, ...]
    picture: Picture | None
    picture_gone: tuple[str, ...]
    health: Health | None


class Tick(Shown):
    """The live socket's sign of life, each second: the channel's clock, and whether what is shown is fresh."""

    kind: Literal["tick"] = "tick"
    at: str
    stale: bool
    """The log cannot be read just now: what is on the screen is as old as `index`."""
    index: int


class Event(Shown):
    """One leaf on the time slider. `weight` 2: alert or finding; 1: notice or answer; 0: the rest."""

    index: int
    at: str
    type: str
    party: str
    of: str | None
    weight: Literal[0, 1, 2]
    says: str
    facts: tuple[Fact, ...]


class StatementShown(Shown):
    """One leaf about a notice, with what was checked of it."""

    index: int
    at: str
    issued_at: str | None
    type: str
    party: str
    desk: str | None
    kid: str
    held: Literal["person", "machine"] | None
    signature: Literal["valid", "invalid"]
    key: Literal["valid", "revoked-later", "compromised-later"]
    grade: Literal["receipted", "logged", "witnessed"]
    of: str
    says: str
    facts: tuple[Fact, ...]
    body: dict[str, Any]


class NoticePage(Shown):
    """Everything about one notice."""

    row: NoticeRow
    timeline: tuple[StatementShown, ...]
    alerts: tuple[AlertRow, ...]
    picture: Picture
    contacts: dict[str, str]
    """`party/desk` -> voice line."""


class Acted(Shown):
    """What became of an action: in the log at `index`; None: queued in this home until the channel can be reached."""

    index: int | None
    of: str | None
