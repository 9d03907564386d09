"""What the models demand, for others: JSON Schemas for implementers, and faults in words that quote nobody.

The schemas say the form of each payload. Rules that JSON Schema cannot say (canonical bytes, hashes, times, members
that need each other) are in protocol.md and in `statements`; the guard enforces all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from channel.protocol import limits, statements

_LIMITS_SHOWN = ("ge", "le", "gt", "lt", "min_length", "max_length")  # ours; other context may quote the peer


class _Generate(GenerateJsonSchema):
    """Null is in no statement: an optional member is absent."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def schemas() -> dict[str, dict[str, Any]]:
    """Type -> JSON Schema (draft 2020-12) of its payload."""
    return {type_: _schema(type_, model) for type_, model in statements.BY_TYPE.items()}


def _schema(type_: str, model: type[statements.Model]) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True, schema_generator=_Generate)
    made["required"] = sorted({*made.get("required", ()), "v", "from"})
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:dcn:v1:{type_}", **made}


def explain(error: ValidationError) -> str:
    """The first fault as `volumes.0.until: missing`: members and rules by name, nothing that the signer wrote."""
    faults = error.errors(include_url=False, include_input=False)
    fault = faults[0]
    shown = [f"{key} {fault['ctx'][key]}" for key in _LIMITS_SHOWN if key in fault.get("ctx", {})]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    rule = fault["type"] + (f", {shown[0]}" if shown else "")
    return f"{_path(fault['loc'])}: {rule}{more}"[: limits.REASON_CHARS_MAX]


def _path(loc: Iterable[int | str]) -> str:
    """A member that the models do not know was named by the signer: `?`."""
    parts = [str(part) if isinstance(part, int) or part in _KNOWN else "?" for part in loc]
    return ".".join(parts) or "statement"


def _known_names() -> frozenset[str]:
    names = {"point", "circle", "line", "polygon"}  # tags of shapes stand in paths too
    waiting: list[type[statements.Model]] = [statements.Model]
    while waiting:
        model = waiting.pop()
        waiting.extend(model.__subclasses__())
        names.update(info.alias or name for name, info in model.model_fields.items())
    return frozenset(names)


_KNOWN = _known_names()
