"""What a scenario's parties agree on: the default charter with what the file changes. Pure; nothing is founded here."""

from __future__ import annotations

from channel.protocol.charter import DEFAULT_DEADLINES, Founder, default_terms
from channel.protocol.errors import UsageError
from channel.protocol.statements import DeadlineTable, Terms
from channel.scenario.format import Scenario


def founders_of(scenario: Scenario) -> list[Founder]:
    """The parties as a founding takes them."""
    return [
        Founder(party.party, party.name, party.language, party.wire_desks(), party.client) for party in scenario.parties
    ]


def terms_of(scenario: Scenario) -> Terms:
    """The default terms for that many parties, with what the scenario changes. UsageError names a wrong member."""
    members = default_terms(len(scenario.parties)).model_dump() | dict(scenario.terms)
    try:
        return Terms.model_validate(members)
    except ValueError as error:
        raise UsageError(f"terms: {_reason(error)}") from error


def deadlines_of(scenario: Scenario) -> DeadlineTable:
    """The default deadlines, with what the scenario changes. UsageError names a wrong member."""
    members = DEFAULT_DEADLINES.model_dump()
    for precedence, row in scenario.deadlines.items():
        members[precedence] |= dict(row)
    try:
        return DeadlineTable.model_validate(members)
    except ValueError as error:
        raise UsageError(f"deadlines: {_reason(error)}") from error


def _reason(error: ValueError) -> str:
    errors = getattr(error, "errors", None)
    first = errors(include_url=False)[0] if errors is not None else {"loc": (), "msg": str(error)}
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
