"""`asof tables` and `asof runs`: what the catalogue has on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from asof.cli.commands import Command
from asof.cli.formats import moment, number, size, took
from asof.cli.invocation import Invocation
from asof.cli.output import print_facts, print_table, show

if TYPE_CHECKING:
    from asof.storage.catalogue import Run, Step, TableVersion

FIGURES = ("nulls", "distinct", "min", "max", "mean", "std")


@click.command(
    cls=Command, examples=["asof tables", "asof tables clean/transactions", "asof tables --at 2026-03-01"]
)
@click.argument("table", required=False)
@click.option(
    "--at",
    metavar="TIME|SNAPSHOT",
    help="As they were at a time, as 2026-03-01T12:00Z (in UTC without a zone), or at a snapshot.",
)
@click.pass_obj
def tables(asked: Invocation, table: str | None, at: str | None) -> None:
    """List the tables, or show what is in the columns of one.

    Times are in UTC. The run is given by the end of its id; its steps: asof runs RUN. Distinct values
    and quantiles are about right, the rest of a column's statistics is exact.
    """
    from asof.moments import moment as moment_of

    when = None if at is None else moment_of(at)
    with asked.open() as project:
        if table is None:
            versions = project.tables(when)
            show(asked, [_table_record(version) for version in versions], lambda: _print_versions(versions))
        else:
            one = project.version(table, when)
            described = _described(one)
            record = {**_table_record(one), "statistics": described}
            show(asked, record, lambda: _print_columns(one, described))


@click.command(cls=Command, examples=["asof runs", "asof runs 3fa9c1"])
@click.argument("run", required=False)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many of the newest.",
)
@click.pass_obj
def runs(asked: Invocation, run: str | None, limit: int) -> None:
    """List the newest runs, or the steps of one.

    RUN is a run's id or the end of one. Of each step: rows read = written + quarantined + dropped, the
    size of the files it wrote, and under it the versions of the tables that it read and made.
    """
    with asked.open() as project:
        if run is None:
            found = project.runs(limit)
            show(asked, [run_record(each) for each in found], lambda: _print_runs(found))
        else:
            one = project.workspace.catalogue.run_ending(run)
            steps = project.steps(one.id)
            record = {**run_record(one), "steps": [step_record(step) for step in steps]}
            show(asked, record, lambda: _print_run(one, steps))


def run_record(run: Run) -> dict[str, object]:
    """A run as JSON data."""
    return {
        "id": run.id,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "who": run.who,
        "engine": run.engine,
        "code_revision": run.code_revision,
        "error": run.error,
    }


def step_record(step: Step) -> dict[str, object]:
    """A step as JSON data."""
    return {
        "name": step.name,
        "status": step.status,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "rows_read": step.rows_read,
        "rows_written": step.rows_written,
        "rows_quarantined": step.rows_quarantined,
        "rows_dropped": step.rows_dropped,
        "bytes_written": step.bytes_written,
        "inputs": step.inputs,
        "outputs": step.outputs,
        "details": step.details,
    }


def _table_record(version: TableVersion) -> dict[str, object]:
    return {
        "table": version.table,
        "version": version.version,
        "rows": version.rows,
        "bytes": version.bytes,
        "committed_at": version.committed_at,
        "run": version.run,
        "definition": version.definition,
        "inputs": version.inputs,
    }


def _described(version: TableVersion) -> dict[str, dict[str, Any]]:
    """The statistics of a version's columns, for people; none where none are kept."""
    from asof.transforms.statistics import from_json

    known = from_json(version.details.get("statistics", {}))
    return {name: {"type": column.type, **column.described()} for name, column in known.items()}


