"""What `--json` calls an error is a promise: docs/operations.md, section 7, lists it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import channel.cli
import channel.console.queue  # with errors of their own, which commands import late
import clients.cli
import clients.core.client
from channel.protocol.errors import ChannelError, UsageError

ROOT = Path(__file__).resolve().parents[3]
SECTION = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("## 7 ")[2].partition("## 8 ")[0]
PROGRAMS = (channel.cli.app, clients.cli.app)


def kinds(of: type[ChannelError] = ChannelError) -> Iterator[type[ChannelError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_kind_of_error_has_a_documented_code_that_is_no_name_of_a_class() -> None:
    codes = {kind.code for kind in kinds()}
    assert codes == {
        "usage",
        "transient",
        "queued",
        "incomplete",
        "fatal",
        "invariant",
        "unknown-alert",
        "unknown-notice",
    }
    assert codes <= set(re.findall(r"`([a-z-]+)`", SECTION.rpartition("| exit code |")[2]))
    assert UsageError("x").code == "usage"
