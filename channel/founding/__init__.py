"""Founding a channel: the operator's side of the ceremony, from the parties' requests to a charter in force.

`init` drafts the charter and makes the channel's home, `admit` takes the parties' accessions into the log, and
`found_trial` does everything on one machine, for trying out only. Parties make their keys in `clients.core.enrolling`.
"""

from channel.founding.admission import Admitted, admit
from channel.founding.ceremony import Founded, init
from channel.founding.trial import found_trial, free_port
from channel.relay.home import ChannelHome, ChannelSettings

__all__ = [
    "Admitted",
    "ChannelHome",
    "ChannelSettings",
    "Founded",
    "admit",
    "found_trial",
    "free_port",
    "init",
]
