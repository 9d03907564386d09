"""aiomqtt's client, mended for this project: it fails early, watches no closed socket and leaves nothing open.

Private names of aiomqtt and paho are touched in this file only; `link.py` uses the public ones and these.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiomqtt
import paho.mqtt.client as paho

CONNECT_S_MAX = 5.0  # TCP and TLS each; a healthy broker answers in milliseconds
SUBACK_FAILURE = 0x80
_NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # without it an echo takes 88 ms, with it three

T = TypeVar("T")


class Client(aiomqtt.Client):
    """One connection: `open`, then `close`. MQTT 3.1.1, clean session false, acknowledged by hand."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        tls: ssl.SSLContext,
        will: aiomqtt.Will | None,
        keepalive_s: int,
        reply_s_max: float,
        inflight_max: int,
    ) -> None:
        super().__init__(
            host,
            port,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
            will=will,
            keepalive=keepalive_s,
            timeout=reply_s_max,
            max_inflight_messages=inflight_max,
            tls_context=tls,
            socket_options=(_NODELAY,),
        )
        self.pending_calls_threshold = 10 * inflight_max  # many publishes at once are ordinary here
        self._client.connect_timeout = CONNECT_S_MAX
        self._client.manual_ack_set(True)

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self._disconnected.done()

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that it may forget the message."""
        self._client.ack(message.mid, message.qos)

    async def open(self) -> None:
        """Connect. Its thread cannot be interrupted, so a cancellation waits for it: else a socket would leak."""
        opening = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait((opening,))
            if not opening.cancelled():
                opening.exception()  # seen, and of no more interest
            raise

    async def subscribe_all(self, topics: tuple[str, ...]) -> None:
        """Subscribe with QoS 1. MqttError if the broker refuses one: it says so only in the SUBACK's codes."""
        for topic in topics:
            codes = await self.unless_lost(self.subscribe(topic, qos=1))
            if any(_number(code) >= SUBACK_FAILURE for code in codes):
                raise aiomqtt.MqttError(f"the broker refused the subscription to {topic}")

    async def unless_lost(self, call: Coroutine[Any, Any, T]) -> T:
        """The call's result; MqttError as soon as the connection is gone (aiomqtt would wait out its timeout)."""
        calling = asyncio.ensure_future(call)
        try:
            await asyncio.wait((calling, self._disconnected), return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise aiomqtt.MqttError("the connection was lost before the broker replied")
            return calling.result()
        finally:
            calling.cancel()

    async def close(self) -> None:
        """Disconnect cleanly if connected, and leave nothing open in any case."""
        if self._connected.done() and not self._disconnected.done():
            with contextlib.suppress(aiomqtt.MqttError):
                await self.__aexit__(None, None, None)
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # seen
        self._client._sock_close()
        ticking = self._misc_task
        if ticking is not None:
            ticking.cancel()
            await asyncio.wait((ticking,))

    def _on_disconnect(self, *arguments: Any) -> None:
        """A refused certificate ends the connection before CONNACK (TLS 1.3); aiomqtt would wait out its timeout."""
        if self._connected.done():
            super()._on_disconnect(*arguments)
        else:
            self._connected.set_exception(aiomqtt.MqttError("the broker closed the connection: certificate refused?"))

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """paho may call from the thread that connects, so the loop is told; by then the socket may be closed."""
        self._loop.call_soon_threadsafe(self._add_writer, sock)

    def _add_writer(self, sock: Any) -> None:
        current = self._client.socket()
        if current is not None and current is sock:  # else its number may be another file's by now
            self._loop.add_writer(current.fileno(), self._write)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except (OSError, ValueError) as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(aiomqtt.MqttError(str(error)))


class ClosingSocket(ssl.SSLSocket):
    """paho forgets the socket of a failed handshake; this one closes itself."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _number(code: Any) -> int:
    return code if isinstance(code, int) else int(code.value)
