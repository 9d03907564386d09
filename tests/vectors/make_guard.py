"""Makes `guard/*.json`: tokens with exactly one fault each, and a good one of every type.

`python -m tests.vectors.make_guard` writes them again; the same bytes each time. A vector holds `token` (its bytes read
as Latin-1, so that every byte has a character), `keys` (the enrolled keys that matter), `net`, and `expect`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rfc8785
from nacl import bindings

from channel.protocol import ids
from tests.vectors import bodies, edwards
from tests.vectors.folder import as_json, rewrite

FOLDER = Path(__file__).parent / "guard"
MACHINE = "coalition/sig/machine-1"
Vector = dict[str, Any]


def token(payload: bytes, kid: str, type_: str, *, header: bytes | None = None, signer: str | None = None) -> bytes:
    """A token signed as it should be over whatever it is given."""
    signed = _signed(header or _header(kid, type_), payload)
    _, secret = bindings.crypto_sign_seed_keypair(bodies.seed(signer or kid))
    return signed + b"." + ids.b64url(bindings.crypto_sign(signed, secret)[:64]).encode()


def vectors() -> dict[str, Vector]:
    """File name without its ending -> content."""
    made: dict[str, Vector] = {}
    for maker in (_good, _form, _headers, _signatures, _edges, _json, _schema, _authors):
        for name, vector in maker():
            if name in made:
                raise ValueError(f"two vectors named {name}")
            made[name] = vector
    return made


def _header(kid: str, type_: str) -> bytes:
    return rfc8785.dumps({"alg": "Ed25519", "kid": kid, "typ": f"dcn-{type_}+jws"})


def _signed(header: bytes, payload: bytes) -> bytes:
    return f"{ids.b64url(header)}.{ids.b64url(payload)}".encode()


def _vector(about: str, token_: bytes, expect: Vector, keys: dict[str, bytes]) -> Vector:
    shown = {kid: ids.b64url(public) for kid, public in keys.items()}
    return {"about": about, "net": bodies.NET, "keys": shown, "token": token_.decode("latin-1"), "expect": expect}


def _nobody(about: str, token_: bytes, code: str, keys: dict[str, bytes] | None = None) -> Vector:
    """Expected to be dropped: nobody's signature stands behind it."""
    keys = {MACHINE: bodies.public(MACHINE)} if keys is None else keys
    return _vector(about, token_, {"result": "unattributable", "code": code}, keys)


def _blamed(about: str, payload: bytes, code: str, *, type_: str = "notice", **expect: Any) -> Vector:
    """Expected to be refused to the party of `kid`; `seq` and `nid` as far as the payload can be read."""
    readable = expect.get("seq") != 0 and f'"nid":"{bodies.NID}"'.encode() in payload
    seen = {"kid": MACHINE, "seq": 5, **({"nid": bodies.NID} if readable else {})}
    expect = {"result": "attributable", "code": code, **seen, **expect}
    made = token(payload, expect["kid"], type_)
    return _vector(about, made, expect, {expect["kid"]: bodies.public(expect["kid"])})


def _payload(type_: str = "notice", **changes: Any) -> bytes:
    return rfc8785.dumps(bodies.members(type_, **changes))


def _good() -> Iterator[tuple[str, Vector]]:
    for type_ in bodies.TYPES:
        kid = bodies.kid(type_)
        made = token(_payload(type_), kid, type_)
        expect = {"result": "opened", "kid": kid, "type": type_, "of": ids.sha256(made)}
        yield f"good-{type_}", _vector(f"a {type_} in order", made, expect, {kid: bodies.public(kid)})


def _form() -> Iterator[tuple[str, Vector]]:
    good = token(_payload(), MACHINE, "notice")
    header, payload, signature = good.split(b".")
    flattened = json.dumps(
        {"payload": payload.decode(), "protected": header.decode(), "signature": signature.decode()}
    ).encode()
    last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    loose = signature[:-1] + bytes([last[last.index(signature[-1]) + 1]])
    cases = {
        "empty": ("no bytes", b""),
        "two-parts": ("no signature", header + b"." + payload),
        "four-parts": ("a fourth part", good + b".AAAA"),
        "detached": ("the payload is not in the token", header + b".." + signature),
        "unsigned": ("the signature is empty", header + b"." + payload + b"."),
        "json-form": ("JWS JSON serialization", flattened),
        "padding": ("base64 padding", good + b"=="),
        "standard-alphabet": ("base64, not base64url", good[:-2] + b"+/"),
        "loose-bits": ("unused bits of the last character are set", header + b"." + payload + b"." + loose),
        "line-feed": ("a line feed at the end", good + b"\n"),
        "not-ascii": ("a byte above 127", good[:-1] + b"\xe9"),
        "odd-length": ("a part of 4n+1 characters", good + b"AAA"),
    }
    for name, (about, made) in cases.items():
        yield f"form-{name}", _nobody(about, made, "bad-token")
    large = token(_payload(text="x" * 30_000), MACHINE, "notice")
    yield "form-too-large", _nobody("more than 32 KiB", large, "too-large")


