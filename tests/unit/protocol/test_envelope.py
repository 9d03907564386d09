"""The guard: every committed vector, the strict Ed25519 rule, and what the errors do not tell."""

from __future__ import annotations

import json
import warnings
from array import array
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from channel.protocol import codes, envelope, ids, limits
from channel.protocol.envelope import Signer, open_charter, open_token, seal, verify_signature
from channel.protocol.errors import Attributable, PeerError, Unattributable, UsageError
from channel.protocol.statements import BY_TYPE, Charter, Notice
from tests.vectors import bodies, edwards, make_guard

VECTORS = sorted(make_guard.FOLDER.glob("*.json"))
MACHINE = make_guard.MACHINE


def signer(kid: str = MACHINE) -> Signer:
    return Signer(kid, bodies.seed(kid))


def keys_of(vector: dict[str, Any]) -> dict[str, bytes]:
    return {kid: ids.unb64url(public) for kid, public in vector["keys"].items()}


def outcome(token: bytes, keys: dict[str, bytes], net: str | None) -> dict[str, Any]:
    """What the guard says, in the words of a vector's `expect`."""
    try:
        opened = open_token(token, keys, net=net)
    except Attributable as error:
        said = {"result": "attributable", "code": error.code, "kid": error.kid, "seq": error.seq}
        return said | ({"nid": error.nid} if error.nid else {})
    except Unattributable as error:
        return {"result": "unattributable", "code": error.code}
    return {"result": "opened", "kid": opened.kid, "type": opened.type, "of": opened.of}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_guard_judges_every_vector_as_written(path: Path) -> None:
    vector = json.loads(path.read_text())
    token = vector["token"].encode("latin-1")
    member = vector["expect"].pop("member", None)
    assert outcome(token, keys_of(vector), vector["net"]) == vector["expect"]
    if member is not None:
        with pytest.raises(Attributable) as caught:
            open_token(token, keys_of(vector), net=vector["net"])
        assert caught.value.detail.startswith(f"{member}: ")
        assert caught.value.of == ids.sha256(token)


def test_the_committed_vectors_are_those_that_the_script_makes() -> None:
    made = make_guard.vectors()
    assert {path.stem: json.loads(path.read_text()) for path in VECTORS} == made
    assert {vector["expect"]["type"] for vector in made.values() if "type" in vector["expect"]} == set(BY_TYPE)


def test_every_code_of_the_guard_is_in_the_list_of_codes() -> None:
    for path in VECTORS:
        expect = json.loads(path.read_text())["expect"]
        known = {"attributable": codes.REFUSALS, "unattributable": codes.UNATTRIBUTABLE}.get(expect["result"])
        assert known is None or expect["code"] in known, path.stem


@pytest.mark.parametrize("type_", bodies.TYPES)
def test_what_is_sealed_opens_and_other_libraries_agree(type_: str) -> None:
    kid = bodies.kid(type_)
    body = bodies.body(type_)
    token = seal(body, signer(kid))
    assert token == make_guard.token(rfc8785.dumps(bodies.members(type_)), kid, type_)
    opened = open_token(token, {kid: bodies.public(kid)}, net=bodies.NET)
    assert (opened.body, opened.type, opened.party) == (body, type_, ids.kid_party(kid))
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": ids.b64url(bodies.public(kid))})
    with warnings.catch_warnings(action="error"):
        read = jws.deserialize_compact(token, key, algorithms=["Ed25519"])
    assert json.loads(read.payload or b"") == bodies.members(type_)


def test_a_statement_too_large_for_a_token_is_the_callers_error() -> None:
    ring = [[400_000_000 + i * 1000, 350_000_000 + i] for i in range(900)]
    volume = {"shape": {"type": "polygon", "rings": [ring, ring]}, "from": bodies.T0, "until": bodies.T1}
    with pytest.raises(UsageError, match="at most 32768"):
        seal(bodies.body("notice", volumes=[volume]), signer())


def test_900_vertices_fit_in_a_token() -> None:
    ring = [[1_799_999_999 - i, -899_999_999 + i] for i in range(900)]
    volume = {"shape": {"type": "polygon", "rings": [ring]}, "from": bodies.T0, "until": bodies.T1}
    assert len(seal(bodies.body("notice", volumes=[volume]), signer())) <= limits.TOKEN_BYTES_MAX


def test_only_statements_are_sealed() -> None:
    body = bodies.body("notice")
    assert isinstance(body, Notice)
    with pytest.raises(UsageError, match="Seen"):
        seal(body.seen, signer())


def test_a_signer_does_not_show_its_seed() -> None:
    shown = repr(signer())
    assert MACHINE in shown
    assert repr(bodies.seed(MACHINE)) not in shown
    assert shown.count("=") == 2  # kid and public


def test_without_a_net_any_net_opens() -> None:
    token = make_guard.token(rfc8785.dumps(bodies.members("notice", net="other-net")), MACHINE, "notice")
    assert open_token(token, {MACHINE: bodies.public(MACHINE)}).body.net == "other-net"


