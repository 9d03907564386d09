"""Whatever is killed, and whenever: nothing accepted is lost, nothing is handed out twice, no deadline is missed.

The moments are drawn from a seed and counted in what the relay has logged, so that a failing one can be looked at
again; what else the machine does at that moment is up to it.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import apsw
import pytest

from channel.log.leaf import encode, leaf_hash
from channel.protocol import ids
from channel.protocol.statements import ClockStep
from channel.protocol.times import from_wire
from clients.core.party import Party, Sent
from clients.core.store import OutboxRow
from tests.integration.channel_lab import LEAF, WAIT_S, ChannelLab, channel_lab, found, inbox, until

SPEAKERS = ("coalition", "russia", "sdf")
NOTICES = 12  # of each; with what machines sign for them and the answers, over 100 statements in all
MINUTE_MS = 60_000
STRIKE: dict[str, Any] = {
    "text": "Strike", "at": "35.3359,40.1408", "radius": "2km", "start": "+1min", "until": "+40min"
}  # fmt: skip


# --- traffic ----------------------------------------------------------------------------------------------------------


async def speak(party: Party, chance: random.Random, count: int = NOTICES) -> list[Sent]:
    """Notices to the two others, one or several at once, each until its receipt is here."""
    others = [name for name in SPEAKERS if name != party.party]
    sent: list[Sent] = []
    while len(sent) < count:
        group = [
            party.send(to=[f"{name}:" for name in others], kind="text", response="R", text="Well", wait=WAIT_S)
            for _ in range(min(chance.randint(1, 4), count - len(sent)))
        ]
        sent += await asyncio.gather(*group)
    return sent


async def answer(party: Party) -> list[Sent]:
    """ROGER to every third that comes, as soon as the application has it."""
    sent: list[Sent] = []
    for number, inbound in enumerate(await inbox(party, 2 * NOTICES)):
        if number % 3 == 0:
            sent.append(await inbound.roger(wait=WAIT_S))
    return sent


async def some_turns(chance: random.Random) -> None:
    """Let the other tasks go on a little, by no clock."""
    for _ in range(chance.randint(0, 40)):
        await asyncio.sleep(0)


async def settled(party: Party) -> None:
    """Until nothing of the party waits for its receipt and it has seen what it signed."""
    store = party.session.store
    await until(party, lambda: not store.queued() and all(row.of in party.ledger.index_of for row in store.outbox()))


def outbox(lab: ChannelLab, parties: Iterable[str] = SPEAKERS) -> list[OutboxRow]:
    """Every statement that these parties ever put into their outboxes."""
    rows = []
    for party in parties:
        with lab.offline(party) as home:
            rows += home.session.store.outbox()
    return rows


def check_log(lab: ChannelLab, rows: list[OutboxRow]) -> None:
    """Everything signed is in the log, once, where its receipt says; and the log verifies."""
    leaves = [(ids.sha256(leaf.token), leaf.stamp) for leaf in lab.rows()]
    assert len({of for of, _ in leaves}) == len(leaves), "no statement is in the log twice"
    for row in rows:
        assert row.state == "logged", row
        assert row.index is not None
        assert leaves[row.index] == (row.of, row.stamp), "a receipt names another leaf"
    report = lab.verified()
    assert (report.verdict.value, report.size) == ("verified", len(leaves)), report.reasons


def check_inboxes(lab: ChannelLab, parties: Iterable[str] = SPEAKERS) -> None:
    """Each home holds exactly what the log says that it may read, and has signed once for each notice."""
    ledger = lab.read().folded.ledger
    signed = Counter(
        (entry.opened.party, getattr(entry.opened.body, "of", ""))
        for entry in ledger.entries.values()
        if entry.opened.type == "receiving"
    )
    assert set(signed.values()) <= {1}
    for party in parties:
        with lab.offline(party) as home:
            assert home.session.replica.feed() == ledger.parties[party].feed[: home.session.replica.n]
            for inbound in home.received():
                assert signed[party, inbound.of] == 1


# --- the relay --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [20170916, 20170917])
async def test_the_relay_is_killed_while_three_parties_speak(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with channel_lab(tmp_path / "channel") as lab:
        heads = []
        async with AsyncExitStack() as stack:
            parties = [await stack.enter_async_context(lab.connect(name)) for name in SPEAKERS]
            speaking = [asyncio.create_task(speak(party, random.Random(seed + 1))) for party in parties]
            answering = [asyncio.create_task(answer(party)) for party in parties]
            for _ in range(3):
                await lab.relay.err.count(LEAF, chance.randint(3, 25))
                await some_turns(chance)
                await lab.relay.kill()
                promised = [row for row in outbox(lab) if row.index is not None]
                reading = lab.read()
                heads.append(reading.head())
                assert all(reading.folded.ledger.index_of[row.of] == row.index for row in promised)
                await lab.start_relay()
            sent = [one for task in (*speaking, *answering) for one in await task]
            for party in parties:
                await settled(party)
                assert party.status().alarms == ()
        await lab.stop_relay()
        rows = outbox(lab)
        assert len(rows) > 100
        assert {one.of for one in sent} <= {row.of for row in rows}
        check_log(lab, rows)
        check_inboxes(lab)
        for head in heads:
            assert lab.read(str(head["tree_size"] - 1)).head() == head, "what was there is there, and means the same"


# --- a client ---------------------------------------------------------------------------------------------------------

APPLICATION = """
import asyncio, itertools, sys
from clients.russia import Russia

