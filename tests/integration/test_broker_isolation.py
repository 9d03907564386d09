"""No party reaches another's topics, queue, session or client id, whatever it sends (protocol.md, transport).

Every attack runs twice: on our broker, where it must fail, and on a wide open one, where it must succeed. "Nothing
arrived" is shown by a later message on a permitted way that arrives first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channel.broker.pki import SERIAL_BYTES, make_ca, party_user, sign_request, write_file
from channel.wire.request import private_pem
from tests.integration.broker_lab import NET, Lab, now_ms
from tests.integration.raw_mqtt import WAIT_S, Refused

UP = "dcn/v1/net-1/{}/up"
DOWN = "dcn/v1/net-1/{}/down"
PRESENCE = "dcn/v1/net-1/{}/presence"
SECRET = b"for b only"
FORGED = b"forged by a"
SENTINEL = b"sentinel"

Attack = Callable[[Lab], Awaitable[bool]]


async def holds(attack: Attack, lab: Lab, open_lab: Lab) -> None:
    """The attack works where nothing is guarded, and not on our broker."""
    assert await attack(open_lab), "the attack was not truly carried out"
    assert not await attack(lab)


async def attack_subscribe(lab: Lab, topic_filter: str) -> bool:
    """With a's certificate: listen to b's topics. Whether b's message was seen."""
    attacker, party, relay, own_relay = [
        await lab.connect(user) for user in ("party-a", "party-b", "relay-b", "relay-a")
    ]
    assert await party.subscribe(DOWN.format("b")) == 1
    assert await relay.subscribe(UP.format("b")) == 1
    assert await relay.subscribe(PRESENCE.format("b")) == 1
    await attacker.subscribe(topic_filter)
    if await attacker.subscribe(DOWN.format("a")) == 0x80:  # some refusals close the connection
        attacker = await lab.connect("party-a")
        assert await attacker.subscribe(DOWN.format("a")) == 1
    assert await relay.publish(DOWN.format("b"), SECRET)
    assert await party.publish(UP.format("b"), SECRET)
    assert await party.publish(PRESENCE.format("b"), SECRET)
    assert (await party.next())[1] == SECRET  # b's messages did pass
    assert [(await relay.next())[1], (await relay.next())[1]] == [SECRET, SECRET]
    assert await own_relay.publish(DOWN.format("a"), SENTINEL)
    seen = await attacker.until(SENTINEL)
    return SECRET in seen


@pytest.mark.parametrize(
    "topic_filter",
    [
        DOWN.format("b"),
        UP.format("b"),
        PRESENCE.format("b"),
        "#",
        "+/+/+/+/+",
        "dcn/#",
        "dcn/v1/net-1/+/down",
        "dcn/v1/net-1/+/up",
        "dcn/v1/net-1/b/#",
        "dcn/v1/net-1/b/+",
    ],
)
async def test_no_filter_shows_another_partys_messages(lab: Lab, open_lab: Lab, topic_filter: str) -> None:
    await holds(lambda where: attack_subscribe(where, topic_filter), lab, open_lab)


@pytest.mark.parametrize("topic_filter", ["#", DOWN.format("b"), UP.format("a"), "dcn/v1/net-1/a/#"])
async def test_what_is_not_listed_is_refused_in_the_suback(lab: Lab, open_lab: Lab, topic_filter: str) -> None:
    for where, code in ((open_lab, 1), (lab, 0x80)):
        attacker = await where.connect("party-a")
        assert await attacker.subscribe(topic_filter) == code


