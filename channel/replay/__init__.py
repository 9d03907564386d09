"""Looking at a log: what it adds up to, at its end or at any moment. Reads, never writes; imports no relay."""

from channel.replay.account import OUTCOMES, alerts, classify, deliveries, outcomes
from channel.replay.moment import END, Moment
from channel.replay.reading import Reading, read_log
from channel.replay.view import seen_by, view

__all__ = [
    "END",
    "OUTCOMES",
    "Moment",
    "Reading",
    "alerts",
    "classify",
    "deliveries",
    "outcomes",
    "read_log",
    "seen_by",
    "view",
]
