"""`asof infer`: the schema that rows have, to be pasted into a definition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import show

if TYPE_CHECKING:
    from asof.ingest.schema.inferred import Inferred


@click.command(cls=Command, examples=["asof infer orders", "asof infer 'data/orders-*.csv'"])
@click.argument("source", metavar="SOURCE|PATTERN")
@click.pass_obj
def infer(asked: Invocation, source: str) -> None:
    """Print the schema that rows have.

    Of a defined source, or of files by a pattern or an address. The types are the narrowest that hold
    all values of the first million rows or so; the same rows always give the same schema.
    """
    with asked.open() as project:
        found = project.infer(source)
    record = {"rows": found.rows, "schema": [[name, type] for name, type in found.columns.items()]}
    show(asked, record, lambda: _print(found))


def _print(found: Inferred) -> None:
    click.echo(f"# from {number(found.rows)} rows\nschema={{")
    for name, line in _lines(found.columns).items():
        comment = "  # names that start with _ can't be declared" if name.startswith("_") else ""
        click.echo(f"    {'# ' if comment else ''}{line}{comment}")
    click.echo("},")


def _lines(columns: Mapping[str, str | None]) -> dict[str, str]:
    from asof.features.types import DType

    return {
        name: f"{json.dumps(name)}: {DType(type or 'string')!r}," + ("" if type else "  # null in all rows")
        for name, type in columns.items()
    }
