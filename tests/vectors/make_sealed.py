"""Makes `sealed/*.json`: sealed notices, outer and body, with exactly one fault each, and good ones.

`python -m tests.vectors.make_sealed` writes them again; the same bytes each time. What relay and addressee have to say
is written here by hand, never taken from the program.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import rfc8785

from channel.protocol import ids
from tests.unit.protocol.sealed_example import counted
from tests.vectors import bodies, jwe, make_guard
from tests.vectors.folder import as_json, rewrite

FOLDER = Path(__file__).parent / "sealed"
KEYS_FILE = "keys.json"
INDEX = 9  # the outer's leaf
ADDRESSEE, OURS = "regime", "regime/enc/1"
MACHINE, DESK = "coalition/sig/machine-1", "coalition/sig/desk-operations"
RECIPIENTS = (OURS, "sdf/enc/1")
NOT_YET, WITHDRAWN = 12, 4
PARTIES = ("coalition", "regime", "russia", "sdf")
LABELS = ("enc/1", "root/1", "sig/desk-operations", "sig/machine-1")
KEYS: dict[str, tuple[int, int | None]] = {
    # kid: the leaf that enrolled it, the leaf that withdrew it
    **{f"{party}/{label}": (0, None) for party in PARTIES for label in LABELS},
    "coalition/sig/machine-2": (2, WITHDRAWN),
    "coalition/sig/machine-3": (NOT_YET, None),
    "regime/enc/2": (2, WITHDRAWN),
    "regime/enc/3": (NOT_YET, None),
    "sdf/enc/2": (3, None),
}

Members = dict[str, Any]
Vector = dict[str, Any]
Named = Iterator[tuple[str, Vector]]

ROUTE: Members = {"to": [{"party": "regime", "via": "russia"}], "info": ["sdf"], "read_back": ...}
COVER: Members = {"kind": "text", "how": "machine", "text": "", "volumes": [], "elements": []}
SAID: Members = {"kind": "site", "volumes": [], "elements": [], "text": "A clinic."}
CELL = [[400000000, 352000000], [402000000, 352000000], [402000000, 353000000], [400000000, 353000000]]


# --- the parts of a sealed notice ------------------------------------------------------------------------------------


def inner_payload(**changes: Any) -> bytes:
    """What is sealed."""
    own = {"seq": ..., "prev": ..., "seen": ...}
    return rfc8785.dumps(bodies.members("notice", **{**ROUTE, **SAID, **own, **changes}))


def inner_token(payload: bytes | None = None, kid: str = MACHINE, *, signer: str | None = None, **header: Any) -> bytes:
    """The inner token, signed as it should be over whatever it is given."""
    said = {"alg": "Ed25519", "kid": kid, "typ": "dcn-inner+jws", **header}
    payload = inner_payload() if payload is None else payload
    return make_guard.token(payload, kid, "notice", header=rfc8785.dumps(said), signer=signer)


INNER = inner_token()


def outer_token(ct: str, pt: str, kid: str = MACHINE, **changes: Any) -> bytes:
    """The outer, signed."""
    members = bodies.members("notice", **{**ROUTE, **COVER, "sealed": {"ct": ct, "pt": pt}, **changes})
    return make_guard.token(rfc8785.dumps(members), kid, "notice")


def padded(token: bytes) -> bytes:
    """The token as it is encrypted."""
    return token + b" " * (-len(token) % 1024)


def members_of(
    plaintext: bytes,
    kids: tuple[str, ...] = RECIPIENTS,
    recipe: jwe.Recipe | None = None,
    publics: Mapping[str, bytes] | None = None,
) -> Members:
    """The JWE's members; `publics`: other public keys than those that the kids have."""
    keys = {kid: bodies.public(kid) for kid in kids} | dict(publics or {})
    return jwe.encrypt(plaintext, keys, counted("sealed vectors"), recipe)


