"""The generated configuration: exact allow-lists, limits, and names that cannot break out of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from channel.broker import nats_config
from channel.broker.nats import find_binary
from channel.protocol.errors import UsageError


def config(
    net: str = "net-1", parties: tuple[str, ...] = ("a", "b"), directory: Path = Path("broker"), **more: Path
) -> str:
    return nats_config(
        net,
        parties,
        mqtt_listen="127.0.0.1:8883",
        native_port=4222,
        store_dir=directory / "data",
        pki_dir=directory / "pki",
        **more,
    )


def allowed(text: str, user: str) -> tuple[list[str], list[str]]:
    """(publish, subscribe) of a user."""
    match = re.search(
        rf'user: "{user}".*?publish: {{ allow: \[(.*?)\] }}.*?subscribe: {{ allow: \[(.*?)\] }}', text, re.S
    )
    assert match is not None
    publish, subscribe = (re.findall(r'"(.*?)"', part) for part in match.groups())
    return publish, subscribe


def test_each_user_has_exactly_its_own_topics() -> None:
    text = config()
    for party in ("a", "b"):
        base = f"dcn.v1.net-1.{party}"
        assert allowed(text, f"CN=party-{party},O=net-1") == (
            [f"{base}.up", f"{base}.presence"],
            [f"{base}.down", "$MQTT.sub.>"],
        )
        assert allowed(text, f"CN=relay-{party},O=net-1") == (
            [f"{base}.down"],
            [f"{base}.up", f"{base}.presence", "$MQTT.sub.>"],
        )
    assert text.count("user: ") == 4
    assert text.count('allowed_connection_types: ["MQTT"]') == 4  # so that the native port is of no use


def test_every_listener_asks_for_certificates_and_nothing_is_monitored() -> None:
    text = config()
    assert text.count("verify_and_map: true") == 2
    assert 'listen: "127.0.0.1:4222"' in text
    assert "sync_interval: always" in text
    assert not re.search(r"http|monitor|no_auth_user|deny", text)


def test_accounts_together_stay_within_the_store() -> None:
    text = config(parties=tuple(f"p{number}" for number in range(16)))
    numbers = [int(size) for size in re.findall(r"max_file: (\d+)MB", text)]
    assert len(numbers) == 17
    assert sum(numbers[1:]) <= numbers[0]


@pytest.mark.parametrize("net", ["", "a", "NET", "a.b.c", "a b c", "net>", "net*", 'net"x'])
def test_a_net_name_cannot_break_out(net: str) -> None:
    with pytest.raises(UsageError):
        config(net=net)


@pytest.mark.parametrize("parties", [(), ("a", "a"), ("relay",), ("a.b",), (">",), ("*",), ("a b",), ('a"',), ("a/b",)])
def test_a_party_name_cannot_break_out(parties: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        config(parties=parties)


def test_the_server_accepts_it_also_with_odd_paths(tmp_path: Path) -> None:
    from channel.broker import make_pki
    from tests.unit.broker.test_pki import NET, NOW_MS, counted

    directory = tmp_path / 'a "quoted" \\ path with blanks, $HOME and ünïcode'
    make_pki(directory / "pki", NET, ["a", "b"], hosts=[], now_ms=NOW_MS, random=counted())  # type: ignore[arg-type]
    file = tmp_path / "nats.conf"
    file.write_text(config(directory=directory, log_file=directory / "nats.log", pid_file=directory / "nats.pid"))
    result = subprocess.run([find_binary(), "-t", "-c", file], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