async def speak(channel):
    for number in itertools.count():
        row = channel.queue(channel.notice(to=["coalition"], kind="text", text=str(number)))
        print("queued", row.of, flush=True)
        sent = await channel.settled(row.of, 60)
        print("sent", sent.of, sent.index, flush=True)

async def main():
    async with Russia.connect(sys.argv[1]) as channel:
        speaking = asyncio.create_task(speak(channel))
        async for inbound in channel.inbox():
            print("got", inbound.of, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", [20170916, 20170917])
async def test_a_client_is_killed_while_it_sends_and_receives(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    said: list[list[str]] = []
    async with channel_lab(tmp_path / "channel") as lab, lab.connect("coalition") as coalition:
        notices: list[Sent] = []
        for _ in range(3):
            application = await lab.script(APPLICATION, lab.path)
            await application.out.count("queued", 1)
            speaking = asyncio.create_task(speak(coalition, chance, 6))
            await application.out.count("", chance.randint(3, 14))
            await application.kill()
            said += [line.split() for line in application.out.all]
            notices += await speaking
        notices += await speak(coalition, chance, 3)
        sent = {one.of for one in notices}
        async with lab.connect("russia") as russia:
            await until(russia, lambda: sent <= {inbound.of for inbound in russia.received()})
            await settled(russia)
            handed = [words[1] for words in said if words[0] == "got"]
            shown = russia.session.store.shown()
            left = [inbound.of for inbound in await inbox(russia, len(sent - shown))]
            assert len(set(handed) | set(left)) == len(handed) + len(left), "nothing is handed out twice"
            assert set(left) == sent - shown, "what was not handed out is, and nothing else"
            assert len(shown - set(handed)) <= 3, "at most what was on its way to the application at each kill"
        await until(coalition, lambda: len(coalition.received()) == len(russia_notices(lab)))
        await lab.stop_relay()
        rows = outbox(lab, ["russia", "coalition"])
        assert {words[1] for words in said if words[0] == "queued"} <= {row.of for row in rows}
        indexes = {row.of: row.index for row in rows}
        assert all(indexes[words[1]] == int(words[2]) for words in said if words[0] == "sent")
        check_log(lab, rows)
        check_inboxes(lab, ["russia", "coalition"])


def russia_notices(lab: ChannelLab) -> list[OutboxRow]:
    return [row for row in outbox(lab, ["russia"]) if row.type == "notice"]


# --- the broker -------------------------------------------------------------------------------------------------------


async def killed(lab: ChannelLab) -> None:
    """It is started again by who watches it."""
    lab.kill_broker()


@pytest.mark.parametrize("lose", [killed, ChannelLab.lose_broker])
async def test_the_broker_is_killed_with_notices_under_way(
    tmp_path: Path, lose: Callable[[ChannelLab], Awaitable[None]]
) -> None:
    chance = random.Random(20170916)
    async with channel_lab(tmp_path / "channel") as lab:
        async with AsyncExitStack() as stack:
            parties = [await stack.enter_async_context(lab.connect(name)) for name in SPEAKERS]
            speaking = [asyncio.create_task(speak(party, chance)) for party in parties]
            answering = [asyncio.create_task(answer(party)) for party in parties]
            for leaves in (15, 60):
                await lab.relay.err.count(LEAF, leaves)
                await some_turns(chance)
                down = asyncio.create_task(until(parties[0], lambda: not parties[0].runtime.connected))
                await asyncio.sleep(0)
                await lose(lab)
                await down
                await until(parties[0], lambda: parties[0].runtime.connected)
            for task in (*speaking, *answering):
                await task
            for party in parties:
                await settled(party)
                assert party.status().alarms == ()
        await lab.stop_relay()
        check_log(lab, outbox(lab))
        check_inboxes(lab)


# --- time that passes while nobody is there ---------------------------------------------------------------------------


def alerts(lab: ChannelLab) -> list[tuple[str, str, str, int]]:
    """(stage, rung, fault, ms after the notice when it was due) of every alert, in the order of the log."""
    ledger = lab.read().folded.ledger
    (notice,) = ledger.notices.values()
    bodies = [record.body for record in ledger.alerts.values()]
    return [(body.stage, body.rung.value, body.fault, from_wire(body.due) - notice.stamp_ms) for body in bodies]


async def test_deadlines_that_pass_while_the_relay_is_down_fire_once(tmp_path: Path) -> None:
    async with channel_lab(tmp_path / "channel") as lab, lab.connect("coalition") as coalition:
        async with lab.connect("russia") as russia:
            await coalition.send(to=["regime:russia"], kind="intent", precedence="FLASH", wait=WAIT_S, **STRIKE)
            await inbox(russia, 1)
            await settled(russia)
        await lab.relay.kill()
        assert alerts(lab) == []

        lab.set_clock(10 * MINUTE_MS)
        starting = await lab.try_relay()
        await starting.err.says(LEAF)
        await starting.kill()
        passed = [
            ("forward", "operations", "russia", 30_000),
            ("answer", "operations", "russia", 60_000),
            ("answer", "staff", "russia", 60_000),
            ("answer", "ministry", "russia", 180_000),
        ]
        assert alerts(lab) == passed
        await lab.start_relay()
        await until(coalition, lambda: len(coalition.ledger.alerts) == len(passed))
        await lab.stop_relay()
        assert alerts(lab) == passed, "none again"

        lab.set_clock(60 * MINUTE_MS)
        await lab.start_relay()
        await until(coalition, lambda: len(coalition.ledger.alerts) == len(passed) + 1)
        await lab.relay.kill()
        await lab.start_relay()
        await lab.stop_relay()
        *first, (stage, _, fault, _) = alerts(lab)
        assert (first, stage, fault) == (passed, "expired", "russia")
        assert lab.verified().verdict.value == "verified"


# --- a log that cannot be trusted -------------------------------------------------------------------------------------


def cut(log: Path) -> None:
    """Half of the file, as after a copy that was broken off."""
    data = log.read_bytes()
    log.write_bytes(data[: len(data) // 2])


def emptied(log: Path) -> None:
    log.write_bytes(b"")


def removed(log: Path) -> None:
    log.unlink()


def a_letter(log: Path) -> None:
    log.write_text("To whom it may concern. " * 400)


def another_database(log: Path) -> None:
    log.unlink()
    db = apsw.Connection(str(log))
    db.execute("CREATE TABLE letter (text TEXT); PRAGMA application_id = 7")
    db.close()


def one_byte(log: Path) -> None:
    """One letter of a token, in the middle of the file."""
    (token,) = changed(log, "SELECT token FROM leaf WHERE idx = 2")
    data = bytearray(log.read_bytes())
    place = data.index(token) + len(token) // 2
    data[place] ^= 1
    log.write_bytes(data)


def another_stamp(log: Path) -> None:
    """The row agrees with itself, every signature holds, and the tree has another root."""
    index, stamp, token = changed(log, "SELECT idx, stamp, token FROM leaf ORDER BY idx DESC LIMIT 1")
    digest = leaf_hash(encode(stamp + 1, token))
    changed(log, "UPDATE leaf SET stamp = ?, hash = ? WHERE idx = ?", stamp + 1, digest, index)


def a_leaf_less(log: Path) -> None:
    changed(log, "DELETE FROM leaf WHERE idx = (SELECT max(idx) FROM leaf)")


def changed(log: Path, sql: str, *values: int | bytes) -> tuple[Any, ...]:
    """One statement by hand, and the first row that it gives."""
    db = apsw.Connection(str(log))
    try:
        return next(db.execute(sql, values), ())
    finally:
        db.close()


DAMAGES = [cut, emptied, removed, a_letter, another_database, one_byte, another_stamp, a_leaf_less]


async def test_a_relay_does_not_start_on_a_damaged_log_and_says_what_to_do(tmp_path: Path) -> None:
    whole = found(tmp_path / "channel")
    for damage in DAMAGES:
        lab = ChannelLab(shutil.copytree(whole, tmp_path / damage.__name__))
        damage(lab.home.log_file)
        before = lab.stored()
        relay = await lab.try_relay()
        assert await relay.ended() == 6, (damage.__name__, relay.err.all)
        assert re.search(f"{lab.home.log_file}.* restore", relay.err.all[-1]), relay.err.all
        assert lab.stored() == before, "nothing was written to it"


async def test_a_clock_before_the_newest_stamp_waits_for_the_operator(tmp_path: Path) -> None:
    async with channel_lab(tmp_path / "channel") as lab:
        await lab.stop_relay()
        lab.set_clock(60 * MINUTE_MS)
        await lab.start_relay()
        await lab.stop_relay()
        lab.set_clock(0)
        refusing = await lab.try_relay()
        assert await refusing.ended() == 6
        assert re.search(r"clock is 3[56]\d\d s before .* --apply-clock", refusing.err.all[-1]), refusing.err.all

        await lab.start_relay("--apply-clock", "This machine was set by hand")
        async with lab.connect("coalition") as coalition:
            sent = await coalition.send(to=["russia"], kind="text", text="Going on", wait=WAIT_S)
        await lab.stop_relay()
        (step,) = [one.opened.body for one in lab.read().folded.ledger.entries.values() if one.opened.type == "clock"]
        assert isinstance(step, ClockStep)
        assert step.reason == "This machine was set by hand"
        assert 0 < sent.stamp - from_wire(step.old) < MINUTE_MS, "stamps never decrease"
        assert lab.verified().verdict.value == "verified"
