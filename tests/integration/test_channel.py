"""The channel's main job, on the real broker with mutual TLS, the real relay process and real clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from channel.ledger import End, Leg
from channel.protocol import ids
from channel.protocol.errors import RefusedError, TransientError
from channel.protocol.statements import Notice
from clients.core.party import Party, QueuedError
from tests.integration.channel_lab import WAIT_S, ChannelLab, channel_lab, inbox, until

WHERE = {"at": "35.3359,40.1408", "radius": "2km", "start": "+10min", "until": "+40min"}
INTENT: dict[str, Any] = {
    "kind": "intent", "precedence": "FLASH", "text": "Strike north of the bridge", "wait": WAIT_S, **WHERE
}  # fmt: skip
SENT_WORDS = ("send", "--to", "russia", "--kind", "text", "--text")


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[ChannelLab]:
    async with channel_lab(tmp_path / "channel") as running:
        yield running


def reply(party: Party, of: str, addressee: str) -> str:
    """How it stands, as far as this party knows."""
    delivery = party.ledger.deliveries.get((of, addressee))
    return "" if delivery is None else delivery.reply.value


async def test_a_notice_goes_by_the_intermediary_and_the_answer_comes_back(lab: ChannelLab) -> None:
    async with (
        lab.connect("coalition") as coalition,
        lab.connect("russia") as russia,
        lab.connect("regime") as regime,
        lab.connect("sdf") as sdf,
    ):
        sent = await coalition.send(to=["regime:russia"], info=["sdf"], **INTENT)
        (passing,) = await inbox(russia, 1)
        assert (passing.of, passing.role, passing.author) == (sent.of, "via", "coalition")
        assert not regime.received(), "nothing of it is here before it is passed on"
        (told,) = await inbox(sdf, 1)
        assert (told.of, told.role, told.deadline_ms) == (sent.of, "info", None)

        passed = await passing.forward(wait=WAIT_S)
        (here,) = await inbox(regime, 1)
        assert (here.of, here.role, here.text) == (sent.of, "action", "Strike north of the bridge")
        answered = await here.wilco(wait=WAIT_S, readback=("35.3359,40.1408", here.volumes[0].from_))

        await until(coalition, lambda: reply(coalition, sent.of, "regime") == "wilco")
        await until(russia, lambda: reply(russia, sent.of, "regime") == "wilco")
        await until(coalition, lambda: sent.of in coalition.ledger.notices)
        await until(coalition, lambda: coalition.ledger.deliveries[sent.of, "sdf"].end is End.TOLD)
        assert coalition.ledger.deliveries[sent.of, "regime"].leg is Leg.BY_CHANNEL
        assert answered.of not in sdf.ledger.index_of, "an information addressee reads no other's answer"
        for party in (coalition, russia, regime, sdf):
            assert (party.status().link, party.status().alarms, party.status().alerts) == ("up", (), ())
    await lab.stop_relay()
    rows = {row.index: ids.sha256(row.token) for row in lab.rows()}
    assert all(rows[one.index] == one.of for one in (sent, passed, answered)), "a receipt names the leaf"
    assert lab.verified().verdict.value == "verified"


async def test_amended_and_withdrawn_to_everybody_whom_it_went_to(lab: ChannelLab) -> None:
    async with lab.connect("coalition") as coalition, lab.connect("russia") as russia:
        one = await coalition.send(to=["russia"], **INTENT)
        two = await coalition.amend(one.of, text="Strike south of the bridge", wait=WAIT_S)
        three = await coalition.withdraw(two.of, "cancelled", wait=WAIT_S)
        assert [inbound.of for inbound in await inbox(russia, 3)] == [one.of, two.of, three.of]
        body = russia.record(two.of).body
        assert isinstance(body, Notice)
        assert (body.amends, body.text) == (one.of, "Strike south of the bridge")
        assert russia.ledger.deliveries[one.of, "russia"].end is End.SUPERSEDED
        assert russia.ledger.deliveries[two.of, "russia"].end is End.WITHDRAWN
        read = ("35.3359,40.1408", body.volumes[0].from_)
        late = await russia.answer(two.of, "WILCO", readback=read, wait=WAIT_S)
        assert russia.ledger.deliveries[two.of, "russia"].end is End.WITHDRAWN, "late evidence reopens nothing"
        await until(coalition, lambda: late.of in coalition.ledger.index_of)


async def test_who_was_offline_gets_everything_in_order(lab: ChannelLab) -> None:
    async with lab.connect("coalition") as coalition, lab.connect("russia") as russia:
        async with lab.connect("regime") as regime:
            assert await regime.caught_up(WAIT_S)
        sent = [await coalition.send(to=["regime:russia", "russia"], **INTENT) for _ in range(5)]
        for inbound in await inbox(russia, 5):
            await inbound.forward(wait=WAIT_S)
        async with lab.connect("regime") as regime:
            came = await inbox(regime, 5)
            assert [inbound.of for inbound in came] == [one.of for one in sent]
            await came[0].unable("Our men are there", wait=WAIT_S)
        await until(coalition, lambda: reply(coalition, sent[0].of, "regime") == "unable")
        await until(coalition, lambda: len(coalition.status().deliveries) == 10)
        open_ = [one for one in coalition.status().deliveries if one.addressee == "regime" and one.end == "open"]
        assert len(open_) == 4


async def test_a_watch_in_one_process_and_commands_in_others(lab: ChannelLab) -> None:
    watch = await lab.watch("coalition")
    status, said = await lab.command("coalition", *SENT_WORDS, "over the running client's link")
    assert status == 0, said
    await watch.out.says('"event": "leaf"', '"notice"', said["token_sha256"])
    assert lab.rows()[said["index"]].stamp == said["stamp"]
    answering = await lab.watch("russia")
    await answering.out.says('"leaf"', said["token_sha256"])
    status, answer = await lab.command("russia", "answer", said["nid"], "ROGER")
    assert status == 0, answer
    await watch.out.says('"answer"', answer["token_sha256"])
    assert await watch.interrupt() == 0
    status, document = await lab.command("coalition", "status")
    assert (status, document["queued"], document["own"][0]["reply"]) == (0, [], "roger")


async def test_what_cannot_be_sent_now_is_sent_by_the_next_command(lab: ChannelLab) -> None:
    await lab.stop_broker()
    status, said = await lab.command("coalition", *SENT_WORDS, "nobody hears this", "--wait", "0.1")
    assert (status, said["queued"]) == (3, True)
    with pytest.raises(QueuedError, match="queued") as queued:
        async with lab.connect("sdf") as sdf:
            await sdf.send(to=["russia"], kind="text", text="nor this", wait=0.1)
    assert isinstance(queued.value, TransientError)
    await lab.start_broker()
    async with lab.connect("russia") as russia:
        status, later = await lab.command("coalition", *SENT_WORDS, "the broker is back", "--wait", str(WAIT_S))
        assert status == 0, later
        async with lab.connect("sdf") as sdf:
            assert (await sdf.settled(queued.value.of, WAIT_S)).nid == queued.value.nid
        came = {inbound.of for inbound in await inbox(russia, 3)}
    assert came == {said["token_sha256"], later["token_sha256"], queued.value.of}


async def test_a_refusal_is_signed_logged_and_final(lab: ChannelLab) -> None:
    async with lab.connect("russia") as russia, lab.connect("coalition") as coalition:
        sent = await coalition.send(to=["russia"], **INTENT)
        (inbound,) = await inbox(russia, 1)
        await inbound.unable("Too near", wait=WAIT_S)
        with pytest.raises(RefusedError) as refused:
            await inbound.wilco(wait=WAIT_S, readback=("35.3359,40.1408", inbound.volumes[0].from_))
        assert refused.value.code == "already-answered"
        assert reply(russia, sent.of, "russia") == "unable"
    codes = [refusal.code for refusal in lab.read().folded.ledger.refused.values()]
    assert codes == ["already-answered"]
