"""docker-compose.yml, read by Compose itself but without Docker: it parses, it is locked down, its commands exist."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as Compose understands them, with anchors merged and defaults filled in."""
    reader = os.environ.get("COMPOSE_READER") or shutil.which("docker-compose")
    if reader is None:
        pytest.skip("needs a docker-compose program: `.ci/run` installs one, or name it in COMPOSE_READER")
    command = [reader, "--project-directory", str(ROOT), "-f", str(ROOT / "docker-compose.yml"), "config"]
    read = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    parsed: dict[str, Any] = json.loads(read.stdout)["services"]
    return parsed


def test_there_is_a_broker_one_relay_and_a_console(services: dict[str, Any]) -> None:
    assert set(services) == {"broker", "relay", "console"}
    assert services["relay"].get("scale", 1) == 1, "one writer per log"


@pytest.mark.parametrize("name", ["broker", "relay", "console"])
def test_a_service_can_do_no_more_than_it_needs(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert not service.get("privileged")
    assert {volume["target"] for volume in service["volumes"]} == {"/channel"}


@pytest.mark.parametrize("name", ["broker", "relay", "console"])
def test_a_service_is_watched_and_started_again(services: dict[str, Any], name: str) -> None:
    assert services[name]["restart"] == "unless-stopped"
    assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_only_ports_with_tls_are_published(services: dict[str, Any]) -> None:
    published = [(name, port["target"]) for name, service in services.items() for port in service.get("ports", [])]
    assert sorted(published) == [("broker", 8883), ("console", 8800)]
    assert "--own-tls" in services["console"]["command"]


@pytest.mark.parametrize("name", ["broker", "relay", "console"])
def test_the_commands_of_a_service_exist_with_their_options(services: dict[str, Any], name: str) -> None:
    healthcheck = services[name]["healthcheck"]["test"][1:]
    for command in (services[name]["command"], healthcheck):
        if command[0] != "channel" or importlib.util.find_spec("channel.cli") is None:
            continue
        told = _help(command[1])
        for option in (word for word in command[2:] if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", told), f"{command}: no option {option}"


def _help(subcommand: str) -> str:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    command = [str(PROGRAMS / "channel"), subcommand, "--help"]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert told.returncode == 0, f"channel {subcommand}: {told.stderr}"
    return told.stdout


def test_the_image_holds_only_pinned_packages_and_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    installs = re.findall(r"pip install (.*)", dockerfile)
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)


def test_every_variable_that_a_service_gets_is_one_the_program_reads(services: dict[str, Any]) -> None:
    if importlib.util.find_spec("channel.cli") is None:
        return
    given = {name for service in services.values() for name in service.get("environment", {}) if name != "PATH"}
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "channel").rglob("*.py"))
    # A settings model may spell the name without its prefix, in lower case.
    unread = {name for name in given if name not in text and name.removeprefix("CHANNEL_").lower() not in text}
    assert not unread, f"a variable nobody reads is ignored silently: {sorted(unread)}"


def test_the_services_run_as_plain_processes_from_the_same_home(services: dict[str, Any], tmp_path: Path) -> None:
    """Each service's exact command and environment, with /channel and the port replaced by this machine's."""
    home, port, console = tmp_path / "home", _free_port(), _free_port()
    _channel("init", "--demo", str(home), "--broker-port", str(port))
    running = []
    try:
        for name in ("broker", "relay", "console"):
            service = services[name]
            command = [word.replace("/channel", str(home)) for word in service["command"]]
            command += ["--port", str(console)] if name == "console" else []
            # No container network here: `broker` is this machine, and the demo's certificate names it so.
            given = {key: value.replace("broker", "localhost") for key, value in service["environment"].items()}
            program = [str(PROGRAMS / command[0]), *command[1:]]
            with (tmp_path / f"{name}.log").open("wb") as log:
                running.append(subprocess.Popen(program, env={**os.environ, **given}, stdout=log, stderr=log))
            if name == "broker":
                _until_listening(port, running[-1])
        for name in ("broker", "relay", "console"):
            probe = [word.replace("/channel", str(home)) for word in services[name]["healthcheck"]["test"][1:]]
            probe = [word.replace("8883", str(port)).replace("8800", str(console)) for word in probe]
            probe = [sys.executable if word == "python" else word for word in probe]
            _until_healthy([str(PROGRAMS / probe[0]) if probe[0] == "channel" else probe[0], *probe[1:]])
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, [file.read_text() for file in tmp_path.glob("*.log")]


def _channel(*arguments: str) -> None:
    done = subprocess.run([str(PROGRAMS / "channel"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _until_healthy(probe: list[str]) -> None:
    """As Compose does: a number of tries, of which one must succeed."""
    for _ in range(20):
        environment = {**os.environ, "CHANNEL_BROKER_HOST": "localhost"}
        told = subprocess.run(probe, capture_output=True, text=True, check=False, env=environment)
        if told.returncode == 0:
            return
    raise AssertionError(told.stdout + told.stderr)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            continue
    raise AssertionError("the broker ended")
