"""Frames: what one MQTT payload holds (protocol.md section 10). Never evidence: its items are checked one by one."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from channel.protocol import canonical, limits
from channel.protocol.errors import Unattributable
from channel.protocol.statements import Hash, Index, Millis, Model

Token = Annotated[str, Field(max_length=limits.TOKEN_BYTES_MAX)]
Proof = Annotated[tuple[Hash, ...], Field(max_length=128)]
SealedBody = Annotated[str, Field(min_length=1, max_length=limits.SEALED_BYTES_MAX)]


class TokenItem(Model):
    """Up: a statement to be logged."""

    t: Literal["token"] = "token"
    token: Token


class HaveItem(Model):
    """Up: highest gap-free position in the party's own feed, and its pinned tree. `hello` on connecting."""

    t: Literal["have"] = "have"
    n: Index
    size: Index
    root: Hash
    hello: bool = False


class CosignatureItem(Model):
    """Up: a note signature line on the checkpoint of `size`."""

    t: Literal["cosignature"] = "cosignature"
    size: Index
    line: Annotated[str, Field(max_length=512)]


class ProveItem(Model):
    """Up: asks for inclusion proofs of own leaves, ascending, in the tree of `size` and `root` (protocol.md 10.11)."""

    t: Literal["prove"] = "prove"
    size: Index
    root: Hash
    indexes: Annotated[tuple[Index, ...], Field(min_length=1, max_length=limits.PROVE_INDEXES_MAX)]


class Tree(Model):
    """A size and its root."""

    size: Index
    root: Hash


class CompareItem(Model):
    """Up: asks for consistency proofs from each of `trees`, none larger, to the tree of `size` (protocol.md 10.13)."""

    t: Literal["compare"] = "compare"
    size: Index
    root: Hash
    trees: Annotated[tuple[Tree, ...], Field(min_length=1, max_length=limits.COMPARED_TREES_MAX)]


class ShownItem(Model):
    """Up: the checkpoint that the party has pinned, empty if it has none (protocol.md 10.14)."""

    t: Literal["shown"] = "shown"
    note: Annotated[str, Field(max_length=16_384)]


class ReturnedLeaf(Model):
    """A leaf that a party holds; a statement of its own of which it holds the receipt alone, with that."""

    index: Index
    stamp: Millis
    token: Token
    receipt: Token | None = None


class ReturnedItem(Model):
    """Up: leaves that the party holds from index `start` on, ascending; `done` if there are no more (10.15)."""

    t: Literal["returned"] = "returned"
    start: Index
    leaves: Annotated[tuple[ReturnedLeaf, ...], Field(max_length=limits.RETURNED_LEAVES_MAX)]
    done: bool


class WantItem(Model):
    """Up: asks for bodies of sealed notices to the party that did not come (protocol.md 10.12)."""

    t: Literal["want"] = "want"
    cts: Annotated[tuple[Hash, ...], Field(min_length=1, max_length=limits.WANTED_BODIES_MAX)]


class SealedItem(Model):
    """Up and down: the body of a sealed notice, as it is; `ct` is its hash, to be checked (protocol.md 10.12)."""

    t: Literal["sealed"] = "sealed"
    ct: Hash
    jwe: SealedBody

    @property
    def cost(self) -> int:
        """About how many bytes of a frame it takes: its quotation marks are escaped."""
        return len(self.jwe) + self.jwe.count('"') + 120


class LeafItem(Model):
    """Down: position `n` in the receiver's feed; `proof` is for the checkpoint in the same frame."""

    t: Literal["leaf"] = "leaf"
    n: Index
    index: Index
    stamp: Millis
    token: Token
    proof: Proof


class WordItem(Model):
    """Down: a relay word (receipt, busy, heartbeat)."""

    t: Literal["word"] = "word"
    token: Token


class CheckpointItem(Model):
    """Down: a signed note, with a consistency proof from `old`, the receiver's pinned size."""

    t: Literal["checkpoint"] = "checkpoint"
    old: Index
    proof: Proof
    note: Annotated[str, Field(max_length=16_384)]


