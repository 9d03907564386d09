"""Structured logs on standard error: event names and ids, never contents. Nothing waits until they are read."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

import structlog

from channel.relay.outlet import Outlet


@contextmanager
def logged() -> Iterator[None]:
    """JSON lines; `CHANNEL_LOG_LEVEL` sets how much, default INFO. At the end all that was logged is written."""
    out = Outlet(sys.stderr, lambda _why: None)  # there is nowhere else to say it
    level = logging.getLevelNamesMapping().get(os.environ.get("CHANNEL_LOG_LEVEL", "INFO").upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", out)),
    )
    try:
        yield
    finally:
        out.close()