def vector(
    about: str,
    body: bytes,
    *,
    relay: str | None,
    addressee: str | None,
    token: bytes = INNER,
    ct: str | None = None,
    outer: Mapping[str, Any] | None = None,
    kid: str = MACHINE,
) -> Vector:
    """An outer that names the hashes of this body and inner token, unless told otherwise."""
    signed = outer_token(ct or ids.sha256(body), ids.sha256(token), kid, **outer or {})
    return {
        "about": about,
        "outer": signed.decode(),
        "body": body.decode("latin-1"),
        "expect": {"relay": relay, "addressee": addressee},
    }


def vectors() -> dict[str, Vector]:
    """File name without its ending -> content."""
    made: dict[str, Vector] = {}
    for maker in (_good, _hashes, _json, _headers, _recipients, _entries, _contents, _padding, _inner, _same, _outer):
        for name, one in maker():
            if name in made:
                raise ValueError(f"two vectors named {name}")
            made[name] = one
    return made


def keys() -> Members:
    """Every key that the vectors are judged with."""
    return {"index": INDEX, "addressee": ADDRESSEE, "keys": [_key(kid) for kid in sorted(KEYS)]}


def _key(kid: str) -> Members:
    enrolled, withdrawn = KEYS[kid]
    found: Members = {"kid": kid, "pub": ids.b64url(bodies.public(kid)), "enrolled": enrolled}
    if withdrawn is not None:
        found["withdrawn"] = withdrawn
    if ids.kid_purpose(kid) == "enc":
        found["secret"] = ids.b64url(bodies.seed(kid))
    return found


def _good() -> Named:
    body = rfc8785.dumps(members_of(padded(INNER)))
    fine: Callable[..., Vector] = lambda *given, **more: vector(*given, relay=None, addressee=None, **more)  # noqa: E731
    yield "good", fine("sealed to both addressees", body)
    yield "good-warn-cell", fine("with a cell as `warn`", body, outer={"warn": {"type": "polygon", "rings": [CELL]}})
    circle = {"type": "circle", "center": CELL[0], "radius_m": 10_000}
    yield "good-warn-circle", fine("with a circle of 10 km as `warn`", body, outer={"warn": circle})
    two = rfc8785.dumps(members_of(padded(INNER), (*RECIPIENTS, "sdf/enc/2")))
    yield "good-two-keys", fine("sealed to two keys of one addressee", two)
    token = inner_token(kid=DESK)
    by_desk = rfc8785.dumps(members_of(padded(token)))
    yield "good-by-desk", fine("outer and inner signed by the desk's key", by_desk, token=token, kid=DESK)
    yield (
        "good-by-two-keys",
        fine("the inner signed by the desk's key, the outer by the machine's", by_desk, token=token),
    )
    long = inner_token(inner_payload(text="A clinic. " * 60))
    longer = rfc8785.dumps(members_of(padded(long)))
    yield "good-longer", fine("an inner token of more than 1,024 bytes", longer, token=long)

    def high(recipient: Members) -> None:
        raw = bytearray(ids.unb64url(recipient["header"]["epk"]["x"]))
        raw[31] |= 0x80
        recipient["header"]["epk"]["x"] = ids.b64url(bytes(raw))

    about = "the ephemeral key with its unused highest bit set, which RFC 7748 section 5 passes over"
    yield "good-epk-high-bit", fine(about, _entry(high))


# --- the body --------------------------------------------------------------------------------------------------------


def _changed(change: Callable[[Members], object], plaintext: bytes | None = None) -> bytes:
    """The good body with its members changed, in canonical form again."""
    members = members_of(padded(INNER) if plaintext is None else plaintext)
    change(members)
    return rfc8785.dumps(members)


def _entry(change: Callable[[Members], object]) -> bytes:
    """The good body with the addressee's entry changed."""
    return _changed(lambda members: change(members["recipients"][0]))