async def attack_publish(lab: Lab, topic: str, *, retain: bool) -> bool:
    """With a's certificate: speak on b's topics. Whether b's side heard it."""
    party, relay = await lab.connect("party-b"), await lab.connect("relay-b")
    speaker, listener = (relay, party) if topic == DOWN.format("b") else (party, relay)
    if not retain:
        assert await listener.subscribe(topic) == 1
    attacker = await lab.connect("party-a")
    await attacker.publish(topic, FORGED, retain=retain)
    if retain:  # who comes later would get it
        assert await listener.subscribe(topic) == 1
    assert await speaker.publish(topic, SENTINEL)
    seen = await listener.until(SENTINEL)
    if retain and seen:
        await speaker.publish(topic, b"", retain=True)
    return FORGED in seen


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("topic", [UP.format("b"), DOWN.format("b"), PRESENCE.format("b")])
async def test_no_party_speaks_on_anothers_topics(lab: Lab, open_lab: Lab, topic: str, retain: bool) -> None:
    await holds(lambda where: attack_publish(where, topic, retain=retain), lab, open_lab)


@pytest.mark.parametrize("topic_filter", ["#", UP.format("b"), "dcn/v1/net-1/+/up"])
async def test_no_party_sees_anothers_retained_messages(lab: Lab, open_lab: Lab, topic_filter: str) -> None:
    async def attack(where: Lab) -> bool:
        party, own_relay = await where.connect("party-b"), await where.connect("relay-a")
        assert await party.publish(UP.format("b"), SECRET, retain=True)
        attacker = await where.connect("party-a")
        await attacker.subscribe(topic_filter)
        if await attacker.subscribe(DOWN.format("a")) == 0x80:
            attacker = await where.connect("party-a")
            assert await attacker.subscribe(DOWN.format("a")) == 1
        assert await own_relay.publish(DOWN.format("a"), SENTINEL)
        seen = await attacker.until(SENTINEL)
        await party.publish(UP.format("b"), b"", retain=True)
        return SECRET in seen

    await holds(attack, lab, open_lab)


@pytest.mark.parametrize("topic", [UP.format("b"), DOWN.format("b"), PRESENCE.format("b")])
async def test_no_will_reaches_anothers_topics(lab: Lab, open_lab: Lab, topic: str) -> None:
    async def attack(where: Lab) -> bool:
        party, relay, own_relay = [await where.connect(user) for user in ("party-b", "relay-b", "relay-a")]
        speaker, listener = (relay, party) if topic == DOWN.format("b") else (party, relay)
        assert await listener.subscribe(topic) == 1
        assert await own_relay.subscribe(PRESENCE.format("a")) == 1
        for _ in range(3):
            await (await where.connect("party-a", will=(topic, FORGED))).drop()
        await (await where.connect("party-a", will=(PRESENCE.format("a"), b"gone"))).drop()
        await own_relay.until(b"gone")  # the broker has seen that connection end, so the earlier ones too
        assert await speaker.publish(topic, SENTINEL)
        return FORGED in await listener.until(SENTINEL)

    await holds(attack, lab, open_lab)


@pytest.mark.parametrize("clean", [True, False])
async def test_taking_over_a_client_id_neither_wipes_nor_reads_the_queue(lab: Lab, open_lab: Lab, clean: bool) -> None:
    queue = [f"queued {number}".encode() for number in range(5)]

    async def attack(where: Lab) -> bool:
        client_id = where.new_id()
        party, relay = await where.connect("party-b", client_id, clean=False), await where.connect("relay-b")
        assert await party.subscribe(DOWN.format("b")) == 1
        await party.close()
        for message in queue:
            assert await relay.publish(DOWN.format("b"), message)
        attacker, own_relay = await where.connect("party-a", client_id, clean=clean), await where.connect("relay-a")
        assert await attacker.subscribe(DOWN.format("a")) == 1
        assert await own_relay.publish(DOWN.format("a"), SENTINEL)
        stolen = await attacker.until(SENTINEL)
        await attacker.close()
        party = await where.connect("party-b", client_id, clean=False)
        await party.subscribe(DOWN.format("b"))
        assert await relay.publish(DOWN.format("b"), SENTINEL)
        left = await party.until(SENTINEL)
        await party.close()
        await where.connect("party-b", client_id)  # clean: the session is gone
        return bool(stolen) or left != queue

    await holds(attack, lab, open_lab)


