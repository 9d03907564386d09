"""`channel console`: the ops console of a channel's operator; its audit, and its sign-in links."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told

console_app = typer.Typer(
    help="The ops console: serve it, check its audit, make a sign-in link.", invoke_without_command=True
)
app.add_typer(console_app, name="console")


@console_app.callback()
def console(
    context: typer.Context,
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Where to listen. Anything but this machine needs TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: any that is free.", min=0, max=65535)] = 8800,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            envvar="CHANNEL_CONSOLE_ORIGIN", help="How browsers reach it, like https://console.example; repeat."
        ),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    own_tls: Annotated[bool, typer.Option(help="TLS with a certificate of the channel's own CA for --origin.")] = False,
    client_ca: Annotated[Path | None, typer.Option(help="CA of client certificates that people sign in with.")] = None,
    metrics_open: Annotated[bool, typer.Option(help="Numbers of /metrics to everybody who reaches the port.")] = False,
    stepped: Annotated[bool, typer.Option("--stepped", hidden=True)] = False,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Serve the console. Example: channel console --home DIR"""
    if context.invoked_subcommand is not None:
        context.obj = home
        return
    with told():
        from channel.commands.console_source import OperatorSource
        from channel.commands.console_tls import own_certificate
        from channel.commands.logs import logged
        from channel.console.serving import Serving, input_ended
        from channel.relay.clock import random_bytes, wall_ms
        from channel.relay.home import ChannelHome

        channel = ChannelHome.open(find_home(home))
        source = OperatorSource(channel, stepped=stepped)
        if own_tls:
            tls_cert, tls_key = own_certificate(channel, tuple(origin or ()))
        serving = Serving(
            channel.path,
            host,
            port,
            tuple(origin or ()),
            tls_cert,
            tls_key,
            client_ca,
            metrics_open,
            wall_ms,
            random_bytes,
        )
        with logged():
            asyncio.run(serving.run(source, sys.stdout, until=input_ended if child else None))


@console_app.command()
def audit(context: typer.Context, home: HomeOption = None, json_output: JsonOption = False) -> None:
    """Does the chain of the audit hold? Exit 1 if not. Example: channel console audit --home DIR"""
    with told(json_output):
        from channel.console.audit import AUDIT_FILE, check

        path = find_home(home or context.obj) / AUDIT_FILE
        found = check(path)
    if json_output:
        print_json({"file": str(path), "lines": found.lines, "head": found.head, "fault": found.fault})
    else:
        fault = "the chain holds" if found.fault is None else f"NOT WHOLE: {found.fault}"
        sys.stdout.write(f"{path}: {found.lines} lines, newest {found.head}; {fault}\n")
    raise typer.Exit(0 if found.fault is None else 1)


@console_app.command()
def openapi() -> None:
    """The OpenAPI document of the console's API. Example: channel console openapi > openapi.json"""
    from channel.console.app import document

    print_json(document())


@console_app.command()
def link(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The user; a new one becomes an admin.")] = "admin",
    origin: Annotated[str, typer.Option(help="How the console is reached.")] = "http://127.0.0.1:8800",
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """A one-time sign-in link, made with the home's files: a lost password. Example: channel console link admin"""
    with told(json_output):
        from channel.console.audit import AUDIT_FILE, Audit
        from channel.console.people import PEOPLE_FILE, People, checked_name
        from channel.relay.clock import random_bytes, wall_ms
        from channel.relay.home import ChannelHome

        channel = ChannelHome.open(find_home(home or context.obj))
        people = People(channel.path / PEOPLE_FILE, random_bytes)
        known = people.users.get(checked_name(name))
        role = "admin" if known is None else known.role
        audit = Audit(channel.path / AUDIT_FILE, console=False)
        try:
            audit.write(wall_ms(), "command", "link", user=name, role=role)
        finally:
            audit.close()
        made = people.make_link(name, role, wall_ms())
        url = f"{origin}/#link={made.token}"
    if json_output:
        print_json({"user": made.name, "link": url})
    else:
        sys.stdout.write(f"open this once, within a day: {url}\n")