def _headers() -> Iterator[tuple[str, Vector]]:
    text = _header(MACHINE, "notice").decode()
    swap: Callable[[str, str], bytes] = lambda old, new: text.replace(old, new).encode()  # noqa: E731
    cases = {
        "alg-eddsa": ("the older name of the algorithm", swap("Ed25519", "EdDSA"), "bad-header"),
        "alg-none": ("no algorithm", swap("Ed25519", "none"), "bad-header"),
        "alg-hs256": ("a symmetric algorithm", swap("Ed25519", "HS256"), "bad-header"),
        "alg-twice": ("alg occurs twice", swap("{", '{"alg":"none",'), "bad-json"),
        "alg-absent": ("no alg", swap('"alg":"Ed25519",', ""), "bad-header"),
        "more": ("a further member", swap("}", ',"x5u":"a"}'), "bad-header"),
        "b64-false": ("RFC 7797", swap('"kid"', '"b64":false,"crit":["b64"],"kid"'), "bad-header"),
        "order": ("members in another order", swap('"alg":"Ed25519",', "")[:-1] + b',"alg":"Ed25519"}', "bad-header"),
        "space": ("white space", swap(",", ", "), "bad-header"),
        "escape": ("a letter spelt as an escape", swap("Ed25519", "\\u0045d25519"), "bad-header"),
        "bom": ("a byte order mark", b"\xef\xbb\xbf" + text.encode(), "bad-json"),
        "utf16": ("UTF-16", text.encode("utf-16"), "bad-json"),
        "array": ("not an object", b"[" + text.encode() + b"]", "bad-header"),
        "too-large": ("more than 512 bytes", swap('"typ"', '"a":"' + "x" * 512 + '","typ"'), "too-large"),
        "kid-number": ("kid is no string", swap(f'"{MACHINE}"', "7"), "bad-header"),
        "kid-purpose": ("kid of no known purpose", swap("/sig/", "/tls/"), "bad-header"),
        "kid-upper-case": ("kid in capitals", swap("coalition/", "Coalition/"), "bad-header"),
        "kid-line-feed": ("kid ends with a line feed", swap("machine-1", "machine-1\\n"), "bad-header"),
        "typ-unknown": ("a type that does not exist", swap("notice", "notification"), "bad-header"),
        "typ-bare": ("typ without the prefix", swap("dcn-notice+jws", "notice"), "bad-header"),
        "typ-upper-case": ("typ in capitals", swap("+jws", "+JWS"), "bad-header"),
    }
    for name, (about, header, code) in cases.items():
        made = token(_payload(), MACHINE, "notice", header=header)
        yield f"header-{name}", _nobody(about, made, code)


def _signatures() -> Iterator[tuple[str, Vector]]:
    good = token(_payload(), MACHINE, "notice")
    signed, _, signature = good.rpartition(b".")
    raw = ids.unb64url(signature.decode())
    other = token(_payload(), MACHINE, "notice", signer="russia/sig/machine-1")
    changed = _signed(_header(MACHINE, "notice"), _payload(text="Stay.")) + b"." + signature
    retyped = _signed(_header(MACHINE, "line"), _payload()) + b"." + signature
    high = raw[:32] + edwards.scalar_bytes(int.from_bytes(raw[32:], "little") + edwards.L)
    for name, about, made in (
        ("by-another", "signed by another key than kid names", other),
        ("payload-changed", "the payload was changed after signing", changed),
        ("type-changed", "the header was changed after signing", retyped),
        ("short", "63 bytes", signed + b"." + ids.b64url(raw[:63]).encode()),
        ("s-not-reduced", "S + L instead of S", signed + b"." + ids.b64url(high).encode()),
    ):
        yield f"signature-{name}", _nobody(about, made, "bad-signature")
    yield "kid-unknown", _nobody("a key that was never enrolled", good, "unknown-kid", {})


