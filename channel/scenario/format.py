"""Scenario files: read, checked whole, and laid out as steps in time (docs/scenario.md).

Everything that can be known before the run is checked here, so that a run never stops at a mistyped label. What the
channel decides (refusals, alerts) is not foreseen here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from channel.protocol import ids, limits
from channel.protocol.errors import UsageError
from channel.protocol.statements import Desk, Level, NetName, Party
from channel.scenario import acts
from channel.scenario.entries import (
    RELAY_ACTIONS,
    Answer,
    AnyEntry,
    Call,
    Entry,
    Line,
    Offline,
    Online,
    Part,
    Send,
    Statement,
)
from channel.scenario.values import AnyLevel, Moment, several

FILE_BYTES_MAX = 4 * 1024 * 1024  # a written scenario of some ten thousand entries; beyond it something is wrong
STEPS_MAX = 20_000  # after repetition
PRECEDENCES = ("FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE")


class DeskPart(Part):
    desk: str
    level: AnyLevel
    contact: str


class PartyPart(Part):
    """A party of the scenario, with the client that plays it."""

    party: Party
    name: str
    language: Literal["en", "ru", "ar", "ku"] = "en"
    client: Literal["coalition", "russia", "sdf", "regime", "party"] = "party"
    desks: Annotated[tuple[DeskPart, ...], BeforeValidator(several), Field(min_length=1)]

    @property
    def desk(self) -> str:
        """The desk that acts where none is named: the first at level operations."""
        return next(desk.desk for desk in self.desks if desk.level is Level.OPERATIONS)

    def wire_desks(self) -> tuple[Desk, ...]:
        """The desks as the charter carries them."""
        return tuple(Desk(desk=desk.desk, level=desk.level, contact=desk.contact) for desk in self.desks)


class File(Part):
    """A scenario file as written. Terms and deadlines override members of the default charter's."""

    name: NetName
    title: str
    start: Moment
    end: Moment
    terms: dict[str, int | bool] = Field(default_factory=dict)
    deadlines: dict[str, dict[str, int]] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    places: dict[str, str] = Field(default_factory=dict)
    party: Annotated[tuple[PartyPart, ...], BeforeValidator(several), Field(min_length=2)]
    entry: Annotated[tuple[AnyEntry, ...], BeforeValidator(several)] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One entry at its time. `order` settles what shares an instant; `label` is unique in the run."""

    at_ms: int
    order: int
    label: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario. `steps` are in time order."""

    name: str
    title: str
    start_ms: int
    end_ms: int
    terms: Mapping[str, int | bool]
    deadlines: Mapping[str, Mapping[str, int]]
    sources: Mapping[str, str]
    places: Mapping[str, str]
    parties: tuple[PartyPart, ...]
    steps: tuple[Step, ...]

    def desk(self, entry: Statement) -> str:
        """The desk that signs what the entry says."""
        return entry.desk or next(party.desk for party in self.parties if party.party == entry.by)

    def step(self, label: str) -> Step:
        """The step with this label. KeyError if there is none."""
        for step in self.steps:
            if step.label == label:
                return step
        raise KeyError(label)


def names() -> list[str]:
    """The scenarios that come with the package."""
    data = resources.files("channel.scenario") / "data"
    return sorted(item.name for item in data.iterdir() if (item / "scenario.toml").is_file())


