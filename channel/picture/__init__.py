"""The picture: volumes, lines and what they have to do with each other. Pure geometry, no I/O."""

from channel.picture.index import Index, Near
from channel.picture.lines import AgreedLine, Bank, Crossing, Side
from channel.picture.solid import Overlap, Solid, distance_m, overlap, shaped, solid

__all__ = [
    "AgreedLine",
    "Bank",
    "Crossing",
    "Index",
    "Near",
    "Overlap",
    "Side",
    "Solid",
    "distance_m",
    "overlap",
    "shaped",
    "solid",
]
