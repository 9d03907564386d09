"""docs/protocol.md against the code: examples, codes, limits, deadlines, transition tables, stages, cross references.

The document is the authority; where one of these fails, either the text or the code is at fault, and somebody decides.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from channel.ledger import delivery as dl
from channel.log import report
from channel.protocol import canonical, charter, codes, envelope, ids, limits, sealing
from channel.protocol.statements import BY_TYPE, Precedence, Response, Word
from channel.protocol.times import duration_ms

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: ([a-z]+) -->\n```json\n(.*?)\n```", PROTOCOL, re.DOTALL))
CLAUSES = re.findall(r"^#{2,4} (\d+(?:\.\d+)*) ", PROTOCOL, re.MULTILINE)
SOURCES = {
    path: path.read_text(encoding="utf-8") for room in ("channel", "clients") for path in (ROOT / room).rglob("*.py")
}
SEED = bytes(range(32))


def clause(number: str) -> str:
    """The text of one clause, without the clauses inside it."""
    found = re.search(rf"^#{{2,4}} {re.escape(number)} .*?\n(.*?)(?=^#{{2,4}} |\Z)", PROTOCOL, re.MULTILINE | re.DOTALL)
    assert found is not None, f"protocol.md has no clause {number}"
    return found[1]


def rows(number: str) -> list[list[str]]:
    """The cells of the first table of a clause, without its head; back-quotes are taken off cells that are one name."""
    found = re.search(r"(?:^\|.*\n?)+", clause(number), re.MULTILINE)
    assert found is not None, f"clause {number} has no table"
    lines = found[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in row] for row in cells]


def literals(source: str) -> set[str]:
    """Every string that stands in the code."""
    nodes = ast.walk(ast.parse(source))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


# --- examples -------------------------------------------------------------------------------------------------------


def test_every_type_has_an_example_and_no_other_has() -> None:
    assert EXAMPLES.keys() == BY_TYPE.keys()


@pytest.mark.parametrize("type_", sorted(BY_TYPE))
def test_an_example_is_a_valid_payload_that_survives_the_guard(type_: str) -> None:
    body = BY_TYPE[type_].model_validate_json(EXAMPLES[type_], by_alias=True, by_name=False)
    written = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert canonical.dumps(written) == canonical.dumps(json.loads(EXAMPLES[type_])), "a default is left out"
    kid = _kid(type_, written["from"], written.get("desk", "operations"))
    signer = envelope.Signer(kid, SEED)
    opened = envelope.open_token(envelope.seal(body, signer), {kid: signer.public}, net=written["net"])
    assert opened.body == body


@pytest.mark.parametrize("type_", sorted(BY_TYPE))
def test_an_example_with_one_more_member_is_refused(type_: str) -> None:
    with pytest.raises(ValidationError):
        BY_TYPE[type_].model_validate_json(json.dumps({**json.loads(EXAMPLES[type_]), "more": True}))


def _kid(type_: str, party: str, desk: str) -> str:
    """A key that may sign the example, as clause 4.3 says."""
    for row in rows("4.3"):
        if f"`{type_}`" not in row[0] and row[0] != type_:
            continue
        if "`root`" in row[1]:
            return f"{party}/root/1"
        return f"{party}/sig/desk-{desk}" if "desk key" in row[1].split(",")[0] else f"{party}/sig/machine-1"
    raise AssertionError(f"clause 4.3 does not say which key signs a {type_}")


def test_section_six_has_a_clause_for_each_type_in_the_order_of_the_code() -> None:
    titles = re.findall(r"^### 6\.(\d+) `([a-z]+)`", PROTOCOL, re.MULTILINE)
    assert titles == [(str(number), type_) for number, type_ in enumerate(BY_TYPE, start=1)]


# --- codes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "table", "kind"),
    [("12.1", codes.REFUSALS, "final"), ("12.2", codes.BUSY, "temporary")],
)
def test_the_tables_of_refusals_are_those_of_the_code(number: str, table: dict[str, str], kind: str) -> None:
    shown = rows(number)
    assert {row[0]: row[1] for row in shown} == table
    assert all(row[2] == kind and row[3] for row in shown)


def test_the_table_of_unattributable_codes_is_that_of_the_code() -> None:
    assert {row[0]: row[1] for row in rows("3.9")} == codes.UNATTRIBUTABLE


def test_the_table_of_a_verifiers_reasons_is_that_of_the_code() -> None:
    assert {row[0]: row[1] for row in rows("15.5")} == report.REASONS


def test_every_refusal_code_is_given_somewhere() -> None:
    given = set().union(*(literals(text) for path, text in SOURCES.items() if path.name != "codes.py"))
    reserved = {row[0] for row in rows("12.1") if row[3].startswith("reserved")}
    assert codes.REFUSALS.keys() - given == reserved


def test_policy_and_guard_give_no_code_that_is_not_in_the_tables() -> None:
    known = codes.REFUSALS.keys() | codes.BUSY.keys() | codes.UNATTRIBUTABLE.keys()
    calls = re.compile(r"\b(?:Refuse|Wait|Attributable|_Fault)\(\s*\"([a-z-]+)\"")
    given = {code for text in SOURCES.values() for code in calls.findall(text)}
    assert given
    assert given - known == set()


def test_the_table_of_what_a_sealed_notice_can_break_is_that_of_the_code() -> None:
    assert {row[0]: row[1] for row in rows("11.12")} == sealing.CODES


# --- numbers --------------------------------------------------------------------------------------------------------


def test_the_table_of_limits_is_that_of_the_code() -> None:
    shown = {row[0]: int(row[1].replace(",", "")) for row in rows("13")}
    assert shown == {name: value for name, value in vars(limits).items() if name.isupper()}
    assert all(row[2] for row in rows("13"))


def test_the_table_of_deadlines_is_the_default_charters() -> None:
    shown = {row[0]: [duration_ms(cell.replace(" ", "")) for cell in row[1:]] for row in rows("9.2")}
    table = charter.DEFAULT_DEADLINES
    ours = {precedence: table.row(precedence) for precedence in Precedence}
    assert shown == {
        name.value: [row.receipt_ms, row.forward_ms, row.answer_ms, row.staff_ms, row.ministry_ms]
        for name, row in ours.items()
    }


def test_the_empty_root_is_the_one_that_is_printed() -> None:
    assert ids.sha256(b"") in clause("4.6")


# --- the two machines -----------------------------------------------------------------------------------------------


def test_the_custody_table_is_that_of_the_code() -> None:
    stages = (dl.Custody.RECEIVED, dl.Custody.DISPLAYED)
    assert rows("9.1.1") == [[state, *(dl.CUSTODY[state, stage] for stage in stages)] for state in dl.Custody]


def test_the_table_of_the_leg_is_that_of_the_code() -> None:
    legs = {row[0]: row[1:] for row in rows("9.1.2")}
    assert legs == {leg: [dl.LEG[leg, "channel"], dl.LEG[leg, "voice"]] for leg in dl.Leg}


def test_the_answer_table_is_that_of_the_code() -> None:
    shown = {row[0]: [None if cell == "no change" else cell for cell in row[1:]] for row in rows("9.1.3")}
    assert shown == {asked: [dl.REPLY[asked, word] for word in Word] for asked in Response}


def test_every_end_has_a_row() -> None:
    named = {name for row in rows("9.1.4") for name in re.findall(r"[a-z]+", row[0])}
    assert named == {end.value for end in dl.End} - {dl.End.OPEN.value}


def test_every_alert_stage_of_the_ledger_is_in_the_table_of_stages() -> None:
    shown = {row[0] for row in rows("9.3.1")}
    text = "".join(SOURCES[ROOT / "channel" / "ledger" / name] for name in ("delivery.py", "deadlines.py"))
    words = {"receipt", "forward", "answer", "standby", "expired", "silent", "watch", "hole", "equivocation"}
    assert words <= literals(text) & shown


# --- references -----------------------------------------------------------------------------------------------------


def test_the_document_has_its_sections_in_order_and_no_clause_twice() -> None:
    assert [number for number in CLAUSES if "." not in number] == [str(number) for number in range(1, 17)]
    assert len(set(CLAUSES)) == len(CLAUSES)
    parts = [tuple(int(part) for part in number.split(".")) for number in CLAUSES]
    assert parts == sorted(parts)


def test_every_clause_that_the_document_cites_exists() -> None:
    prose = re.sub(r"```.*?```", "", PROTOCOL, flags=re.DOTALL)
    prose = re.sub(r"RFC \d+, sections? [\d.]+(?: and [\d.]+)?", "", prose)
    cited = set(re.findall(r"(?<=[(, ])(\d{1,2}\.\d+(?:\.\d+)?)(?=[).,; ])", prose)) - {"1.0", "3.1.1"}
    cited |= set(re.findall(r"\b[Cc]lauses? (\d+(?:\.\d+)*)", prose)) | set(re.findall(r"\b[Ss]ections? (\d+)", prose))
    assert cited - set(CLAUSES) == set()


def test_every_clause_that_the_code_cites_exists() -> None:
    cite = re.compile(r"protocol\.md(?: sections?| clauses?)? (\d+(?:\.\d+)*)(?:(?:,| to| and) (\d+(?:\.\d+)*))*")
    cited = {
        (path.name, number)
        for path, text in SOURCES.items()
        for found in cite.finditer(text)
        for number in found.groups()
        if number
    }
    assert cited
    assert [where for where in sorted(cited) if where[1] not in CLAUSES] == []
