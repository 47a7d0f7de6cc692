"""`asof plan` and `asof apply`: what is defined against what was applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show

if TYPE_CHECKING:
    from asof.features.diff import Change
    from asof.plan import Plan, TablePlan
    from asof.steps.drift import Drift

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
CHANGES = 2


@click.command(cls=Command, examples=["asof plan", "asof plan --project shop"])
@click.pass_context
def plan(context: click.Context) -> None:
    """Show what apply and run would change.

    Compares the definitions with the applied revision, tables with what they are made from and
    sources with what was read of them, and says which sources are no longer as declared. Changes
    nothing. Exit code 0: nothing to do; 2: there are changes.
    """
    asked: Invocation = context.obj
    with asked.open() as project:
        made = project.plan()
        show(asked, _plan_record(made), lambda: _print_plan(made, len(project.definitions)))
    if not made.empty:
        context.exit(CHANGES)


@click.command(cls=Command, examples=["asof apply"])
@click.pass_obj
def apply(asked: Invocation) -> None:
    """Make the definitions the applied ones.

    They become the next revision in the catalogue. When somebody else applied in between, it fails
    and says who. Tables are brought up to date by: asof run.
    """
    from asof.features.diff import diff

    with asked.open() as project:
        before = project.workspace.catalogue.revision()
        revision = project.apply()
        changes = diff(before.definitions if before else {}, revision.definitions)
    record = {
        "revision": revision.number,
        "applied_at": revision.applied_at,
        "who": revision.who,
        "hash": revision.hash,
        "changes": changes,
    }
    show(asked, record, lambda: _print_applied(revision.number, changes))


def _plan_record(made: Plan) -> dict[str, object]:
    return {
        "revision": made.revision,
        "empty": made.empty,
        "changes": made.changes,
        "tables": made.tables,
        "drift": made.drift,
    }


def _print_plan(made: Plan, defined: int) -> None:
    if made.empty:
        click.echo(_nothing_to_do(made, defined))
        _print_drift(made.drift)
        return
    if made.changes:
        applied = f"revision {made.revision}" if made.revision else "nothing, as none were applied yet"
        click.echo(f"Definitions, compared with {applied}:")
        _print_changes(made.changes)
    if made.tables:
        click.echo("Tables:")
        _print_tables(made.tables)
    _print_drift(made.drift)
    click.echo(f"\nGo on with: {'asof apply, then: asof run' if made.changes else 'asof run'}")


def _nothing_to_do(made: Plan, defined: int) -> str:
    if not defined:
        return "Nothing is defined yet; write definitions, as in the example that asof init makes."
    return f"Nothing to do: all is as in revision {made.revision}, and no source has anything new."


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        click.echo(f"  {SIGNS[change.action]} {change.key}")
        for detail in change.details:
            click.echo(f"      {detail}")


def _print_tables(tables: Sequence[TablePlan]) -> None:
    rows = [(each.action, each.table, number(each.rows), each.why) for each in tables]
    print_table({"": "left", "table": "left", "rows now": "right", "why": "left"}, rows, indent=2)


def _print_drift(drift: Sequence[Drift]) -> None:
    if drift:
        click.echo("Sources that are no longer as declared:")
        rows = [(f"{each.source}.{each.column}", each.what, each.type or "-", each.hint) for each in drift]
        print_table({"column": "left", "": "left", "type": "left", "what to do": "left"}, rows, indent=2)


def _print_applied(revision: int, changes: Sequence[Change]) -> None:
    if not changes:
        click.echo(f"Nothing to apply: the definitions are those of revision {revision}.")
        return
    _print_changes(changes)
    click.echo(f"Applied as revision {revision}. Go on with: asof run")
