"""The picture on the console's map: the common one (docs/picture.md), each feature with the notice that it is from.

For the pages a circle is its centre, with `circle_radius_m`: they draw it, and it takes a tenth of the bytes. Files
have it as a polygon, which every GIS draws.
"""

from __future__ import annotations

from typing import Any

from channel.console.shapes import Picture
from channel.ledger import Ledger
from channel.picture import features
from channel.protocol.ids import Hash


def picture(ledger: Ledger, now_ms: int, party: str | None = None) -> Picture:
    """What stands at that time, as far as `party` may read it; without a party, all that the ledger holds."""
    return Picture(features=tuple(_round(feature) for feature in exported(ledger, now_ms, party).features))


def exported(ledger: Ledger, now_ms: int, party: str | None = None) -> Picture:
    """The same for a file."""
    found = features.features(ledger, now_ms, party)["features"]
    return Picture(features=tuple(_named(feature) for feature in found))


def own(ledger: Ledger, of: Hash, now_ms: int, party: str | None = None) -> tuple[dict[str, Any], ...]:
    """What one notice places, also when it is over."""
    return tuple(_round(_named(feature)) for feature in features.own(ledger, of, now_ms, party))


def _named(feature: dict[str, Any]) -> dict[str, Any]:
    """With the names that rows have: `of` is the token's hash, `author` the party."""
    values = feature["properties"]
    more = {name: values[known] for name, known in (("of", "token_sha256"), ("author", "party")) if known in values}
    return {**feature, "properties": {**values, **more}}


def _round(feature: dict[str, Any]) -> dict[str, Any]:
    center = feature["properties"].get("circle_center")
    return feature if center is None else {**feature, "geometry": {"type": "Point", "coordinates": center}}
