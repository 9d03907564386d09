"""The JWE of a sealed notice: it opens for each addressee and nobody else, and each fault has its word.

The inner token is in test_sealing_inner.py, what another program makes of both in tests/foreign/jose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import OKPKey

from channel.protocol import canonical, ids, limits, sealing
from channel.protocol.errors import InvariantError, UsageError
from channel.protocol.sealing import SealedError, open_inner, seal_inner
from channel.protocol.statements import Sealed
from tests.vectors import bodies

REGIME, SDF, RUSSIA = "regime/enc/1", "sdf/enc/1", "russia/enc/1"

Members = dict[str, Any]


def randomness(seed: str = "a") -> sealing.Randomness:
    """Bytes that differ at each call and are the same for the same seed."""
    calls = 0

    def draw(size: int) -> bytes:
        nonlocal calls
        calls += 1
        return hashlib.shake_256(f"{seed} {calls}".encode()).digest(size)

    return draw


TOKEN = b".".join(ids.b64url(part).encode() for part in (b"header", b"any token, for all that the JWE knows", b"end"))
JWE = seal_inner(TOKEN, {kid: bodies.public(kid) for kid in (SDF, REGIME)}, random=randomness())
SEALED = sealing.hashes(JWE, TOKEN)


def code_of(jwe: bytes, kid: str = REGIME, *, sealed: Sealed | None = None) -> str:
    """The code with which a JWE is turned away whose own hash the outer carries."""
    with pytest.raises(SealedError) as caught:
        open_inner(jwe, kid, bodies.seed(kid), sealed or sealing.hashes(jwe, TOKEN))
    assert "SECRET" not in str(caught.value)
    return caught.value.code


def changed(change: Callable[[Members], object]) -> bytes:
    """The JWE with its members changed, in canonical form again."""
    members = json.loads(JWE)
    change(members)
    return canonical.dumps(members)


def with_plaintext(plaintext: bytes, **header: str) -> bytes:
    """A JWE as joserfc makes it, of any plaintext and with any protected header."""
    protected = {"alg": sealing.ALG, "enc": sealing.ENC, "typ": sealing.TYP, **header}
    sealing_ = joserfc_jwe.GeneralJSONEncryption(protected, plaintext)
    key: dict[str, str | list[str]] = {"kty": "OKP", "crv": "X25519", "x": ids.b64url(bodies.public(REGIME))}
    sealing_.add_recipient({"kid": REGIME}, OKPKey.import_key(key))
    algorithms = [sealing.ALG, protected["alg"], protected["enc"], "DEF"]
    return canonical.dumps(joserfc_jwe.encrypt_json(sealing_, None, algorithms=algorithms))


# --- sealing and opening ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kid", [REGIME, SDF])
def test_each_addressee_opens_what_was_sealed(kid: str) -> None:
    assert open_inner(JWE, kid, bodies.seed(kid), SEALED) == TOKEN


def test_the_same_randomness_gives_the_same_bytes_and_other_randomness_others() -> None:
    recipients = {REGIME: bodies.public(REGIME), SDF: bodies.public(SDF)}
    assert seal_inner(TOKEN, recipients, random=randomness()) == JWE
    other = json.loads(seal_inner(TOKEN, recipients, random=randomness("b")))
    ours = json.loads(JWE)
    assert all(other[name] != ours[name] for name in ("ciphertext", "iv", "tag"))
    keys = [item["header"]["epk"]["x"] for item in (*other["recipients"], *ours["recipients"])]
    assert len(set(keys)) == 4


def test_nothing_is_drawn_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise AssertionError("randomness comes in as an argument")

    monkeypatch.setattr("secrets.token_bytes", refuse)
    monkeypatch.setattr(OKPKey, "generate_key", refuse)
    drawn: list[int] = []
    draw = randomness()
    again = seal_inner(
        TOKEN, dict.fromkeys((SDF, REGIME), bodies.public(SDF)), random=lambda n: drawn.append(n) or draw(n)
    )
    assert drawn == [32, 12, 32, 32]
    assert sealing.recipients_of(again) == (REGIME, SDF)


@pytest.mark.parametrize("given_bytes", [0, 31, 33])
def test_randomness_of_the_wrong_length_stops(given_bytes: int) -> None:
    with pytest.raises(InvariantError, match=f"32 random bytes, got {given_bytes}"):
        seal_inner(TOKEN, {REGIME: bodies.public(REGIME)}, random=lambda _: bytes(given_bytes))


def test_the_largest_token_to_the_most_addressees_is_within_the_limit_and_opens() -> None:
    longest = [f"{'p' * 31}{n:x}/enc/{'l' * 48}" for n in range(limits.ADDRESSEES_MAX)]
    token = b"a." + b"b" * (limits.TOKEN_BYTES_MAX - 4) + b".c"
    jwe = seal_inner(token, {kid: bodies.public(kid) for kid in longest}, random=randomness())
    assert len(token) == limits.TOKEN_BYTES_MAX
    assert 46 * 1024 < len(jwe) <= limits.SEALED_BYTES_MAX
    assert open_inner(jwe, longest[-1], bodies.seed(longest[-1]), sealing.hashes(jwe, token)) == token


def test_length_is_told_in_steps_only() -> None:
    def length(chars: int) -> int:
        return len(seal_inner(b"a.b." + b"c" * chars, {REGIME: bodies.public(REGIME)}, random=randomness()))

    assert length(1) == length(sealing.PAD_BYTES - 4) < length(sealing.PAD_BYTES - 3)


@pytest.mark.parametrize(
    ("token", "recipients", "said"),
    [
        (b"", {REGIME: bodies.public(REGIME)}, "inner token"),
        (b"a.b.c ", {REGIME: bodies.public(REGIME)}, "inner token"),
        (b"a.b", {REGIME: bodies.public(REGIME)}, "inner token"),
        (b"a." + b"b" * limits.TOKEN_BYTES_MAX + b".c", {REGIME: bodies.public(REGIME)}, "at most 32768"),
        (TOKEN, {}, "not to 0"),
        (TOKEN, {f"p{n}/enc/1": bodies.public(REGIME) for n in range(17)}, "not to 17"),
        (TOKEN, {"regime/sig/machine-1": bodies.public(REGIME)}, "enc keys"),
        (TOKEN, {"regime": bodies.public(REGIME)}, "enc keys"),
        (TOKEN, {REGIME: b"\1" * 31}, "32 bytes, not 31"),
        (TOKEN, {REGIME: bytes(32)}, "nothing can be sealed"),
        (TOKEN, {REGIME: b"\1" + bytes(31)}, "nothing can be sealed"),
    ],
)
def test_what_cannot_be_sealed_is_the_callers_error(token: bytes, recipients: dict[str, bytes], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        seal_inner(token, recipients, random=randomness())


def test_a_private_key_of_another_length_is_the_callers_error() -> None:
    with pytest.raises(UsageError, match="not 31"):
        open_inner(JWE, REGIME, b"\1" * 31, SEALED)


# --- who cannot open, and what is not the outer's ---------------------------------------------------------------------


def test_other_bytes_than_the_outer_names_are_turned_away_before_they_are_read() -> None:
    assert code_of(b"SECRET", sealed=SEALED) == "sealed-ct-mismatch"
    other = seal_inner(TOKEN, {REGIME: bodies.public(REGIME)}, random=randomness("b"))
    assert code_of(other, sealed=SEALED) == "sealed-ct-mismatch"


def test_another_inner_token_than_the_outer_names_is_turned_away() -> None:
    other = Sealed(ct=SEALED.ct, pt=ids.sha256(TOKEN + b"A"))
    assert code_of(JWE, sealed=other) == "sealed-pt-mismatch"


def test_an_intermediary_that_is_no_addressee_has_no_entry() -> None:
    assert code_of(JWE, RUSSIA, sealed=SEALED) == "sealed-not-for-us"


@pytest.mark.parametrize("kid", [REGIME, SDF])
def test_an_entry_does_not_open_with_anothers_key(kid: str) -> None:
    with pytest.raises(SealedError) as caught:
        open_inner(JWE, kid, bodies.seed(RUSSIA), SEALED)
    assert caught.value.code == "sealed-bad-jwe"


def test_a_fault_in_anothers_entry_does_not_stop_us() -> None:
    def spoil(members: Members) -> None:
        wrapped = members["recipients"][1]["encrypted_key"]
        members["recipients"][1]["encrypted_key"] = wrapped[::-1].replace("-", "A")[:53] + "A"

    jwe = changed(spoil)
    assert sealing.recipients_of(jwe) == (REGIME, SDF)
    assert open_inner(jwe, REGIME, bodies.seed(REGIME), sealing.hashes(jwe, TOKEN)) == TOKEN
    assert code_of(jwe, SDF) == "sealed-bad-jwe"


def _flip(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _entry(change: Callable[[Members], object]) -> bytes:
    return changed(lambda members: change(members["recipients"][0]))


def _protected(**members: Any) -> bytes:
    header = {"alg": sealing.ALG, "enc": sealing.ENC, "typ": sealing.TYP, **members}
    header = {name: value for name, value in header.items() if value is not ...}
    return changed(lambda jwe: jwe.update(protected=ids.b64url(canonical.dumps(header))))


def _padded(size: int) -> str:
    return ids.b64url(bytes(size))


FAULTS: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"SECRET",
    "not an object": b"[]",
    "compact form": b"eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA",
    "too large": canonical.dumps({**json.loads(JWE), "SECRET": "x" * limits.SEALED_BYTES_MAX}),
    "white space": JWE + b"\n",
    "other order": json.dumps(dict(reversed(json.loads(JWE).items())), separators=(",", ":")).encode(),
    "a member twice": JWE.replace(b'"iv":', b'"iv":"SECRET","iv":', 1),
    "byte order mark": b"\xef\xbb\xbf" + JWE,
    "UTF-16": JWE.decode().encode("utf-16"),
    "null": JWE.replace(b'"tag":"', b'"tag":null,"x":"', 1),
    "flattened form": changed(lambda m: m.update(m.pop("recipients")[0])),
    "flattened and general form": changed(lambda m: m.update(m["recipients"][0])),
    "one more member": changed(lambda m: m.update(SECRET="SECRET")),
    "unprotected": changed(lambda m: m.update(unprotected={"zip": "DEF"})),
    "empty unprotected": changed(lambda m: m.update(unprotected={})),
    "aad": changed(lambda m: m.update(aad="AAAA")),
    "no tag": changed(lambda m: m.pop("tag")),
    "no protected": changed(lambda m: m.pop("protected")),
    "no recipients": changed(lambda m: m.update(recipients=[])),
    "protected an object": changed(lambda m: m.update(protected={"alg": sealing.ALG})),
    "recipients an object": changed(lambda m: m.update(recipients=m["recipients"][0])),
    "zip": _protected(zip="DEF"),
    "crit": _protected(crit=["exp"]),
    "alg direct": _protected(alg="dir"),
    "alg without wrapping": _protected(alg="ECDH-ES"),
    "alg unknown": _protected(alg="SECRET"),
    "enc unknown": _protected(enc="SECRET"),
    "enc of another size": _protected(enc="A128GCM"),
    "no typ": _protected(typ=...),
    "kid for all": _protected(kid=REGIME),
    "header in other order": changed(
        lambda m: m.update(protected=ids.b64url(b'{"enc":"A256GCM","alg":"ECDH-ES+A256KW","typ":"dcn-sealed+jwe"}'))
    ),
    "header padded": changed(lambda m: m.update(protected=m["protected"] + "=")),
    "recipient twice": changed(lambda m: m["recipients"].insert(0, m["recipients"][0])),
    "recipient twice, other key": changed(
        lambda m: m["recipients"].insert(1, {**m["recipients"][1], "header": m["recipients"][0]["header"]})
    ),
    "recipients in other order": changed(lambda m: m["recipients"].reverse()),
    "too many recipients": changed(
        lambda m: m.update(
            recipients=[
                {**m["recipients"][0], "header": {**m["recipients"][0]["header"], "kid": f"p{n:02}/enc/1"}}
                for n in range(17)
            ]
        )
    ),
    "alg in an entry": _entry(lambda r: r["header"].update(alg="dir")),
    "one more in an entry": _entry(lambda r: r.update(SECRET=1)),
    "no kid": _entry(lambda r: r["header"].pop("kid")),
    "kid of another purpose": _entry(lambda r: r["header"].update(kid="regime/sig/machine-1")),
    "kid of no form": _entry(lambda r: r["header"].update(kid="SECRET")),
    "no epk": _entry(lambda r: r["header"].pop("epk")),
    "epk of another curve": _entry(lambda r: r["header"]["epk"].update(crv="X448")),
    "epk of another kind": _entry(lambda r: r["header"]["epk"].update(kty="EC")),
    "epk private": _entry(lambda r: r["header"]["epk"].update(d="A" * 43)),
    "epk short": _entry(lambda r: r["header"]["epk"].update(x=_padded(31))),
    "epk of small order": _entry(lambda r: r["header"]["epk"].update(x=_padded(32))),
    "epk changed": _entry(lambda r: r["header"]["epk"].update(x=_flip(r["header"]["epk"]["x"]))),
    "wrapped key changed": _entry(lambda r: r.update(encrypted_key=_flip(r["encrypted_key"]))),
    "wrapped key short": _entry(lambda r: r.update(encrypted_key=_padded(24))),
    "wrapped key long": _entry(lambda r: r.update(encrypted_key=_padded(72))),
    "wrapped key empty": _entry(lambda r: r.update(encrypted_key="")),
    "wrapped key not canonical": _entry(lambda r: r.update(encrypted_key=r["encrypted_key"][:-1] + "B")),
    "iv changed": changed(lambda m: m.update(iv=_flip(m["iv"]))),
    "iv short": changed(lambda m: m.update(iv=_padded(8))),
    "iv long": changed(lambda m: m.update(iv=_padded(16))),
    "tag changed": changed(lambda m: m.update(tag=_flip(m["tag"]))),
    "tag short": changed(lambda m: m.update(tag=_padded(12))),
    "tag not canonical": changed(lambda m: m.update(tag=m["tag"][:-1] + "B")),
    "ciphertext changed": changed(lambda m: m.update(ciphertext=_flip(m["ciphertext"]))),
    "ciphertext empty": changed(lambda m: m.update(ciphertext="")),
    "ciphertext cut": changed(lambda m: m.update(ciphertext=m["ciphertext"][:-4])),
    "ciphertext too long": changed(lambda m: m.update(ciphertext=_padded(limits.TOKEN_BYTES_MAX + sealing.PAD_BYTES))),
    "ciphertext in plain base64": changed(lambda m: m.update(ciphertext="+" + m["ciphertext"][1:])),
    "not padded": with_plaintext(TOKEN),
    "padded with others": with_plaintext(TOKEN + b"\0" * (-len(TOKEN) % sealing.PAD_BYTES)),
    "padded too far": with_plaintext(TOKEN + b" " * (-len(TOKEN) % sealing.PAD_BYTES + sealing.PAD_BYTES)),
    "only padding": with_plaintext(b" " * sealing.PAD_BYTES),
    "compressed": with_plaintext(TOKEN, zip="DEF"),
    "another enc, rightly made": with_plaintext(TOKEN, enc="A256CBC-HS512"),
}
# These have a kid list that can be read, a length that is right, and do not open.
READABLE = {
    "epk of small order",
    "epk changed",
    "wrapped key changed",
    "iv changed",
    "tag changed",
    "ciphertext changed",
    "padded too far",
    "only padding",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_jwe_with_one_fault_is_turned_away(fault: str) -> None:
    jwe = FAULTS[fault]
    if fault == "padded with others":
        assert code_of(jwe) == "sealed-pt-mismatch"  # nothing but spaces is padding: so it is part of the token
        return
    assert code_of(jwe) == "sealed-bad-jwe"
    if fault in READABLE:
        assert REGIME in sealing.recipients_of(jwe)
    else:
        with pytest.raises(SealedError):
            sealing.recipients_of(jwe)


# --- any bytes --------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_turned_away_with_a_word(data: bytes) -> None:
    assert code_of(data) == "sealed-bad-jwe"


@settings(max_examples=300)
@given(place=st.integers(0, len(JWE) - 1), byte=st.integers(0, 255), length=st.integers(0, 3))
def test_changed_bytes_are_another_ciphertext_and_open_as_nothing_else(place: int, byte: int, length: int) -> None:
    """Bytes replaced, put in or taken out. Even if the outer names them: the one inner token, or a typed word."""
    mutated = JWE[:place] + bytes([byte]) * length + JWE[place + 1 :]
    if mutated == JWE:
        return
    assert code_of(mutated, sealed=SEALED) == "sealed-ct-mismatch"
    try:
        opened = open_inner(mutated, REGIME, bodies.seed(REGIME), sealing.hashes(mutated, TOKEN))
    except SealedError:
        return
    assert opened == TOKEN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["AAAA", "A" * 43, REGIME]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = [("protected",), ("iv",), ("ciphertext",), ("tag",), ("recipients",), ("recipients", 0), ("recipients", 1)]
PATHS += [("recipients", 0, "header"), ("recipients", 0, "encrypted_key"), ("recipients", 0, "header", "epk")]
PATHS += [("recipients", 0, "header", "kid"), ("recipients", 0, "header", "epk", "x")]


@given(path=st.sampled_from(PATHS), value=JSON)
def test_any_json_in_any_place_is_turned_away_with_a_word(path: tuple[str | int, ...], value: object) -> None:
    members: Any = json.loads(JWE)
    place = members
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    jwe = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    if jwe == JWE:
        return  # what stood there before
    assert code_of(jwe) in {"sealed-bad-jwe", "sealed-not-for-us"}
