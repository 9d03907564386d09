"""The MQTT link (3.1.1, QoS 1, clean session false, mutual TLS): payloads in and out, reconnecting for ever.

The rules of this file. A message is acknowledged to the broker only after `on_payload` returned, so a crash in between
brings it again. A publish that fails may still arrive. Neither is evidence: what counts is settled by frames above.
What a payload means is not known here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from channel.protocol.errors import TransientError, UsageError
from channel.wire.client import Client, ClosingSocket

KEEPALIVE_S = 15  # a dead peer is noticed within about twice this
REPLY_S_MAX = 10.0  # CONNACK, SUBACK, PUBACK: an election in a cluster may take this long
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
STEADY_S = 5.0  # only a connection that lasted this long makes the next attempt quick again
INFLIGHT_MAX = 100  # publishes under way at once; the others wait in memory

OnPayload = Callable[[str, bytes], Awaitable[None]]
OnState = Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a link goes and with which files it proves itself. `client_id` names the session that the broker keeps."""

    host: str
    port: int
    ca_file: Path
    cert_file: Path
    key_file: Path
    client_id: str


class MqttLink:
    """One party's, or the relay's, connection into one party's account. `run` it in a task; cancel the task to stop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        subscribe: Sequence[str],
        will: tuple[str, bytes] | None,
        random: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.last_error: str | None = None  # why the link is or last was down, for people
        self._subscribe = tuple(subscribe)
        self._will = will
        self._random = random
        self._sleep = sleep
        self._client: Client | None = None
        self._failures = 0

    @property
    def connected(self) -> bool:
        """Whether the broker has confirmed connection and subscriptions. A hint, as everything about links."""
        return self._client is not None

    async def run(self, on_payload: OnPayload, on_state: OnState) -> None:
        """Connect, subscribe, hand every payload over in order; again for ever. Ends by cancellation only.

        What `on_payload` raises ends it too, and leaves that message unacknowledged. UsageError: unusable certificate
        files. `on_state` hears True when up and False when down again; before the first True the link is down.
        """
        context = tls_context(self.endpoint)
        while True:
            client = self._make_client(context)
            try:
                await client.open()
                await client.subscribe_all(self._subscribe)
                await self._receive(client, on_payload, on_state)
            except aiomqtt.MqttError as error:
                self.last_error = str(error) or type(error).__name__
            finally:
                await client.close()
            await self._sleep(backoff_s(self._failures, self._random()))
            self._failures += 1

    async def publish(self, topic: str, payload: bytes, *, keep: bool = True) -> None:
        """Send with QoS 1; returns at the broker's PUBACK, which is no acceptance. TransientError if there was none.

        Without `keep` with QoS 0: the broker hands it on to whom it can reach, and keeps nothing.
        """
        client = self._client
        if client is None:
            raise TransientError(f"no connection to {self.endpoint.host}:{self.endpoint.port}")
        try:
            await client.unless_lost(client.publish(topic, payload, qos=1 if keep else 0))
        except aiomqtt.MqttError as error:
            raise TransientError(f"the broker did not confirm: {error}") from error

    async def _receive(self, client: Client, on_payload: OnPayload, on_state: OnState) -> None:
        steady = asyncio.get_running_loop().call_later(STEADY_S, self._forget_failures)
        self._client = client
        self.last_error = None
        try:
            on_state(True)
            async for message in client.messages:
                if client.lost:
                    break  # what was not acknowledged comes again over the next connection
                await on_payload(message.topic.value, _bytes(message.payload))
                client.acknowledge(message)
            self.last_error = "the connection was lost"
        finally:
            self._client = None
            steady.cancel()
            on_state(False)

    def _forget_failures(self) -> None:
        self._failures = 0

    def _make_client(self, context: ssl.SSLContext) -> Client:
        return Client(
            self.endpoint.host,
            self.endpoint.port,
            client_id=self.endpoint.client_id,
            tls=context,
            will=None if self._will is None else aiomqtt.Will(self._will[0], self._will[1], qos=1),
            keepalive_s=KEEPALIVE_S,
            reply_s_max=REPLY_S_MAX,
            inflight_max=INFLIGHT_MAX,
        )


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS 1.3, the operator's CA only, our certificate. UsageError if a file is missing or unusable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.sslsocket_class = ClosingSocket
    try:
        context.load_verify_locations(endpoint.ca_file)
        context.load_cert_chain(endpoint.cert_file, endpoint.key_file)
    except OSError as error:  # ssl.SSLError is one
        files = f"{endpoint.ca_file}, {endpoint.cert_file}, {endpoint.key_file}"
        raise UsageError(f"cannot use the link's certificate files ({files}): {error}") from error
    return context


def backoff_s(failures: int, random: float) -> float:
    """Seconds before the next attempt: doubling from 0.1 to 5, its upper half by chance so that clients spread out."""
    ceiling = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2.0 ** min(failures, 16))
    return ceiling * (0.5 + random / 2)


def _bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else b""
