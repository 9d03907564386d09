"""Arithmetic on edwards25519 (RFC 8032 section 5.1), to sign what no honest signer signs. Slow; for tests only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


@dataclass(frozen=True)
class Point:
    """Affine coordinates."""

    x: int
    y: int

    def __add__(self, other: Point) -> Point:
        product = _D * self.x * other.x * self.y * other.y % P
        x = (self.x * other.y + self.y * other.x) * pow(1 + product, -1, P)
        y = (self.y * other.y + self.x * other.x) * pow(1 - product, -1, P)
        return Point(x % P, y % P)

    def __rmul__(self, scalar: int) -> Point:
        total, power = IDENTITY, self
        while scalar:
            if scalar & 1:
                total = total + power
            power = power + power
            scalar >>= 1
        return total

    def encoded(self, *, y_plus_p: bool = False) -> bytes:
        """32 bytes; `y_plus_p` gives the second, not canonical, encoding that y < 19 has."""
        y = self.y + P if y_plus_p else self.y
        return (y | (self.x & 1) << 255).to_bytes(32, "little")


def point(y: int) -> Point | None:
    """The point of that y with even x, if there is one."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * _ROOT_OF_MINUS_1 % P
    if (x * x - square) % P:
        return None
    return Point(P - x if x & 1 else x, y)


def _order_8() -> Point:
    for y in range(2, 100):
        candidate = point(y)
        if candidate is not None and 4 * (torsion := L * candidate) != IDENTITY:
            return torsion
    raise AssertionError("one point in two has such a part")


IDENTITY = Point(0, 1)
BASE = point(4 * pow(5, -1, P) % P) or IDENTITY
ORDER_8 = _order_8()


def secret(seed: bytes) -> int:
    """The scalar of a seed."""
    digest = bytearray(hashlib.sha512(seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    return int.from_bytes(digest, "little")


def challenge(r: bytes, public: bytes, message: bytes) -> int:
    """h of RFC 8032: the hash over R, A and the message."""
    return int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L


def scalar_bytes(scalar: int) -> bytes:
    return scalar.to_bytes(32, "little")


def holds_with_cofactor(public: Point, r: Point, signature: bytes, public_bytes: bytes, message: bytes) -> bool:
    """Whether the laxest equation, 8SB = 8R + 8hA, holds: then some verifier takes the signature."""
    s = int.from_bytes(signature[32:], "little")
    h = challenge(signature[:32], public_bytes, message)
    return 8 * (s * BASE) == 8 * r + 8 * (h * public)
