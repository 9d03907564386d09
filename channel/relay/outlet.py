"""Standard output or error of a process whose loop must not wait for whoever reads them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from queue import Full, Queue
from threading import Thread
from typing import TextIO

WAITING_MAX = 10_000  # texts that wait for a reader: some MB
CLOSE_S = 1.0


class Outlet:
    """A stream that may stall (Ctrl-S, a pager, a dead terminal) or end: a thread of its own writes to it.

    It goes past the stream's own buffer, which an ending process would wait for. `lost` is told the reason once for
    each time that texts begin to be lost.
    """

    def __init__(self, stream: TextIO | None, lost: Callable[[str], None]) -> None:
        self._number = -1 if stream is None else stream.fileno()  # None: it was closed before the process began
        self._encoding = "utf-8" if stream is None else stream.encoding
        self._lost, self._losing = lost, False
        self._waiting: Queue[str | None] = Queue(WAITING_MAX)
        self._thread = Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Never waits. A text that finds `WAITING_MAX` others waiting is lost."""
        try:
            self._waiting.put_nowait(text)
        except Full:
            self._lose("nobody reads it")
        return len(text)

    def flush(self) -> None:
        """Nothing: each text is written as soon as it can be."""

    def close(self) -> None:
        """What waits is written, unless that takes longer than `CLOSE_S`."""
        with contextlib.suppress(Full):
            self._waiting.put(None, timeout=CLOSE_S)
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        more = True
        while more:
            texts = [self._waiting.get()]
            while not self._waiting.empty():
                texts.append(self._waiting.get_nowait())
            more = None not in texts
            self._put("".join(text for text in texts if text is not None).encode(self._encoding, "replace"))

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._number, data) :]
            self._losing = False
        except (OSError, ValueError) as error:
            self._lose(str(error))

    def _lose(self, why: str) -> None:
        if not self._losing:
            self._losing = True
            self._lost(why)