def _edges() -> Iterator[tuple[str, Vector]]:
    """Signatures that hold under the laxest rule, made with the private key or with a key that needs none."""
    signed = _signed(_header(MACHINE, "notice"), _payload())
    a = edwards.secret(bodies.seed(MACHINE))
    key, torsion, one = a * edwards.BASE, edwards.ORDER_8, edwards.IDENTITY
    point = edwards.Point
    cases: dict[str, tuple[str, int, point, bytes, int, point, bytes]] = {
        # name: about, a, A, A's bytes, r, R, R's bytes
        "key-small-order": ("a key of order 8", 0, torsion, torsion.encoded(), *_nonce()),
        "key-not-canonical": ("y of the key is not reduced", 0, one, one.encoded(y_plus_p=True), *_nonce()),
        "key-mixed-order": ("a key outside the prime-order group", a, (m := key + torsion), m.encoded(), *_nonce()),
        "r-small-order": ("R is the identity", a, key, key.encoded(), 0, one, one.encoded()),
        "r-not-canonical": ("y of R is not reduced", a, key, key.encoded(), 0, one, one.encoded(y_plus_p=True)),
        "r-mixed-order": ("R outside the prime-order group", a, key, key.encoded(), *_nonce(torsion)),
    }
    for name, (about, scalar, public, public_bytes, r, r_point, r_bytes) in cases.items():
        s = (r + edwards.challenge(r_bytes, public_bytes, signed) * scalar) % edwards.L
        signature = r_bytes + edwards.scalar_bytes(s)
        if not edwards.holds_with_cofactor(public, r_point, signature, public_bytes, signed):
            raise ValueError(f"{name}: has a second fault")
        made = signed + b"." + ids.b64url(signature).encode()
        yield f"edge-{name}", _nobody(about, made, "bad-signature", {MACHINE: public_bytes})


def _nonce(torsion: edwards.Point = edwards.IDENTITY) -> tuple[int, edwards.Point, bytes]:
    r = edwards.secret(bodies.seed("nonce"))
    point = r * edwards.BASE + torsion
    return r, point, point.encoded()


def _json() -> Iterator[tuple[str, Vector]]:
    good = _payload()
    no_nid = _payload(nid=...)
    swap: Callable[[str, str], bytes] = lambda old, new: good.replace(old.encode(), new.encode(), 1)  # noqa: E731
    deep = "[" * 20 + "]" * 20
    readable = {
        "order": ("members in another order", b'{"v":1,' + good[1:].replace(b',"v":1', b"")),
        "space": ("white space", good.replace(b",", b", ")),
        "escape": ("a letter spelt as an escape", swap("Strike", "\\u0053trike")),
        "line-feed": ("a line feed at the end", good + b"\n"),
    }
    unreadable = {
        "twice": ("a member occurs twice", swap('"seq":5', '"seq":5,"seq":5')),
        "float": ("a float", swap('"seq":5', '"seq":5.0')),
        "exponent": ("an exponent", swap('"seq":5', '"seq":5e0')),
        "minus-zero": ("minus zero", swap('"floor_m":0', '"floor_m":-0')),
        "too-big": ("2^53", swap('"seq":5', '"seq":9007199254740992')),
        "null": ("null for an absent member", swap('"info":[]', '"info":null')),
        "nan": ("NaN", swap('"seq":5', '"seq":NaN')),
        "surrogate": ("a lone surrogate", swap("Strike", "\\ud800")),
        "utf8": ("not UTF-8", good.replace(b"Strike", b"\xff")),
        "utf8-surrogate": ("a surrogate in UTF-8", good.replace(b"Strike", b"\xed\xa0\x80")),
        "bom": ("a byte order mark", b"\xef\xbb\xbf" + good),
        "utf16": ("UTF-16", good.decode().encode("utf-16-le")),
        "trailing": ("a second value", good + b"{}"),
        "too-deep": ("20 levels", swap('"info":[]', f'"info":{deep}')),
        "open": ("cut off", good[:-1]),
        "control": ("a raw control character in a string", swap("Strike", "\x01")),
    }
    for name, (about, payload) in readable.items():
        yield f"json-{name}", _blamed(about, payload, "not-canonical")
    for name, (about, payload) in unreadable.items():
        yield f"json-{name}", _blamed(about, payload, "not-canonical", seq=0)
    yield "json-array", _blamed("not an object", b"[" + no_nid + b"]", "schema", seq=0)


