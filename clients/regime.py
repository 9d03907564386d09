"""The Syrian government: lat/lon and Damascus time, Arabic; reaches the coalition and the SDF through Russia only."""

from __future__ import annotations

from clients.core.party import Party
from clients.defaults import Defaults, desks


class Regime(Party):
    """Tells Russia and, through it, the coalition and the SDF."""

    DEFAULTS = Defaults(
        party="regime",
        name="Syrian government",
        language="ar",
        place_system="latlon",
        utc_offset_min=180,
        time_style="local",
        via={"coalition": "russia", "sdf": "russia"},
        notify=("russia", "coalition", "sdf"),
        desks=desks(first_line=41),
    )
