"""Tokens and sealed notices against npm's `jose`, which nobody here wrote: each side reads what the other made."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from channel.protocol import canonical, ids, sealing
from channel.protocol.envelope import Signer, open_token, seal
from channel.protocol.statements import Notice
from tests.vectors import bodies

FOLDER = Path(__file__).parent
NODE = shutil.which("node")
MACHINE = "coalition/sig/machine-1"
TO = ("regime/enc/1", "sdf/enc/1")
HEADER = {"alg": sealing.ALG, "enc": sealing.ENC, "typ": sealing.TYP}

pytestmark = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules" / "jose").is_dir(),
    reason="needs Node.js (20.19 or newer) and npm's jose: npm ci --prefix tests/foreign/jose",
)


def jose(action: str, **request: Any) -> dict[str, Any]:
    command = [str(NODE), str(FOLDER / "jose.mjs")]
    text = json.dumps({"action": action, **request})
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=FOLDER, timeout=60)
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def key(kid: str, *, private: bool = False) -> dict[str, str]:
    pair = {"pub": ids.b64url(bodies.public(kid))}
    return {**pair, "d": ids.b64url(bodies.seed(kid))} if private else pair


def inner_token() -> bytes:
    members = bodies.members("notice", to=[{"party": "regime"}], info=["sdf"], seq=..., prev=..., seen=...)
    inner = sealing.InnerNotice.model_validate_json(json.dumps(members), by_alias=True, by_name=False)
    return sealing.sign_inner(inner, Signer(MACHINE, bodies.seed(MACHINE)))


def fixed(size: int) -> bytes:
    """Good enough where one JWE is sealed with it and nothing is secret."""
    return bytes(range(1, size + 1))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("ours", TO)
def test_jose_opens_what_we_seal_with_either_key(count: int, ours: str) -> None:
    recipients = TO if count == 2 else (ours,)
    token = inner_token()
    jwe = sealing.seal_inner(token, {kid: bodies.public(kid) for kid in recipients}, random=fixed)
    opened = jose("decrypt", jwe=jwe.decode(), **key(ours, private=True))
    assert opened == {"plaintext": opened["plaintext"], "header": HEADER}
    assert opened["plaintext"].rstrip(" ").encode() == token
    assert len(opened["plaintext"]) % sealing.PAD_BYTES == 0


def test_jose_does_not_open_what_is_sealed_to_others() -> None:
    jwe = sealing.seal_inner(inner_token(), {kid: bodies.public(kid) for kid in TO}, random=fixed)
    assert (
        jose("decrypt", jwe=jwe.decode(), **key("russia/enc/1", private=True))["error"] == "ERR_JWE_DECRYPTION_FAILED"
    )


def test_we_open_what_jose_seals() -> None:
    token = inner_token()
    padded = token + b" " * (-len(token) % sealing.PAD_BYTES)
    recipients = [{"kid": kid, **key(kid)} for kid in TO]
    jwe = jose("encrypt", plaintext=padded.decode(), header=HEADER, recipients=recipients)["jwe"].encode()
    assert sealing.recipients_of(jwe) == TO
    for kid in TO:
        assert sealing.open_inner(jwe, kid, bodies.seed(kid), sealing.hashes(jwe, token)) == token


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "enc": "A256CBC-HS512"},
        {**HEADER, "alg": "ECDH-ES+A128KW"},
        {**HEADER, "zip": "DEF"},
        {**HEADER, "cty": "JWT"},
        {"alg": sealing.ALG, "enc": sealing.ENC},
    ],
    ids=["other enc", "other alg", "zip", "one more member", "no typ"],
)
def test_a_jwe_that_jose_makes_otherwise_is_refused(header: dict[str, str]) -> None:
    token = inner_token()
    recipients = [{"kid": kid, **key(kid)} for kid in TO]
    made = jose("encrypt", plaintext=token.decode() + " " * 100, header=header, recipients=recipients)
    jwe = made["jwe"].encode()
    with pytest.raises(sealing.SealedError) as caught:
        sealing.open_inner(jwe, TO[0], bodies.seed(TO[0]), sealing.hashes(jwe, token))
    assert caught.value.code == "sealed-bad-jwe"


@pytest.mark.parametrize("type_", ["charter", "notice", "answer", "receipt"])
def test_jose_verifies_our_tokens(type_: str) -> None:
    kid = bodies.kid(type_)
    token = seal(bodies.body(type_), Signer(kid, bodies.seed(kid)))
    read = jose("verify", token=token.decode(), **key(kid))
    assert read["header"] == {"alg": "Ed25519", "kid": kid, "typ": f"dcn-{type_}+jws"}
    assert ids.unb64url(read["payload"]) == canonical.dumps(bodies.members(type_))


def test_jose_verifies_an_inner_token_and_no_changed_one() -> None:
    token = inner_token()
    read = jose("verify", token=token.decode(), **key(MACHINE))
    assert read["header"] == {"alg": "Ed25519", "kid": MACHINE, "typ": sealing.INNER_TYP}
    signed, _, signature = token.decode().rpartition(".")
    other = signature.replace(signature[0], "A" if signature[0] != "A" else "B", 1)
    refused = jose("verify", token=f"{signed}.{other}", **key(MACHINE))
    assert refused["error"] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"


def test_we_open_a_token_that_jose_signs_and_it_is_the_same() -> None:
    payload = canonical.dumps(bodies.members("notice"))
    header = {"alg": "Ed25519", "kid": MACHINE, "typ": "dcn-notice+jws"}
    made = jose("sign", payload=ids.b64url(payload), header=header, **key(MACHINE, private=True))
    token = made["token"].encode()
    opened = open_token(token, {MACHINE: bodies.public(MACHINE)}, net=bodies.NET)
    assert isinstance(opened.body, Notice)
    assert token == seal(opened.body, Signer(MACHINE, bodies.seed(MACHINE)))