def _schema() -> Iterator[tuple[str, Vector]]:
    volume = bodies.members("notice")["volumes"][0]
    window = {name: member for name, member in volume.items() if name != "from"}
    shape = {**volume["shape"], "center": [401_500_000, 950_000_000]}
    notice: dict[str, tuple[str, str, dict[str, Any]]] = {
        # name: about, the member named in the refusal, changes
        "missing": ("no text", "text", {"text": ...}),
        "unknown": ("a member that does not exist", "?", {"colour": "red"}),
        "no-version": ("no v", "v", {"v": ...}),
        "version-2": ("v is 2", "v", {"v": 2}),
        "version-true": ("v is true", "v", {"v": True}),
        "no-from": ("no from", "from", {"from": ...}),
        "inner-name": ("from as programs spell it", "volumes.0.from", {"volumes": [{**window, "from_": bodies.T0}]}),
        "text-for-number": ("a number as text", "seen.size", {"seen": {"size": "7", "root": bodies.HASH}}),
        "number-for-flag": ("a flag as a number", "read_back", {"read_back": 1}),
        "precedence": ("a precedence that does not exist", "precedence", {"precedence": "URGENT"}),
        "latitude": ("latitude 95", "volumes.0.shape.circle.center.1", {"volumes": [{**volume, "shape": shape}]}),
        "time-zone": ("not UTC with milliseconds", "issued", {"issued": "2017-09-16T03:30:00+03:00"}),
        "time-impossible": ("the 31st of September", "issued", {"issued": "2017-09-31T00:30:00.000Z"}),
        "hash-loose": ("a hash with unused bits set", "prev", {"prev": "A" * 42 + "B"}),
        "control-character": ("a control character in text", "text", {"text": "a\u0007b"}),
        "bidi": ("a bidi control in a name", "unit", {"unit": "a\u202eb"}),
        "net-name": ("a net's name with a dot", "net", {"net": "a.b.c"}),
    }
    for name, (about, member, changes) in notice.items():
        yield f"schema-{name}", _blamed(about, _payload(**changes), "schema", member=member)
    other_nid = _payload(nid=bodies.NID.replace("-7", "-4"))
    yield "schema-nid", _blamed("nid is no UUIDv7", other_nid, "schema", member="nid")
    yield "schema-seq-0", _blamed("seq is 0", _payload(seq=0), "schema", seq=0, nid=bodies.NID, member="seq")
    standby, kid = _payload("answer", until=...), bodies.kid("answer")
    yield "schema-standby", _blamed("no until", standby, "schema", kid=kid, type_="answer", member="statement")
    answer = _payload("answer")
    yield "schema-other-type", _blamed("an answer's members under a notice's typ", answer, "schema", member="nid")


def _authors() -> Iterator[tuple[str, Vector]]:
    yield "wrong-net", _blamed("another net", _payload(net="other-net"), "wrong-net")
    yield "wrong-party", _blamed("from is another party", _payload(from_="russia"), "wrong-party")
    voice = {"role": "duty officer", "contact": "line", "at": bodies.T0, "readback": "understood"}
    cases: dict[str, tuple[str, str, dict[str, Any]]] = {
        "notice-by-root": ("notice", "coalition/root/1", {}),
        "notice-by-witness": ("notice", "coalition/wit/1", {}),
        "notice-by-log": ("notice", "relay/sig/log-1", {"from": "relay"}),
        "notice-by-other-label": ("notice", "coalition/sig/1", {}),
        "answer-by-machine": ("answer", MACHINE, {}),
        "call-by-machine": ("call", MACHINE, {}),
        "check-by-machine": ("check", MACHINE, {}),
        "acknowledgement-by-machine": ("acknowledgement", MACHINE, {}),
        "voice-by-machine": ("forwarding", MACHINE, {"by": "voice", "voice": voice}),
        "clock-by-machine": ("clock", "relay/sig/machine-1", {}),
        "clock-by-party": ("clock", "coalition/sig/desk-operations", {"from": "coalition"}),
        "alert-by-party": ("alert", MACHINE, {"from": "coalition"}),
        "refusal-by-party": ("refusal", MACHINE, {"from": "coalition"}),
        "alert-by-desk": ("alert", "relay/sig/desk-operations", {}),
        "start-by-log": ("start", "relay/sig/log-1", {}),
        "accession-by-machine": ("accession", MACHINE, {}),
        "key-by-desk": ("key", "coalition/sig/desk-operations", {}),
        "revocation-by-machine": ("revocation", MACHINE, {}),
        "key-by-relay": ("key", "relay/root/1", {"from": "relay"}),
        "revocation-by-relay": ("revocation", "relay/root/1", {"from": "relay"}),
        "answer-by-another-desk": ("answer", "coalition/sig/desk-staff", {"from": "coalition"}),
        "notice-by-another-desk": ("notice", "coalition/sig/desk-staff", {}),
        "receipt-by-log": ("receipt", "relay/sig/log-1", {}),
    }
    for name, (type_, kid, changes) in cases.items():
        seq = 0 if type_ == "receipt" else 5
        payload = _payload(type_, **changes)
        about = f"a {type_} signed by {kid}"
        yield f"wrong-key-{name}", _blamed(about, payload, "wrong-key", kid=kid, type_=type_, seq=seq)
    receipt = _payload("receipt")
    yield "wrong-party-receipt", _blamed("a party's receipt", receipt, "wrong-party", type_="receipt", seq=0)


def main() -> None:
    """Write the folder anew."""
    rewrite(FOLDER, {f"{name}.json": as_json(vector) for name, vector in vectors().items()})


if __name__ == "__main__":
    main()
