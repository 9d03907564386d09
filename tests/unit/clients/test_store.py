"""A client's store: numbers are used once, transactions are whole, what was handed out is handed out once."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from channel.protocol import ids
from channel.protocol.envelope import Signer
from channel.protocol.errors import FatalError
from channel.protocol.statements import Check, Seen
from clients.core.store import NO_PIN, LeafRow, OutboxRow, PinRow, Store

CHARTER = ids.sha256(b"a charter")
SIGNER = Signer("alpha/sig/desk-operations", b"\x01" * 32)


def check(seq: int, prev: str) -> Check:
    return Check(
        net="river-line",
        from_="alpha",
        desk="operations",
        issued="2017-09-15T00:00:00.000Z",
        seen=Seen(size=0, root=ids.sha256(b"")),
        seq=seq,
        prev=prev,
        state="on-watch",
    )


def queue(store: Store) -> OutboxRow:
    return store.sign_and_queue(check, SIGNER, created_ms=1, due_ms=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "client.sqlite"


def test_a_new_store_is_empty_and_private(path: Path) -> None:
    store = Store(path, CHARTER)
    assert (store.leaves(), store.outbox(), store.pin()) == ([], [], NO_PIN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_first_statement_of_a_key_follows_the_charter_and_each_next_one_the_one_before(path: Path) -> None:
    store = Store(path, CHARTER)
    seen: list[tuple[int, str]] = []

    def build(seq: int, prev: str) -> Check:
        seen.append((seq, prev))
        return check(seq, prev)

    rows = [store.sign_and_queue(build, SIGNER, created_ms=1, due_ms=2) for _ in range(3)]
    assert seen == [(1, CHARTER), (2, rows[0].of), (3, rows[1].of)]
    assert store.queued() == rows
    store.close()


def test_what_is_queued_is_the_same_bytes_after_a_crash(path: Path) -> None:
    row = queue(Store(path, CHARTER))  # never closed
    again = Store(path, CHARTER)
    assert again.queued() == [row]
    assert queue(again).token != row.token
    again.close()


def test_a_statement_that_cannot_be_made_uses_up_no_number(path: Path) -> None:
    store = Store(path, CHARTER)

    def broken(seq: int, prev: str) -> Check:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.sign_and_queue(broken, SIGNER, created_ms=1, due_ms=2)
    assert queue(store).of == ids.sha256(store.queued()[0].token)
    assert len(store.outbox()) == 1
    store.close()


def test_two_processes_never_use_one_number_twice(path: Path) -> None:
    Store(path, CHARTER).close()
    code = (
        "import sys; from pathlib import Path; from tests.unit.clients.test_store import *; "
        f"store = Store(Path({str(path)!r}), CHARTER); [queue(store) for _ in range(40)]; store.close()"
    )
    children = [subprocess.Popen([sys.executable, "-c", code], cwd=Path.cwd()) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    store = Store(path, CHARTER)
    rows = store.outbox()
    assert len(rows) == len({row.of for row in rows}) == 120
    assert queue(store).of not in {row.of for row in rows}
    store.close()


def test_many_processes_may_open_a_new_store_at_once(path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.unit.clients.test_store import *; "
        f"store = Store(Path({str(path)!r}), CHARTER); queue(store); store.close()"
    )
    children = [subprocess.Popen([sys.executable, "-c", code], cwd=Path.cwd()) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]


def test_another_connection_learns_of_changes(path: Path) -> None:
    ours, other = Store(path, CHARTER), Store(path, CHARTER)
    assert not ours.changed()
    queue(other)
    assert ours.changed()
    assert not ours.changed()
    queue(ours)
    assert not ours.changed(), "own writes are known without asking"
    ours.close()
    other.close()


def test_one_of_many_hands_a_notice_out(path: Path) -> None:
    ours, other = Store(path, CHARTER), Store(path, CHARTER)
    assert ours.show("notice")
    assert not other.show("notice")
    assert not ours.show("notice")
    assert ours.shown() == {"notice"}
    ours.close()
    other.close()


def test_a_transaction_is_whole_or_nothing(path: Path) -> None:
    store = Store(path, CHARTER)

    def write() -> None:
        with store.transaction():
            store.put_pin(PinRow(3, ids.sha256(b"root"), "note"))
            queue(store)
            store.put_leaves([LeafRow(1, 0, 5, b"a"), LeafRow(2, 0, 5, b"b")])  # one index twice

    with pytest.raises(FatalError):
        write()
    assert (store.pin(), store.outbox(), store.leaves()) == (NO_PIN, [], [])
    store.put_leaves([LeafRow(1, 0, 5, b"a"), LeafRow(2, 7, 5, b"b")])
    assert [row.index for row in store.leaves(1)] == [7]
    store.close()


def test_numbers_that_the_relay_knows_are_never_used_again(path: Path) -> None:
    store = Store(path, CHARTER)
    numbers: list[tuple[int, str]] = []

    def build(seq: int, prev: str) -> Check:
        numbers.append((seq, prev))
        return check(seq, prev)

    store.raise_device(SIGNER.kid, 17)
    store.sign_and_queue(build, SIGNER, created_ms=1, due_ms=2)
    store.raise_device(SIGNER.kid, 12, ids.sha256(b"older"))
    store.raise_device(SIGNER.kid, 20, ids.sha256(b"newer"))
    store.sign_and_queue(build, SIGNER, created_ms=1, due_ms=2)
    assert numbers == [(18, CHARTER), (21, ids.sha256(b"newer"))]
    store.close()


def test_a_receipt_or_refusal_settles(path: Path) -> None:
    store = Store(path, CHARTER)
    first, second = queue(store), queue(store)
    assert store.newest_logged() == -1
    store.settle_logged(first.of, 5, 99, b"receipt")
    assert store.newest_logged() == 5
    store.settle_refused(first.of, "schema", "too late", 7)
    store.settle_refused(second.of, "suspended", "russia has suspended", 7)
    assert store.queued() == []
    row = store.outbox_row(first.of)
    assert row is not None
    assert (row.state, row.index, row.stamp, row.receipt, row.code) == ("logged", 5, 99, b"receipt", None)
    assert [entry.state for entry in store.outbox()] == ["logged", "refused"]
    assert store.outbox_row(ids.sha256(b"no")) is None
    store.close()


ADDED = {2: ["cosigned"], 3: ["beat", "proof", "proof_note"], 4: ["tree", "seen"], 5: ["sealed"]}


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_store_of_an_earlier_version_is_brought_up_to_date(path: Path, version: int) -> None:
    Store(path, CHARTER).close()
    connection = apsw.Connection(str(path))
    for table in [table for added, tables in ADDED.items() if added > version for table in tables]:
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    for _ in range(2):
        store = Store(path, CHARTER)
        assert (store.inner("A"), store.queued_bodies(), store.trees()) == (None, {}, [])
        store.close()


def test_a_store_of_another_charter_or_kind_is_refused(path: Path, tmp_path: Path) -> None:
    Store(path, CHARTER).close()
    with pytest.raises(FatalError, match="another charter"):
        Store(path, ids.sha256(b"another"))
    other = tmp_path / "other.sqlite"
    connection = apsw.Connection(str(other))
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(FatalError, match="move it away"):
        Store(other, CHARTER)
    noise = tmp_path / "noise.sqlite"
    noise.write_bytes(b"not a database, and longer than a header" * 100)
    with pytest.raises(FatalError, match="noise"):
        Store(noise, CHARTER)
