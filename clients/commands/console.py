"""`party console`: the ops console of one party, over its own inbox, with its own key in its own process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.commands.app import app, party_class, run_async, told

if TYPE_CHECKING:
    from channel.console.serving import Serving
    from clients.commands.app import Who
    from clients.core.home import PartyHome


@app.command(epilog="Example: party -p sdf console --port 8810")
def console(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Where to listen. Anything but this machine needs TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; the next that is free if it is taken.", min=0, max=65535)] = 8810,
    origin: Annotated[
        list[str] | None, typer.Option(help="How browsers reach it, like https://console.example; repeat.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    client_ca: Annotated[Path | None, typer.Option(help="CA of client certificates that people sign in with.")] = None,
) -> None:
    """Board, alerts and map of what this party may read; answer and send from there. It keeps the connection, too."""
    with told():
        import structlog

        from channel.console.serving import Serving
        from clients.core.clock import random_bytes, wall_ms

        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        who: Who = context.obj
        home = who.home()
        serving = Serving(
            home.path, host, port, tuple(origin or ()), tls_cert, tls_key, client_ca, False, wall_ms, random_bytes
        )
        run_async(lambda: _serve(serving, home, who.party))


async def _serve(serving: Serving, home: PartyHome, party: str) -> None:
    from clients.commands.console_source import PartySource

    async with party_class(home).connect(home.path, party) as client:
        await serving.run(PartySource(client), sys.stdout, until=client.runtime.failed)
        if client.runtime.failure is not None:
            raise client.runtime.failure
