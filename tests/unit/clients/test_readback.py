"""Who answers to us reads back what our notice says, or the relay says that it does not: else our client alarms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from channel.protocol.errors import UsageError
from channel.protocol.statements import Notice, ReadBack
from channel.relay import core
from clients.coalition import Coalition
from clients.core import drafts
from clients.core.areas import Reader
from clients.core.readback import understood
from tests.unit.clients.lab import NOW_MS, Lab, lab_at

WHEN = "2017-09-15T00:10:00.000Z"
RIGHT = ReadBack(place="35.33590,40.14080", time=WHEN, at=(401408000, 353359000), when=WHEN)
OFF = ReadBack(place="35.41680,40.14080", time=WHEN, at=(401408000, 354168000), when=WHEN)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "net") as made:
        yield made


def answered(lab: Lab, readback: ReadBack) -> list[str]:
    """The alarms of the author's client after such an answer."""
    reader = Reader(Coalition.DEFAULTS)
    circle = reader.shapes(circle=["35.3359,40.1408,2km"])
    volumes = reader.volumes(circle, NOW_MS, "+10min", "+40min")
    nid = "015e82d5-c000-7000-8000-000000000001"
    said = lab.say(
        "coalition",
        drafts.notice(nid, to=[{"party": "russia"}], kind="intent", precedence="FLASH", volumes=volumes, text="Strike"),
    )
    lab.settle("coalition", "russia")
    assert isinstance(lab.session("russia").ledger.notices[said.of].body, Notice)
    lab.say("russia", drafts.answer(said.of, "WILCO", readback=readback))
    lab.settle("coalition", "russia")
    lab.tick("coalition")
    return [code for code, _ in lab.session("coalition").alarms]


@pytest.mark.parametrize("readback", [RIGHT, OFF], ids=["right", "off"])
def test_an_honest_relay_gives_no_cause_for_alarm(lab: Lab, readback: ReadBack) -> None:
    assert answered(lab, readback) == []


def test_a_relay_that_lets_a_mismatch_count_is_noticed_by_the_author(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "readback", _Blind)
    assert answered(lab, OFF) == ["read-back-mismatch"]


class _Blind:
    """A relay that does not look."""

    @staticmethod
    def mismatch(*_: object) -> None:
        return None


@pytest.mark.parametrize("time", ["+10min", "now"])
def test_a_time_that_counts_from_now_is_no_read_back_and_is_not_offered_as_one(time: str) -> None:
    with pytest.raises(UsageError) as told:
        understood(Coalition.DEFAULTS, NOW_MS, "35.33590,40.14080", time)
    assert "counts from now, and reads nothing back" in str(told.value)
    assert "write +10min" not in str(told.value)


def test_of_a_time_that_cannot_be_read_the_forms_that_read_back_are_offered() -> None:
    with pytest.raises(UsageError, match="cannot read the time 'soon'; write 2017-09-16T00:30Z, or"):
        understood(Coalition.DEFAULTS, NOW_MS, "35.33590,40.14080", "soon")
    with pytest.raises(UsageError, match="write \\+10min, 2017-09-16T00:30Z, or"):
        Coalition.DEFAULTS.read_time("soon", NOW_MS)
