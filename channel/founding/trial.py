"""A whole founding on one machine, in one go: for demonstrations and tests only, and the charter says so.

One hand holds every key here, so nothing that such a net signs is evidence against anybody. Desk keys are marked as
held by machines. This is the one file of `channel` that uses the parties' own code to make keys.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from channel.broker.pki import write_file
from channel.founding.admission import admit_into
from channel.founding.ceremony import Draft, Founded, Random, draft, settings_of, write
from channel.protocol import charter as charters
from channel.protocol import enrolment
from channel.protocol.charter import Founder
from channel.protocol.errors import InvariantError
from channel.protocol.statements import DeadlineTable, Terms
from channel.relay.clock import CLOCK_FILE, clock_json, random_bytes
from channel.relay.home import ChannelHome
from clients.core.enrolling import accede, enrol
from clients.core.home import PartyHome

LOOPBACK = "127.0.0.1"
HOSTS = ("localhost",)  # further names under which the broker may be reached on this machine


def found_trial(
    home: Path,
    parties: Sequence[Founder] = charters.DEFAULT_PARTIES,
    terms: Terms | None = None,
    deadlines: DeadlineTable = charters.DEFAULT_DEADLINES,
    *,
    now_ms: int,
    wall_ms: int,
    net: str,
    title: str = "",
    broker_port: int | None = None,
    random: Random = random_bytes,
) -> Founded:
    """A channel in force in `home`, with its parties' homes in `home/parties`.

    `now_ms` is the net's time and `wall_ms` real time; if they differ, `clock.json` in each home keeps the difference.
    """
    parties = [Founder(*founder) for founder in parties]
    channel = ChannelHome(home)
    port = free_port() if broker_port is None else broker_port
    settings = settings_of(net, LOOPBACK, port, trial=True)
    with channel.founding():
        homes = {founder.party: PartyHome(channel.parties / founder.party) for founder in parties}
        requests = [_enrol(homes[founder.party], founder, net, random) for founder in parties]
        drafted = draft(
            net,
            requests,
            charters.OPERATOR_DESKS,
            now_ms=now_ms,
            title=title or f"Trial of {net}",
            terms=terms,
            deadlines=deadlines,
            trial=True,
            random=random,
        )
        packets = write(channel, drafted, settings, requests, now_ms, wall_ms, random, HOSTS)
        tokens = [_accede(homes[party], path, drafted, now_ms) for party, path in packets.items()]
        _write_clocks([home, *(party.path for party in homes.values())], now_ms, wall_ms)
        if not admit_into(channel, tokens, now_ms).in_force:
            raise InvariantError("a trial's charter is not in force after its founding")
    return Founded(drafted.charter, drafted.of, packets)


def free_port() -> int:
    """A port that nothing listens on now. For trials: another program may take it before the broker does."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _write_clocks(homes: Sequence[Path], now_ms: int, wall_ms: int) -> None:
    """Every command on these homes goes on from the net's own time, not from today's."""
    if now_ms != wall_ms:
        for home in homes:
            write_file(home / CLOCK_FILE, clock_json(now_ms, wall_ms), mode=0o644)


def _enrol(home: PartyHome, founder: Founder, net: str, random: Random) -> enrolment.Enrolment:
    return enrol(
        home,
        founder.party,
        net,
        founder.name,
        founder.language,
        founder.desks,
        held="machine",
        client=founder.client,
        random=random,
    )


def _accede(home: PartyHome, packet: Path, drafted: Draft, now_ms: int) -> bytes:
    return accede(home, enrolment.read_packet(packet.read_bytes()), now_ms=now_ms, expected_hash=drafted.of).token
