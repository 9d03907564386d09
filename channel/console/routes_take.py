"""Routes that hand something out: evidence, dispute reports, the picture as a file, the operator's own map layers."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from channel.console.access import Refused, Session
from channel.console.asked import DisputeAsked
from channel.console.console import Console, console_of, signed_in
from channel.console.kml import kml
from channel.console.layers import layer, listed, tile
from channel.console.routes_look import As, At
from channel.console.shapes_beside import LayerShown
from channel.protocol import ids

router = APIRouter(tags=["take"])
Here = Annotated[Console, Depends(console_of)]
Viewer = Annotated[Session, Depends(signed_in("viewer"))]


@router.get("/api/v1/notices/{of}/bundle", response_class=Response)
async def bundle(of: str, here: Here, who: Viewer) -> Response:
    """The evidence about a notice, to be checked offline with `channel verify`."""
    if not ids.is_hash(of) or of not in here.source.fold.ledger.notices:
        raise Refused(404, "unknown-notice", "there is no such notice in this log")
    here.access.write(who.name, "bundle", of=of)
    async with here.reading:
        data = await here.source.bundle(of)
    return _download(data, "application/json", f"bundle-{of[:12]}.json")


@router.post("/api/v1/dispute", response_class=Response)
async def dispute(asked: DisputeAsked, here: Here, who: Viewer) -> Response:
    """Who is proven to have known what about an area, and when (docs/evidence.md). Only on the operator's console."""
    here.operators_only()
    here.access.write(who.name, "dispute", begin=asked.from_, until=asked.until, party=asked.party, html=asked.html)
    async with here.reading:
        data = await here.source.dispute(asked)
    if not asked.html:
        return Response(data, media_type="application/json")
    return _download(data, "text/html; charset=utf-8", "dispute.html")


@router.get("/api/v1/picture.geojson", response_class=Response)
async def picture_geojson(here: Here, _: Viewer, at: At = None, party: As = None) -> Response:
    """The picture of a moment as a GeoJSON FeatureCollection."""
    found = await here.live.work(lambda: here.picture(at, party))
    return _download(found.model_dump_json().encode(), "application/geo+json", "picture.geojson")


@router.get("/api/v1/picture.kml", response_class=Response)
async def picture_kml(here: Here, _: Viewer, at: At = None, party: As = None) -> Response:
    """The same as KML 2.2."""
    found = await here.live.work(lambda: here.picture(at, party))
    return _download(kml(found.features).encode(), "application/vnd.google-earth.kml+xml", "picture.kml")


@router.get("/layers")
async def layers(here: Here, _: Viewer) -> tuple[LayerShown, ...]:
    """The operator's own layers of the map."""
    return await asyncio.to_thread(listed, here.layers)


@router.get("/layers/{name}.geojson", response_class=Response)
async def one_layer(name: str, here: Here, _: Viewer) -> Response:
    """One of them, as it is on the disk."""
    found = await asyncio.to_thread(layer, here.layers, name)
    if found is None:
        raise Refused(404, "unknown-layer", "there is no such layer")
    return Response(found, media_type="application/geo+json")


@router.get("/layers/{name}/{z}/{x}/{y}", response_class=Response)
async def one_tile(name: str, z: int, x: int, y: int, here: Here, _: Viewer) -> Response:
    """A tile out of an MBTiles file; empty where there is none."""
    found = await asyncio.to_thread(tile, here.layers, name, z, x, y)
    if found is None:
        return Response(status_code=204)
    return Response(found[0], media_type=found[1], headers={"Cache-Control": "private, max-age=3600"})


def _download(data: bytes, kind: str, name: str) -> Response:
    """Always as a file: what is in it never runs as a page of the console's."""
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