def load(name_or_path: str) -> Scenario:
    """A scenario of the package by name, or any file. UsageError says what is wrong and where."""
    if name_or_path in names():
        found = resources.files("channel.scenario") / "data" / name_or_path / "scenario.toml"
        return parse(found.read_text(encoding="utf-8"), where=name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise UsageError(f"no scenario {name_or_path!r}: give a file, or one of {', '.join(names())}")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise UsageError(f"{path}: a scenario file has at most {FILE_BYTES_MAX} bytes")
    return parse(path.read_bytes().decode("utf-8", errors="replace"), where=str(path))


def parse(text: str, *, where: str = "scenario") -> Scenario:
    """The text of a scenario file -> a checked scenario. UsageError names the member that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: not TOML: {error}") from error
    try:
        file = File.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{where}: {_explain(error, data)}") from error
    try:
        return _checked(file)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _explain(error: ValidationError, data: Mapping[str, Any]) -> str:
    """The first errors as `entry[3] (label).plce: unknown key`, one a line."""
    lines = []
    for item in error.errors(include_url=False, include_context=False)[:10]:
        path = ""
        for position, part in enumerate(item["loc"]):
            if isinstance(part, int):
                path += f"[{part + 1}]{_named(data, item['loc'][:position], part)}"
            elif not _is_tag(item["loc"], position):
                path += f".{part}" if path else str(part)
        said = "unknown key" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        lines.append(f"{path or 'the file'}: {said}")
    return "; ".join(lines)


def _is_tag(loc: tuple[int | str, ...], position: int) -> bool:
    """Whether this part of the path is only the name of the entry's model (its `do`)."""
    return position == 2 and loc[0] == "entry"


def _named(data: Mapping[str, Any], above: tuple[int | str, ...], index: int) -> str:
    """The label or party of the item meant, for people who count badly."""
    if len(above) != 1:
        return ""
    items = data.get(str(above[0]))
    item = items[index] if isinstance(items, list) and index < len(items) else None
    name = (item.get("label") or item.get("party")) if isinstance(item, dict) else None
    return f" ({name})" if isinstance(name, str) else ""


def _checked(file: File) -> Scenario:
    _check_head(file)
    steps = _laid_out(file)
    scenario = Scenario(
        name=file.name,
        title=file.title,
        start_ms=file.start,
        end_ms=file.end,
        terms=file.terms,
        deadlines=file.deadlines,
        sources=file.sources,
        places=file.places,
        parties=file.party,
        steps=steps,
    )
    _check_steps(scenario)
    return scenario


def _check_head(file: File) -> None:
    if file.end <= file.start:
        raise UsageError("end: expected a time after start")
    for name in file.deadlines:
        if name not in PRECEDENCES:
            raise UsageError(f"deadlines.{name}: expected one of {', '.join(PRECEDENCES)}")
    parties = [party.party for party in file.party]
    if len(parties) > limits.PARTIES_MAX:
        raise UsageError(f"party: at most {limits.PARTIES_MAX} parties")
    for party in file.party:
        if parties.count(party.party) > 1 or party.party == ids.RELAY:
            raise UsageError(f"party {party.party}: names must differ, and none may be {ids.RELAY!r}")
        if not any(desk.level is Level.OPERATIONS for desk in party.desks):
            raise UsageError(f"party {party.party}: needs a desk at level operations")
        try:
            party.wire_desks()
        except ValidationError as error:
            raise UsageError(f"party {party.party}: {error.errors()[0]['msg']}") from error


def _laid_out(file: File) -> tuple[Step, ...]:
    """Every entry at its time, repeated as it says, sorted by time and then by place in the file."""
    labelled = {entry.label: entry for entry in file.entry if entry.label is not None}
    if len(labelled) != sum(entry.label is not None for entry in file.entry):
        seen: set[str] = set()
        for entry in file.entry:
            if entry.label in seen:
                raise UsageError(f"label {entry.label!r} is given twice")
            seen.add(entry.label or "")
    steps: list[Step] = []
    for number, entry in enumerate(file.entry, start=1):
        first_ms = _time_of(entry, labelled, ())
        label = entry.label or f"{_do(entry)}-{number:03d}"
        if entry.every is None:
            steps.append(Step(first_ms, number, label, entry))
            continue
        for turn in range(entry.times or 1):
            steps.append(Step(first_ms + turn * entry.every, number, f"{label}-{turn + 1}", entry))
    if len(steps) > STEPS_MAX:
        raise UsageError(f"entry: {len(steps)} steps; at most {STEPS_MAX}")
    used = [step.label for step in steps]
    if len(set(used)) != len(used):
        raise UsageError(f"label {next(label for label in used if used.count(label) > 1)!r} is given twice")
    return tuple(sorted(steps, key=lambda step: (step.at_ms, step.order)))


def _time_of(entry: Entry, labelled: Mapping[str, Entry], above: tuple[str, ...]) -> int:
    if entry.at is not None:
        return entry.at
    after = entry.after or ""
    if after in above:
        raise UsageError(f"after: {' -> '.join((*above, after))} goes round in a circle")
    if after not in labelled:
        raise UsageError(f"after: no entry is labelled {after!r}")
    return _time_of(labelled[after], labelled, (*above, after)) + (entry.delay or 0)


def _do(entry: Entry) -> str:
    return str(getattr(entry, "do", "entry"))


def _check_steps(scenario: Scenario) -> None:
    parties = {party.party: party for party in scenario.parties}
    before: dict[str, Step] = {}
    cut: set[str] = set()
    for step in scenario.steps:
        entry = step.entry
        try:
            if not scenario.start_ms <= step.at_ms <= scenario.end_ms:
                raise UsageError("its time is not between start and end")
            _check_actor(entry, parties, cut)
            _check_references(entry, before)
            _check_addressees(entry, parties)
            _check_marks(entry, scenario.sources)
            if isinstance(entry, Send) and entry.expect is None:
                acts.check_send(entry, step.at_ms, scenario.places)
            if isinstance(entry, Answer):
                acts.check_answer(entry, step.at_ms, scenario.places)
            if isinstance(entry, Line) and entry.expect is None:
                acts.check_line(entry, scenario.places)
        except UsageError as error:
            raise UsageError(f"entry[{step.order}] ({step.label}): {error}") from error
        if entry.CAUSES or _do(entry) == "answer":
            before[step.label] = step


def _check_actor(entry: Entry, parties: Mapping[str, PartyPart], cut: set[str]) -> None:
    if entry.by == ids.RELAY:
        if _do(entry) not in RELAY_ACTIONS:
            raise UsageError(f"by: the relay does {' and '.join(sorted(RELAY_ACTIONS))} only, not {_do(entry)}")
        return
    if entry.by not in parties:
        raise UsageError(f"by: no party {entry.by!r}; there are {', '.join(parties)}")
    desks = {None} | {desk.desk for desk in parties[entry.by].desks}
    if isinstance(entry, Statement) and entry.desk not in desks:
        raise UsageError(f"desk: {entry.by} has no desk {entry.desk!r}")
    if isinstance(entry, Offline | Online):
        if (entry.by in cut) == isinstance(entry, Offline):
            raise UsageError(f"{entry.by} is {'offline' if entry.by in cut else 'online'} already")
        cut ^= {entry.by}


def _check_references(entry: Entry, before: Mapping[str, Step]) -> None:
    for member in entry.references:
        label = str(getattr(entry, member))
        wanted = "answer" if member == "corrects" else "notice or call"
        found = before.get(label)
        if found is None or (wanted != "answer") != found.entry.CAUSES:
            raise UsageError(f"{member}: no {wanted} labelled {label!r} comes before it")
        if isinstance(entry, Line) and not isinstance(found.entry, Line):
            raise UsageError(f"of: {label!r} is not a line")


def _check_addressees(entry: Entry, parties: Mapping[str, PartyPart]) -> None:
    named: list[str] = []
    if isinstance(entry, Send | Call | Line):
        named += [name for destination in entry.to for name in destination.split(":")]
        named += entry.info
    if isinstance(entry, Line):
        named += entry.keeps
    if isinstance(entry, Call):
        named += [name.partition("/")[0] for name in entry.desks]
    named += [name for name in (getattr(entry, "alleged", None), getattr(entry, "addressee", None)) if name]
    if _do(entry) == "forward":
        named.append(str(getattr(entry, "to", "")))
    _known(named, parties)


def _known(named: Iterable[str], parties: Mapping[str, PartyPart]) -> None:
    for name in named:
        if name not in parties:
            raise UsageError(f"no party {name!r}; there are {', '.join(parties)}")


def _check_marks(entry: Entry, sources: Mapping[str, str]) -> None:
    """A scenario that has sources says of every entry what it rests on (S40)."""
    for name in entry.source:
        if name not in sources:
            raise UsageError(f"source: no {name!r} in [sources]")
    if sources and not entry.source and not entry.invented:
        raise UsageError('say `source = "..."`, or `invented = ["all"]`')
