"""What `channel doctor` looks at."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

from channel.ledger.fold import Folded
from channel.log import checkpoint
from channel.log.lock import holder
from channel.protocol import ids
from channel.protocol.errors import ChannelError
from channel.relay import quarantine_file
from channel.relay.home import ChannelHome
from channel.replay import read_log

Check = tuple[str, bool, str]
FREE_BYTES_MIN = 512 * 2**20


def checks(home: Path) -> list[Check]:
    """(what, whether it is right, in words). UsageError if there is no channel at all."""
    channel = ChannelHome.open(home)
    return [*_keys(channel), *_log(channel), _history(channel), _disk(channel), _broker(channel), _relay(channel)]


def _keys(channel: ChannelHome) -> Iterator[Check]:
    for label in ("sig/machine-1", "sig/log-1", "sig/desk-operations"):
        try:
            signer = channel.signer(label)
            yield (f"key {label}", True, signer.kid)
        except ChannelError as error:
            yield (f"key {label}", False, str(error))


def _log(channel: ChannelHome) -> Iterator[Check]:
    try:
        reading = read_log(channel.log_file)
    except ChannelError as error:
        yield ("log", False, str(error))
        return
    folded = reading.folded
    yield ("log", _agrees(folded, reading.note), f"{folded.tree.size} leaves, root {ids.b64url(folded.tree.root())}")
    ledger = folded.ledger
    missing = [party for party, record in ledger.parties.items() if not record.acceded]
    yield ("charter", not missing, f"still to accede: {', '.join(missing)}" if missing else "in force")


def _history(channel: ChannelHome) -> Check:
    try:
        kept = quarantine_file.read(channel.path)
    except ChannelError as error:
        return ("history", False, str(error))
    return ("history", kept is None, "no other than the log's was shown" if kept is None else kept.line)


def _agrees(folded: Folded, note: str | None) -> bool:
    key = next(key for key in folded.ledger.charter.relay.keys if "/sig/log-" in key.kid)
    try:
        newest = checkpoint.open_note(note or "", f"dcn/{folded.ledger.charter.net}", ids.unb64url(key.pub))
    except ChannelError:
        return False
    return newest.size <= folded.tree.size and newest.root == folded.tree.root(newest.size)


def _disk(channel: ChannelHome) -> Check:
    free = shutil.disk_usage(channel.path).free
    return ("disk", free >= FREE_BYTES_MIN, f"{free // 2**20} MiB free; the relay stops when a write fails")


def _relay(channel: ChannelHome) -> Check:
    pid = holder(channel.log_file)
    if pid is None:
        return ("relay", False, "it does not run; start it with `channel up` or `channel relay`")
    return ("relay", True, f"process {pid} writes the log")


def _broker(channel: ChannelHome) -> Check:
    """A TLS handshake with the relay's certificate for the first party's account."""
    import os
    import socket

    settings = channel.settings()
    host = os.environ.get("CHANNEL_BROKER_HOST", settings.host)
    party = channel.charter()[0].parties[0].party
    context = ssl.create_default_context(cafile=channel.pki / "ca.crt")
    context.load_cert_chain(channel.pki / f"relay-{party}.crt", channel.pki / f"relay-{party}.key")
    try:
        with (
            socket.create_connection((host, settings.port), 3) as raw,
            context.wrap_socket(raw, server_hostname=host) as link,
        ):
            return ("broker", True, f"{host}:{settings.port} answers {link.version()}")
    except OSError as error:
        return ("broker", False, f"{host}:{settings.port}: {error}; start it with `channel up` or `channel broker`")
