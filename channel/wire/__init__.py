"""The one room with I/O that relay and clients share: the MQTT link, the key and request for its certificate, and how
files that are handed on are written (`files`).

Nothing here knows statements: a payload is bytes. Nothing here is evidence: the broker may lose, repeat, reorder or
forget.
"""

from channel.wire.link import Endpoint, MqttLink
from channel.wire.request import link_request

__all__ = ["Endpoint", "MqttLink", "link_request"]