# --- what errors tell -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "SECRET\u0007"},
        {"SECRET": "SECRET"},
        {"precedence": "SECRET"},
        {"nid": "SECRET"},
        {"issued": "SECRET"},
        {"seen": {"size": "SECRET", "root": "SECRET"}},
        {"volumes": [{"shape": {"type": "SECRET"}}]},
        {"elements": [{"code": "SECRET", "values": "SECRET"}]},
        {"unit": "SECRET" * 100},
        {"from": "SECRET"},
        {"net": "SECRET"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_refusal_names_members_and_never_quotes(changes: dict[str, Any]) -> None:
    token = make_guard.token(rfc8785.dumps({**bodies.members("notice"), **changes}), MACHINE, "notice")
    with pytest.raises(Attributable) as caught:
        open_token(token, {MACHINE: bodies.public(MACHINE)}, net=bodies.NET)
    assert "SECRET" not in str(caught.value)
    assert len(caught.value.detail) <= limits.REASON_CHARS_MAX


def test_members_that_the_signer_named_are_not_quoted() -> None:
    kid = bodies.kid("finding")
    payload = rfc8785.dumps(bodies.members("finding", measures={"SECRET NAME": 1}))
    with pytest.raises(Attributable) as caught:
        open_token(make_guard.token(payload, kid, "finding"), {kid: bodies.public(kid)})
    assert "SECRET" not in str(caught.value)
    assert caught.value.detail.startswith("measures.")


# --- the charter ------------------------------------------------------------------------------------------------------


def charter_token(**changes: Any) -> bytes:
    kid = bodies.kid("charter")
    return make_guard.token(rfc8785.dumps(bodies.members("charter", **changes)), kid, "charter")


def test_a_charter_opens_with_the_key_it_carries() -> None:
    token = charter_token()
    charter, of = open_charter(token)
    assert charter == bodies.body("charter")
    assert of == ids.sha256(token)


def test_a_charter_signed_by_a_key_it_does_not_carry_is_refused() -> None:
    relay = bodies.charter()["relay"]
    relay["keys"] = [key for key in relay["keys"] if key["kid"] != bodies.kid("charter")]
    with pytest.raises(Unattributable) as caught:
        open_charter(charter_token(relay=relay))
    assert caught.value.code == "unknown-kid"


def test_a_changed_charter_is_refused() -> None:
    signed, _, _ = charter_token(title="Other").rpartition(b".")
    with pytest.raises(Unattributable) as caught:
        open_charter(signed + b"." + charter_token().rpartition(b".")[2])
    assert caught.value.code == "bad-signature"


def test_another_statement_is_no_charter() -> None:
    with pytest.raises(Unattributable) as caught:
        open_charter(seal(bodies.body("notice"), signer()))
    assert caught.value.code == "wrong-type"


def test_a_charter_signed_by_another_kind_of_key_is_refused() -> None:
    payload = rfc8785.dumps(bodies.charter())
    with pytest.raises(Unattributable) as caught:
        open_charter(make_guard.token(payload, "relay/sig/log-1", "charter"))
    assert caught.value.code == "wrong-key"


def test_a_charter_out_of_form_is_refused() -> None:
    with pytest.raises(Unattributable) as caught:
        open_charter(charter_token(parties=[]))
    assert (caught.value.code, caught.value.detail.partition(",")[0]) == ("schema", "parties: too_short")


# --- Ed25519 ----------------------------------------------------------------------------------------------------------

# RFC 8032 section 7.1, tests 1 to 3: seed, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("seed", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032(seed: str, message: str, signature: str) -> None:
    key = Signer(MACHINE, bytes.fromhex(seed))
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verify_signature(key.public, bytes.fromhex(signature), bytes.fromhex(message))


@pytest.mark.parametrize(("key_bytes", "signature_bytes"), [(0, 64), (31, 64), (33, 64), (32, 0), (32, 63), (32, 65)])
def test_a_wrong_length_is_no_signature(key_bytes: int, signature_bytes: int) -> None:
    assert verify_signature(b"\1" * key_bytes, b"\1" * signature_bytes, b"m") is False


BYTES_LIKE = [bytearray, memoryview, lambda data: memoryview(data * 2)[: len(data)], lambda data: array("B", data)]
NO_BYTES = ["text", "", None, 5, 1.5, [1, 2], ("a",), object(), array]


@pytest.mark.parametrize("like", BYTES_LIKE)
def test_what_is_bytes_like_is_judged_as_its_bytes(like: Any) -> None:
    key, message = signer(), b"message"
    signature = key.sign(message)
    assert verify_signature(like(key.public), like(signature), like(message))
    assert not verify_signature(like(key.public), like(signature), like(b"another"))
    token = seal(bodies.body("notice"), signer())
    opened = open_token(like(token), {MACHINE: signer().public})
    assert (opened.token, type(opened.token)) == (token, bytes)
    only_peer_errors(like(b"\xff.\xff.\xff"))


@pytest.mark.parametrize("value", NO_BYTES)
def test_what_is_not_bytes_is_no_signature_and_no_token(value: Any) -> None:
    key, message = signer(), b"message"
    good = [key.public, key.sign(message), message]
    assert verify_signature(*good)
    for place in range(3):
        assert verify_signature(*[value if at == place else one for at, one in enumerate(good)]) is False
    assert verify_signature(value, value, value) is False
    for guard in (lambda: open_token(value, {}), lambda: open_charter(value)):
        with pytest.raises(UsageError, match="expected bytes, not"):
            guard()


def small_order_encodings() -> list[bytes]:
    points = {n: n * edwards.ORDER_8 for n in range(8)}
    plain = [point.encoded() for point in points.values()]
    second = [point.encoded(y_plus_p=True) for point in points.values() if point.y < 19]
    # x = 0 with its sign bit set: a third spelling of the points (0, 1) and (0, -1).
    signed = [bytes([*code[:31], code[31] | 128]) for n, point in points.items() if point.x == 0 for code in [plain[n]]]
    return plain + second + signed


@pytest.mark.parametrize("code", small_order_encodings(), ids=bytes.hex)
def test_small_order_keys_and_r_are_refused_in_every_spelling(code: bytes) -> None:
    assert not envelope.is_strong_key(code)
    s = edwards.scalar_bytes(0)
    assert not verify_signature(code, edwards.IDENTITY.encoded() + s, b"m")
    key = signer()
    scalar = edwards.secret(key.seed)
    h = edwards.challenge(code, key.public, b"m")
    assert not verify_signature(key.public, code + edwards.scalar_bytes(h * scalar % edwards.L), b"m")


@pytest.mark.parametrize("y", range(19))
def test_keys_with_y_not_reduced_are_refused(y: int) -> None:
    for sign in (0, 1 << 255):
        assert not envelope.is_strong_key((y + edwards.P | sign).to_bytes(32, "little"))


def test_a_key_of_mixed_order_is_refused_even_where_the_plain_equation_holds() -> None:
    """Such a signature holds for OpenSSL and libsodium, and another by the same key only with the cofactor."""
    scalar = edwards.secret(bodies.seed(MACHINE))
    public = (scalar * edwards.BASE + edwards.ORDER_8).encoded()
    r = edwards.secret(bodies.seed("nonce"))
    r_bytes = (r * edwards.BASE).encoded()
    message = next(m for m in map(str.encode, map(str, range(1000))) if edwards.challenge(r_bytes, public, m) % 8 == 0)
    s = (r + edwards.challenge(r_bytes, public, message) * scalar) % edwards.L
    signature = r_bytes + edwards.scalar_bytes(s)
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)  # does not raise
    assert not verify_signature(public, signature, message)


