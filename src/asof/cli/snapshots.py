"""`asof snapshot`: the version of every table at one moment, under a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command, Group
from asof.cli.formats import moment
from asof.cli.invocation import Invocation
from asof.cli.output import print_facts, print_table, show

if TYPE_CHECKING:
    from asof.storage.catalogue import Snapshot


@click.group(cls=Group)
def snapshot() -> None:
    """Name the versions of all tables at a moment.

    They can be read as they were then for as long as there is the snapshot: asof gc keeps them.
    """


@snapshot.command(cls=Command, examples=["asof snapshot create before_the_sale"])
@click.argument("name")
@click.pass_obj
def create(asked: Invocation, name: str) -> None:
    """Name the versions that count now."""
    with asked.open() as project:
        made = project.create_snapshot(name)
    text = f"{name} names the versions of {_tables(made)}. Look with: asof tables --at {name}"
    show(asked, _record(made), lambda: click.echo(text))


@snapshot.command(name="list", cls=Command, examples=["asof snapshot list"])
@click.pass_obj
def list_(asked: Invocation) -> None:
    """List the snapshots, newest first."""
    with asked.open() as project:
        found = project.snapshots()
    show(asked, [_record(each) for each in found], lambda: _print(found))


@snapshot.command(cls=Command, name="show", examples=["asof snapshot show before_the_sale"])
@click.argument("name")
@click.pass_obj
def show_(asked: Invocation, name: str) -> None:
    """Show the versions that a snapshot names."""
    with asked.open() as project:
        found = project.snapshot(name)
    show(asked, _record(found), lambda: _print_one(found))


@snapshot.command(cls=Command, examples=["asof snapshot drop before_the_sale"])
@click.argument("name")
@click.pass_obj
def drop(asked: Invocation, name: str) -> None:
    """Forget a snapshot. Its versions stay until asof gc finds that nothing else needs them."""
    with asked.open() as project:
        dropped = project.drop_snapshot(name)
    show(asked, _record(dropped), lambda: click.echo(f"Dropped snapshot {name}."))


def _record(snapshot: Snapshot) -> dict[str, object]:
    return {
        "name": snapshot.name,
        "taken_at": snapshot.taken_at,
        "who": snapshot.who,
        "revision": snapshot.revision,
        "versions": snapshot.versions,
    }


def _print(snapshots: Sequence[Snapshot]) -> None:
    if not snapshots:
        click.echo("There are no snapshots; take one with: asof snapshot create NAME")
        return
    rows = [
        (each.name, moment(each.taken_at), each.who, str(each.revision or "-"), str(len(each.versions)))
        for each in snapshots
    ]
    print_table(
        {"snapshot": "left", "taken": "left", "who": "left", "revision": "right", "tables": "right"}, rows
    )


def _print_one(snapshot: Snapshot) -> None:
    click.echo(f"Snapshot {snapshot.name}")
    revision = str(snapshot.revision or "-")
    print_facts({"taken": moment(snapshot.taken_at, seconds=True), "who": snapshot.who, "revision": revision})
    click.echo()
    rows = [(table, str(version)) for table, version in sorted(snapshot.versions.items())]
    print_table({"table": "left", "version": "right"}, rows)


def _tables(snapshot: Snapshot) -> str:
    count = len(snapshot.versions)
    return "1 table" if count == 1 else f"{count} tables"
