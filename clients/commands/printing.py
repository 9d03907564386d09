"""Lines that a thread of its own prints: who reads slowly, or not at all, holds up nothing else."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Printer:
    """Prints what is `put`, in order. What a stopped terminal or a full pipe does not take waits here: nothing is lost.

    The end of the block waits until all is printed. `failed` hears, from the thread, of what ended the printing.
    """

    def __init__(self) -> None:
        self.failed: Callable[[Exception], None] = lambda _: None
        self._out = sys.stdout
        self._texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # lines are short: a day of them is little
        self._thread = threading.Thread(target=self._print, name="printer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._texts.put(None)
        self._thread.join()

    def put(self, text: str) -> None:
        """Print it when there is room. Returns at once."""
        self._texts.put(text)

    def _print(self) -> None:
        try:
            while (text := self._texts.get()) is not None:
                self._out.write(text)
                self._out.flush()
        except Exception as error:  # noqa: BLE001 - handed to whoever is to end
            self.failed(error)
