"""The console's application: routes behind the guard, errors as JSON, its OpenAPI document. It opens no socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic.json_schema import models_json_schema
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from channel.console import routes_act, routes_admin, routes_look, routes_open, routes_people, routes_take, shapes
from channel.console.access import Refused
from channel.console.asked import UnreadableError
from channel.console.console import Console, signed_in
from channel.console.guard import Guard, trouble
from channel.console.queue import UnknownAlertError, UnknownNoticeError
from channel.protocol.errors import ChannelError, RefusedError, TransientError, UsageError

GZIP_BYTES_MIN = 2_048
_OPTION = re.compile(r"(?<!\S)--(?=[a-z])")
ROUTERS = tuple(
    routes.router for routes in (routes_people, routes_look, routes_take, routes_act, routes_admin, routes_open)
)


def application(console: Console) -> ASGIApp:
    """The whole console for an ASGI server. It polls its source while it runs."""
    return Guard(GZipMiddleware(build(console), minimum_size=GZIP_BYTES_MIN), console.access, console.place)


def build(console: Console | None) -> FastAPI:
    """The routes, without the guard; without a console only for their description."""
    app = FastAPI(
        title="Deconfliction channel: console",
        version="1",
        openapi_url=None,
        docs_url=None,  # they would load scripts from outside
        redoc_url=None,
        lifespan=_polled,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.console = console
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route(
        "/api/v1/openapi.json", _openapi, include_in_schema=False, dependencies=[Depends(signed_in("viewer"))]
    )
    for kind, handler in ((Refused, _refused), (ChannelError, _failed), (RequestValidationError, _invalid)):
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]
    app.add_exception_handler(ValidationError, _unstateable)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    return app


@contextlib.asynccontextmanager
async def _polled(app: FastAPI) -> AsyncIterator[None]:
    live = app.state.console.live
    polling = asyncio.create_task(live.run(), name="console-live")
    try:
        yield
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
        live.close()


# --- errors -----------------------------------------------------------------------------------------------------------


async def _refused(_: Request, error: Refused) -> Response:
    return JSONResponse(trouble(error.code, error.detail), error.status)


async def _failed(request: Request, error: ChannelError) -> Response:
    match error:
        case RefusedError(code=code, detail=detail):
            gone = await request.is_disconnected()  # then nobody is told, and it is to be an alarm
            return JSONResponse(trouble(code, detail), 409, background=None if gone else BackgroundTask(error.told))
        case UnknownAlertError() | UnknownNoticeError():
            return JSONResponse(trouble(error.code, str(error)), 404)
        case UnreadableError(code=code, value=value):
            return JSONResponse(trouble(code, _spoken(error), value), 400)
        case UsageError():
            return JSONResponse(trouble(error.code, _spoken(error)), 400)
        case TransientError():
            return JSONResponse(trouble("unreachable", str(error)), 503)
    return JSONResponse(trouble("failed", str(error)), 500)


def _spoken(error: UsageError) -> str:
    """Without the dashes of a command's options: nobody types one here."""
    return _OPTION.sub("", str(getattr(error, "detail", error)))


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    """What is wrong and where, never what was sent: it may be a password."""
    found = [f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors()]
    return JSONResponse(trouble("invalid", "; ".join(found)[:500]), 422)


async def _unstateable(request: Request, error: ValidationError) -> Response:
    """What cannot be a statement: nothing was signed. Where nobody asked for one, it is a fault of ours."""
    if request.method in ("GET", "HEAD"):
        raise error
    found = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return JSONResponse(trouble("usage", f"this cannot be stated: {'; '.join(found)}"[:500]), 400)


async def _http(_: Request, error: HTTPException) -> Response:
    return JSONResponse(trouble("http", str(error.detail)), error.status_code)


# --- OpenAPI ----------------------------------------------------------------------------------------------------------


async def _openapi(request: Request) -> Response:
    return JSONResponse(openapi(request.app))


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document, with what only the live socket says among its components."""
    document = app.openapi()
    spoken = [(model, "serialization") for model in (shapes.View, shapes.Change, shapes.Tick)]
    _, schemas = models_json_schema(spoken, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    components = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in schemas["$defs"].items():
        components.setdefault(name, schema)
    return document


def document() -> dict[str, Any]:
    """The OpenAPI document of any console."""
    return openapi(build(None))
