"""`asof plan` and `asof apply`: what is defined against what was applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import duration, number, size
from asof.cli.invocation import Invocation, environment_option
from asof.cli.output import print_table, show

if TYPE_CHECKING:
    from asof.features.breaks import Break
    from asof.features.diff import Change
    from asof.planning.plan import Plan
    from asof.planning.tables import TablePlan
    from asof.steps.drift import Drift

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
CHANGES = 2
SHOWN = 6
"""Names that are listed where there may be many."""
UNKNOWN = "unknown"

force_option = click.option("--force", is_flag=True, help="Even where it breaks what others use.")


@click.command(cls=Command, examples=["asof plan", "asof plan --project shop", "asof plan --env alice"])
@environment_option
@force_option
@click.pass_context
def plan(context: click.Context, environment: str, force: bool) -> None:
    """Show what apply and run would change.

    Compares the definitions with the applied revision, tables with what they are made from and
    sources with what was read of them. Says which training sets and services depend on a change, what it
    breaks for those who use them, how long tables take, and which sources are no longer as declared.
    Changes nothing. Exit code 0: nothing to do; 2: there are changes; 1: they break something, and
    --force was not given.
    """
    from asof.planning.plan import check_breaks

    asked: Invocation = context.obj
    with asked.open(environment=environment) as project:
        made = project.plan()
        show(asked, _plan_record(made), lambda: _print_plan(made, len(project.definitions)))
    if not force and not environment:
        check_breaks(made.breaks)
    if not made.empty:
        context.exit(CHANGES)


@click.command(cls=Command, examples=["asof apply", "asof apply --env alice"])
@environment_option
@force_option
@click.pass_obj
def apply(asked: Invocation, environment: str, force: bool) -> None:
    """Make the definitions the applied ones.

    They become the next revision in the catalogue, of production or of an environment. When somebody
    else applied in between, it fails and says who; so it does where it breaks what others use of
    production. Tables are brought up to date by: asof run.
    """
    from asof.features.diff import diff

    with asked.open(environment=environment) as project:
        before = project.workspace.catalogue.revision(environment=environment)
        revision = project.apply(force=force)
        changes = diff(before.definitions if before else {}, revision.definitions)
    record = {
        "environment": environment,
        "revision": revision.number,
        "applied_at": revision.applied_at,
        "who": revision.who,
        "hash": revision.hash,
        "changes": changes,
    }
    show(asked, record, lambda: _print_applied(revision.number, changes, environment))


def _plan_record(made: Plan) -> dict[str, object]:
    return {
        "environment": made.environment,
        "revision": made.revision,
        "empty": made.empty,
        "changes": [{**asdict(each), "affects": made.affects.get(each.key, ())} for each in made.changes],
        "breaks": made.breaks,
        "tables": made.tables,
        "drift": made.drift,
    }


def _print_plan(made: Plan, defined: int) -> None:
    if made.empty:
        click.echo(_nothing_to_do(made, defined))
        _print_drift([each for each in made.drift if each.what != "ignored"])
        return
    if made.changes:
        applied = f"revision {made.revision}" if made.revision else "nothing, as none were applied yet"
        click.echo(f"Definitions, compared with {applied}:")
        print_changes(made.changes, made.affects)
    _print_breaks(made)
    if made.tables:
        click.echo("Tables:")
        _print_tables(made.tables)
    _print_drift(made.drift)
    env = f" --env {made.environment}" if made.environment else ""
    click.echo(f"\nGo on with: {f'asof apply{env}, then: ' if made.changes else ''}asof run{env}")


def _nothing_to_do(made: Plan, defined: int) -> str:
    if not defined:
        return "Nothing is defined yet; write definitions, as in the example that asof init makes."
    return f"Nothing to do: all is as in revision {made.revision}, and no source has anything new."


def print_changes(changes: Sequence[Change], affects: Mapping[str, Sequence[str]]) -> None:
    """Changes of definitions, each with its details and the training sets and services it `affects`."""
    for change in changes:
        click.echo(f"  {SIGNS[change.action]} {change.key}")
        for detail in change.details:
            click.echo(f"      {detail}")
        others = [user for user in affects.get(change.key, ()) if user != change.key]
        if others and change.action != "added":
            click.echo(f"      affects {_some(others)}")


def _print_breaks(made: Plan) -> None:
    if made.breaks:
        click.echo("To promote it would break:" if made.environment else "It breaks:")
        _print_each(made.breaks)


def _print_each(breaks: Sequence[Break]) -> None:
    for each in breaks:
        click.echo(f"  ! {each.key} {each.what}")


def _print_tables(tables: Sequence[TablePlan]) -> None:
    rows = [
        (each.action, each.table, number(each.rows), size(each.bytes), _time(each.seconds), each.why)
        for each in tables
    ]
    columns = ("", "table", "rows now", "size", "time", "why")
    right = ("rows now", "size", "time")
    print_table({name: "right" if name in right else "left" for name in columns}, rows, indent=2)
    known = [each.seconds for each in tables if each.seconds is not None]
    if known:
        more = len(tables) - len(known)
        rest = f", and that of {more} {'table' if more == 1 else 'tables'} that is not known" if more else ""
        click.echo(f"  Estimated time, one after the other: {duration(sum(known))}{rest}")


def _time(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else duration(seconds)


def _print_drift(drift: Sequence[Drift]) -> None:
    drifted = [each for each in drift if each.what != "ignored"]
    if drifted:
        click.echo("Sources that are no longer as declared:")
        rows = [(f"{each.source}.{each.column}", each.what, each.type or "-", each.hint) for each in drifted]
        print_table({"column": "left", "": "left", "type": "left", "what to do": "left"}, rows, indent=2)
    _print_ignored([each for each in drift if each.what == "ignored"])


def _print_ignored(drift: Sequence[Drift]) -> None:
    if drift:
        click.echo("Columns that are not read, as no schema has them (what they hold: asof infer SOURCE):")
    for source, columns in groupby(drift, key=lambda each: each.source):
        click.echo(f"  {source}: {_some([each.column for each in columns])}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def _print_applied(revision: int, changes: Sequence[Change], environment: str) -> None:
    of, env = (f" of {environment}", f" --env {environment}") if environment else ("", "")
    if not changes:
        click.echo(f"Nothing to apply: the definitions are those of revision {revision}{of}.")
        return
    print_changes(changes, {})
    click.echo(f"Applied as revision {revision}{of}. Go on with: asof run{env}")
