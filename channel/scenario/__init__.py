"""Scenarios: a written course of events that real clients and a real relay live through on stepped time.

Here: the file format (docs/scenario.md), the coordinator that steps time, the narration. Not here: any rule of the
channel itself; a scenario only says who does what when, and the channel decides what comes of it.
"""

from channel.scenario.format import Scenario, Step, load, names, parse

__all__ = ["Scenario", "Step", "load", "names", "parse"]