def _no_jwe(about: str, body: bytes) -> Vector:
    """No JWE of this protocol by its form: everybody can tell."""
    return vector(about, body, relay="sealed-body", addressee="sealed-bad-jwe")


def _closed(about: str, body: bytes) -> Vector:
    """A JWE of the right form that does not open: only the addressee can tell."""
    return vector(about, body, relay=None, addressee="sealed-bad-jwe")


def _hashes() -> Named:
    body = rfc8785.dumps(members_of(padded(INNER)))
    other = ids.sha256(body + b"\n")
    about = "`ct` is the hash of other bytes"
    yield "ct-other", vector(about, body, ct=other, relay="body-missing", addressee="sealed-ct-mismatch")
    about = "`pt` is the hash of another inner token"
    token = inner_token(inner_payload(text="A school."))
    yield "pt-other", vector(about, body, token=token, relay=None, addressee="sealed-pt-mismatch")


def _json() -> Named:
    members = members_of(padded(INNER))
    good = rfc8785.dumps(members)
    backwards = json.dumps(dict(reversed(members.items())), separators=(",", ":")).encode()
    flattened = {name: value for name, value in members.items() if name != "recipients"} | members["recipients"][0]
    compact = ".".join((members["protected"], members["recipients"][0]["encrypted_key"], *_parts(members)))
    cases = {
        "white-space": ("white space after a comma", good.replace(b",", b", ", 1)),
        "line-feed": ("a line feed at the end", good + b"\n"),
        "order": ("members in another order", backwards),
        "escape": ("a letter spelt as an escape", good.replace(b'"tag"', b'"\\u0074ag"')),
        "twice": ("a member occurs twice", good.replace(b'"iv":', b'"iv":"AAAAAAAAAAAAAAAA","iv":', 1)),
        "bom": ("a byte order mark", b"\xef\xbb\xbf" + good),
        "compact-form": ("the compact form", compact.encode()),
        "flattened-form": (
            "the flattened form",
            rfc8785.dumps(flattened),
        ),
        "member-more": ("a member that does not exist", rfc8785.dumps({**members, "more": 1})),
        "unprotected": ("a header that is not protected", rfc8785.dumps({**members, "unprotected": {}})),
        "aad": ("additional authenticated data", rfc8785.dumps({**members, "aad": "AAAA"})),
        "without-tag": ("no tag", _changed(lambda m: m.pop("tag"))),
        "array": ("a list", rfc8785.dumps([members])),
    }
    for name, (about, body) in cases.items():
        yield f"json-{name}", _no_jwe(about, body)


def _parts(members: Members) -> tuple[str, str, str]:
    return members["iv"], members["ciphertext"], members["tag"]


def _headers() -> Named:
    """Each JWE is rightly made by what its header says, so that only the header is at fault."""

    def made(header: bytes, **done: Any) -> bytes:
        return rfc8785.dumps(members_of(padded(INNER), recipe=jwe.Recipe(header=header, **done)))

    def said(**changes: Any) -> bytes:
        members = {name: value for name, value in {**jwe.HEADER, **changes}.items() if value is not ...}
        return rfc8785.dumps(members)

    alg = "ECDH-ES+A128KW"
    first = b'"alg":"ECDH-ES+A256KW"'
    reordered = said().replace(first + b",", b"")[:-1] + b"," + first + b"}"
    cases = {
        "alg": ("another key wrapping", made(said(alg=alg), alg=alg, key_bits=128)),
        "alg-dir": ("the name of another algorithm, over a JWE that is rightly made", made(said(alg="dir"))),
        "enc": ("another content encryption", made(said(enc="A128GCM"), cek_bytes=16)),
        "typ": ("another `typ`", made(said(typ="JWE"))),
        "without-typ": ("no `typ`", made(said(typ=...))),
        "zip": ("compression is announced", made(said(zip="DEF"))),
        "crit": ("a critical extension", made(said(crit=["exp"], exp=1))),
        "kid": ("a kid for all", made(said(kid=OURS))),
        "order": ("members in another order", made(reordered)),
        "white-space": ("white space", made(said().replace(b",", b", "))),
        "padding": ("base64 padding", _changed(lambda m: m.update(protected=m["protected"] + "="))),
        "object": ("not encoded", _changed(lambda m: m.update(protected=jwe.HEADER))),
    }
    for name, (about, body) in cases.items():
        yield f"header-{name}", _no_jwe(about, body)


