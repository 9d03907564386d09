"""The message broker: certificate authority, generated configuration, and the embedded NATS server as a child process.

The broker is not trusted with durability, order or identity. What is here keeps parties out of each other's topics and
queues.
"""

from channel.broker.nats import EmbeddedBroker
from channel.broker.pki import Authority, Credential, make_pki, sign_request
from channel.broker.profile import nats_config

__all__ = ["Authority", "Credential", "EmbeddedBroker", "make_pki", "nats_config", "sign_request"]
