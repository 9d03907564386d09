"""A small MQTT 3.1.1 client on raw bytes: sees every code, can drop the connection, shares nothing with the link."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from pathlib import Path

WAIT_S = 20  # a test that waits this long has failed


class Refused(Exception):
    """The broker did not let us in: TLS, a closed connection, or a CONNACK code."""


class RawClient:
    """`await RawClient.connect(...)`; messages are acknowledged as they come, or never if `acknowledge` is off."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, acknowledge: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._acknowledge = acknowledge
        self._replies: dict[tuple[int, int], asyncio.Future[bytes]] = {}
        self._messages: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._mid = 0
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self.session_present = False

    @classmethod
    async def connect(
        cls,
        port: int,
        ca_file: Path,
        credential: tuple[Path, Path] | None,
        client_id: str,
        *,
        clean: bool = True,
        will: tuple[str, bytes] | None = None,
        acknowledge: bool = True,
    ) -> RawClient:
        """Refused if the broker refuses at whatever stage."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca_file)
        if credential is not None:
            context.load_cert_chain(*credential)
        try:
            async with asyncio.timeout(WAIT_S):
                streams = await asyncio.open_connection("127.0.0.1", port, ssl=context)
                client = cls(*streams, acknowledge=acknowledge)
                await client._connect(client_id, clean, will)
        except OSError as error:
            raise Refused(str(error)) from error
        client._task = asyncio.create_task(client._read())
        return client

    async def _connect(self, client_id: str, clean: bool, will: tuple[str, bytes] | None) -> None:
        flags = (0x02 if clean else 0) | (0x0C if will else 0)
        payload = _field(client_id.encode())
        if will is not None:
            payload += _field(will[0].encode()) + _field(will[1])
        self._send(0x10, b"\x00\x04MQTT\x04" + bytes([flags]) + struct.pack("!H", 60) + payload)
        try:
            kind, body = await self._packet()
        except (OSError, EOFError) as error:
            await self.drop()
            raise Refused(f"closed before CONNACK: {error!r}") from error
        if kind != 0x20 or body[1] != 0:
            await self.drop()
            raise Refused(f"CONNACK {body[1]}")
        self.session_present = bool(body[0] & 1)

    async def subscribe(self, topic: str) -> int:
        """The SUBACK code; 0x80 also when the broker closed the connection instead."""
        body = await self._ask(0x82, 0x90, _field(topic.encode()) + b"\x01")
        return 0x80 if body is None else body[2]

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """QoS 1; whether a PUBACK came."""
        return await self._ask(0x33 if retain else 0x32, 0x40, payload, before=_field(topic.encode())) is not None

    async def next(self) -> tuple[str, bytes]:
        """The next message; Refused if the connection is gone."""
        async with asyncio.timeout(WAIT_S):
            message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise Refused("connection closed")
        return message

    async def until(self, payload: bytes) -> list[bytes]:
        """Every payload before this one."""
        seen: list[bytes] = []
        while (message := (await self.next())[1]) != payload:
            seen.append(message)
        return seen

    async def close(self) -> None:
        """DISCONNECT, then close."""
        if not self._writer.is_closing():
            with contextlib.suppress(OSError):
                self._send(0xE0, b"")
                await self._writer.drain()
        await self.drop()

    async def drop(self) -> None:
        """Close the connection without a word: the broker publishes the will."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, kind: int, reply: int, after: bytes, *, before: bytes = b"") -> bytes | None:
        if self._closed:
            return None
        self._mid += 1
        future = asyncio.get_running_loop().create_future()
        self._replies[reply, self._mid] = future
        self._send(kind, before + struct.pack("!H", self._mid) + after)
        async with asyncio.timeout(WAIT_S):
            answer: bytes | None = await future
        return answer

    async def _read(self) -> None:
        try:
            while True:
                kind, body = await self._packet()
                if kind & 0xF0 == 0x30:
                    self._deliver(kind, body)
                else:
                    self._replies.pop((kind, struct.unpack("!H", body[:2])[0])).set_result(body)
        except (OSError, EOFError):
            self._closed = True
            self._messages.put_nowait(None)
            for future in self._replies.values():
                future.set_result(None)  # type: ignore[arg-type]

    def _deliver(self, kind: int, body: bytes) -> None:
        end = 2 + struct.unpack("!H", body[:2])[0]
        topic = body[2:end].decode()
        if kind & 0x06:
            if self._acknowledge:
                self._send(0x40, body[end : end + 2])
            end += 2
        self._messages.put_nowait((topic, body[end:]))

    def _send(self, kind: int, body: bytes) -> None:
        length = len(body)
        header = bytearray([kind])
        while True:
            length, digit = divmod(length, 128)
            header.append(digit | (0x80 if length else 0))
            if not length:
                break
        self._writer.write(bytes(header) + body)

    async def _packet(self) -> tuple[int, bytes]:
        kind = (await self._reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            digit = (await self._reader.readexactly(1))[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, await self._reader.readexactly(length)


def _field(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data
