"""Changing keys: newest by log position, never used before its leaf, gone on with after every interruption."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from channel.ledger import policy
from channel.protocol import ids, keyfile
from channel.protocol.errors import RefusedError, TransientError, UsageError
from channel.protocol.statements import Notice, Revocation
from clients.core import rotation
from clients.core.clock import SteppedClock, random_bytes
from clients.core.drafts import Draft
from clients.core.home import PartyHome
from clients.core.party import Party, QueuedError
from clients.core.rotation import revoke, rotate
from tests.unit.clients.nets import MemoryNet, memory_net

KINDS = ["sig/machine", "sig/desk-operations", "wit", "enc", "root"]


@pytest_asyncio.fixture
async def net(tmp_path: Path) -> AsyncIterator[MemoryNet]:
    async with memory_net(tmp_path) as made:
        assert isinstance(made, MemoryNet)
        yield made


def keys(party: Party, kind: str) -> list[str]:
    """Labels of the valid keys of a kind, the newest first."""
    ledger = party.ledger
    return [one.kid.partition("/")[2] for one in ledger.ring.valid(party.party, kind, ledger.size)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_is_enrolled_used_and_the_old_one_withdrawn(net: MemoryNet, kind: str) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        (old,) = keys(coalition, kind)
        changed = await rotate(coalition, kind, random=random_bytes)
        (new,) = keys(coalition, kind)
        assert (changed.enrolled.kid, [one.kid for one in changed.withdrawn]) == (
            f"coalition/{new}",
            [f"coalition/{old}"],
        )
        assert (new, changed.enrolled.held) == (f"{old.removesuffix('1').rstrip('-/')}{_joint(old)}2", "machine")
        file = coalition.home.keys / keyfile.file_name(new)
        assert file.stat().st_mode & 0o777 == 0o600
        assert (coalition.home.keys / keyfile.file_name(old)).exists(), "what opens old bodies is kept"
        assert coalition.home.public(new) == changed.enrolled.public
        assert await russia.caught_up()
        assert russia.ledger.ring.newest("coalition", kind, russia.ledger.size) == changed.enrolled


def _joint(label: str) -> str:
    return "/" if label in ("wit/1", "enc/1", "root/1") else "-"


async def test_statements_go_on_under_the_new_key_and_what_the_old_one_signed_stays(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        before = await coalition.send(to=["russia"], kind="text", text="one", how="machine")
        await rotate(coalition, "sig/machine", random=random_bytes)
        after = await coalition.send(to=["russia"], kind="text", text="two", how="machine")
        await russia.caught_up()
        signed = [russia.ledger.entries[sent.index].opened.kid for sent in (before, after)]
        assert signed == ["coalition/sig/machine-1", "coalition/sig/machine-2"]
        await rotate(russia, "sig/machine", random=random_bytes)
        third = await coalition.send(to=["russia"], kind="text", text="three")
        await coalition.until(lambda: third.of in _received(coalition))
        assert _received(coalition)[third.of] == "russia/sig/machine-2"


def _received(party: Party) -> dict[str, str]:
    entries = [entry.opened for entry in party.ledger.entries.values() if entry.opened.type == "receiving"]
    return {getattr(opened.body, "of", ""): opened.kid for opened in entries}


async def test_a_withdrawn_key_is_refused_from_then_on(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        stolen = coalition.signer("sig/desk-operations")
        changed = await rotate(coalition, "sig/desk-operations", random=random_bytes, since=4, reason="laptop lost")
        (old,) = changed.withdrawn
        assert old.compromised_since == 4
        draft = coalition.notice(to=["russia"], kind="text", text="by a thief")
        row = coalition.queue(draft, stolen)
        with pytest.raises(RefusedError) as refused:
            await coalition.settled(row.of)
        assert refused.value.code == "key-not-valid"


async def test_another_process_of_the_home_takes_the_new_key_with_its_leaf(net: MemoryNet) -> None:
    async with net.connect("coalition") as running:
        with Party.open(running.home.path, "coalition", SteppedClock(net.lab.relay.now_ms)) as other:
            assert other.signer("sig/machine").kid == "coalition/sig/machine-1"
            await rotate(running, "sig/machine", random=random_bytes)
            row = other.queue(other.notice(to=["russia"], kind="text", text="beside", how="machine"))
            assert row.kid == "coalition/sig/machine-2", "it looks into the store before it signs"
        assert (await running.settled(row.of)).index


async def test_a_new_key_is_not_used_before_its_leaf_is_here(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        assert await coalition.caught_up()
        await net.cut()
        with pytest.raises(QueuedError):
            await rotate(coalition, "sig/machine", random=random_bytes, wait=0.01)
        assert coalition.home.has_key("sig/machine-2")
        assert coalition.signer("sig/machine").kid == "coalition/sig/machine-1"
        waiting = coalition.queue(coalition.notice(to=["russia"], kind="text", text="meanwhile", how="machine"))
        await net.restore()
        changed = await rotate(coalition, "sig/machine", random=random_bytes)
        assert changed.enrolled.kid == "coalition/sig/machine-2", "the change that was begun is gone on with"
        assert keys(coalition, "sig/machine") == ["sig/machine-2"]
        assert (await coalition.settled(waiting.of)).index < (changed.withdrawn[0].until or 0)


STEPS = ["write_key", "_enrol", "_signed_out", "_withdraw"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["enc", "root"])
async def test_a_crash_between_any_two_steps_is_gone_on_with(
    net: MemoryNet, monkeypatch: pytest.MonkeyPatch, kind: str, step: str, when: str
) -> None:
    async with net.connect("coalition") as coalition:
        with monkeypatch.context() as patched:
            _crash(patched, coalition, step, when)
            with pytest.raises(Killed):
                await rotate(coalition, kind, random=random_bytes)
    async with net.connect("coalition") as coalition:
        assert await coalition.caught_up()
        assert keys(coalition, kind), "at no moment is there no valid key"
        done = step == "_withdraw" and when == "after"
        changed = await rotate(coalition, kind, random=random_bytes)
        assert changed.enrolled.kid == f"coalition/{kind}/{3 if done else 2}"
        assert len(keys(coalition, kind)) == 1
        assert coalition.home.public(changed.enrolled.kid.partition("/")[2]) == changed.enrolled.public


class Killed(Exception):
    """The process ends here."""


def _crash(patched: pytest.MonkeyPatch, coalition: Party, step: str, when: str) -> None:
    if step == "write_key":
        write = coalition.home.write_key

        def killed(label: str, seed: bytes, lock: tuple[str, bytes] | None = None) -> None:
            if when == "after":
                write(label, seed, lock)
            raise Killed

        patched.setattr(coalition.home, "write_key", killed)
        return
    original = getattr(rotation, step)

    async def ended(*arguments: object) -> None:
        if when == "after":
            await original(*arguments)
        raise Killed

    patched.setattr(rotation, step, ended)


async def test_a_key_statement_that_another_overtook_is_signed_again(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        stale = coalition.ledger.ring.chain
        await rotate(coalition, "wit", random=random_bytes)
        root = rotation.root_signer(coalition)
        members: dict[str, object] = {"kid": "coalition/enc/1", "reason": "x", "keys": stale}
        row = coalition.queue(Draft(Revocation, members), root)
        with pytest.raises(RefusedError, match="keys-outdated"):
            await coalition.settled(row.of)
        await rotate(coalition, "enc", random=random_bytes)
        assert keys(coalition, "enc") == ["enc/2"]


async def test_what_cannot_be_withdrawn_says_what_to_do(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        for kid, said in {
            "coalition/sig/machine-1": "last valid key of its kind.*party -p coalition key rotate machine",
            "coalition/sig/desk-staff": "party -p coalition key rotate desk staff",
            "coalition/root/1": "party -p coalition key rotate root",
            "russia/wit/1": "not a key of coalition",
            "coalition/wit/9": "not a key of coalition",
        }.items():
            with pytest.raises(UsageError, match=said):
                await revoke(coalition, kid, "because")
        with pytest.raises(UsageError, match="coalition has no desk night key"):
            await rotate(coalition, "sig/desk-night", random=random_bytes)
        with pytest.raises(UsageError, match="a leaf index is from 0 to"):
            await rotate(coalition, "wit", random=random_bytes, since=10_000)


async def test_a_key_of_another_home_is_left_alone_and_can_be_withdrawn(net: MemoryNet) -> None:
    """A lost device: its key's file is not here, so a change here gives this home a key and touches no other."""
    async with net.connect("coalition") as coalition:
        (coalition.home.keys / "sig-machine-1.pem").rename(coalition.home.path / "on-another-machine.pem")
    async with net.connect("coalition") as coalition:
        with pytest.raises(UsageError, match="coalition/sig/machine-1, held elsewhere"):
            await coalition.send(to=["russia"], kind="text", text="x", how="machine")
        changed = await rotate(coalition, "sig/machine", random=random_bytes)
        assert (changed.withdrawn, [one.kid for one in changed.elsewhere]) == ((), ["coalition/sig/machine-1"])
        gone = await revoke(coalition, "coalition/sig/machine-1", "device lost", since=3)
        assert (gone.compromised_since, keys(coalition, "sig/machine")) == (3, ["sig/machine-2"])
        with pytest.raises(UsageError, match="was withdrawn at leaf"):
            await revoke(coalition, "coalition/sig/machine-1", "again")


