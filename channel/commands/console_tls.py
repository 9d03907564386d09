"""A certificate for the console from the channel's own authority, whose certificate everybody in the net has."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from channel.broker import pki
from channel.relay.clock import random_bytes, wall_ms
from channel.relay.home import ChannelHome

DIRECTORY = "console"
NAME = "tls"


def own_certificate(channel: ChannelHome, origins: tuple[str, ...]) -> tuple[Path, Path]:
    """(certificate, key), made anew at each start: its names follow the origins, and it never grows old unnoticed."""
    hosts = [host for origin in origins if (host := urlsplit(origin).hostname)]
    authority = pki.load_ca(channel.pki, channel.settings().net)
    serial = random_bytes(pki.SERIAL_BYTES)
    directory = channel.path / DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    pki.write_credential(directory, NAME, pki.server_certificate(authority, hosts, now_ms=wall_ms(), serial=serial))
    return directory / f"{NAME}.crt", directory / f"{NAME}.key"