async def test_a_connection_is_not_ended_by_anothers_with_the_same_client_id(lab: Lab, open_lab: Lab) -> None:
    async def attack(where: Lab) -> bool:
        client_id = where.new_id()
        party, relay = await where.connect("party-b", client_id), await where.connect("relay-b")
        assert await party.subscribe(DOWN.format("b")) == 1
        attacker = await where.connect("party-a", client_id)
        assert await attacker.subscribe(DOWN.format("a")) == 1  # the broker has let it in for good
        assert await relay.publish(DOWN.format("b"), SENTINEL)
        try:
            ended = (await party.next())[1] != SENTINEL
        except Refused:
            ended = True
        return ended

    await holds(attack, lab, open_lab)


async def test_only_a_known_certificate_of_our_ca_opens_a_link(lab: Lab) -> None:
    other = make_ca(NET, now_ms=now_ms(), serial=secrets.token_bytes(SERIAL_BYTES))
    lab.enrol("b", ca=other, name="other-ca")
    lab.enrol("c", name="unknown-party")
    lab.enrol("b", name="expired", at_ms=now_ms() - 1000 * 86_400_000)
    lab.enrol("b", name="renewed")
    for user in (None, "other-ca", "unknown-party", "expired"):
        with pytest.raises(Refused):
            await lab.connect(user)
    await lab.connect("renewed")  # the same way in, with a good certificate


async def test_an_alternative_name_in_a_request_does_not_make_another_party(lab: Lab) -> None:
    """The broker maps alternative names before the subject: were they copied from requests, a could become b."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(party_user(NET, "b"))])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name.from_rfc4514_string(party_user(NET, "b")))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = request.public_bytes(serialization.Encoding.PEM)
    signed = sign_request(lab.ca, pem, "a", now_ms=now_ms(), serial=secrets.token_bytes(SERIAL_BYTES))
    for name, certificate, code in (("san-signed", signed, 0x80), ("san-copied", with_names(lab, signed, names), 1)):
        write_file(lab.home / f"{name}.key", private_pem(key))
        write_file(lab.home / f"{name}.crt", certificate)
        client = await lab.connect(name)
        assert await client.subscribe(DOWN.format("b")) == code


def with_names(lab: Lab, pem: bytes, names: x509.SubjectAlternativeName) -> bytes:
    """The certificate that a careless CA would have made."""
    plain = x509.load_pem_x509_certificate(pem)
    builder = x509.CertificateBuilder(
        plain.issuer,
        plain.subject,
        plain.public_key(),
        plain.serial_number + 1,
        plain.not_valid_before_utc,
        plain.not_valid_after_utc - timedelta(days=1),
    )
    for extension in plain.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    issuer_key = serialization.load_pem_private_key(lab.ca.key, None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    certificate = builder.add_extension(names, critical=False).sign(issuer_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("user", ["party-a", "relay-a"])
async def test_the_native_port_is_of_no_use(lab: Lab, open_lab: Lab, user: str) -> None:
    assert (await native(open_lab, user)).startswith(b"PONG")
    assert b"Authorization Violation" in await native(lab, user)
    with pytest.raises((OSError, EOFError)):
        await native(lab, None)


async def native(lab: Lab, user: str | None) -> bytes:
    """The server's reply to CONNECT and PING on the NATS protocol's own port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(lab.ca_file)
    if user is not None:
        context.load_cert_chain(*lab.files(user))
    async with asyncio.timeout(WAIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.native_port)
        try:
            information = json.loads((await reader.readline()).removeprefix(b"INFO "))
            assert information["tls_required"]
            await writer.start_tls(context, server_hostname="localhost")
            writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
            reply = await reader.readline()
            if reply.startswith(b"INFO "):
                reply = await reader.readline()
            if not reply:
                raise EOFError("closed")
            return reply
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
