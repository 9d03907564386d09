"""The Syrian Democratic Forces: lat/lon and Damascus time, Kurmanji; reach the regime through Russia only."""

from __future__ import annotations

from clients.core.party import Party
from clients.defaults import Defaults, desks


class Sdf(Party):
    """Tell all three: aircraft of each of them may be over the SDF's ground."""

    DEFAULTS = Defaults(
        party="sdf",
        name="Syrian Democratic Forces",
        language="ku",
        place_system="latlon",
        utc_offset_min=180,
        time_style="local",
        via={"regime": "russia"},
        notify=("coalition", "russia", "regime"),
        desks=desks(first_line=31),
    )
