"""Looking at a log: what it adds up to, at its end or at any moment. Reads, never writes; imports no relay."""

from channel.replay.account import OUTCOMES, alerts, classify, deliveries, outcomes
from channel.replay.reading import Reading, read_log

__all__ = ["OUTCOMES", "Reading", "alerts", "classify", "deliveries", "outcomes", "read_log"]
