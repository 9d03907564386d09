"""Topic names (protocol.md section 10). NATS maps `/` to `.`, so names hold neither dots nor wildcards."""

from __future__ import annotations


def up(net: str, party: str) -> str:
    """Party to relay."""
    return f"dcn/v1/{net}/{party}/up"


def down(net: str, party: str) -> str:
    """Relay to party."""
    return f"dcn/v1/{net}/{party}/down"


def presence(net: str, party: str) -> str:
    """The party's will: a hint, never evidence."""
    return f"dcn/v1/{net}/{party}/presence"
