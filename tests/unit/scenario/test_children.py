"""Processes on a control line: asked, killed, revived, stopped; and what is said when one does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from channel.protocol.errors import FatalError
from channel.scenario.children import REVIVALS_MAX, Child
from channel.scenario.control import Acted, ClientPoll, Patience, PeerDied, Reply, ask

ECHO = """
import json, sys, os
count = 0
for line in sys.stdin:
    count += 1
    asked = json.loads(line)
    if asked["do"] == "die":
        os._exit(3)
    if asked["do"] == "babble":
        print("hello", flush=True)
        continue
    print(json.dumps({"ok": asked["do"] != "fail", "code": "c", "detail": "d", "of": str(count)}), flush=True)
    if asked["do"] == "stop":
        break
print("ended", file=sys.stderr)
"""


@pytest_asyncio.fixture
async def child(tmp_path: Path) -> AsyncIterator[Child]:
    made = Child("echo", ("-c", ECHO), tmp_path / "logs" / "echo.log")
    await made.start()
    yield made
    await made.stop()


async def test_a_request_is_answered_on_one_line(child: Child) -> None:
    assert (await ask(child, {"do": "count"}, Acted)).of == "1"
    assert (await ask(child, {"do": "count"}, Acted)).of == "2"


async def test_requests_at_the_same_time_are_asked_one_after_the_other(child: Child) -> None:
    answers = await asyncio.gather(*(ask(child, {"do": "count"}, Acted) for _ in range(5)))
    assert [answer.of for answer in answers] == ["1", "2", "3", "4", "5"]


async def test_a_stop_lets_the_process_end_by_itself_and_its_log_stays(child: Child, tmp_path: Path) -> None:
    await child.stop()
    assert child.pid is None
    assert (tmp_path / "logs" / "echo.log").read_text() == "ended\n"
    await child.stop()


async def test_a_death_is_said_with_its_status_and_log(child: Child) -> None:
    with pytest.raises(PeerDied, match=r"echo ended with status 3; see .*echo\.log"):
        await ask(child, {"do": "die"}, Reply)
    with pytest.raises(PeerDied, match="echo is not running"):
        await ask(child, {"do": "count"}, Reply)


async def test_a_process_is_revived_a_few_times_and_then_given_up(
    child: Child, capsys: pytest.CaptureFixture[str]
) -> None:
    for turn in range(REVIVALS_MAX):
        with pytest.raises(PeerDied):
            await ask(child, {"do": "die"}, Reply)
        assert await child.revive()
        assert f"echo died; starting it again ({turn + 1} of {REVIVALS_MAX})" in capsys.readouterr().err
    assert not await child.revive()


async def test_a_restart_kills_and_starts_anew(child: Child) -> None:
    first = child.pid
    await ask(child, {"do": "count"}, Acted)
    await child.restart()
    assert child.pid != first
    assert (await ask(child, {"do": "count"}, Acted)).of == "1"


async def test_what_is_no_answer_is_fatal_and_names_the_request(child: Child) -> None:
    with pytest.raises(FatalError, match="echo: not an answer to 'babble'"):
        await ask(child, {"do": "babble"}, Reply)
    with pytest.raises(FatalError, match="echo: not an answer to 'poll'"):
        await ask(child, {"do": "poll"}, ClientPoll)


async def test_a_no_is_fatal_where_only_yes_is_possible(child: Child) -> None:
    with pytest.raises(FatalError, match="echo: 'fail' failed: c d"):
        await ask(child, {"do": "fail"}, Reply)
    assert not (await ask(child, {"do": "fail"}, Acted)).ok


async def test_patience_ends_after_a_minute_without_change_and_only_then() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    patience = Patience(sleep)
    for turn in range(2_000):
        assert await patience.wait(turn)
    while await patience.wait("the same"):
        pass
    assert 60 <= sum(slept[2_000:]) < 61
