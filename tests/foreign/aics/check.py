"""Checks notes, cosignatures, proofs and tiles with the package `aics-tlog`, which nobody here wrote.

Runs in the environment of that package, not of this project: one JSON document in, one out. Only the tests run it.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import aics_tlog as other


def raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def note(case: dict[str, Any]) -> dict[str, Any]:
    log = other.vkey_from_ed25519(case["name"], raw(case["public"]))
    keys = [other.cosignature_vkey(one["name"], raw(one["public"])) for one in case["cosigners"]]
    try:
        parsed = other.parse_note(case["note"])
        found = other.verify_checkpoint(parsed, log, keys, case["quorum"], expected_origin=case["name"])
    except ValueError as error:
        return {"ok": False, "times": {}, "error": str(error)}
    return {"ok": found.ok, "times": found.timestamps, "error": found.error}


def cosigned(case: dict[str, Any]) -> str:
    """A signature line that the package makes, for us to open."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(raw(case["seed"]))
    _, line = other.sign_cosignature(key, case["name"], case["time"], case["origin"], case["size"], raw(case["root"]))
    whole = other.Note(text="x\n", signatures=(line,)).to_bytes().decode()
    return whole.split("\n\n", 1)[1]


def inclusion(case: dict[str, Any]) -> bool:
    proof = [raw(digest) for digest in case["proof"]]
    return bool(other.verify_leaf_inclusion(raw(case["leaf"]), case["index"], case["size"], proof, raw(case["root"])))


def consistency(case: dict[str, Any]) -> bool:
    proof = [raw(digest) for digest in case["proof"]]
    return bool(other.verify_consistency(case["size1"], case["size2"], raw(case["root1"]), raw(case["root2"]), proof))


def leaves(tiles: dict[str, str], size: int, root: str) -> list[str]:
    """Every entry of the tiles, after each tile was proven under the root."""
    reader = other.MemoryTileReader({path: raw(data) for path, data in tiles.items()})
    other.audit_tiles(reader, size, raw(root))
    return [base64.b64encode(other.read_entry(reader, index, size)).decode() for index in range(size)]


def main() -> None:
    asked = json.load(sys.stdin)
    answer: dict[str, Any] = {
        "notes": [note(case) for case in asked.get("notes", [])],
        "cosigned": [cosigned(case) for case in asked.get("cosign", [])],
        "inclusion": [inclusion(case) for case in asked.get("inclusion", [])],
        "consistency": [consistency(case) for case in asked.get("consistency", [])],
    }
    if "tiles" in asked:
        try:
            answer["leaves"] = leaves(asked["tiles"], asked["size"], asked["root"])
        except (ValueError, OSError) as error:
            answer["problem"] = str(error)
    json.dump(answer, sys.stdout)


main()
