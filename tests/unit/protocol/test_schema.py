"""The exported JSON Schemas: one a type, no nulls, the members' names of the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channel.protocol.schema import schemas
from channel.protocol.statements import BY_TYPE
from tests.vectors import bodies

SCHEMAS = schemas()


def test_there_is_one_schema_a_type() -> None:
    assert SCHEMAS.keys() == BY_TYPE.keys()
    assert {schema["$id"] for schema in SCHEMAS.values()} == {f"urn:dcn:v1:{type_}" for type_ in BY_TYPE}


@pytest.mark.parametrize("type_", bodies.TYPES)
def test_a_schema_names_the_members_of_the_example(type_: str) -> None:
    schema = SCHEMAS[type_]
    example = bodies.members(type_)
    assert set(schema["required"]) <= example.keys() <= set(schema["properties"])
    assert {"v", "from", "net"} <= set(schema["required"])
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("type_", bodies.TYPES)
def test_a_schema_holds_no_nulls_and_no_names_of_programs(type_: str) -> None:
    text = json.dumps(SCHEMAS[type_])
    assert "null" not in text
    assert '"from_"' not in text


def test_limits_are_in_the_schemas() -> None:
    notice: dict[str, Any] = SCHEMAS["notice"]["properties"]
    assert notice["text"]["maxLength"] == 4000
    assert notice["seq"]["minimum"] == 1