def _print_columns(version: TableVersion, described: Mapping[str, Mapping[str, Any]]) -> None:
    click.echo(f"{version.table}, version {version.version}: {number(version.rows)} rows")
    if not described:
        click.echo("No statistics are kept of this table.")
        return
    rows = [
        (name, found["type"], *(_figure(found.get(what)) for what in FIGURES))
        for name, found in described.items()
    ]
    right = dict.fromkeys(FIGURES, "right")
    print_table({"column": "left", "type": "left", **right}, rows)  # type: ignore[dict-item]


def _figure(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return "-" if value is None else str(value)


def _print_versions(versions: Sequence[TableVersion]) -> None:
    if not versions:
        click.echo("There are no tables yet; make them with: asof run")
        return
    rows = [
        (
            version.table,
            str(version.version),
            number(version.rows),
            size(version.bytes) if version.bytes else "-",
            moment(version.committed_at),
            version.run.rpartition("-")[2],
        )
        for version in versions
    ]
    print_table(
        {
            "table": "left",
            "version": "right",
            "rows": "right",
            "size": "right",
            "when": "left",
            "run": "left",
        },
        rows,
    )


def _print_runs(runs: Sequence[Run]) -> None:
    if not runs:
        click.echo("Nothing has been run yet; do it with: asof run")
        return
    rows = [
        (run.id, moment(run.started_at), took(run.started_at, run.finished_at), run.status, run.who)
        for run in runs
    ]
    print_table({"run": "left", "started": "left", "took": "right", "status": "left", "who": "left"}, rows)


def _print_run(run: Run, steps: Sequence[Step]) -> None:
    click.echo(f"Run {run.id}")
    facts = {
        "status": run.status,
        "started": moment(run.started_at, seconds=True),
        "took": took(run.started_at, run.finished_at),
        "who": run.who,
        "engine": run.engine,
        "code": run.code_revision or "not in git",
        "error": run.error or "",
    }
    print_facts({name: fact for name, fact in facts.items() if fact})
    if steps:
        click.echo()
        _print_steps(steps)
        _print_versions_used(steps)
    for step in steps:
        _print_error(step)
        _print_broken(step)


def _print_steps(steps: Sequence[Step]) -> None:
    rows = [
        (
            step.name,
            number(step.rows_read),
            number(step.rows_written),
            number(step.rows_quarantined),
            number(step.rows_dropped),
            size(step.bytes_written) if step.bytes_written else "-",
            _ending(step),
        )
        for step in steps
    ]
    print_table(
        {
            "step": "left",
            "read": "right",
            "written": "right",
            "quarantined": "right",
            "dropped": "right",
            "size": "right",
            "took": "left",
        },
        rows,
    )


def _print_versions_used(steps: Sequence[Step]) -> None:
    """From which versions of tables each step made which."""
    used = [(step.name, _versions(step.inputs), _versions(step.outputs)) for step in steps if step.outputs]
    if used:
        click.echo()
        print_table({"step": "left", "read": "left", "made": "left"}, used)


def _versions(tables: Mapping[str, int]) -> str:
    return ", ".join(f"{table}@{version}" for table, version in tables.items()) or "-"


def _print_error(step: Step) -> None:
    if step.status == "failed" and "error" in step.details:
        click.echo(f"\n{step.name} failed: {step.details['error']}")


def _print_broken(step: Step) -> None:
    """The expectations that were not met, and what that did."""
    outcomes = step.details.get("expectations", [])
    broken = [each["expectation_config"] for each in outcomes if not each["success"]]
    if broken:
        click.echo(f"\n{step.name}: {len(broken)} of {len(outcomes)} expectations not met")
    for config in broken:
        click.echo(f"  {config['meta']['on_fail']:<10}  {_told(config)}")


def _told(config: Mapping[str, Any]) -> str:
    from asof.features.expectations import expect
    from asof.transforms.validation.described import described

    return described(expect(config["type"], **config["kwargs"]))


def _ending(step: Step) -> str:
    if step.status == "skipped":
        return "up to date"
    return took(step.started_at, step.finished_at) if step.status == "succeeded" else step.status
