"""The guard in the relay's loop (protocol.md 10.14, 10.15): what a quarantine leaves half done, and what it keeps."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from channel.cli import app
from channel.founding import found_trial, restoring
from channel.log import checkpoint
from channel.log.checkpoint import Checkpoint
from channel.log.sqlite_file import copy_log
from channel.log.store import StoredLeaf
from channel.protocol import charter as charters
from channel.protocol import frames, ids
from channel.protocol.envelope import open_token, seal
from channel.protocol.errors import FatalError, UsageError
from channel.protocol.frames import HaveItem, ReturnedItem, ReturnedLeaf, ShownItem, TokenItem, UpFrame
from channel.protocol.statements import Busy, Seen
from channel.relay import quarantine_file
from channel.relay.boot import boot
from channel.relay.clock import Step, SteppedClock
from channel.relay.home import ChannelHome
from channel.relay.loop import Relay
from channel.relay.run import clock_leaf
from channel.relay.sinks import Silent
from clients.core import drafts
from clients.core.home import PartyHome

NET = "guarded"
NOW_MS = 1_505_433_600_000
PARTIES = ("coalition", "russia", "sdf", "regime")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found_trial(tmp_path / "channel", now_ms=NOW_MS, wall_ms=NOW_MS, net=NET, broker_port=4)
    return tmp_path / "channel"


class Desk:
    """Relays of one home, one after the other; nothing of them has a link."""

    def __init__(self, home: Path) -> None:
        self.home, self.channel = home, ChannelHome.open(home)
        self.relay = self.start()

    def start(self) -> Relay:
        booted = boot(self.channel)
        clock = SteppedClock(booted.core.folded.ledger.last_stamp_ms)
        self.relay = Relay(self.channel, booted, clock, Silent())
        self.relay._version = "test"
        return self.relay

    def restart(self) -> Relay:
        self.relay.close()
        return self.start()

    def note(self, size: int, root: bytes | None = None) -> str:
        """A checkpoint that the log's own key signed; without `root` of a history that never was."""
        origin = f"dcn/{NET}"
        signer = self.channel.signer("sig/log-1")
        return checkpoint.sign(Checkpoint(origin, size, root or bytes([size % 256]) * 32), origin, signer)

    def token(self, party: str) -> bytes:
        """A notice that is in order."""
        of = self.channel.charter()[1]
        home = PartyHome(self.home / "parties" / party)
        to = [{"party": next(name for name in PARTIES if name != party)}]
        draft = drafts.notice("015e87f3-2a40-7c11-9d3e-000000000001", to=to, text="text")
        seen = Seen(size=0, root=ids.sha256(b""))
        body = draft.statement(net=NET, party=party, now_ms=NOW_MS, seen=seen, seq=1, prev=of)
        return seal(body, home.signer("sig/machine-1"))

    def put(self, party: str, *items: frames.UpItem) -> None:
        assert self.relay._inboxes.put(party, UpFrame(items=items)) is not None

    def hello(self, *parties: str) -> None:
        for party in parties:
            self.put(party, HaveItem(n=0, size=0, root=ids.sha256(b""), hello=True))

    def words(self, party: str) -> list[object]:
        ring = self.relay.core.folded.ledger.ring
        return [open_token(token, ring).body for token in self.relay.sessions[party].words]


@pytest_asyncio.fixture
async def desk(home: Path) -> AsyncIterator[Desk]:
    made = Desk(home)
    yield made
    made.relay.close()


async def test_what_came_in_the_same_turn_as_the_proof_gets_no_receipt(desk: Desk) -> None:
    """Nothing of it is durable, and in quarantine nothing becomes so."""
    desk.hello(*PARTIES)
    await desk.relay.turn()
    size = desk.relay._store.size
    desk.put("coalition", TokenItem(token=desk.token("coalition").decode()))
    desk.put("russia", ShownItem(note=desk.note(900)))
    await desk.relay.turn()
    assert desk.relay.guard.closed
    assert [(type(word), word.code) for word in desk.words("coalition") if isinstance(word, Busy)] == [
        (Busy, "quarantine")
    ]
    assert len(desk.words("coalition")) == 1
    assert (desk.relay._store.size, desk.relay.core.folded.tree.size) == (size, size)


async def test_a_clock_put_right_at_the_start_of_a_quarantine_is_no_leaf_of_it(desk: Desk) -> None:
    size = desk.relay._store.size
    desk.relay.opening = lambda: clock_leaf(desk.relay, Step(NOW_MS, NOW_MS - 60_000), "set")
    desk.put("russia", ShownItem(note=desk.note(900)))
    await desk.relay.turn()
    await desk.relay.start("test")
    assert desk.relay.guard.closed
    assert (desk.relay._store.size, desk.relay.core.folded.tree.size) == (size, size)


# --- what survives a crash, and another restore -----------------------------------------------------------------------


