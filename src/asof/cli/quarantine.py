"""`asof quarantine`: rows that could not be taken, why, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from asof.cli.commands import Group
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show

if TYPE_CHECKING:
    from asof.project import Project
    from asof.storage.catalogue import Step

PREFIX = "quarantine/"
BY = ["stage", "reason"]
MOST_FIRST = [("count_all", "descending"), ("stage", "ascending"), ("reason", "ascending")]

limit_option = click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many reasons or rows to show.",
)


def filters(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose rows."""
    options = (
        click.option("--reason", metavar="TEXT", help="Only rows whose reason has this text in it."),
        click.option("--column", metavar="NAME", help="Only rows with a fault in this column."),
        click.option("--run", metavar="RUN", help="Only rows of this run (its id, or the end of it)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def quarantine(context: click.Context) -> None:
    """List, show, replay and drop the rows that were not taken.

    A row that can't be read, or that fails a rule, is set aside with its raw text, the reason, and
    where it came from. Without a command: asof quarantine list.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@quarantine.command("list", examples=["asof quarantine list", "asof quarantine list --json"])
@limit_option
@click.pass_obj
def list_(asked: Invocation, limit: int = 20) -> None:
    """Count the rows of each source in quarantine, by reason."""
    with asked.open() as project:
        counts = _counts(project)
    show(asked, counts, lambda: _print_counts(counts, limit))


@quarantine.command(
    "show",
    examples=["asof quarantine show orders --limit 5", "asof quarantine show orders --column amount"],
)
@click.argument("source")
@filters
@click.option("--stage", type=click.Choice(["ingest", "clean"]), help="Only rows of this stage.")
@click.option("--failed", is_flag=True, help="The first of the rows for which the last run failed.")
@limit_option
@click.pass_obj
def show_(asked: Invocation, /, source: str, failed: bool, limit: int, **chosen: str | None) -> None:
    """Show a source's rows in quarantine.

    Each with where it came from, why it was not taken, and as it stood there.
    """
    with asked.open() as project:
        rows = project.quarantined(source, failed=failed, **chosen)
    shown = rows.slice(0, limit).to_pylist()
    record = {"source": source, "total": rows.num_rows, "rows": shown}
    show(asked, record, lambda: _print_rows(source, rows.num_rows, shown))


@quarantine.command(
    examples=["asof quarantine replay orders", "asof quarantine replay orders --column amount"]
)
@click.argument("source")
@filters
@click.pass_obj
def replay(asked: Invocation, /, source: str, **chosen: str | None) -> None:
    """Take in the rows that are now as defined.

    Reads a source's rows in quarantine again, under the applied definitions. Those that pass move
    into its raw table, each exactly once; the others stay, with the reason of today. Rows that
    cleaning rejected are tried again by asof run, whenever the definition has changed.
    """
    with asked.open() as project:
        step = project.replay(source, **chosen)
    show(asked, _replay_record(source, step), lambda: _print_replay(source, step))


@quarantine.command(
    examples=["asof quarantine drop orders --run 3fa9c1", "asof quarantine drop orders --all"]
)
@click.argument("source")
@filters
@click.option("--stage", type=click.Choice(["ingest", "clean"]), help="Only rows of this stage.")
@click.option("--all", "everything", is_flag=True, help="All rows of the source.")
@click.pass_obj
def drop(asked: Invocation, /, source: str, everything: bool, **chosen: str | None) -> None:
    """Take rows out of quarantine for good.

    How many, which, when and by whom stays on record: asof runs.
    """
    if not everything and not any(chosen.values()):
        raise click.UsageError("say which rows: --reason, --column, --run or --stage; or --all")
    with asked.open() as project:
        step = project.drop_quarantined(source, **chosen)
    record = {"source": source, "run": step.run, "dropped": step.rows_dropped}
    said = f"Dropped {_rows(step.rows_dropped)} of {source}; on record as run {step.run}."
    show(asked, record, lambda: click.echo(said))


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


def _replay_record(source: str, step: Step) -> dict[str, object]:
    return {
        "source": source,
        "run": step.run,
        "tried": step.details["tried"],
        "moved": step.details["moved"],
        "left": step.details["tried"] - step.details["moved"],
        "carried": step.details["carried"],
    }


def _print_counts(counts: Sequence[Mapping[str, Any]], limit: int) -> None:
    if not counts:
        click.echo("No row is in quarantine.")
        return
    print_table(
        {"source": "left", "rows": "right", "stage": "left", "reason": "left"},
        [(each["source"], number(each["rows"]), each["stage"], each["reason"]) for each in counts[:limit]],
    )
    _print_more(len(counts) - limit)
    click.echo("\nSee the rows of one with: asof quarantine show SOURCE")


def _print_rows(source: str, total: int, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo(f"No row of {source} is in quarantine.")
        return
    for row in rows:
        click.echo(f"{_origin(row)}\n  {row['reason']}\n  {row['raw']}")
    _print_more(total - len(rows))


def _print_replay(source: str, step: Step) -> None:
    tried, moved = step.details["tried"], step.details["moved"]
    if step.details["carried"]:
        click.echo(f"Carried {_rows(step.details['carried'])} of raw/{source} over to the new definition.")
    if not tried:
        click.echo(f"No row of {source} that could be read again is in quarantine.")
        return
    click.echo(f"Moved {number(moved)} of {_rows(tried)} into raw/{source}.")
    if moved < tried:
        click.echo(f"Left there: {number(tried - moved)}; see why with: asof quarantine show {source}")
    if moved:
        click.echo("Take them on with: asof run")


def _print_more(left: int) -> None:
    if left > 0:
        click.echo(f"{number(left)} more; see them with --limit")


def _rows(count: int) -> str:
    return f"{number(count)} row{'' if count == 1 else 's'}"


def _origin(row: Mapping[str, Any]) -> str:
    if row["origin"] is None:
        return f"{row['stage']}, row {row['_sequence']}"
    return f"{row['stage']}, {row['origin']}" + (f":{row['line']}" if row["line"] is not None else "")