class CosignedItem(Model):
    """Down: the newest checkpoint with a quorum of cosignatures, and the consistency proof from it to the checkpoint
    in the same frame."""

    t: Literal["cosigned"] = "cosigned"
    proof: Proof
    note: Annotated[str, Field(max_length=16_384)]


class ComparedItem(Model):
    """Down: the answer to a `compare` with that `size`; a proof for each tree, in its order."""

    t: Literal["compared"] = "compared"
    size: Index
    proofs: Annotated[tuple[Proof, ...], Field(min_length=1, max_length=limits.COMPARED_TREES_MAX)]


class ShowItem(Model):
    """Down: asks for the checkpoint that the party has pinned (protocol.md 10.14)."""

    t: Literal["show"] = "show"


class ReturnItem(Model):
    """Down, in quarantine: asks for the leaves that the party holds from index `start` on (protocol.md 10.15)."""

    t: Literal["return"] = "return"
    start: Index


class ProofsItem(Model):
    """Down: the note of `size`, and proofs of the first of the indexes asked for, as many as fit in a frame."""

    t: Literal["proofs"] = "proofs"
    size: Index
    note: Annotated[str, Field(max_length=16_384)]
    proofs: Annotated[tuple[Proof, ...], Field(min_length=1, max_length=limits.PROVE_INDEXES_MAX)]


UpItem = Annotated[
    TokenItem | HaveItem | CosignatureItem | ProveItem | CompareItem | ShownItem | ReturnedItem | SealedItem | WantItem,
    Field(discriminator="t"),
]
DownItem = Annotated[
    LeafItem
    | WordItem
    | CheckpointItem
    | CosignedItem
    | ProofsItem
    | ComparedItem
    | ShowItem
    | ReturnItem
    | SealedItem,
    Field(discriminator="t"),
]


class UpFrame(Model):
    v: Literal[1] = 1
    items: Annotated[tuple[UpItem, ...], Field(max_length=limits.FRAME_ITEMS_MAX)]
    pad: str = ""


class DownFrame(Model):
    v: Literal[1] = 1
    items: Annotated[tuple[DownItem, ...], Field(max_length=limits.FRAME_ITEMS_MAX)]
    pad: str = ""


F = TypeVar("F", UpFrame, DownFrame)


def bodies(frame: UpFrame | DownFrame) -> dict[Hash, bytes]:
    """The bodies in a frame, by the `ct` that it gives: to be checked."""
    return {item.ct: item.jwe.encode("ascii", "replace") for item in frame.items if isinstance(item, SealedItem)}


def encode(frame: UpFrame | DownFrame) -> bytes:
    """Bytes of a frame; a down frame is padded to a multiple of `FRAME_PAD_BYTES`."""
    data = frame.model_dump(mode="json", by_alias=True, exclude_none=True)
    payload = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    if isinstance(frame, DownFrame):
        data["pad"] = "0" * (-len(payload) % limits.FRAME_PAD_BYTES)
        payload = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    return payload


def decode_up(payload: bytes) -> UpFrame:
    """Unattributable(`bad-frame`) on anything but a well-formed up frame."""
    return _decode(UpFrame, payload)


def decode_down(payload: bytes) -> DownFrame:
    """Unattributable(`bad-frame`) on anything but a well-formed down frame."""
    return _decode(DownFrame, payload)


def _decode(model: type[F], payload: bytes) -> F:
    if len(payload) > limits.FRAME_BYTES_MAX:
        raise Unattributable("bad-frame", f"a frame of {len(payload)} bytes; at most {limits.FRAME_BYTES_MAX}")
    try:
        canonical.loads(payload, size_max=limits.FRAME_BYTES_MAX)
        return model.model_validate_json(payload)
    except (Unattributable, ValidationError) as error:
        raise Unattributable("bad-frame", "not a frame of this protocol") from error
