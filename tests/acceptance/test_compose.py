"""docker-compose.yml, read by Compose itself but without Docker: it parses, it is locked down, its commands exist."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
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


def test_there_is_a_broker_and_one_relay(services: dict[str, Any]) -> None:
    assert set(services) == {"broker", "relay"}
    assert services["relay"].get("scale", 1) == 1, "one writer per log"


@pytest.mark.parametrize("name", ["broker", "relay"])
def test_a_service_can_do_no_more_than_it_needs(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert not service.get("privileged")
    assert {volume["target"] for volume in service["volumes"]} == {"/channel"}


@pytest.mark.parametrize("name", ["broker", "relay"])
def test_a_service_is_watched_and_started_again(services: dict[str, Any], name: str) -> None:
    assert services[name]["restart"] == "unless-stopped"
    assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_only_the_port_with_mutual_tls_is_published(services: dict[str, Any]) -> None:
    published = [(name, port["target"]) for name, service in services.items() for port in service.get("ports", [])]
    assert published == [("broker", 8883)]


@pytest.mark.parametrize("name", ["broker", "relay"])
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