async def test_the_root_key_may_be_kept_elsewhere(net: MemoryNet, tmp_path: Path) -> None:
    async with net.connect("coalition") as coalition:
        safe = tmp_path / "safe.pem"
        (coalition.home.keys / "root-1.pem").rename(safe)
    async with net.connect("coalition") as coalition:
        with pytest.raises(UsageError, match="--root FILE"):
            await rotate(coalition, "wit", random=random_bytes)
        assert not coalition.home.has_key("wit/2"), "nothing is made before it can be enrolled"
        with pytest.raises(UsageError, match="not a valid root key of coalition"):
            await rotate(coalition, "wit", random=random_bytes, root=coalition.home.keys / "wit-1.pem")
        safe.chmod(0o644)
        with pytest.raises(UsageError, match="chmod 600"):
            await rotate(coalition, "wit", random=random_bytes, root=safe)
        safe.chmod(0o600)
        await rotate(coalition, "wit", random=random_bytes, root=safe)
        assert keys(coalition, "wit") == ["wit/2"]


async def test_a_root_key_is_enrolled_by_the_old_one_which_the_new_one_withdraws(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        stolen = rotation.root_signer(coalition)
        changed = await rotate(coalition, "root", random=random_bytes, since=4, reason="safe opened")
        (old,) = changed.withdrawn
        entries = coalition.ledger.entries
        assert entries[changed.enrolled.after].opened.kid == "coalition/root/1"
        assert entries[old.until or 0].opened.kid == "coalition/root/2", "so it is known to sign"
        assert await russia.caught_up()
        assert russia.ledger.ring.record("coalition/root/1").compromised_since == 4
        members: dict[str, object] = {"kid": "coalition/root/2", "reason": "x", "keys": coalition.ledger.ring.chain}
        row = coalition.queue(Draft(Revocation, members), stolen)
        with pytest.raises(RefusedError, match="key-not-valid"):
            await coalition.settled(row.of)
        await rotate(coalition, "wit", random=random_bytes)
        newest = coalition.ledger.ring.newest("coalition", "wit", coalition.ledger.size)
        assert newest is not None
        assert entries[newest.after].opened.kid == "coalition/root/2"


async def test_a_root_key_that_is_kept_apart_is_changed_too(
    net: MemoryNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe, newer = tmp_path / "safe.pem", tmp_path / "newer.pem"
    async with net.connect("coalition") as coalition:
        (coalition.home.keys / "root-1.pem").rename(safe)
    async with net.connect("coalition") as coalition:
        with monkeypatch.context() as patched:
            _crash(patched, coalition, "_signed_out", "before")
            with pytest.raises(Killed):
                await rotate(coalition, "root", random=random_bytes, root=safe)
        with pytest.raises(UsageError, match="root/1 is valid too, and not in this home"):
            await rotate(coalition, "root", random=random_bytes)
        changed = await rotate(coalition, "root", random=random_bytes, root=safe)
        assert changed.enrolled.kid == "coalition/root/2", "the change that was begun is gone on with"
        assert ([one.kid for one in changed.withdrawn], changed.elsewhere) == (["coalition/root/1"], ())
        (coalition.home.keys / "root-2.pem").rename(newer)
        with pytest.raises(UsageError, match="not a valid root key of coalition"):
            await rotate(coalition, "wit", random=random_bytes, root=safe)
        await rotate(coalition, "wit", random=random_bytes, root=newer)
        assert keys(coalition, "wit") == ["wit/2"]


async def test_a_root_key_is_withdrawn_with_another_one(net: MemoryNet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with net.connect("coalition") as coalition:
        file = coalition.home.keys / "root-1.pem"
        with monkeypatch.context() as patched:
            _crash(patched, coalition, "_withdraw", "before")
            with pytest.raises(Killed):
                await rotate(coalition, "root", random=random_bytes)
        assert keys(coalition, "root") == ["root/2", "root/1"]
        with pytest.raises(UsageError, match=r"with another root key.*--root FILE.*key rotate root"):
            await revoke(coalition, "coalition/root/1", "lost", root=file)
        assert keys(coalition, "root") == ["root/2", "root/1"]
        gone = await revoke(coalition, "coalition/root/2", "lost", since=3)
        assert (keys(coalition, "root"), gone.compromised_since) == (["root/1"], 3)
        assert coalition.ledger.entries[gone.until or 0].opened.kid == "coalition/root/1"
        with pytest.raises(UsageError, match=r"last valid key of its kind.*key rotate root"):
            await revoke(coalition, "coalition/root/1", "lost")


async def test_one_change_at_a_time(net: MemoryNet) -> None:
    async with net.connect("coalition") as coalition:
        with coalition.home.key_lock(), pytest.raises(UsageError, match="another command"):
            await rotate(coalition, "wit", random=random_bytes)


async def test_the_old_key_stays_while_what_it_signed_is_under_way(
    net: MemoryNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with net.connect("coalition") as coalition:
        held = coalition.session.store.queued
        row = coalition.queue(coalition.notice(to=["russia"], kind="text", text="x", how="machine"))
        await coalition.settled(row.of)
        monkeypatch.setattr(coalition.session.store, "queued", lambda: [*held(), row])
        with pytest.raises(TransientError, match="no receipt yet"):
            await rotate(coalition, "sig/machine", random=random_bytes, wait=0.05)
        assert keys(coalition, "sig/machine") == ["sig/machine-2", "sig/machine-1"]
        monkeypatch.undo()
        await rotate(coalition, "sig/machine", random=random_bytes)
        assert keys(coalition, "sig/machine") == ["sig/machine-2"]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("kind", ["sig/machine", "enc"])
async def test_a_home_restored_from_a_copy_does_not_take_another_key_for_its_own(
    net: MemoryNet, tmp_path: Path, kind: str, begun: bool
) -> None:
    """Both homes have the root key, and the copy knows nothing of the newer key, or has begun one under its label."""
    async with net.connect("coalition") as coalition:
        assert await coalition.caught_up()
    copy = tmp_path / "copy"
    shutil.copytree(net.lab.home("coalition").path, copy)
    if begun:
        PartyHome(copy).write_key("enc/2" if kind == "enc" else "sig/machine-2", random_bytes(32))
    async with net.connect("coalition") as coalition:
        await rotate(coalition, kind, random=random_bytes)
    async with net.at("coalition", copy) as restored:
        changed = await rotate(restored, kind, random=random_bytes)
        label = changed.enrolled.kid.partition("/")[2]
        assert restored.home.public(label) == changed.enrolled.public
        assert label.endswith("3")
        newest = restored.signers.record(restored.ledger.ring, kind, restored.ledger.size)
        assert newest == changed.enrolled
        assert [one.kid.rpartition("/")[2][-1] for one in changed.elsewhere] == ["2"], "the other home's is left alone"
        unused = [file.name for file in restored.home.keys.iterdir() if file.name.endswith(".unused")]
        assert len(unused) == begun
        await restored.send(to=["russia"], kind="text", text="it still signs", how="machine")


async def test_what_was_sealed_to_a_key_that_was_changed_meanwhile_is_sealed_anew_once(
    net: MemoryNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, Any] = {"to": ["russia"], "kind": "text", "text": "secret", "seal": True}
    async with net.connect("coalition") as coalition, net.connect("russia") as russia:
        assert await coalition.caught_up()
        behind = net.links.pop("coalition")
        await rotate(russia, "enc", random=random_bytes)
        net.links["coalition"] = behind
        sent = await coalition.send(**said)
        (refusal,) = net.lab.relay.core.folded.ledger.refused
        first, second = coalition.session.store.outbox()[-2:]
        assert (sent.replaces, sent.of, sent.nid) == (refusal, second.of, second.nid)
        assert (first.of, first.code, first.nid != second.nid) == (refusal, "sealed-body", True)
        body = coalition.record(sent.of).body
        assert isinstance(body, Notice)
        assert (body.replaces, body.text) == (refusal, "secret")
        await russia.until(lambda: sent.of in russia.ledger.notices and russia.ledger.notices[sent.of].unsealed)

        monkeypatch.setattr(net.lab.relay.core.bodies, "judge", lambda *_: policy.Refuse("sealed-body", "no key"))
        before = len(coalition.session.store.outbox())
        with pytest.raises(RefusedError, match="sealed-body"):
            await coalition.send(**said)
        assert len(coalition.session.store.outbox()) == before + 2, "what is refused again is told"


def test_a_file_that_is_not_the_enrolled_key_is_found_out(net: MemoryNet) -> None:
    home = net.lab.home("coalition")
    (home.keys / "sig-machine-1.pem").write_bytes(keyfile.to_pem("sig/machine-1", bytes(32)))
    assert ids.b64url(home.public("sig/machine-1")) != ids.b64url(home.public("wit/1"))
    with Party.open(home.path, "coalition") as party, pytest.raises(Exception, match="not the one that was enrolled"):
        party.signer("sig/machine")
