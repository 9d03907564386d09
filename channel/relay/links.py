"""The relay's own connection into each party's namespace (protocol.md 10.1)."""

from __future__ import annotations

from channel.protocol import topics
from channel.relay.clock import jitter
from channel.relay.home import ChannelHome
from channel.wire import Endpoint, MqttLink


def link_to(home: ChannelHome, net: str, party: str, broker_host: str | None) -> MqttLink:
    """With a certificate for that party's account alone; `broker_host` if the broker has another name from here."""
    settings = home.settings()
    endpoint = Endpoint(
        host=broker_host or settings.host,
        port=settings.port,
        ca_file=home.pki / "ca.crt",
        cert_file=home.pki / f"relay-{party}.crt",
        key_file=home.pki / f"relay-{party}.key",
        client_id=f"relay-{net}-{party}",
    )
    wanted = [topics.up(net, party), topics.presence(net, party)]
    return MqttLink(endpoint, subscribe=wanted, will=None, random=jitter)
