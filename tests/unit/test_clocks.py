"""The two clocks: scenario time goes on from a file, and the relay's time never goes back or jumps by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import channel.relay.clock as relay_clock
import clients.core.clock as client_clock
from channel.protocol import limits
from channel.protocol.errors import FatalError, InvariantError
from channel.relay.clock import ADJUST_MS, RelayClock, Step

START_MS = 1_505_433_600_000
HOUR_MS = 3_600_000


class Machine:
    """A machine whose wall clock can be set; its monotonic clock cannot."""

    def __init__(self) -> None:
        self.wall = START_MS
        self.mono = 50

    def now_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> int:
        return self.mono

    def run(self, ms: int) -> None:
        self.wall += ms
        self.mono += ms


def _run(machine: Machine, clock: RelayClock, ms: int) -> list[int]:
    """The clock's time at every look, ten a second."""
    seen = []
    for _ in range(0, ms, 100):
        machine.run(100)
        seen.append(clock.now_ms())
    assert seen == sorted(seen)
    return seen


def test_an_undisturbed_clock_is_the_wall_clock() -> None:
    machine = Machine()
    clock = RelayClock(machine)
    assert clock.now_ms() == START_MS
    assert _run(machine, clock, 60_000)[-1] == machine.wall
    assert clock.step() is None


@pytest.mark.parametrize("drift", [-limits.STEP_MS_MAX, -700, 700, limits.STEP_MS_MAX])
def test_a_small_drift_is_slewed_by_at_most_one_percent(drift: int) -> None:
    machine = Machine()
    clock = RelayClock(machine)
    machine.wall += drift
    before = clock.now_ms()
    seen = _run(machine, clock, 10_000)
    assert abs(seen[-1] - before - 10_000) <= 100
    _run(machine, clock, 200_000)
    assert clock.now_ms() == machine.wall
    assert clock.step() is None


@pytest.mark.parametrize("jump", [-HOUR_MS, -limits.STEP_MS_MAX - 1, limits.STEP_MS_MAX + 1, HOUR_MS])
def test_a_step_is_a_value_and_is_not_applied_by_itself(jump: int) -> None:
    machine = Machine()
    clock = RelayClock(machine)
    machine.wall += jump
    seen = _run(machine, clock, 5_000)
    assert seen[-1] == START_MS + 5_000
    step = clock.step()
    assert step is not None
    assert step.new_ms - step.old_ms == jump


def test_a_step_that_goes_away_by_itself_is_forgotten() -> None:
    machine = Machine()
    clock = RelayClock(machine)
    machine.wall += HOUR_MS
    _run(machine, clock, 5_000)
    machine.wall -= HOUR_MS
    _run(machine, clock, ADJUST_MS)
    assert clock.step() is None
    with pytest.raises(InvariantError):
        clock.apply_step()


def test_an_applied_step_forward_is_the_wall_clocks_time_at_once() -> None:
    machine = Machine()
    clock = RelayClock(machine)
    machine.wall += HOUR_MS
    _run(machine, clock, 5_000)
    step = clock.apply_step()
    assert step == Step(START_MS + 5_000, machine.wall)
    assert clock.now_ms() == machine.wall
    assert clock.step() is None


def test_an_applied_step_back_runs_at_half_speed_until_the_wall_clock_has_caught_up() -> None:
    machine = Machine()
    clock = RelayClock(machine)
    machine.wall -= 60_000
    _run(machine, clock, 5_000)
    step = clock.apply_step()
    assert step.new_ms == step.old_ms - 60_000
    seen = _run(machine, clock, 60_000)
    assert abs(seen[-1] - step.old_ms - 30_000) <= ADJUST_MS
    assert clock.step() is None
    _run(machine, clock, 70_000)
    assert clock.now_ms() == machine.wall


def test_a_further_step_while_it_catches_up_is_seen() -> None:
    machine = Machine()
    clock = RelayClock(machine)
    machine.wall -= 60_000
    _run(machine, clock, 5_000)
    clock.apply_step()
    _run(machine, clock, 10_000)
    machine.wall -= HOUR_MS
    _run(machine, clock, 2 * ADJUST_MS)
    assert clock.step() is not None


def test_a_start_before_the_last_stamp_is_reported_and_never_goes_back() -> None:
    machine = Machine()
    clock = RelayClock(machine, START_MS + HOUR_MS)
    assert clock.behind_ms == HOUR_MS
    assert clock.now_ms() == START_MS + HOUR_MS
    assert clock.step() == Step(START_MS + HOUR_MS, START_MS)
    clock.apply_step()
    assert clock.behind_ms == 0
    assert RelayClock(machine, START_MS - HOUR_MS).behind_ms == 0


def test_stamps_never_decrease() -> None:
    clock = RelayClock(Machine())
    assert clock.stamp(START_MS - 5) == START_MS
    assert clock.stamp(START_MS + 5) == START_MS + 5


def test_a_stepped_clock_stands_still_and_never_goes_back() -> None:
    for module in (relay_clock, client_clock):
        clock = module.SteppedClock(START_MS)
        clock.set(START_MS + 10)
        assert (clock.now_ms(), clock.monotonic_ms()) == (START_MS + 10, START_MS + 10)
        with pytest.raises(InvariantError):
            clock.set(START_MS)


def test_a_stepped_clock_drives_the_relays_exactly() -> None:
    stepped = relay_clock.SteppedClock(START_MS)
    clock = RelayClock(stepped)
    for now_ms in (START_MS + 1, START_MS + 15_000, START_MS + HOUR_MS):
        stepped.set(now_ms)
        assert clock.now_ms() == now_ms
    assert clock.step() is None


def test_a_homes_time_goes_on_from_its_file(tmp_path: Path) -> None:
    for module in (relay_clock, client_clock):
        home = tmp_path / module.__name__
        home.mkdir()
        assert module.offset_ms(home) == 0
        (home / module.CLOCK_FILE).write_bytes(module.clock_json(START_MS, START_MS + HOUR_MS))
        assert module.offset_ms(home) == -HOUR_MS
        before = module.wall_ms()
        now = module.SystemClock.of_home(home).now_ms()
        assert before - HOUR_MS <= now <= module.wall_ms() - HOUR_MS
        (home / module.CLOCK_FILE).write_text("{}")
        with pytest.raises(FatalError, match="scenario_ms"):
            module.SystemClock.of_home(home)


def test_randomness_comes_in_the_size_that_was_asked_for() -> None:
    for module in (relay_clock, client_clock):
        assert len(module.random_bytes(32)) == 32
        assert 0 <= module.jitter() < 1
