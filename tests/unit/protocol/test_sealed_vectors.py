"""Every committed sealed notice is judged as written: by the relay, which cannot open it, and by its addressee."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from channel.ledger import policy
from channel.protocol import codes, ids, outer, sealing
from channel.protocol.envelope import Opened, open_token
from channel.protocol.keys import KeyRing
from channel.protocol.sealing import OpenedInner, SealedError
from channel.protocol.statements import Body, Charter, Notice
from channel.relay.bodies import Bodies
from clients.core.unsealing import Unsealing
from tests.unit.protocol.sealed_example import counted
from tests.vectors import bodies, jwe, make_sealed
from tests.vectors.make_sealed import ADDRESSEE, FOLDER, INDEX, INNER, KEYS_FILE, RECIPIENTS

NAMES = sorted(path.name for path in FOLDER.glob("*.json") if path.name != KEYS_FILE)
KEYS = json.loads((FOLDER / KEYS_FILE).read_text())
HELD = {key["kid"]: ids.unb64url(key["secret"]) for key in KEYS["keys"] if key["kid"].startswith(f"{ADDRESSEE}/enc/")}


def ring() -> KeyRing:
    """The keys of the vectors at their places in the log."""
    charter = bodies.charter()
    (template, *_) = charter["parties"]
    names = sorted({ids.kid_party(key["kid"]) for key in KEYS["keys"]})
    charter["parties"] = [
        {**template, "party": name, "name": name, "keys": [_key(k) for k in _of(name) if k["enrolled"] == 0]}
        for name in names
    ]
    found = KeyRing(Charter.model_validate_json(json.dumps(charter), by_alias=True, by_name=False), bodies.HASH)
    changes = [(key["enrolled"], "key", {"key": _key(key)}, key) for key in KEYS["keys"] if key["enrolled"]]
    changes += [
        (key["withdrawn"], "revocation", {"kid": key["kid"]}, key) for key in KEYS["keys"] if "withdrawn" in key
    ]
    for index, type_, members, key in sorted(changes, key=lambda change: (change[0], change[1])):
        party = ids.kid_party(key["kid"])
        change = cast(Body, bodies.body(type_, **members, **{"from": party}))
        found.apply(index, bodies.HASH, change)
    return found


def _of(party: str) -> list[dict[str, Any]]:
    return [key for key in KEYS["keys"] if ids.kid_party(key["kid"]) == party]


def _key(key: dict[str, Any]) -> dict[str, str]:
    return {"kid": key["kid"], "pub": key["pub"], "held": "machine"}


RING = ring()


def relay(opened: Opened, body: bytes) -> str | None:
    """What the relay has to say: of the outer's form, then of the body beside it."""
    notice = cast(Notice, opened.body)
    if outer.form_fault(notice) is not None:
        return "sealed-form"
    ledger: Any = SimpleNamespace(notices={}, parties={}, ring=RING, size=INDEX)
    match Bodies(ledger).judge(opened, {ids.sha256(body): body}):
        case policy.Wait(code) | policy.Refuse(code):
            return code
        case _:
            return None


def addressee(opened: Opened, body: bytes) -> OpenedInner:
    """What the addressee's client makes of it, with each private half that it has."""
    entry = SimpleNamespace(opened=opened)
    ledger = SimpleNamespace(ring=RING, index_of={opened.of: INDEX}, entries={INDEX: entry})
    replica: Any = SimpleNamespace(ledger=ledger, party=ADDRESSEE)
    store: Any = SimpleNamespace(faults=dict)
    return Unsealing(replica, store, HELD.get)._judge(opened.of, body)


@pytest.mark.parametrize("name", NAMES)
def test_relay_and_addressee_judge_every_sealed_notice_as_written(name: str) -> None:
    vector = json.loads((FOLDER / name).read_text())
    opened, body = open_token(vector["outer"].encode(), RING, net=bodies.NET), vector["body"].encode("latin-1")
    sealed = cast(Notice, opened.body).sealed
    assert sealed is not None
    try:
        said, pt = None, addressee(opened, body).pt
    except SealedError as error:
        said, pt = error.code, sealed.pt
    assert ({"relay": relay(opened, body), "addressee": said}, pt) == (vector["expect"], sealed.pt)
    assert name.startswith("good") is (vector["expect"] == {"relay": None, "addressee": None})


def test_the_committed_vectors_are_those_that_the_script_makes() -> None:
    committed = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert committed == make_sealed.files()


def test_every_code_of_a_sealed_notice_has_a_vector() -> None:
    said = [vector["expect"] for vector in make_sealed.vectors().values()]
    assert {one["addressee"] for one in said} - {None} == set(sealing.CODES)
    assert {one["relay"] for one in said} - {None} == {"sealed-form", "sealed-body", "body-missing"}
    assert {"sealed-form", "sealed-body"} <= codes.REFUSALS.keys()


def test_the_maker_and_the_program_seal_alike() -> None:
    keys = {kid: bodies.public(kid) for kid in RECIPIENTS}
    made = jwe.encrypt(make_sealed.padded(INNER), keys, counted("both"))
    assert json.loads(sealing.seal_inner(INNER, keys, random=counted("both"))) == made


def test_every_file_has_its_own_name_in_words() -> None:
    said = [json.loads((Path(FOLDER) / name).read_text())["about"] for name in NAMES]
    assert len({(name.partition("-")[0], about) for name, about in zip(NAMES, said, strict=True)}) == len(NAMES)
