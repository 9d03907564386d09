"""Russia: SK-42 and Moscow time, Russian; reaches everyone directly, and is the others' way to the regime."""

from __future__ import annotations

from clients.core.party import Party
from clients.defaults import Defaults, desks


class Russia(Party):
    """Tells all three. What passes through it for others it forwards by its own officer's word, never by itself."""

    DEFAULTS = Defaults(
        party="russia",
        name="Russian Federation",
        language="ru",
        place_system="sk42",
        utc_offset_min=180,
        time_style="local",
        via={},
        notify=("coalition", "sdf", "regime"),
        desks=desks(first_line=21),
    )