async def _answered(desk: Desk, *parties: str) -> None:
    """These parties show the log's own checkpoint, and hold nothing more."""
    size = desk.relay.core.committed_size
    for party in parties:
        desk.put(party, ShownItem(note=""), ReturnedItem(start=size, leaves=(), done=True))
    await desk.relay.turn()


async def test_the_word_to_go_on_without_a_party_is_good_for_one_quarantine(desk: Desk) -> None:
    desk.relay.close()
    restoring.mark(desk.home, NOW_MS)
    quarantine_file.go_without(desk.home, "sdf", ("sdf",))
    restoring.mark(desk.home, NOW_MS)
    desk.start()
    await _answered(desk, "coalition", "russia", "regime")
    assert desk.relay.guard.closed, "it was said of an earlier one"
    assert quarantine_file.without(desk.home) == set()


async def test_a_party_gone_without_that_comes_back_with_more_ends_the_net(desk: Desk) -> None:
    """It shows what the log signed: the relay cannot go on as if it had not (7.10)."""
    desk.relay.close()
    restoring.mark(desk.home, NOW_MS)
    desk.start()
    size = desk.relay.core.committed_size
    quarantine_file.go_without(desk.home, "sdf", ("sdf",))
    await _answered(desk, "coalition", "russia", "regime")
    assert not desk.relay.guard.closed
    desk.put("sdf", ShownItem(note=desk.note(size)))
    await desk.relay.turn()
    kept = quarantine_file.read(desk.home)
    assert kept is not None
    assert kept.state == "forked"


async def test_a_crash_as_a_quarantine_ends_leaves_no_word_for_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.relay.close()
    restoring.mark(desk.home, NOW_MS)
    quarantine_file.go_without(desk.home, "sdf", ("sdf",))
    desk.start()
    replace = Path.replace

    def replaced(path: Path, target: Path) -> Path:
        if path.name == quarantine_file.FILE:
            replace(path, target)
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replaced)
    with pytest.raises(KeyboardInterrupt):
        await _answered(desk, "coalition", "russia", "regime")
    assert quarantine_file.read(desk.home) is None
    assert quarantine_file.without(desk.home) == set()


async def test_another_restore_keeps_what_was_shown(desk: Desk) -> None:
    """A newer copy is put back while the relay waits: the proof that there was more is not forgotten."""
    size = desk.relay.core.committed_size
    desk.put("russia", ShownItem(note=desk.note(size + 3)))
    await desk.relay.turn()
    assert desk.relay.guard.closed
    desk.relay.close()
    restoring.mark(desk.home, NOW_MS)
    kept = quarantine_file.read(desk.home)
    assert kept is not None
    assert list(kept.notes) == ["russia"]
    desk.start()
    await _answered(desk, *PARTIES)
    assert desk.relay.guard.closed
    kept = quarantine_file.read(desk.home)
    assert kept is not None
    assert (kept.shown, kept.missing) == (size + 3, (size, size + 1, size + 2))


async def test_a_marked_log_is_compared_with_the_checkpoint_beside_it_too(desk: Desk) -> None:
    size = desk.relay.core.committed_size
    desk.relay.close()
    quarantine_file.put_head(desk.home, desk.note(size + 2))
    restoring.mark(desk.home, NOW_MS)
    desk.start()
    assert desk.relay.guard.quarantine is not None
    assert desk.relay.guard.quarantine.largest == size + 2


