"""Routes that need no session: the page itself, its assets, and whether the console is well."""

from __future__ import annotations

import mimetypes
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import FileResponse, HTMLResponse, JSONResponse

from channel.console.access import Refused
from channel.console.console import Console, console_of
from channel.console.guard import LOOPBACK
from channel.console.metrics import exposition

router = APIRouter(include_in_schema=False)
read = partial(router.api_route, methods=["GET", "HEAD"])
Here = Annotated[Console, Depends(console_of)]
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Console</title>
<h1>The console's pages are not built</h1><p>From a checkout, run <code>make console</code>, then load this page again.
The API is there: see docs/console.md.</p></html>
"""
_DATA = Path(__file__).parent / "data"


@read("/healthz")
async def healthz() -> Response:
    """The process answers."""
    return JSONResponse({"ok": True})


@read("/readyz")
async def readyz(here: Here) -> Response:
    """What is shown is up to date with the log."""
    ready = here.live.stale is None and here.live.folded.is_set()
    return JSONResponse({"ready": ready}, 200 if ready else 503)


@read("/metrics")
async def metrics(request: Request, here: Here) -> Response:
    """Numbers for a monitor, in Prometheus' text format: no names and no contents."""
    near = request.client is not None and request.client.host in LOOPBACK
    if not (near or here.metrics_open or request.scope["state"].get("session")):
        raise Refused(403, "not-here", "metrics are for this machine, or for whoever is signed in")
    return Response(await here.live.work(lambda: exposition(here)), media_type="text/plain; version=0.0.4")


@read("/")
async def index(here: Here) -> Response:
    """The page."""
    page = here.static / "index.html"
    return FileResponse(page, media_type="text/html") if page.is_file() else HTMLResponse(NOT_BUILT, 503)


@read("/assets/{name:path}")
async def asset(name: str, here: Here) -> Response:
    """A built file; its name holds its hash, so it never changes."""
    return _file(here.static / "assets", name, "public, max-age=31536000, immutable")


@read("/basemap.geojson")
async def basemap() -> Response:
    """The map below everything, of public data."""
    return _file(_DATA, "basemap.geojson", "public, max-age=86400", "application/geo+json")


def _file(directory: Path, name: str, cache: str, kind: str | None = None) -> Response:
    try:
        found = (directory / name).resolve()
        known = found.is_relative_to(directory.resolve()) and found.is_file()
    except (ValueError, OSError):  # no file can have that name: a NUL, or too long
        known = False
    if not known:
        raise Refused(404, "unknown-file", "there is no such file")
    kind = kind or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    return FileResponse(found, media_type=kind, headers={"Cache-Control": cache})
