"""`asof get` and `asof serve`: features looked up online."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import moment_of_ns
from asof.cli.invocation import Invocation
from asof.cli.output import print_json, print_table, show

if TYPE_CHECKING:
    from asof.serving.vectors import Vectors


def key_values(text: str) -> tuple[str, list[str]]:
    """KEY=VALUE, or KEY=VALUE,VALUE,... for several entities."""
    key, equals, values = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE, as in customer_id=42")
    return key, values.split(",")


@click.command(
    cls=Command,
    examples=["asof get churn_model household_id=16", "asof get churn_model household_id=14,16,22"],
)
@click.argument("service")
@click.argument("keys", metavar="KEY=VALUE...", nargs=-1, required=True, type=key_values)
@click.pass_obj
def get(asked: Invocation, service: str, keys: Sequence[tuple[str, list[str]]]) -> None:
    """Look the features of entities up online.

    Give each key of the service's entities once, and so each column that comes with a request;
    several values with commas look several entities up. Each value has a status: present, null,
    expired (older than its ttl), or not_found (no row of that entity).
    """
    given = _entities(keys)
    with asked.open() as project:
        asks = project.lookup.service(service).request
        entities = [{name: row[name] for name in row if name not in asks} for row in given]
        request = [{name: row[name] for name in row if name in asks} for row in given]
        vectors = project.get(service, entities, request=request if asks else None)
    show(asked, _record(vectors) if asked.json else None, lambda: _print_vectors(vectors))


@click.command(
    cls=Command,
    examples=[
        "asof serve --port 6566",
        "curl 'http://127.0.0.1:6566/v1/services/churn_model/features?household_id=14'",
    ],
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=6566,
    show_default=True,
    help="The port to listen on; 0 for a free one.",
)
@click.pass_obj
def serve(asked: Invocation, host: str, port: int) -> None:
    """Serve lookups over HTTP until Ctrl-C.

    Needs the extra 'serve'. Only this machine can reach it unless --host says otherwise; then it
    answers the clients in asof.toml alone, each with a key, and what it may look up and push.
    """
    from asof.server import access_of, tls_of
    from asof.serving.http import serve as serve_http

    with asked.open() as project:
        name = project.settings.name
        try:
            serve_http(
                project.lookup,
                host,
                port,
                access=access_of(project.settings),
                tls=tls_of(project.settings),
                on_start=lambda url: _say_where(asked, name, url),
            )
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)


def _entities(keys: Sequence[tuple[str, list[str]]]) -> list[dict[str, str]]:
    """One mapping of keys for each entity; a key with one value has it in all of them."""
    names = [name for name, _ in keys]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"key {name!r} is given twice; give its values as {name}=1,2,3")
    count = max(len(values) for _, values in keys)
    for name, values in keys:
        if len(values) not in (1, count):
            raise click.UsageError(f"key {name!r} has {len(values)} values; give 1 or {count}")
    columns = {name: values * (count if len(values) == 1 else 1) for name, values in keys}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _record(vectors: Vectors) -> object:
    """The answer as the HTTP server gives it."""
    import msgspec

    from asof.serving.wire import answer, write

    return msgspec.Raw(write(answer(vectors, details=True)))


def _print_vectors(vectors: Vectors) -> None:
    click.echo(f"{vectors.service}, complete up to {moment_of_ns(vectors.as_of)}")
    parts = zip(vectors.keys, vectors.rows, vectors.statuses, strict=True)
    for key, row, statuses in parts:
        named = zip(vectors.key_types, key, strict=True)
        click.echo("\n" + ", ".join(f"{name}={value}" for name, value in named))
        rows = [
            (name, "-" if value is None else str(value), status)
            for name, value, status in zip(vectors.names, row, statuses, strict=True)
        ]
        print_table({"feature": "left", "value": "right", "status": "left"}, rows, indent=2)


def _say_where(asked: Invocation, project: str, url: str) -> None:
    if asked.json:
        print_json({"url": url})
    else:
        click.echo(f"Serving {project} at {url} (stop with Ctrl-C)")
