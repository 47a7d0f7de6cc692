"""`asof env`: environments beside production."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command, LazyGroup
from asof.cli.formats import moment, number
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show
from asof.cli.progress import progress

if TYPE_CHECKING:
    from asof.environments.life import Kept, Promoted
    from asof.storage.catalogue import TableVersion

COMMANDS = {
    "list": "asof.cli.environments:list_",
    "promote": "asof.cli.environments:promote",
    "drop": "asof.cli.environments:drop",
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    examples=[
        "asof plan --env alice; asof apply --env alice; asof run --env alice",
        "asof training-set build churn --env alice",
        "asof training-set diff churn alice/churn",
        "asof env promote alice",
    ],
)
def env() -> None:
    """Work beside production: list, promote and drop environments.

    An environment is made by its first: asof apply --env NAME. It has tables of its own only where its
    definitions differ from production's, and reads all others there.
    """


@click.command(cls=Command, name="list", examples=["asof env list"])
@click.pass_obj
def list_(asked: Invocation) -> None:
    """List environments, with what each has for itself."""
    with asked.open() as project:
        found = project.environments()
    show(asked, [_record(each) for each in found], lambda: _print(found))


@click.command(cls=Command, examples=["asof env promote alice", "asof env promote alice --force"])
@click.argument("name")
@click.option("--force", is_flag=True, help="Even where it breaks what production has.")
@click.pass_obj
def promote(asked: Invocation, name: str, force: bool) -> None:
    """Make an environment's definitions and tables production's.

    Tables are copied, nothing is computed anew: the next run takes in what is new since, and publishes.
    Refused where production has changed since the environment was made on it, and where the environment is
    not up to date. Killed in between, nothing of it counts; do it again.
    """
    with asked.open() as project, progress(err=asked.json) as shown:
        done = project.promote(name, force=force, report=shown.report)
    record = {"environment": name, "revision": done.revision.number, "tables": _tables(done.tables)}
    show(asked, record, lambda: _print_promoted(name, done))


@click.command(cls=Command, examples=["asof env drop alice", "asof env drop alice --yes"])
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def drop(asked: Invocation, name: str, yes: bool) -> None:
    """Remove an environment: its tables, the training sets built in it, and its revisions.

    Production, and what was promoted to it, stay.
    """
    with asked.open() as project:
        kept = project.named_environment(name)
        if not yes:
            what = f"{_count(kept.tables)} and {_count(kept.training_sets, 'training set')}"
            click.confirm(f"Remove environment {name} with {what}?", abort=True, err=True)
        dropped = project.drop_environment(name)
    show(asked, _record(dropped), lambda: click.echo(f"Dropped environment {name}."))


def _record(kept: Kept) -> dict[str, object]:
    return {
        "name": kept.made.name,
        "made_at": kept.made.made_at,
        "who": kept.made.who,
        "based_on": kept.made.based_on,
        "revision": kept.revision.number,
        "applied_at": kept.revision.applied_at,
        "tables": _tables(kept.tables),
        "training_sets": _tables(kept.training_sets),
    }


def _tables(versions: Sequence[TableVersion]) -> list[dict[str, object]]:
    return [
        {"table": each.table, "version": each.version, "rows": each.rows, "bytes": each.bytes}
        for each in versions
    ]


def _print(found: Sequence[Kept]) -> None:
    if not found:
        click.echo("There is production alone; make an environment with: asof apply --env NAME")
        return
    rows = [
        (
            kept.made.name,
            str(kept.revision.number),
            str(kept.made.based_on or "-"),
            str(len(kept.tables)),
            number(sum(each.bytes for each in (*kept.tables, *kept.training_sets))),
            moment(kept.revision.applied_at),
            kept.made.who,
        )
        for kept in found
    ]
    columns = ("environment", "revision", "made on", "tables", "bytes", "applied", "by")
    right = ("revision", "made on", "tables", "bytes")
    print_table({name: "right" if name in right else "left" for name in columns}, rows)


def _print_promoted(name: str, done: Promoted) -> None:
    for table in done.tables:
        click.echo(f"  {table.table}: {number(table.rows)} rows")
    click.echo(f"Promoted {name}: production is at revision {done.revision.number}. Go on with: asof run")
    click.echo(f"The environment is still there; remove it with: asof env drop {name}")


def _count(things: Sequence[object], what: str = "table") -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"
