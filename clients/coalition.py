"""The US-led coalition: MGRS and Zulu, English; reaches the regime through Russia only."""

from __future__ import annotations

from clients.core.party import Party
from clients.defaults import Defaults, desks


class Coalition(Party):
    """Tells Russia and, through it, the regime. The SDF hears from its own liaison, and on the channel when named."""

    DEFAULTS = Defaults(
        party="coalition",
        name="US-led coalition",
        language="en",
        place_system="mgrs",
        utc_offset_min=0,
        time_style="zulu",
        via={"regime": "russia"},
        notify=("russia", "regime"),
        desks=desks(first_line=11),
    )
