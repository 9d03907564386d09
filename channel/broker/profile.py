"""The generated configuration of a NATS server: text in, text out, no files.

One account a party, so that topics, queues and client ids of parties cannot meet; inside it two users, the party's link
and the relay's, each with an allow-list of exact topics. Nothing is denied by name: what is not listed is refused.

Not set: `consumer_inactive_threshold`. A session whose consumer it removed is resumed with a good SUBACK and then stays
deaf (seen with 2.15.1). So a session that nobody uses any more keeps its queue, until its account is full: client ids
must be stable. Whatever is stuck is cured by stopping the broker and deleting its store, since nothing relies on what
it remembers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from channel.broker.pki import party_user, relay_user
from channel.protocol import ids, limits, topics
from channel.protocol.errors import UsageError

ACCOUNT_FILE_MB_MAX = (
    512  # one party's queues; two directions of QUEUE_FRAMES_MAX full frames. Its flood fills only its own
)
ACCOUNT_MEM_MB_MAX = 4  # queues are files; memory holds next to nothing
ACCOUNT_CONNECTIONS_MAX = 16  # a party's link, the relay's link, and what is left of broken ones
ACCOUNT_STREAMS_MAX = 8  # the MQTT gateway makes five
ACCOUNT_CONSUMERS_MAX = 64  # one a session and subscription: bounds how many sessions a party can leave behind
PENDING_ACKS_MAX = limits.QUEUE_FRAMES_MAX  # unacknowledged frames in one link
ACK_WAIT_S = 30  # then the broker sends an unacknowledged frame again
LOG_MB_MAX = 10  # log file size before it rotates
LOG_FILES_MAX = 3


def nats_config(
    net: str,
    parties: Sequence[str],
    *,
    mqtt_listen: str,
    native_port: int,
    store_dir: Path,
    pki_dir: Path,
    log_file: Path | None = None,
    pid_file: Path | None = None,
) -> str:
    """For NATS 2.14.3 or newer. `mqtt_listen` is `host:port`; `native_port` -1 is any free one on loopback.

    The native port cannot be switched off: it asks for the same certificates and no user may use it. No monitoring
    port.
    """
    _check(net, parties)
    lines = [
        f"server_name: {_text('dcn-' + net)}",
        f"listen: {_text(f'127.0.0.1:{native_port}')}",
        "max_payload: 1MB",
        *_tls(pki_dir, indent=""),
        "jetstream {",
        f"  store_dir: {_text(store_dir)}",
        f"  max_file: {ACCOUNT_FILE_MB_MAX * len(parties) + 64}MB",
        f"  max_mem: {ACCOUNT_MEM_MB_MAX * len(parties) + 16}MB",
        "  sync_interval: always",  # by default a power cut loses what was acknowledged
        "}",
        "mqtt {",
        f"  listen: {_text(mqtt_listen)}",
        f'  ack_wait: "{ACK_WAIT_S}s"',
        f"  max_ack_pending: {PENDING_ACKS_MAX}",
        "  reject_qos2_publish: true",
        "  downgrade_qos2_subscribe: true",
        *_tls(pki_dir, indent="  "),
        "}",
        "accounts {",
        *(line for party in parties for line in _account(net, party)),
        "}",
        f"logfile_size_limit: {LOG_MB_MAX}MB",
        f"logfile_max_num: {LOG_FILES_MAX}",
    ]
    if log_file is not None:
        lines.append(f"log_file: {_text(log_file)}")
    if pid_file is not None:
        lines.append(f"pid_file: {_text(pid_file)}")
    return "\n".join(lines) + "\n"


def _check(net: str, parties: Sequence[str]) -> None:
    """Names go into topics and account names: NATS reads dots, spaces and wildcards as syntax."""
    if ids.NET.match(net) is None:
        raise UsageError(f"a net's name is 3 to 40 of a-z, 0-9 and -, not {net!r}")
    if not parties or len(set(parties)) != len(parties):
        raise UsageError("a broker needs at least one party, each named once")
    for party in parties:
        if ids.PARTY.match(party) is None or party == ids.RELAY:
            raise UsageError(f"not a party's name: {party!r}")


def _tls(pki_dir: Path, *, indent: str) -> list[str]:
    return [
        f"{indent}tls {{",
        f"{indent}  cert_file: {_text(pki_dir / 'server.crt')}",
        f"{indent}  key_file: {_text(pki_dir / 'server.key')}",
        f"{indent}  ca_file: {_text(pki_dir / 'ca.crt')}",
        f"{indent}  verify_and_map: true",
        f'{indent}  min_version: "1.3"',
        f"{indent}  timeout: 5",
        f"{indent}}}",
    ]


def _account(net: str, party: str) -> list[str]:
    up, down, presence = (_subject(topic(net, party)) for topic in (topics.up, topics.down, topics.presence))
    return [
        f"  {_text(party)}: {{",
        "    jetstream: {"
        f" max_file: {ACCOUNT_FILE_MB_MAX}MB, max_mem: {ACCOUNT_MEM_MB_MAX}MB,"
        f" max_streams: {ACCOUNT_STREAMS_MAX}, max_consumers: {ACCOUNT_CONSUMERS_MAX} }}",
        f"    limits: {{ max_connections: {ACCOUNT_CONNECTIONS_MAX} }}",
        "    users: [",
        *_user(party_user(net, party), publish=(up, presence), subscribe=(down,)),
        *_user(relay_user(net, party), publish=(down,), subscribe=(up, presence)),
        "    ]",
        "  }",
    ]


def _user(name: str, *, publish: Sequence[str], subscribe: Sequence[str]) -> list[str]:
    delivery = "$MQTT.sub.>"  # the gateway's own subjects, on which it hands a session its queued messages
    return [
        f'      {{ user: {_text(name)}, allowed_connection_types: ["MQTT"], permissions: {{',
        f"          publish: {{ allow: {_list(publish)} }}",
        f"          subscribe: {{ allow: {_list((*subscribe, delivery))} }} }} }}",
    ]


def _subject(topic: str) -> str:
    """NATS maps `/` to `.`."""
    return topic.replace("/", ".")


def _text(value: str | Path) -> str:
    """A quoted string; NATS knows JSON's escapes for quotes and backslashes."""
    return json.dumps(str(value), ensure_ascii=False)


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"
