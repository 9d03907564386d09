"""How a run is shown: colours, and how long a line stands before the next. It never influences what happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.text import Text

from channel.protocol.errors import UsageError
from channel.protocol.times import dtg
from channel.scenario.control import Sleep
from channel.scenario.format import Step
from channel.scenario.journal import Journal, Told
from channel.scenario.narration import HELD, Line, Narrator, Tone
from channel.scenario.stepping import Audience, Signed
from channel.scenario.summary import closing

WATCHABLE = "watchable"
FASTEST = "max"
HELD_S = 2.0  # time to read who owes what to whom
ROUTINE_S = 0.12  # routine traffic passes, but visibly
STYLES = {
    Tone.ROUTINE: "",
    Tone.ANSWER: "cyan",
    Tone.ALERT: "bold red",
    Tone.FINDING: "bold magenta",
    Tone.CLEARED: "green",
    Tone.REFUSED: "yellow",
    Tone.ASIDE: "dim",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """`watchable` holds lines; a number is scenario seconds a real second; `max` waits for nothing."""

    held_s: float
    routine_s: float
    speed: float | None

    @classmethod
    def of(cls, text: str) -> Pace:
        """What `--speed` says. UsageError on anything else."""
        if text == WATCHABLE:
            return cls(HELD_S, ROUTINE_S, None)
        if text == FASTEST:
            return cls(0.0, 0.0, None)
        try:
            speed = float(text)
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            raise UsageError(f"a speed is a positive number, {FASTEST} or {WATCHABLE}, not {text!r}")
        return cls(0.0, 0.0, speed)


class Screen(Audience):
    """Shows a run on a terminal or in a file."""

    def __init__(self, journal: Journal, out: TextIO, pace: Pace, *, sleep: Sleep = asyncio.sleep) -> None:
        self._journal = journal
        self._pace = pace
        self._sleep = sleep
        self._narrator = Narrator()
        self._console = Console(file=out, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def signed(self, signed: Signed) -> None:
        """Remember the label and the mark for when the leaf comes."""
        self._narrator.name(signed.of, signed.step.label, mark(signed.step))

    async def told(self, told: Told) -> None:
        """The leaf's lines, each for as long as the pace says."""
        for line in self._narrator.tell(told, self._journal.ledger):
            await self._show(line)

    async def remark(self, at_ms: int, text: str) -> None:
        """A line about something that is no leaf."""
        await self._show(Line(f"   {dtg(at_ms)}   {text}", Tone.ASIDE))

    async def jump(self, from_ms: int, to_ms: int) -> None:
        """At a given speed the jump takes its time."""
        if self._pace.speed is not None and to_ms > from_ms:
            await self._sleep((to_ms - from_ms) / 1000 / self._pace.speed)

    def end(self) -> None:
        """The list of what is still unanswered, and the totals."""
        for text in closing(self._journal.ledger, self._narrator):
            self.say(text)

    def say(self, text: str) -> None:
        """A line about the run itself."""
        self._console.print(text)
        self._console.file.flush()

    def hurry(self) -> None:
        """From now on nothing is held: what happens is live."""
        self._pace = Pace.of(FASTEST)

    async def _show(self, line: Line) -> None:
        text = Text(line.text, style=STYLES[line.tone])
        if line.mark:
            text.append(f" {line.mark}", style="dim italic")
        self._console.print(text)
        self._console.file.flush()
        pause_s = self._pace.held_s if line.tone in HELD else self._pace.routine_s
        if pause_s and line.tone is not Tone.ASIDE:
            await self._sleep(pause_s)


def mark(step: Step) -> str:
    """`{E07; invented: at, place}`: what an entry rests on, and which members nothing gives."""
    entry = step.entry
    parts = [", ".join(entry.source)] if entry.source else []
    if entry.invented:
        parts.append(f"invented: {', '.join(entry.invented)}")
    return f"{{{'; '.join(parts)}}}" if parts else ""