def _recipients() -> Named:
    def to(*kids: str) -> bytes:
        return rfc8785.dumps(members_of(padded(INNER), kids))

    refused = {
        # name: about, body, what the addressee has to say of it
        "intermediary": ("sealed to the intermediary too", to(*RECIPIENTS, "russia/enc/1"), None),
        "author": ("sealed to the author too", to("coalition/enc/1", *RECIPIENTS), None),
        "info-missing": ("not sealed to who is only told", to(OURS), None),
        "addressee-missing": ("not sealed to the addressee", to("sdf/enc/1"), "sealed-not-for-us"),
        "key-withdrawn": (
            "sealed to a key of the addressee that is withdrawn, which it still has",
            to("regime/enc/2", "sdf/enc/1"),
            None,
        ),
        "key-enrolled-later": (
            "sealed to a key that is enrolled only later",
            to("regime/enc/3", "sdf/enc/1"),
            None,
        ),
        "key-unknown": (
            "sealed to a key that was never enrolled",
            to("regime/enc/9", "sdf/enc/1"),
            "sealed-not-for-us",
        ),
    }
    for name, (about, body, addressee) in refused.items():
        yield f"recipient-{name}", vector(about, body, relay="sealed-body", addressee=addressee)
    many = [f"p{n:02}/enc/1" for n in range(15)]
    cases = {
        "twice": (
            "the addressee's entry is there twice",
            _changed(lambda m: m["recipients"].insert(0, m["recipients"][0])),
        ),
        "order": ("the entries are not in the order of their kids", _changed(lambda m: m["recipients"].reverse())),
        "none": ("no entry", _changed(lambda m: m["recipients"].clear())),
        "sig-key": ("an entry for a key that is not an `enc` key", _kid("regime/sig/machine-1")),
        "17": ("17 entries", to(*many, *RECIPIENTS)),
    }
    for name, (about, body) in cases.items():
        yield f"recipient-{name}", _no_jwe(about, body)


def _twice(members: Members) -> None:
    members["recipients"].insert(0, members["recipients"][0])


def _kid(kid: str) -> bytes:
    return _entry(lambda entry: entry["header"].update(kid=kid))