# --- whatever comes ---------------------------------------------------------------------------------------------------

GOOD = [seal(bodies.body(type_), signer(bodies.kid(type_))) for type_ in bodies.TYPES]
KEYS = {kid: bodies.public(kid) for kid in map(bodies.kid, bodies.TYPES)}


def only_peer_errors(token: bytes) -> None:
    for open_ in (lambda: open_token(token, KEYS, net=bodies.NET), lambda: open_charter(token)):
        try:
            open_()
        except PeerError:
            continue


@given(st.binary(max_size=400))
@example(b"..")
@example(b"\xff.\xff.\xff")
@settings(deadline=None)
def test_any_bytes_are_a_token_or_a_peers_fault(data: bytes) -> None:
    only_peer_errors(data)


@given(st.binary(max_size=200), st.binary(max_size=400), st.binary(max_size=70))
@settings(deadline=None)
def test_any_three_parts_are_a_token_or_a_peers_fault(header: bytes, payload: bytes, signature: bytes) -> None:
    only_peer_errors(b".".join(ids.b64url(part).encode() for part in (header, payload, signature)))


@given(st.sampled_from(GOOD), st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_token_never_opens(token: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(token) - 1))
    put = data.draw(st.binary(max_size=3))
    cut = data.draw(st.integers(0, 3))
    changed = token[:at] + put + token[at + cut :]
    if changed == token:
        return
    with pytest.raises(PeerError):
        open_token(changed, KEYS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(bodies.TYPES), st.data())
@settings(max_examples=300, deadline=None)
def test_signed_nonsense_is_its_signers_fault(type_: str, data: st.DataObject) -> None:
    members: dict[str, Any] = bodies.members(type_)
    name = data.draw(st.sampled_from([*members, "more"]))
    members[name] = data.draw(JSON)
    payload = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    token = make_guard.token(payload, bodies.kid(type_), type_)
    said = outcome(token, KEYS, None)
    assert said["result"] in ("opened", "attributable")
    assert said["kid"] == bodies.kid(type_)


@given(st.binary(max_size=300), st.sampled_from(bodies.TYPES))
@settings(deadline=None)
def test_signed_bytes_are_their_signers_fault(payload: bytes, type_: str) -> None:
    with pytest.raises(PeerError):
        open_token(make_guard.token(payload or b"0", bodies.kid(type_), type_), KEYS)


def test_the_charter_example_is_a_charter() -> None:
    assert isinstance(bodies.body("charter"), Charter)
