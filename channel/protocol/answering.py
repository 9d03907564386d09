"""What a notice, line or call asks for, and which words answer it (protocol.md 6.7). For ledger and verifiers alike."""

from __future__ import annotations

from channel.protocol.statements import Addressed, LineStatement, Notice, Response, Word

WORDS: dict[Response, frozenset[Word]] = {
    Response.WU: frozenset({Word.WILCO, Word.UNABLE, Word.STANDBY}),
    Response.R: frozenset({Word.ROGER, Word.UNABLE, Word.STANDBY}),
    Response.NE: frozenset(),
}
"""What is asked for -> the words that change something; any other is logged and changes nothing."""

READ_BACK = "read-back-mismatch"  # stands before the answer that it says does not count (16.6)


def asked(body: Addressed) -> Response:
    """What is asked for: fixed for lines (a proposal WU, else R) and calls (R)."""
    match body:
        case Notice(response=response):
            return response
        case LineStatement(action="propose"):
            return Response.WU
        case _:
            return Response.R


def lacks_read_back(body: Addressed, word: Word, read_back: bool) -> bool:
    """Whether a read-back was asked for and the answer lacks it. UNABLE and STANDBY need none."""
    wanted = isinstance(body, Notice) and body.read_back
    return wanted and not read_back and word in (Word.ROGER, Word.WILCO)
