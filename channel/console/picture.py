"""The picture on the console's map: the common one (docs/picture.md), each feature with the notice that it is from."""

from __future__ import annotations

from typing import Any

from channel.console.shapes import Picture
from channel.ledger import Ledger
from channel.picture.features import features


def picture(ledger: Ledger, now_ms: int, party: str | None = None) -> Picture:
    """What stands at that time, as far as `party` may read it; without a party, all that the ledger holds."""
    found = features(ledger, now_ms, party)["features"]
    return Picture(features=tuple(_named(feature) for feature in found))


def _named(feature: dict[str, Any]) -> dict[str, Any]:
    """With the names that rows have: `of` is the token's hash, `author` the party."""
    values = feature["properties"]
    more = {name: values[known] for name, known in (("of", "token_sha256"), ("author", "party")) if known in values}
    return {**feature, "properties": {**values, **more}}
