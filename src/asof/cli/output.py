"""Printing results: as tables and lines for people, as JSON for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import click

from asof.cli.invocation import Invocation

Columns = Mapping[str, Literal["left", "right"]]
UNLIMITED = 10_000


def show(asked: Invocation, data: object, text: Callable[[], None]) -> None:
    """Print a result: `data` as one JSON document where that was asked for, else what `text` prints."""
    if asked.json:
        print_json(data)
    else:
        text()


def print_json(data: object, *, err: bool = False) -> None:
    """Print JSON data: on one line, or indented on a terminal. Times are ISO text, decimals text."""
    import msgspec

    document = msgspec.json.encode(data, enc_hook=_plain)
    if (sys.stderr if err else sys.stdout).isatty():
        document = msgspec.json.format(document, indent=2)
    click.echo(document.decode(), err=err)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def print_error(error: BaseException, message: str, *, as_json: bool, prefix: str = "error") -> None:
    """Print an error on stderr, as lines or as JSON."""
    if as_json:
        print_json({"error": {"type": type(error).__name__, "message": message}}, err=True)
    else:
        click.secho(f"{prefix}: ", fg="red", bold=True, nl=False, err=True, color=_color())
        click.echo(message, err=True)


def _color() -> bool | None:
    """False where colours are not wanted; None leaves it to whether the stream is a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def print_table(columns: Columns, rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
    """Print rows under headers; on a terminal no wider than it is, elsewhere as wide as they are.

    The first column, which names things, is not broken.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, (name, side) in enumerate(columns.items()):
        table.add_column(name, justify=side, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _print(Padding(table, (0, 0, 0, indent), expand=False))


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and what they are, indented, one a line."""
    width = max(map(len, facts), default=0)
    for name, fact in facts.items():
        click.echo(f"  {name:<{width}}  {fact}")


def _print(renderable: Any) -> None:
    from rich.console import Console

    width = None if sys.stdout.isatty() else UNLIMITED
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))
