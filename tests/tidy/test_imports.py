"""Rules of the rooms that the import contracts in pyproject.toml do not see; and those contracts name every room."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.tidy import tree

PURE_ROOMS = ("channel.protocol", "channel.ledger", "channel.picture")
# Of the log, everything is pure but the stores and what guards their files.
LOG_WITH_IO = {"channel.log.sqlite", "channel.log.sqlite_file", "channel.log.postgres", "channel.log.lock"}
NOT_FOR_CLIENTS = (
    "channel.broker",
    "channel.cli",
    "channel.commands",
    "channel.founding",
    "channel.log.lock",
    "channel.log.postgres",
    "channel.log.sqlite",
    "channel.log.sqlite_file",
    "channel.relay",
    "channel.replay",
    "channel.scenario",
    "channel.testing",
)
CLOCKS = {"channel/relay/clock.py", "clients/core/clock.py"}
CLOCK_MODULES = {"time"}
CHANCE_MODULES = {"random", "secrets"}
CLOCK_CALLS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom", "uuid.uuid4")


def _pure() -> list[str]:
    """Every pure room that exists, and each pure module of the log."""
    log = [tree.module(path) for path in tree.sources() if path.parts[:2] == ("channel", "log")]
    modules = [name for name in log if name != "channel.log" and name not in LOG_WITH_IO]
    return sorted([*filter(tree.exists, PURE_ROOMS), *modules])


def _contract(words: str) -> dict[str, list[str]]:
    config = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())
    found = [c for c in config["tool"]["importlinter"]["contracts"] if words in c["name"]]
    assert len(found) == 1, f"expected one contract with {words!r} in its name"
    return found[0]


def test_the_contract_of_pure_rooms_names_every_pure_room_that_exists() -> None:
    assert sorted(_contract("pure rooms import")["source_modules"]) == _pure()


def test_the_contract_of_clients_forbids_every_other_room_that_exists() -> None:
    assert sorted(_contract("clients import")["forbidden_modules"]) == sorted(filter(tree.exists, NOT_FOR_CLIENTS))


def test_every_folder_with_python_files_is_a_package() -> None:
    """Without `__init__` a folder is invisible to the import contracts."""
    folders = {path.parent for path in tree.sources()}
    missing = sorted(str(folder) for folder in folders if not (tree.ROOT / folder / "__init__.py").is_file())
    assert not missing, f"add an __init__.py that says what the room is for: {missing}"


def test_every_room_of_the_channel_has_its_layer() -> None:
    layers = " ".join(_contract("the channel's rooms")["layers"])
    paths = [path for path in tree.sources() if path.parts[0] == "channel"]
    rooms = {path.parts[1] for path in paths if len(path.parts) > 2}
    missing = {room for room in rooms if room not in layers}
    assert not missing, f"name the layer of {sorted(missing)} in pyproject.toml, and here if the room is pure"


@pytest.mark.parametrize("room", _pure())
def test_a_pure_room_imports_nothing_forbidden_not_even_inside_a_function(room: str) -> None:
    forbidden = set(_contract("pure rooms import")["forbidden_modules"])
    wrong = [
        f"{path}:{line}: {name}"
        for path in tree.sources()
        if tree.module(path) == room or tree.module(path).startswith(f"{room}.")
        for line, name in tree.imports(path)
        if name.partition(".")[0] in forbidden
    ]
    assert not wrong, wrong


def test_exactly_two_files_import_a_clock_or_chance() -> None:
    importing = {
        str(path)
        for path in tree.sources()
        for _, name in tree.imports(path)
        if name.partition(".")[0] in CLOCK_MODULES | CHANCE_MODULES or name == "os.urandom"
    }
    assert importing <= CLOCKS, f"time and randomness come in as arguments: {sorted(importing - CLOCKS)}"
    if all((tree.ROOT / clock).is_file() for clock in CLOCKS):
        assert importing == CLOCKS


def test_nothing_else_asks_for_the_present_time() -> None:
    wrong = [
        f"{path}:{line}: {name}()"
        for path in tree.sources()
        if str(path) not in CLOCKS
        for line, name in tree.calls(path)
        if name.endswith(CLOCK_CALLS)
    ]
    assert not wrong, wrong


def test_tests_do_not_sleep_on_the_wall_clock() -> None:
    wrong = [
        f"{path}:{line}: {name}()"
        for path in tree.tracked()
        if path.parts[0] == "tests" and path.suffix == ".py"
        for line, name in tree.calls(path)
        if name == "time.sleep" or (name == "asyncio.sleep" and not _yields_only(path, line))
    ]
    assert not wrong, f"wait for what should happen, not for time to pass: {wrong}"


def test_the_packages_import_nothing_from_the_tests() -> None:
    found = [(path, line, name) for path in tree.sources() for line, name in tree.imports(path)]
    wrong = [f"{path}:{line}: {name}" for path, line, name in found if name.partition(".")[0] == "tests"]
    assert not wrong, wrong


def _yields_only(path: Path, line: int) -> bool:
    """`asyncio.sleep(0)` lets others run and waits for nothing."""
    return "asyncio.sleep(0)" in (tree.text(path) or "").splitlines()[line - 1]
