"""`asof quarantine`: rows that could not be taken, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show

if TYPE_CHECKING:
    from asof.project import Project

PREFIX = "quarantine/"
BY = ["stage", "reason"]
MOST_FIRST = [("count_all", "descending"), ("stage", "ascending"), ("reason", "ascending")]


@click.command(cls=Command, examples=["asof quarantine", "asof quarantine transactions --limit 5"])
@click.argument("source", required=False)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many reasons or rows to show.",
)
@click.pass_obj
def quarantine(asked: Invocation, source: str | None, limit: int) -> None:
    """Count the rows that were not taken, or show a source's.

    Without SOURCE: how many rows of each source are in quarantine, by reason. With it: the rows,
    each with where it came from, why it was not taken, and as it stood there.
    """
    with asked.open() as project:
        if source is None:
            counts = _counts(project)
            show(asked, counts, lambda: _print_counts(counts, limit))
        else:
            total, rows = _rows(project, source, limit)
            record = {"source": source, "total": total, "rows": rows}
            show(asked, record, lambda: _print_rows(source, total, rows))


def _counts(project: Project) -> list[dict[str, Any]]:
    """Rows by source, stage and reason, most first within each source."""
    counts: list[dict[str, Any]] = []
    for version in project.tables():
        if version.table.startswith(PREFIX) and version.rows:
            rows = project.workspace.read(version.table, version.version, columns=BY)
            grouped = rows.group_by(BY).aggregate([([], "count_all")]).sort_by(MOST_FIRST)
            source = version.table.removeprefix(PREFIX)
            counts += [_count(source, group) for group in grouped.to_pylist()]
    return counts


def _count(source: str, group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source": source,
        "stage": group["stage"],
        "reason": group["reason"],
        "rows": group["count_all"],
    }


def _rows(project: Project, source: str, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many rows of a source are in quarantine, and the first of them."""
    from asof.features.source import Source

    version = project.workspace.catalogue.current(f"{PREFIX}{source}")
    if version is None:
        project.definitions.named(Source, source)
        return 0, []
    rows = project.workspace.read(version.table, version.version)
    return rows.num_rows, rows.slice(0, limit).to_pylist()


def _print_counts(counts: Sequence[Mapping[str, Any]], limit: int) -> None:
    if not counts:
        click.echo("No row is in quarantine.")
        return
    print_table(
        {"source": "left", "rows": "right", "stage": "left", "reason": "left"},
        [(each["source"], number(each["rows"]), each["stage"], each["reason"]) for each in counts[:limit]],
    )
    _print_more(len(counts) - limit)
    click.echo("\nSee the rows of one with: asof quarantine SOURCE")


def _print_rows(source: str, total: int, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo(f"No row of {source} is in quarantine.")
        return
    for row in rows:
        click.echo(f"{_origin(row)}\n  {row['reason']}\n  {row['raw']}")
    _print_more(total - len(rows))


def _print_more(left: int) -> None:
    if left > 0:
        click.echo(f"{number(left)} more; see them with --limit")


def _origin(row: Mapping[str, Any]) -> str:
    if row["origin"] is None:
        return f"{row['stage']}, row {row['_sequence']}"
    return f"{row['stage']}, {row['origin']}" + (f":{row['line']}" if row["line"] is not None else "")
