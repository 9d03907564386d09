"""The operator's own layers on the map: a GeoJSON file and an MBTiles file that a GIS would write."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import apsw
from playwright.sync_api import expect

from tests.browser.stage import START_MS, S, circle

MAGENTA = (255, 0, 200)
"""A colour that nothing else on the page has."""


def _png(colour: tuple[int, int, int], size: int = 256) -> bytes:
    """One tile of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + bytes(colour) * size
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * size)) + chunk(b"IEND", b"")


def _mbtiles(path: Path, zoom_max: int = 6) -> None:
    """MBTiles 1.3: the whole world in one colour, rows counted from the south."""
    db = apsw.Connection(str(path))
    db.execute("CREATE TABLE metadata (name text, value text)")
    db.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
    named = {"name": "survey", "format": "png", "minzoom": "0", "maxzoom": str(zoom_max)}
    db.executemany("INSERT INTO metadata VALUES (?, ?)", list(named.items()))
    image = _png(MAGENTA)
    every = [(z, x, y, image) for z in range(zoom_max + 1) for x in range(2**z) for y in range(2**z)]
    with db:
        db.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", every)
    db.close()


COUNT = """([canvas, colour]) => {
    let found = 0;
    for (const drawn of canvas.querySelectorAll("canvas")) {
        if (!drawn.width || !drawn.height) continue;
        const pixels = drawn.getContext("2d").getImageData(0, 0, drawn.width, drawn.height).data;
        for (let at = 0; at < pixels.length; at += 4)
            if (colour.every((value, band) => Math.abs(pixels[at + band] - value) < 60)) found++;
    }
    return found;
}"""


def _share(page: Any, colour: tuple[int, int, int]) -> float:
    """How much of the map has about that colour."""
    canvas = page.locator(".canvas")
    box = canvas.bounding_box()
    found: int = page.evaluate(COUNT, [canvas.element_handle(), list(colour)])
    return found / (box["width"] * box["height"])


def test_tiles_of_an_mbtiles_file_lie_under_the_picture(stage: Any, visit: Any, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    _mbtiles(layers / "survey.mbtiles")
    stage.notice("coalition", 10 * S, "russia")
    with_tiles: list[str] = []
    page = visit("viewer")
    page.on("response", lambda answer: with_tiles.append(answer.url) if "/layers/survey/" in answer.url else None)
    expect(page.locator(".canvas")).to_have_attribute("data-ready", "true")
    page.wait_for_function(
        "() => performance.getEntriesByType('resource').some(one => one.name.includes('/layers/survey/'))"
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_function(f"""() => (({COUNT})([document.querySelector(".canvas"), {list(MAGENTA)}])) > 10000""")
    assert _share(page, MAGENTA) > 0.2


def test_shapes_of_a_geojson_file_are_drawn_and_a_broken_one_spoils_nothing(
    stage: Any, visit: Any, tmp_path: Path
) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    area = [[[39.9, 35.1], [40.4, 35.1], [40.4, 35.5], [39.9, 35.5], [39.9, 35.1]]]
    route = [[39.5, 35.0], [40.1, 35.33], [40.6, 34.9]]
    shapes = [
        {
            "type": "Feature",
            "properties": {"name": "Hospital zone"},
            "geometry": {"type": "Polygon", "coordinates": area},
        },
        {"type": "Feature", "properties": {"name": "Convoy"}, "geometry": {"type": "LineString", "coordinates": route}},
    ]
    (layers / "humanitarian.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    stage.notice("coalition", 10 * S, "russia")
    page = visit("viewer")
    with page.expect_response("**/layers/humanitarian.geojson") as answer:
        page.reload()
    assert answer.value.status == 200
    expect(page.locator(".canvas")).to_have_attribute("data-ready", "true")
    page.wait_for_load_state("networkidle")
    drawn = page.locator(".canvas").screenshot()
    (layers / "humanitarian.geojson").unlink()
    page.reload()
    expect(page.locator(".canvas")).to_have_attribute("data-ready", "true")
    page.wait_for_load_state("networkidle")
    assert page.locator(".canvas").screenshot() != drawn, "the layer was to be seen"
    (layers / "broken.geojson").write_text("{not json")
    page.reload()
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".canvas")).to_have_attribute("data-features", "1")


def test_labels_stand_anew_when_the_names_of_places_come(stage: Any, visit: Any) -> None:
    at = [401_300_000, 353_160_000]  # its label would lie over the mark of Deir ez-Zor
    of = stage.notice(
        "coalition", 0, "russia", kind="position", precedence="ROUTINE", unit="At the town",
        volumes=[circle(START_MS, at, 50)],
    )  # fmt: skip
    page = visit("viewer", "/#/settings")
    held: list[Any] = []
    page.route("**/basemap.geojson", lambda route: held.append(route))
    page.get_by_role("link", name="Watch").click()
    canvas = page.locator(".canvas")
    expect(canvas).to_have_attribute("data-ready", "true")
    expect(canvas).to_have_attribute("data-features", "1")
    page.evaluate("document.fonts.ready")
    with page.expect_response("**/basemap.geojson") as answer:
        held[0].continue_()
    answer.value.finished()
    expect(canvas).to_have_attribute("data-names", re.compile("[1-9]"))
    page.wait_for_function("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    page.locator(".zoom").evaluate("all => all.style.visibility = 'hidden'")
    came = canvas.screenshot()
    # Chosen and let go again, everything is placed anew.
    page.locator(f".row[data-of='{of}']").click()
    page.keyboard.press("Escape")
    expect(page.locator(".row[aria-selected=true]")).to_have_count(0)
    page.mouse.move(2, 2)
    assert canvas.screenshot() == came


def test_the_place_under_the_pointer_has_room_of_its_own(stage: Any, visit: Any) -> None:
    stage.notice("coalition", 0, "russia")
    page = visit("viewer")
    readout = page.locator("output.readout")
    expect(readout).to_be_hidden()
    before = readout.evaluate("one => one.getBoundingClientRect().width")
    assert before > 150, "labels leave it its place before it is needed"
    page.locator(".canvas").hover()
    expect(readout).to_contain_text("N 40.15")
    assert readout.evaluate("one => one.getBoundingClientRect().width") <= before + 60


def test_the_place_under_a_still_pointer_comes_with_the_map_and_moves_with_it(stage: Any, visit: Any) -> None:
    stage.notice("coalition", 0, "russia")
    page = visit("viewer", "/#/settings")
    held: list[Any] = []
    page.route("**/assets/canvas-*.js", lambda route: held.append(route))
    with page.expect_request("**/assets/canvas-*.js"):
        page.get_by_role("link", name="Watch").click()
    readout = page.locator("output.readout")
    page.locator(".canvas").hover()
    for route in held:
        route.continue_()
    expect(readout).to_contain_text("N 40.15")
    before = readout.text_content()
    page.locator(".canvas").focus()
    page.keyboard.press("ArrowUp")
    expect(readout).not_to_have_text(before)
    page.mouse.move(2, 2)
    expect(readout).to_be_hidden()
