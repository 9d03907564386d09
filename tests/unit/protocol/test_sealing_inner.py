"""The inner token of a sealed notice: bound to its outer, signed by the outer's author, and never a statement."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from channel.protocol import canonical, ids, limits, sealing
from channel.protocol.envelope import Signer, open_token, seal
from channel.protocol.errors import Unattributable, UsageError
from channel.protocol.sealing import InnerNotice, SealedError, open_inner_notice, sign_inner
from channel.protocol.statements import Notice
from tests.vectors import bodies

MACHINE, DESK, ROOT = "coalition/sig/machine-1", "coalition/sig/desk-operations", "coalition/root/1"
OTHERS = "russia/sig/machine-1"
KEYS = {kid: bodies.public(kid) for kid in (MACHINE, DESK, ROOT, OTHERS)}
ROUTE: bodies.Members = {"to": [{"party": "regime", "via": "russia"}], "info": ["sdf"]}
CT = ids.sha256(b"ciphertext")


def signer(kid: str = MACHINE) -> Signer:
    return Signer(kid, bodies.seed(kid))


def members(**changes: Any) -> bodies.Members:
    return bodies.members("notice", **{**ROUTE, "seq": ..., "prev": ..., "seen": ..., **changes})


def inner(**changes: Any) -> InnerNotice:
    return InnerNotice.model_validate_json(json.dumps(members(**changes)), by_alias=True, by_name=False)


def outer(token: bytes, **changes: Any) -> Notice:
    """The outer as an author would make it: in clear only what the delivery needs."""
    bare = {"kind": "text", "volumes": [], "elements": [], "text": "", "sealed": {"ct": CT, "pt": ids.sha256(token)}}
    return cast(Notice, bodies.body("notice", **{**ROUTE, **bare, **changes}))


def token_of(payload: bytes, by: str = MACHINE, **header: Any) -> bytes:
    """Any payload under any header, rightly signed."""
    head = {"alg": "Ed25519", "kid": by, "typ": "dcn-inner+jws", **header}
    return signed(canonical.dumps({name: value for name, value in head.items() if value is not ...}), payload, by)


def signed(header: bytes, payload: bytes, kid: str = MACHINE) -> bytes:
    text = b".".join(ids.b64url(part).encode() for part in (header, payload))
    return text + b"." + ids.b64url(signer(kid).sign(text)).encode()


def fault_of(token: bytes, of: Notice | None = None) -> SealedError:
    with pytest.raises(SealedError) as caught:
        open_inner_notice(token, KEYS, of or outer(token))
    assert "SECRET" not in str(caught.value)
    assert caught.value.code in sealing.CODES
    return caught.value


TOKEN = sign_inner(inner(), signer())


@pytest.mark.parametrize("kid", [MACHINE, DESK])
def test_a_signed_inner_notice_opens_inside_its_outer(kid: str) -> None:
    token = sign_inner(inner(), signer(kid))
    opened = open_inner_notice(token, KEYS, outer(token))
    assert (opened.body, opened.kid, opened.token, opened.pt) == (inner(), kid, token, ids.sha256(token))


def test_an_inner_notice_is_a_notice_without_what_is_the_outers() -> None:
    of_outer = {"seq", "prev", "seen", "warn", "sealed"}
    assert InnerNotice.model_fields.keys() == Notice.model_fields.keys() - of_outer
    for name, field in InnerNotice.model_fields.items():
        assert repr(field) == repr(Notice.model_fields[name]), name


def test_joserfc_reads_an_inner_token() -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": ids.b64url(bodies.public(MACHINE))})
    read = jws.deserialize_compact(TOKEN, key, algorithms=["Ed25519"])
    assert read.protected == {"alg": "Ed25519", "kid": MACHINE, "typ": "dcn-inner+jws"}
    assert read.payload == canonical.dumps(members())


def test_an_inner_token_is_no_statement() -> None:
    with pytest.raises(Unattributable) as caught:
        open_token(TOKEN, KEYS)
    assert caught.value.code == "bad-header"


def test_a_statement_is_no_inner_token() -> None:
    token = seal(bodies.body("notice", **ROUTE), signer())
    assert fault_of(token).code == "sealed-bad-inner"


# --- bound to its outer -----------------------------------------------------------------------------------------------


def test_an_outer_that_names_another_inner_token_or_none_does_not_carry_it() -> None:
    assert fault_of(TOKEN, outer(TOKEN + b"A")).code == "sealed-pt-mismatch"
    assert fault_of(TOKEN, outer(TOKEN, sealed=...)).code == "sealed-pt-mismatch"
    assert fault_of(TOKEN, outer(TOKEN, sealed={"ct": ids.sha256(TOKEN), "pt": CT})).code == "sealed-pt-mismatch"


DIFFERENT: dict[str, Any] = {
    "nid": "015e89c1-b3c0-7000-8000-000000000002",
    "net": "other-net",
    "from_": "russia",
    "desk": "staff",
    "issued": bodies.T1,
    "precedence": "ROUTINE",
    "status": "exercise",
    "to": [{"party": "regime"}],
    "info": [],
    "response": "R",
    "read_back": False,
    "amends": bodies.HASH,
    "withdraws": bodies.HASH,
    "replaces": bodies.HASH,
}


@pytest.mark.parametrize("member", DIFFERENT)
def test_an_inner_notice_that_differs_from_its_outer_where_both_speak_is_not_taken(member: str) -> None:
    """From either side: also an outer without a member that the inner has."""
    fault = fault_of(TOKEN, outer(TOKEN, **{member: DIFFERENT[member]}))
    assert (fault.code, fault.detail) == ("sealed-inner-differs", f"inner and outer differ in {member.rstrip('_')}")
    if member == "from_":
        return  # then the key is not its party's; see below
    token = sign_inner(inner(**{member: DIFFERENT[member]}), signer())
    assert fault_of(token, outer(token)).code == "sealed-inner-differs"


def test_every_member_that_steers_a_delivery_is_compared() -> None:
    assert set(sealing.SAME) == DIFFERENT.keys() | {"v"}


def test_several_differences_are_all_named() -> None:
    fault = fault_of(TOKEN, outer(TOKEN, to=[{"party": "sdf"}], info=["regime"], precedence="ROUTINE"))
    assert fault.detail == "inner and outer differ in info, precedence, to"


def test_what_the_outer_says_in_clear_is_the_authors_own_affair() -> None:
    shown = {"kind": "site", "text": "in clear", "warn": members()["volumes"][0]["shape"], "unit": "A"}
    assert open_inner_notice(TOKEN, KEYS, outer(TOKEN, **shown)).body == inner()


# --- who signed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kid", [OTHERS, ROOT, "coalition/wit/1"])
def test_a_key_that_may_not_sign_a_notice_signs_no_inner_notice(kid: str) -> None:
    with pytest.raises(UsageError):
        sign_inner(inner(), signer(kid))
    token = token_of(canonical.dumps(members()), kid)
    with pytest.raises(SealedError) as caught:
        open_inner_notice(token, {**KEYS, kid: bodies.public(kid)}, outer(token))
    assert caught.value.code == "sealed-bad-inner"


def test_an_unknown_key_has_a_word_of_its_own() -> None:
    with pytest.raises(SealedError) as caught:
        open_inner_notice(TOKEN, {DESK: bodies.public(DESK)}, outer(TOKEN))
    assert caught.value.code == "sealed-unknown-kid"


def test_a_signature_by_another_key_does_not_count() -> None:
    with pytest.raises(SealedError) as caught:
        open_inner_notice(TOKEN, {MACHINE: bodies.public(DESK)}, outer(TOKEN))
    assert caught.value.code == "sealed-bad-signature"


def test_a_payload_under_anothers_signature_does_not_count() -> None:
    head, _, signature = TOKEN.split(b".")
    token = b".".join((head, ids.b64url(canonical.dumps(members(text="SECRET"))).encode(), signature))
    assert fault_of(token).code == "sealed-bad-signature"


# --- form -------------------------------------------------------------------------------------------------------------

GOOD = canonical.dumps(members())
FAULTS: dict[str, bytes] = {
    "empty": b"",
    "two parts": b"a.b",
    "four parts": TOKEN + b".A",
    "line end": TOKEN + b"\n",
    "padded base64url": TOKEN + b"=",
    "not ASCII": TOKEN + "é".encode(),
    "too large": b"a." + b"b" * limits.TOKEN_BYTES_MAX + b".c",
    "base64url not canonical": TOKEN[:-1] + bytes([TOKEN[-1] + 1]),
    "other alg": token_of(GOOD, alg="EdDSA"),
    "other typ": token_of(GOOD, typ="dcn-notice+jws"),
    "no typ": token_of(GOOD, typ=...),
    "kid of no form": token_of(GOOD, kid="SECRET"),
    "kid a number": token_of(GOOD, kid=1),
    "one more in the header": token_of(GOOD, b64=False),
    "header in other order": signed(b'{"kid":"coalition/sig/machine-1","alg":"Ed25519","typ":"dcn-inner+jws"}', GOOD),
    "header not JSON": signed(b"SECRET", GOOD),
    "header a list": signed(b"[]", GOOD),
    "payload not JSON": token_of(b"SECRET"),
    "payload a list": token_of(b"[]"),
    "payload with white space": token_of(GOOD + b" "),
    "payload in other order": token_of(json.dumps(members()).encode()),
    "a float": token_of(GOOD.replace(b'"v":1', b'"v":1.0')),
    "v true": token_of(canonical.dumps(members(v=True))),
    "v 2": token_of(canonical.dumps(members(v=2))),
    "no v": token_of(canonical.dumps(members(v=...))),
    "no from": token_of(canonical.dumps(members(from_=...))),
    "from by the name that the code has": token_of(GOOD.replace(b'"from":"coalition"', b'"from_":"coalition"')),
    "seq": token_of(canonical.dumps(members(seq=1))),
    "prev": token_of(canonical.dumps(members(prev=bodies.HASH))),
    "seen": token_of(canonical.dumps(members(seen={"size": 0, "root": bodies.HASH}))),
    "sealed in sealed": token_of(canonical.dumps(members(sealed={"ct": CT, "pt": CT}))),
    "one more member": token_of(canonical.dumps(members(SECRET="SECRET"))),
    "a control character": token_of(canonical.dumps(members(text="SECRET\u0007"))),
    "kind unknown": token_of(canonical.dumps(members(kind="SECRET"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_inner_token_out_of_form_is_turned_away(fault: str) -> None:
    assert fault_of(FAULTS[fault]).code == "sealed-bad-inner"


def test_a_fault_names_its_member() -> None:
    assert fault_of(FAULTS["no from"]).detail == "from: missing"
    assert fault_of(FAULTS["one more member"]).detail == "?: extra_forbidden"


def test_an_inner_notice_too_large_for_a_token_is_the_callers_error() -> None:
    ring = [[400_000_000 + i * 1000, 350_000_000 + i] for i in range(900)]
    volume = {"shape": {"type": "polygon", "rings": [ring, ring]}, "from": bodies.T0, "until": bodies.T1}
    with pytest.raises(UsageError, match="at most 32768"):
        sign_inner(inner(volumes=[volume]), signer())


@given(st.binary(max_size=200))
def test_any_bytes_are_turned_away_with_a_word(data: bytes) -> None:
    assert fault_of(data).code == "sealed-bad-inner"


@settings(max_examples=300)
@given(place=st.integers(0, len(TOKEN) - 1), byte=st.integers(0, 255), length=st.integers(0, 3))
def test_a_changed_token_is_never_taken(place: int, byte: int, length: int) -> None:
    mutated = TOKEN[:place] + bytes([byte]) * length + TOKEN[place + 1 :]
    if mutated != TOKEN:
        assert fault_of(mutated, outer(TOKEN)).code == "sealed-pt-mismatch"
        assert fault_of(mutated).code in {"sealed-bad-inner", "sealed-unknown-kid", "sealed-bad-signature"}
