"""Structured logs on standard error: event names and ids, never contents."""

from __future__ import annotations

import logging
import os
import sys

import structlog


def configure() -> None:
    """JSON lines; `CHANNEL_LOG_LEVEL` sets how much, default INFO."""
    level = logging.getLevelNamesMapping().get(os.environ.get("CHANNEL_LOG_LEVEL", "INFO").upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
