"""The link on a real broker: acknowledges after the work, survives a killed broker, says why it is down."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channel.broker import profile
from channel.broker.pki import SERIAL_BYTES, make_ca
from channel.protocol.errors import TransientError, UsageError
from channel.wire import Endpoint, MqttLink, client
from channel.wire.link import BACKOFF_S_MAX, backoff_s
from tests.integration.broker_lab import NET, Lab, free_port, make_lab, now_ms
from tests.integration.raw_mqtt import WAIT_S

UP = "dcn/v1/net-1/a/up"
DOWN = "dcn/v1/net-1/a/down"
PRESENCE = "dcn/v1/net-1/a/presence"


async def at_once(_: float) -> None:
    """Instead of a pause: let others run."""
    await asyncio.sleep(0)


class Running:
    """A link in a task, with what it heard."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        subscribe: Sequence[str] = (DOWN,),
        will: tuple[str, bytes] | None = None,
        sleep: Callable[[float], Awaitable[None]] = at_once,
        work: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        self.link = MqttLink(endpoint, subscribe=subscribe, will=will, random=lambda: 0.5, sleep=sleep)
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.states: asyncio.Queue[bool] = asyncio.Queue()
        self._work = work
        self.task = asyncio.create_task(self.link.run(self._on_payload, self.states.put_nowait))

    async def _on_payload(self, topic: str, payload: bytes) -> None:
        if self._work is not None:
            await self._work(payload)
        self.heard.put_nowait(payload)

    async def next(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.heard.get()

    async def state(self) -> bool:
        """The next change; what ended the link, if it ended."""
        change = asyncio.create_task(self.states.get())
        async with asyncio.timeout(WAIT_S):
            await asyncio.wait((change, self.task), return_when=asyncio.FIRST_COMPLETED)
        if not change.done():
            change.cancel()
            self.task.result()
        return change.result()

    async def stop(self) -> None:
        self.task.cancel()
        async with asyncio.timeout(WAIT_S):
            await asyncio.wait((self.task,))


@asynccontextmanager
async def running(endpoint: Endpoint, **options: object) -> AsyncIterator[Running]:
    """A link that is up."""
    one = Running(endpoint, **options)  # type: ignore[arg-type]
    try:
        assert await one.state()
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def kept_up(lab: Lab) -> AsyncIterator[None]:
    """The broker with its watch."""
    if lab.broker.pid is None:
        await lab.broker.start()
    watching = asyncio.create_task(lab.broker.watch())
    try:
        yield
    finally:
        await lab.broker.stop()
        async with asyncio.timeout(WAIT_S):
            await watching


async def test_payloads_pass_both_ways_in_order(lab: Lab) -> None:
    async with (
        running(lab.endpoint("party-a")) as party,
        running(lab.endpoint("relay-a"), subscribe=(UP, PRESENCE)) as relay,
    ):
        sent = [f"frame {number}".encode() for number in range(200)]
        for payload in sent[:20]:
            await party.link.publish(UP, payload)
        assert [await relay.next() for _ in range(20)] == sent[:20]
        await asyncio.gather(*(relay.link.publish(DOWN, payload) for payload in sent))
        assert [await party.next() for _ in sent] == sent
        largest = secrets.token_bytes(256 * 1024)
        await party.link.publish(UP, largest)
        assert await relay.next() == largest


async def test_a_message_is_acknowledged_only_after_its_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies while working on the second of three messages gets the second and third again, not the first.

    The broker sends them again after its `ack_wait`; ours is shortened here, else this would take half a minute.
    """
    monkeypatch.setattr(profile, "ACK_WAIT_S", 1)

    class Died(Exception):
        pass

    async def work(payload: bytes) -> None:
        if payload == b"two":
            raise Died

    lab = make_lab(tmp_path)
    endpoint = lab.endpoint("party-a")
    async with kept_up(lab):
        relay = await lab.connect("relay-a")
        async with running(endpoint):
            pass  # from here on the broker keeps messages for the session
        for payload in (b"one", b"two", b"three"):
            assert await relay.publish(DOWN, payload)
        dying = Running(endpoint, work=work)
        assert await dying.state()
        assert await dying.next() == b"one"
        with pytest.raises(Died):
            async with asyncio.timeout(WAIT_S):
                await dying.task
        async with running(endpoint) as party:
            assert {await party.next(), await party.next()} == {b"two", b"three"}
            await relay.publish(DOWN, b"four")
            assert await party.next() == b"four"
        await lab.close_clients()


async def test_slow_work_loses_nothing_and_stays_in_order(lab: Lab) -> None:
    gate = asyncio.Event()

    async def work(_: bytes) -> None:
        await gate.wait()

    sent = [f"{number}".encode() for number in range(50)]
    relay = await lab.connect("relay-a")
    async with running(lab.endpoint("party-a"), work=work) as party:
        for payload in sent:
            assert await relay.publish(DOWN, payload)
        assert party.heard.empty()
        gate.set()
        assert [await party.next() for _ in sent] == sent


async def test_a_killed_broker_comes_back_with_its_queues_and_the_links_find_it(own_lab: Lab) -> None:
    endpoint = own_lab.endpoint("party-a")
    async with kept_up(own_lab), running(own_lab.endpoint("relay-a"), subscribe=(UP,)) as relay:
        async with running(endpoint):
            pass  # the session exists, its party is away
        queue = [f"queued {number}".encode() for number in range(20)]
        for payload in queue:
            await relay.link.publish(DOWN, payload)
        killed = own_lab.broker.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert not await relay.state()
        with pytest.raises(TransientError):
            await relay.link.publish(DOWN, b"while down")
        assert await relay.state()
        assert own_lab.broker.pid not in (None, killed)
        async with running(endpoint) as party:
            assert [await party.next() for _ in queue] == queue
            await relay.link.publish(DOWN, b"after")
            assert await party.next() == b"after"


async def test_what_need_not_be_kept_reaches_who_is_there_and_waits_for_nobody(own_lab: Lab) -> None:
    endpoint = own_lab.endpoint("party-a")
    async with running(own_lab.endpoint("relay-a"), subscribe=(UP,)) as relay:
        async with running(endpoint) as party:
            await relay.link.publish(DOWN, b"heard", keep=False)
            assert await party.next() == b"heard"
        for number in range(20):
            await relay.link.publish(DOWN, f"passed over {number}".encode(), keep=False)
        await relay.link.publish(DOWN, b"kept")
        async with running(endpoint) as party:
            assert await party.next() == b"kept"


async def test_a_publish_under_way_fails_when_the_broker_dies(own_lab: Lab) -> None:
    async with running(own_lab.endpoint("party-a"), sleep=asyncio.sleep) as party:
        pid = own_lab.broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # alive, but silent: the PUBACK will not come
        sending = [asyncio.create_task(party.link.publish(UP, b"frame")) for _ in range(3)]
        await at_once(0)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(WAIT_S):
            results = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(result) for result in results] == [TransientError] * 3


async def test_a_cancelled_link_says_goodbye_and_a_broken_one_leaves_its_will(lab: Lab) -> None:
    relay = await lab.connect("relay-a")
    assert await relay.subscribe(PRESENCE) == 1
    assert await relay.subscribe(UP) == 1
    will = (PRESENCE, b"gone")
    async with running(lab.endpoint("party-a"), will=will):
        pass
    async with running(lab.endpoint("party-a"), will=will) as party:
        await party.link.publish(UP, b"sentinel")
        assert await relay.until(b"sentinel") == []  # no will from the first, which was cancelled
        party.link._client._client._sock_close()  # type: ignore[union-attr]
        assert (await relay.next())[1] == b"gone"


async def test_a_refused_subscription_keeps_the_link_down_and_says_so(lab: Lab) -> None:
    pauses: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        pauses.put_nowait(seconds)
        await asyncio.sleep(0)

    one = Running(lab.endpoint("party-a"), subscribe=(DOWN, "dcn/v1/net-1/b/down"), sleep=sleep)
    async with asyncio.timeout(WAIT_S):
        seen = [await pauses.get() for _ in range(4)]
    assert seen == [backoff_s(failures, 0.5) for failures in range(4)]  # each pause longer than the one before
    await one.stop()
    assert one.states.empty()
    assert not one.link.connected
    assert "refused the subscription to dcn/v1/net-1/b/down" in (one.link.last_error or "")


@pytest.mark.parametrize("user", ["stranger", "unknown"])
async def test_a_refused_certificate_is_noticed_at_once(lab: Lab, user: str) -> None:
    """Well before the time-out of a reply: the connection ends without a CONNACK."""
    other = make_ca(NET, now_ms=now_ms(), serial=secrets.token_bytes(SERIAL_BYTES))
    lab.enrol("a", ca=other, name="stranger")
    lab.enrol("z", name="unknown")
    paused = asyncio.Event()

    async def sleep(_: float) -> None:
        paused.set()
        await asyncio.sleep(0)

    one = Running(lab.endpoint(user), sleep=sleep)
    async with asyncio.timeout(5):
        await paused.wait()
    await one.stop()
    assert one.link.last_error is not None
    assert one.states.empty()


async def test_a_broker_with_another_cas_certificate_is_not_talked_to(lab: Lab) -> None:
    other = make_ca(NET, now_ms=now_ms(), serial=secrets.token_bytes(SERIAL_BYTES))
    (lab.home / "other-ca.crt").write_bytes(other.certificate)
    paused = asyncio.Event()

    async def sleep(_: float) -> None:
        paused.set()
        await asyncio.sleep(0)

    one = Running(dataclasses.replace(lab.endpoint("party-a"), ca_file=lab.home / "other-ca.crt"), sleep=sleep)
    async with asyncio.timeout(WAIT_S):
        await paused.wait()
    await one.stop()
    assert "certificate verify failed" in (one.link.last_error or "").lower()


async def test_unusable_certificate_files_are_named(lab: Lab) -> None:
    endpoint = dataclasses.replace(lab.endpoint("party-a"), key_file=lab.home / "no-such.key")
    with pytest.raises(UsageError, match=r"no-such\.key"):
        await Running(endpoint).task


async def test_publishing_without_a_connection_fails_at_once(lab: Lab) -> None:
    link = MqttLink(lab.endpoint("party-a"), subscribe=(), will=None, random=lambda: 0.5)
    with pytest.raises(TransientError):
        await link.publish(UP, b"frame")


async def test_a_link_can_be_stopped_while_nobody_answers(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_S_MAX", 0.1)
    accepted = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        try:
            await reader.read()
        finally:
            writer.close()

    port = free_port()
    server = await asyncio.start_server(silent, "127.0.0.1", port)
    async with server:
        one = Running(dataclasses.replace(lab.endpoint("party-a"), port=port))
        async with asyncio.timeout(WAIT_S):
            await accepted.wait()
        await one.stop()
    assert one.task.cancelled()


async def test_two_links_with_one_client_id_do_not_spin(lab: Lab) -> None:
    """They throw each other out; the pauses grow all the same, because neither connection lasts."""
    pauses: list[float] = []
    grown = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if seconds > 0.2:
            grown.set()
        await asyncio.sleep(0)

    client_id = lab.new_id()
    pair = [Running(lab.endpoint("party-a", client_id), sleep=sleep) for _ in range(2)]
    async with asyncio.timeout(WAIT_S):
        await grown.wait()
    for one in pair:
        await one.stop()


def test_pauses_double_up_to_a_limit_and_spread() -> None:
    assert [backoff_s(failures, 1.0) for failures in range(4)] == [0.1, 0.2, 0.4, 0.8]
    assert backoff_s(0, 0.0) == 0.05
    assert backoff_s(10_000, 1.0) == BACKOFF_S_MAX
