"""The outer of a sealed notice: what it may show, its body's recipients, warn areas; and the document's example."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel.protocol import geometry, ids, limits, outer, sealing
from channel.protocol.errors import UsageError
from channel.protocol.forms import Circle, Line, Point, Polygon, Position, Shape
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Charter, Notice
from tests.unit.protocol.sealed_example import SHORTENED, counted, made, shown
from tests.vectors import bodies

SEALED = {"ct": bodies.HASH, "pt": bodies.HASH}
BARE: dict[str, Any] = {"kind": "text", "how": "machine", "volumes": [], "elements": [], "text": "", "sealed": SEALED}


def notice(**changes: Any) -> Notice:
    return cast(Notice, bodies.body("notice", **{**BARE, "read_back": ..., **changes}))


def ring() -> KeyRing:
    charter = Charter.model_validate_json(json.dumps(bodies.charter()), by_alias=True, by_name=False)
    return KeyRing(charter, bodies.HASH)


# --- the example of the document ------------------------------------------------------------------------------------


def test_the_example_of_the_document_is_what_its_inner_payload_gives() -> None:
    example = shown()
    token, jwe = made(example["inner"])
    body = json.loads(jwe)
    body["ciphertext"] = body["ciphertext"][:SHORTENED] + "..."
    assert example["body"] == body
    assert example["outer"]["sealed"] == {"ct": ids.sha256(jwe), "pt": ids.sha256(token)}


def test_the_example_of_the_document_opens_for_an_addressee_and_agrees_with_its_outer() -> None:
    example = shown()
    _, jwe = made(example["inner"])
    carrier = Notice.model_validate_json(json.dumps(example["outer"]), by_alias=True, by_name=False)
    assert carrier.sealed is not None
    assert outer.form_fault(carrier) is None
    inner = sealing.open_inner(jwe, "regime/enc/1", bodies.seed("regime/enc/1"), carrier.sealed)
    kid = "coalition/sig/machine-1"
    opened = sealing.open_inner_notice(inner, {kid: bodies.public(kid)}, carrier)
    said = outer.revealed(carrier, opened.body)
    assert (said.text, said.kind, said.sealed) == (example["inner"]["text"], "site", carrier.sealed)
    assert said.volumes == opened.body.volumes


# --- form -----------------------------------------------------------------------------------------------------------


def test_a_bare_outer_is_in_order_and_one_that_is_not_sealed_is_not_judged() -> None:
    assert outer.form_fault(notice()) is None
    assert outer.form_fault(notice(text="in clear", sealed=...)) is None


SHOWN: dict[str, Any] = {
    "kind": "intent",
    "how": "human",
    "text": "SECRET",
    "volumes": bodies.members("notice")["volumes"],
    "elements": [{"code": "intent-strike", "values": ["SECRET"]}],
    "unit": "SECRET",
    "alleged": "russia",
    "accounts_for": [bodies.HASH],
    "read_back": True,
}


@pytest.mark.parametrize("member", SHOWN)
def test_an_outer_that_shows_what_belongs_inside_is_at_fault(member: str) -> None:
    fault = outer.form_fault(notice(**{member: SHOWN[member]}))
    assert fault is not None
    assert fault.startswith(f"{member}: ")
    assert "SECRET" not in fault


def test_cover_and_absent_are_all_of_the_content() -> None:
    content = sealing.InnerNotice.model_fields.keys() - set(sealing.SAME)
    assert {*outer.COVER, *outer.ABSENT} == content


# --- warn -----------------------------------------------------------------------------------------------------------

BOX = ((400000000, 352000000), (402000000, 352000000), (402000000, 353000000), (400000000, 353000000))
FINE: dict[str, Shape] = {
    "a point": Point(at=(400000000, 352000000), accuracy_m=20_000),
    "a line": Line(path=(BOX[0], BOX[1]), width_m=20_000),
    "a small circle": Circle(center=(400000000, 352000000), radius_m=9_999),
    "a box with a hole": Polygon(rings=(BOX, BOX)),
    "a triangle": Polygon(rings=(BOX[:3],)),
    "a tilted box": Polygon(rings=((BOX[0], BOX[1], BOX[2], (400000001, 353000000)),)),
    "a box that is narrow": Polygon(rings=((BOX[0], (400900000, 352000000), (400900000, 353000000), BOX[3]),)),
    "a box that is low": Polygon(rings=((BOX[0], BOX[1], (402000000, 352800000), (400000000, 352800000)),)),
    "crossed": Polygon(rings=((BOX[0], BOX[2], BOX[1], BOX[3]),)),
}


@pytest.mark.parametrize("name", FINE)
def test_a_warn_that_is_too_fine_is_a_fault(name: str) -> None:
    assert (outer.warn_fault(FINE[name]) or "").startswith("warn: ")


@pytest.mark.parametrize("shape", [Polygon(rings=(BOX,)), Circle(center=BOX[0], radius_m=10_000)])
def test_a_coarse_warn_is_in_order(shape: Shape) -> None:
    assert outer.warn_fault(shape) is None


PLACES = st.tuples(st.integers(-1_790_000_000, 1_790_000_000), st.integers(-840_000_000, 840_000_000))


@given(PLACES, st.integers(0, 5_000))
def test_a_cell_is_coarse_takes_the_place_in_and_lies_on_the_grid(place: Position, reach_m: int) -> None:
    found = outer.cell([Point(at=place, accuracy_m=reach_m)])
    (ring_,) = found.rings
    lons, lats = [lon for lon, _ in ring_], [lat for _, lat in ring_]
    assert outer.warn_fault(found) is None
    assert min(lons) <= place[0] < max(lons)
    assert min(lats) <= place[1] < max(lats)
    assert {*lons, *lats} <= set(range(-1_800_000_000, 1_800_000_001, 1_000_000))
    assert geometry.check_shape(found) is None


def test_places_in_one_cell_give_one_and_the_same_cell() -> None:
    """So the cell tells nothing finer than which one it is."""
    near = [Point(at=(lon, lat), accuracy_m=10) for lon in (400100000, 401900000) for lat in (352100000, 352900000)]
    assert {outer.cell([one]) for one in near} == {Polygon(rings=(BOX,))}


@pytest.mark.parametrize(
    "shapes", [[], [Point(at=(0, 890_000_000), accuracy_m=1)], [Point(at=(1_800_000_000, 0), accuracy_m=1)]]
)
def test_where_there_is_no_cell_the_author_is_told_what_to_do(shapes: list[Shape]) -> None:
    with pytest.raises(UsageError, match="PLACE,RADIUS"):
        outer.cell(shapes)


@given(PLACES)
def test_a_warn_circle_does_not_have_the_place_for_its_centre_and_takes_it_in(place: Position) -> None:
    found = outer.coarse(Circle(center=place, radius_m=limits.WARN_M_MIN))
    assert all(degree % 1_000_000 == 0 for degree in found.center)
    assert geometry.distance_m(found.center, place) < limits.WARN_M_MIN


# --- the body's recipients ------------------------------------------------------------------------------------------


def body_to(*kids: str) -> bytes:
    token, _ = made(shown()["inner"])
    return sealing.seal_inner(token, {kid: bodies.public(kid) for kid in kids}, random=counted("t"))


TO_RUSSIA: dict[str, Any] = {"to": [{"party": "russia"}], "info": []}


def test_a_body_to_each_addressee_is_in_order() -> None:
    assert outer.body_fault(notice(**TO_RUSSIA), body_to("russia/enc/1"), ring(), 5) is None


@pytest.mark.parametrize(
    ("kids", "says"),
    [
        (("coalition/enc/1",), "no key of russia"),
        (("coalition/enc/1", "russia/enc/1"), "coalition too"),
        (("russia/enc/2",), "no key that is valid"),
    ],
)
def test_a_body_to_others_than_the_addressees_is_at_fault(kids: tuple[str, ...], says: str) -> None:
    assert says in (outer.body_fault(notice(**TO_RUSSIA), body_to(*kids), ring(), 5) or "")


def test_what_is_no_body_is_at_fault() -> None:
    assert outer.body_fault(notice(**TO_RUSSIA), b'{"ciphertext":"SECRET"}', ring(), 5)


def test_it_is_sealed_to_the_newest_key_of_each() -> None:
    assert outer.recipient_keys(["russia"], ring(), 5) == {"russia/enc/1": bodies.public("russia/enc/1")}
