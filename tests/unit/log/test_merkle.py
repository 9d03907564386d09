"""The tree against the published vectors. Against the definition itself: tests/property/test_merkle.py."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from channel.log.leaf import leaf_hash
from channel.log.merkle import EMPTY_ROOT, Tree
from channel.log.proof import verify_consistency, verify_inclusion
from channel.protocol.errors import InvariantError, ProofError

VECTORS = Path(__file__).parents[2] / "vectors"
# The leaves and roots that every implementation of RFC 6962 tests with.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def _tree() -> Tree:
    tree = Tree()
    for leaf in LEAVES:
        tree.append(leaf_hash(bytes.fromhex(leaf)))
    return tree


def _cases(name: str) -> list[Any]:
    lines = (VECTORS / name).read_text().splitlines()
    vectors = [json.loads(line) for line in lines]
    return [pytest.param(vector, id=vector["_file"].removeprefix("testdata/")) for vector in vectors]


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _proof(vector: dict[str, Any]) -> list[bytes]:
    return [_bytes(text) for text in vector["proof"] or []]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_published_leaves(size: int) -> None:
    assert _tree().root(size).hex() == ROOTS[size]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Tree().root() == EMPTY_ROOT == bytes.fromhex(ROOTS[0])
    assert Tree().consistency(0, 0) == []


@pytest.mark.parametrize("vector", _cases("rfc6962_inclusion.jsonl"))
def test_inclusion_vectors(vector: dict[str, Any]) -> None:
    hashes = _bytes(vector["leafHash"]), vector["leafIdx"], vector["treeSize"], _proof(vector), _bytes(vector["root"])
    if vector["wantErr"]:
        with pytest.raises(ProofError) as caught:
            verify_inclusion(*hashes)
        assert caught.value.code == "bad-inclusion"
    else:
        verify_inclusion(*hashes)


@pytest.mark.parametrize("vector", _cases("rfc6962_consistency.jsonl"))
def test_consistency_vectors(vector: dict[str, Any]) -> None:
    """Three of them expect an error at size 0 because that library refuses every proof from there. These three break
    our rule too, which is that of RFC 9162 and C2SP: from size 0 with the empty root and an empty proof all follows."""
    sizes = vector["size1"], _bytes(vector["root1"]), vector["size2"], _bytes(vector["root2"]), _proof(vector)
    if vector["wantErr"]:
        with pytest.raises(ProofError) as caught:
            verify_consistency(*sizes)
        assert caught.value.code == "bad-consistency"
    else:
        verify_consistency(*sizes)


def test_a_proof_may_be_an_iterator_and_hashes_bytes_like() -> None:
    tree = _tree()
    for like in (bytes, bytearray, memoryview):
        for count in (1, 3, 4, 7):
            grown = [like(node) for node in tree.consistency(count, 8)]
            verify_consistency(count, like(tree.root(count)), 8, like(tree.root()), iter(grown))
            path = (like(node) for node in tree.inclusion(count, 8))
            verify_inclusion(like(tree.leaf(count)), count, 8, path, like(tree.root()))


NOT_NUMBERS = [3.0, True, "3", None, b"3", -1, 2**64, 10**5000, -(10**5000)]  # the last two too long to be printed
NOT_HASHES = ["a" * 32, None, 5, b"short", [1] * 32, "k7Qm" * 8]


def test_whatever_is_handed_in_a_proof_holds_or_is_a_proof_error() -> None:
    tree = _tree()
    inclusion = [tree.leaf(3), 3, 8, tree.inclusion(3, 8), tree.root()]
    consistency = [3, tree.root(3), 8, tree.root(), tree.consistency(3, 8)]
    verify_inclusion(*inclusion)  # type: ignore[arg-type]
    verify_consistency(*consistency)  # type: ignore[arg-type]
    for verify, code, good in (
        (verify_inclusion, "bad-inclusion", inclusion),
        (verify_consistency, "bad-consistency", consistency),
    ):
        for place, one in enumerate(good):
            wrong: list[Any] = NOT_NUMBERS if isinstance(one, int) else NOT_HASHES
            if isinstance(one, list):
                wrong = [None, 5, "text", b"bytes", [None, *one[1:]], [5, *one[1:]], ["a" * 32, *one[1:]]]
            for value in wrong:
                with pytest.raises(ProofError) as caught:
                    verify(*[value if at == place else kept for at, kept in enumerate(good)])  # type: ignore[operator]
                assert caught.value.code == code


def test_a_tree_is_consistent_with_itself_alone() -> None:
    """Also where a root is no hash, as in one of the published vectors."""
    verify_consistency(1, b"no hash", 1, memoryview(b"no hash"), iter([]))
    for size1, root1, size2, root2, proof in (
        (1, b"no hash", 1, b"another", []),
        (1, b"no hash", 2, b"no hash", []),
        (1, b"no hash", 1, b"no hash", [EMPTY_ROOT]),
        (0, b"no hash", 0, b"no hash", []),
        (1, "no hash", 1, "no hash", []),
    ):
        with pytest.raises(ProofError):
            verify_consistency(size1, root1, size2, root2, proof)  # type: ignore[arg-type]


def test_from_the_empty_tree_everything_follows() -> None:
    tree = _tree()
    verify_consistency(0, EMPTY_ROOT, 8, tree.root(), [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    for root1, size2, root2, proof in (
        (tree.root(1), 8, tree.root(), []),
        (EMPTY_ROOT, 0, tree.root(), []),
        (EMPTY_ROOT, 8, tree.root(), [EMPTY_ROOT]),
    ):
        with pytest.raises(ProofError):
            verify_consistency(0, root1, size2, root2, proof)


def test_a_cut_tree_grows_again_to_the_same_roots() -> None:
    tree, whole = _tree(), _tree()
    for size in range(8, -1, -1):
        tree.cut(size)
        assert tree.size == size
        assert tree.root() == whole.root(size)
        for index in range(size, 8):
            tree.append(whole.leaf(index))
        assert tree.root() == whole.root()


@pytest.mark.parametrize(
    "call",
    [
        lambda tree: tree.root(9),
        lambda tree: tree.root(-1),
        lambda tree: tree.inclusion(8, 8),
        lambda tree: tree.inclusion(-1, 8),
        lambda tree: tree.inclusion(0, 9),
        lambda tree: tree.consistency(5, 4),
        lambda tree: tree.consistency(-1, 4),
        lambda tree: tree.consistency(4, 9),
        lambda tree: tree.leaf(8),
        lambda tree: tree.cut(9),
        lambda tree: tree.append(b"short"),
    ],
)
def test_what_the_tree_does_not_hold_cannot_be_asked_for(call: Any) -> None:
    with pytest.raises(InvariantError):
        call(_tree())