async def test_leaves_that_only_the_relay_itself_speaks_of_are_given_up_and_named(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    size = desk.relay.core.committed_size
    desk.relay.close()
    quarantine_file.put_head(desk.home, desk.note(size + 2))
    restoring.mark(desk.home, NOW_MS)
    desk.start()
    await _answered(desk, *PARTIES)
    assert not desk.relay.guard.closed
    assert quarantine_file.given_up(desk.home) == (size, size + 1)
    assert "leaves_given_up" in capsys.readouterr().out
    asked = CliRunner().invoke(app, ["quarantine", "--home", str(desk.home)])
    assert (asked.exit_code, f"leaves {size} to {size + 1}, which no party holds" in asked.stdout) == (0, True)
    document = json.loads(CliRunner().invoke(app, ["quarantine", "--home", str(desk.home), "--json"]).stdout)
    assert document == {"quarantine": None, "without": [], "given_up": [size, size + 1]}


# --- the net that goes on from this one -------------------------------------------------------------------------------


async def test_what_is_lost_is_not_named_before_every_party_was_heard(desk: Desk) -> None:
    size = desk.relay.core.committed_size
    desk.put("russia", ShownItem(note=desk.note(size + 3)))
    await desk.relay.turn()
    with pytest.raises(UsageError, match="coalition, russia, sdf, regime may still hand leaves back"):
        restoring.previous(desk.home)
    await _answered(desk, *PARTIES)
    before = restoring.previous(desk.home)
    assert (before.size, before.missing) == (size + 3, (size, size + 1, size + 2))
    member = desk.channel.charter()[0].model_copy(update={"previous": before})
    assert f"3 of them are lost: {size} to {size + 2}" in "\n".join(charters.describe(member))


def test_the_head_of_a_net_whose_relay_runs_is_not_taken(desk: Desk) -> None:
    with pytest.raises(UsageError, match="the relay runs"):
        restoring.previous(desk.home)
    desk.relay.close()
    assert restoring.previous(desk.home).missing == ()
    desk.start()


# --- a disk that is full ----------------------------------------------------------------------------------------------


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_ends_the_relay_with_what_to_do(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 6, not a fault of the program (docs/operations.md 7): whichever file of the home is the first."""
    relay = desk.relay
    monkeypatch.setattr(quarantine_file, "put_head", _full)
    with pytest.raises(FatalError, match=r"cannot write in .*No space left on device.*check the disk"):
        await relay._heads()

    def spool_full(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(relay._spool, "waiting", spool_full)
    relay.gated = True  # it waits for nobody at its start
    for link in relay._links.values():
        monkeypatch.setattr(link, "run", _never)
    with pytest.raises(ExceptionGroup) as ended:
        await relay.run("test")
    assert [type(error) for error in ended.value.exceptions] == [FatalError]
    relay.close()
    desk.start()  # the stores were closed all the same


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


# --- killed while it resumes ------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone at this point."""


async def _lost(desk: Desk, tmp_path: Path) -> list[StoredLeaf]:
    """An old copy in the place of a log that had grown by leaves that the coalition holds; those leaves."""
    old = tmp_path / "old.sqlite"
    desk.relay.close()
    copy_log(desk.channel.log_file, old)
    desk.start()
    size = desk.relay.core.committed_size
    desk.hello(*PARTIES)
    desk.put("coalition", TokenItem(token=desk.token("coalition").decode()))
    await desk.relay.turn()
    await desk.relay.start("test")
    leaves, note = list(desk.relay._store.leaves(size)), desk.relay.core.note
    desk.relay.close()
    desk.channel.log_file.unlink()
    restoring.restore(desk.home, old, NOW_MS)
    (desk.home / "shown").write_text(note, encoding="utf-8")
    desk.start()
    return leaves


async def _handed_back(desk: Desk, leaves: list[StoredLeaf]) -> None:
    note = (desk.home / "shown").read_text(encoding="utf-8")
    size = desk.relay.core.committed_size
    held = tuple(
        ReturnedLeaf(index=leaf.index, stamp=leaf.stamp, token=leaf.token.decode())
        for leaf in leaves
        if leaf.index >= size
    )
    for party in PARTIES:
        desk.put(party, ShownItem(note=note), ReturnedItem(start=size, leaves=held, done=True))
    await desk.relay.turn()


async def test_alerts_among_the_leaves_that_are_back_are_shown(desk: Desk, tmp_path: Path) -> None:
    """Nobody raised them in this process (9.3.6)."""
    leaves, recalled = await _lost(desk, tmp_path), list[int]()

    class Screen(Silent):
        def recall(self) -> None:
            recalled.append(desk.relay.core.committed_size)

    desk.relay._sink = Screen()
    await _handed_back(desk, leaves)
    assert recalled == [leaves[-1].index + 1]


@pytest.mark.parametrize("step", ["before the commit", "after it", "before it is over", "after it is over"])
async def test_killed_at_any_step_it_resumes_with_the_same_leaves(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    leaves = await _lost(desk, tmp_path)
    relay, append, over = desk.relay, desk.relay._store.append, quarantine_file.settled

    def appended(*rows: Any) -> None:
        if step == "after it":
            append(*rows)
        raise Killed

    def settled(home: Path) -> None:
        if step == "after it is over":
            over(home)
        raise Killed

    if step in ("before the commit", "after it"):
        monkeypatch.setattr(relay._store, "append", appended)
    else:
        monkeypatch.setattr(quarantine_file, "settled", settled)
    with pytest.raises(Killed):
        await _handed_back(desk, leaves)
    monkeypatch.undo()
    relay._store.close()
    relay._spool.close()
    desk.start()
    if step != "after it is over":
        assert desk.relay.guard.closed, "until it has made sure"
        await _handed_back(desk, leaves)
    assert not desk.relay.guard.closed
    assert [leaf for leaf in desk.relay._store.leaves() if leaf.index >= leaves[0].index][: len(leaves)] == leaves


def test_a_copy_that_lies_where_restore_works_is_not_lost(desk: Desk) -> None:
    """What a restore that was interrupted left behind, named as the copy."""
    desk.relay.close()
    part = desk.home / "log.restored.sqlite"
    copy_log(desk.channel.log_file, part)
    desk.channel.log_file.unlink()
    restored = restoring.restore(desk.home, part, NOW_MS)
    assert restored.size == desk.start().core.committed_size