def _flip(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _zeros(size: int) -> str:
    return ids.b64url(bytes(size))


def _epk(change: Callable[[Members], object]) -> bytes:
    return _entry(lambda entry: change(entry["header"]["epk"]))


def _entries() -> Named:
    small = ids.b64url(bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"))  # order 8
    form = {
        "entry-member-more": ("a member that does not exist", _entry(lambda e: e.update(more=1))),
        "entry-alg": ("an `alg` in the entry's own header", _entry(lambda e: e["header"].update(alg="dir"))),
        "entry-without-kid": ("no kid", _entry(lambda e: e["header"].pop("kid"))),
        "epk-missing": ("no ephemeral key", _entry(lambda e: e["header"].pop("epk"))),
        "epk-curve": ("an ephemeral key of another curve", _epk(lambda k: k.update(crv="X448"))),
        "epk-kind": ("an ephemeral key of another kind", _epk(lambda k: k.update(kty="EC"))),
        "epk-private": ("the ephemeral key's private half is there", _epk(lambda k: k.update(d=_zeros(32)))),
        "epk-short": ("an ephemeral key of 31 bytes", _epk(lambda k: k.update(x=_zeros(31)))),
        "epk-loose-bits": ("unused bits of the ephemeral key's last character are set", _epk(_loose_x)),
        "wrapped-key-short": ("a wrapped key of 24 bytes", _entry(lambda e: e.update(encrypted_key=_zeros(24)))),
        "wrapped-key-long": ("a wrapped key of 48 bytes", _entry(lambda e: e.update(encrypted_key=_zeros(48)))),
        "wrapped-key-loose-bits": ("unused bits of the wrapped key's last character are set", _entry(_loose_key)),
    }
    for name, (about, body) in form.items():
        yield name, _no_jwe(about, body)
    shut = {
        "epk-zero": ("an ephemeral key of small order: 0", _epk(lambda k: k.update(x=_zeros(32)))),
        "epk-small-order": ("an ephemeral key of order 8", _epk(lambda k: k.update(x=small))),
        "epk-changed": ("another ephemeral key", _epk(lambda k: k.update(x=ids.b64url(bodies.public("other/enc/1"))))),
        "wrapped-key-changed": (
            "a character of the wrapped key is another",
            _entry(lambda e: e.update(encrypted_key=_flip(e["encrypted_key"]))),
        ),
        "wrapped-for-another-key": (
            "the entry with the addressee's kid is for another key",
            rfc8785.dumps(members_of(padded(INNER), publics={OURS: bodies.public("sdf/enc/1")})),
        ),
    }
    for name, (about, body) in shut.items():
        yield name, _closed(about, body)


def _loose(text: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def _loose_x(epk: Members) -> None:
    epk["x"] = _loose(epk["x"])


def _loose_key(entry: Members) -> None:
    entry["encrypted_key"] = _loose(entry["encrypted_key"])


def _contents() -> Named:
    def put(**changes: Callable[[str], str]) -> bytes:
        return _changed(lambda m: m.update({name: change(m[name]) for name, change in changes.items()}))

    long_iv = rfc8785.dumps(members_of(padded(INNER), recipe=jwe.Recipe(iv_bytes=16)))
    form = {
        "iv-short": ("an iv of 8 bytes", put(iv=lambda _: _zeros(8))),
        "iv-long": (
            "an iv of 16 bytes, with which it would open",
            long_iv,
        ),
        "tag-short": ("a tag of 12 bytes", put(tag=lambda tag: ids.b64url(ids.unb64url(tag)[:12]))),
        "tag-loose-bits": ("unused bits of the tag's last character are set", put(tag=_loose)),
        "ciphertext-empty": ("no ciphertext", put(ciphertext=lambda _: "")),
        "ciphertext-cut": ("the ciphertext's last 16 bytes are missing", put(ciphertext=_cut)),
        "ciphertext-padding": ("base64 padding", put(ciphertext=lambda text: text + "==")),
        "ciphertext-alphabet": ("base64, not base64url", put(ciphertext=lambda text: "+" + text[1:])),
    }
    for name, (about, body) in form.items():
        yield name, _no_jwe(about, body)
    shut = {
        "iv-changed": ("a character of the iv is another", put(iv=_flip)),
        "tag-changed": ("a character of the tag is another", put(tag=_flip)),
        "ciphertext-changed": ("a character of the ciphertext is another", put(ciphertext=_flip)),
    }
    for name, (about, body) in shut.items():
        yield name, _closed(about, body)


def _cut(text: str) -> str:
    return ids.b64url(ids.unb64url(text)[:-16])


def _padding() -> Named:
    def filled(plaintext: bytes) -> bytes:
        return rfc8785.dumps(members_of(plaintext))

    zeros = INNER + b"\0" * (-len(INNER) % 1024)
    yield "padding-none", _no_jwe("the inner token is not filled up", filled(INNER))
    yield "padding-to-512", _no_jwe("filled up to an odd multiple of 512 bytes", filled(padded(INNER) + b" " * 512))
    yield (
        "padding-too-much",
        _closed("filled up with 1,024 bytes too many", filled(padded(INNER) + b" " * 1024)),
    )
    yield "padding-only", _closed("nothing but spaces", filled(b" " * 1024))
    mismatch = {
        "padding-zeros": ("filled up with zeros", zeros),
        "padding-before": ("the spaces stand before the inner token", padded(INNER)[len(INNER) :] + INNER),
    }
    for name, (about, plaintext) in mismatch.items():
        yield name, vector(about, filled(plaintext), relay=None, addressee="sealed-pt-mismatch")
    about = "filled up with zeros, which `pt` covers too"
    yield "padding-zeros-in-pt", vector(about, filled(zeros), token=zeros, relay=None, addressee="sealed-bad-inner")


# --- the inner token -------------------------------------------------------------------------------------------------


def _sealing(about: str, token: bytes, code: str, **outer: Any) -> Vector:
    """A body in order around an inner token that is not."""
    body = rfc8785.dumps(members_of(padded(token)))
    return vector(about, body, token=token, relay=None, addressee=code, outer=outer)


def _inner() -> Named:
    good = inner_payload()
    spoilt = INNER[:-80] + _flip(INNER[-80:].decode()).encode()
    crossed = [[400000000, 352000000], [401000000, 353000000], [401000000, 352000000], [400000000, 353000000]]
    volume = {"shape": {"type": "polygon", "rings": [crossed]}, "from": bodies.T0, "until": bodies.T1}
    backwards = {"shape": {"type": "circle", "center": CELL[0], "radius_m": 300}, "from": bodies.T1, "until": bodies.T0}
    russia = "russia/sig/machine-1"
    outer = {"seq": 5, "prev": bodies.HASH, "seen": {"size": 7, "root": bodies.HASH}}
    bad = {
        "by-another-party": ("`from` is the coalition, the key is Russia's", inner_token(good, russia)),
        "by-root": ("signed by the author's root key", inner_token(good, "coalition/root/1")),
        "a-statement": ("`typ` is that of a notice", inner_token(good, typ="dcn-notice+jws")),
        "alg": ("the older name of the algorithm", inner_token(good, alg="EdDSA")),
        "header-more": ("a further member in the header", inner_token(good, b64=False)),
        "white-space": ("white space in the payload", inner_token(good.replace(b",", b", "))),
        "version-true": ("v is true", inner_token(good.replace(b'"v":1', b'"v":true'))),
        "with-seq": ("the members that are the outer's", inner_token(inner_payload(**outer))),
        "with-sealed": ("sealed once more", inner_token(inner_payload(sealed={"ct": bodies.HASH, "pt": bodies.HASH}))),
        "member-more": ("a member that does not exist", inner_token(inner_payload(colour="red"))),
        "member-missing": ("no text", inner_token(inner_payload(text=...))),
        "volume-crossed": ("an area that crosses itself", inner_token(inner_payload(volumes=[volume]))),
        "window-backwards": ("a window that ends before it begins", inner_token(inner_payload(volumes=[backwards]))),
        "padded-base64": ("base64 padding at the end of the token", INNER + b"=="),
    }
    for name, (about, token) in bad.items():
        yield f"inner-{name}", _sealing(about, token, "sealed-bad-inner")
    others = {
        "signature-changed": ("a character of the signature is another", spoilt, "sealed-bad-signature"),
        "signed-by-another": (
            "signed with another key than it names",
            inner_token(good, signer=russia),
            "sealed-bad-signature",
        ),
        "by-unknown-key": (
            "the key was never enrolled",
            inner_token(good, "coalition/sig/machine-9"),
            "sealed-unknown-kid",
        ),
        "by-withdrawn-key": (
            "the key was withdrawn before the outer's leaf",
            inner_token(good, "coalition/sig/machine-2"),
            "sealed-key-not-valid",
        ),
        "by-later-key": (
            "the key is enrolled after the outer's leaf",
            inner_token(good, "coalition/sig/machine-3"),
            "sealed-key-not-valid",
        ),
    }
    for name, (about, token, code) in others.items():
        yield f"inner-{name}", _sealing(about, token, code)


def _same() -> Named:
    """Every member that inner and outer must both have alike."""
    different: dict[str, Any] = {
        "nid": bodies.NID[:-1] + "2",
        "net": "other-net",
        "desk": "staff",
        "issued": bodies.T1,
        "precedence": "ROUTINE",
        "status": "exercise",
        "to": [{"party": "regime"}],
        "info": [],
        "response": "R",
        "read_back": True,
        "amends": bodies.HASH,
        "withdraws": bodies.HASH,
        "replaces": bodies.HASH,
    }
    for member, value in different.items():
        token = inner_token(inner_payload(**{member: value}))
        about = f"`{member}` is not the outer's"
        yield f"differs-{member.replace('_', '-')}", _sealing(about, token, "sealed-inner-differs")
    token = inner_token(inner_payload(from_="russia"), "russia/sig/machine-1")
    yield "differs-from", _sealing("the inner notice is Russia's own, rightly signed", token, "sealed-inner-differs")
    amending = inner_token(inner_payload(amends=bodies.HASH))
    about = "the outer amends another notice"
    yield "differs-amends-another", _sealing(about, amending, "sealed-inner-differs", amends=ids.sha256(b"other"))


# --- the outer -------------------------------------------------------------------------------------------------------


def _outer() -> Named:
    """An outer that shows what belongs inside: the relay refuses it; who is handed it all the same can read it."""
    shown: dict[str, Any] = {
        "kind": "site",
        "how": "human",
        "text": "A clinic.",
        "volumes": bodies.members("notice")["volumes"],
        "elements": [{"code": "stay-clear", "values": ["2 km"]}],
        "unit": "first",
        "alleged": "russia",
        "accounts_for": [bodies.HASH],
    }
    body = rfc8785.dumps(members_of(padded(INNER)))
    for member, value in shown.items():
        about = f"`{member}` stands in the outer"
        one = vector(about, body, relay="sealed-form", addressee=None, outer={member: value})
        yield f"outer-{member.replace('_', '-')}", one
    asking = inner_token(inner_payload(read_back=True))
    about = "a read-back is asked for, which would be in clear"
    asked = rfc8785.dumps(members_of(padded(asking)))
    yield (
        "outer-read-back",
        vector(about, asked, token=asking, relay="sealed-form", addressee=None, outer={"read_back": True}),
    )
    narrow = [CELL[0], [400900000, 352000000], [400900000, 353000000], CELL[3]]
    tilted = [*CELL[:2], [402000001, 353000000], CELL[3]]
    fine: dict[str, tuple[str, Members]] = {
        "circle": ("a circle of 9,999 m", {"type": "circle", "center": CELL[0], "radius_m": 9_999}),
        "point": ("a point", {"type": "point", "at": CELL[0], "accuracy_m": 20_000}),
        "narrow": ("a cell with a side below 10 km", {"type": "polygon", "rings": [narrow]}),
        "tilted": ("a cell that is not along meridians and parallels", {"type": "polygon", "rings": [tilted]}),
        "triangle": ("three corners", {"type": "polygon", "rings": [CELL[:3]]}),
        "hole": ("a cell with a hole", {"type": "polygon", "rings": [CELL, CELL]}),
    }
    for name, (about, shape) in fine.items():
        one = vector(f"`warn` is {about}", body, relay="sealed-form", addressee=None, outer={"warn": shape})
        yield f"warn-{name}", one


def main() -> None:
    """Write the folder anew."""
    rewrite(FOLDER, {name: as_json(content) for name, content in files().items()})


def files() -> dict[str, Members]:
    """File name -> content."""
    return {f"{name}.json": one for name, one in vectors().items()} | {KEYS_FILE: keys()}


if __name__ == "__main__":
    main()
