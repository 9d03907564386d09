"""What a caller hands in as bytes: bytes themselves, or anything bytes-like; never a text, whose bytes nobody knows."""

from __future__ import annotations

from channel.protocol.errors import UsageError

BytesLike = bytes | bytearray | memoryview


def octets(value: object) -> bytes:
    """`value` as bytes: those very bytes where they are bytes, else a copy. UsageError if it is not bytes-like."""
    if type(value) is bytes:
        return value
    try:
        return memoryview(value).tobytes()  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        raise UsageError(f"expected bytes, not {type(value).__name__}") from None
