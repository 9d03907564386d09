"""The operator's own layers of the map: GeoJSON files and MBTiles in one directory, read as they are asked for."""

from __future__ import annotations

import re
from pathlib import Path

import apsw

from channel.console.shapes_beside import LayerShown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LAYERS_MAX = 50
LAYER_BYTES_MAX = 20 * 1024 * 1024  # a browser draws it whole
ZOOM_MAX = 24
_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def listed(directory: Path | None) -> tuple[LayerShown, ...]:
    """What there is, by name."""
    if directory is None or not directory.is_dir():
        return ()
    found = (_shown(path) for path in sorted(directory.iterdir()) if NAME.fullmatch(path.stem))
    return tuple(one for one in found if one is not None)[:LAYERS_MAX]


def _shown(path: Path) -> LayerShown | None:
    name = path.stem
    if path.suffix == ".geojson" and path.stat().st_size <= LAYER_BYTES_MAX:
        return LayerShown(name=name, kind="geojson", url=f"/layers/{name}.geojson", min_zoom=None, max_zoom=None)
    if path.suffix != ".mbtiles":
        return None
    try:
        known = dict(_read(path, "SELECT name, value FROM metadata WHERE name IN ('minzoom', 'maxzoom')", ()))
    except apsw.Error:
        return None
    zooms = [int(str(known[key])) if str(known.get(key, "")).isdecimal() else None for key in ("minzoom", "maxzoom")]
    return LayerShown(
        name=name, kind="tiles", url=f"/layers/{name}/{{z}}/{{x}}/{{y}}", min_zoom=zooms[0], max_zoom=zooms[1]
    )


def layer(directory: Path | None, name: str) -> bytes | None:
    """A GeoJSON layer's bytes."""
    path = _path(directory, name, ".geojson")
    return path.read_bytes() if path is not None and path.stat().st_size <= LAYER_BYTES_MAX else None


def tile(directory: Path | None, name: str, z: int, x: int, y: int) -> tuple[bytes, str] | None:
    """(image, its type) of a tile, by the numbers that a map asks with; MBTiles counts rows from the south."""
    path = _path(directory, name, ".mbtiles")
    if path is None or not 0 <= z <= ZOOM_MAX or not 0 <= x < 2**z or not 0 <= y < 2**z:
        return None
    wanted = "SELECT tile_data, 0 FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
    try:
        rows = _read(path, wanted, (z, x, 2**z - 1 - y))
    except apsw.Error:
        return None
    data = rows[0][0] if rows else None
    kind = next((kind for head, kind in _KINDS.items() if isinstance(data, bytes) and data.startswith(head)), None)
    return (bytes(data), kind) if isinstance(data, bytes) and kind is not None else None


def _path(directory: Path | None, name: str, suffix: str) -> Path | None:
    if directory is None or NAME.fullmatch(name) is None:
        return None
    path = directory / f"{name}{suffix}"
    return path if path.is_file() else None


def _read(path: Path, sql: str, values: tuple[int, ...]) -> list[tuple[object, object]]:
    db = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY)
    try:
        return [(row[0], row[1]) for row in db.execute(sql, values)]
    finally:
        db.close()
