"""`asof training-set verify`: build a version again, and see whether it comes out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation, engine_option
from asof.cli.output import print_facts, print_table, show
from asof.cli.training_set_version import version_argument

if TYPE_CHECKING:
    from asof.training_sets.verification import Found, Verification


@click.command(
    cls=Command, examples=["asof training-set verify churn", "asof training-set verify churn@1 --engine dask"]
)
@version_argument
@engine_option
@click.pass_obj
def verify(asked: Invocation, version: tuple[str, int | None], engine: str | None) -> int:
    """Build a version again from the table versions in its manifest, and compare.

    Its files are read as well. The exit code is 1 where the manifest, the files and what was built
    again are not the same to the bit. Nothing is written.
    """
    with asked.open(engine) as project:
        done = project.verify_training_set(*version)
    show(asked, _record(done), lambda: _print(done))
    return 0 if done.holds else 1


def _record(done: Verification) -> dict[str, object]:
    return {
        "name": done.version.name,
        "version": done.version.version,
        "holds": done.holds,
        "engine": done.engine,
        "unreadable": done.unreadable,
        "recorded": _found(done.recorded),
        "stored": done.stored and _found(done.stored),
        "rebuilt": _found(done.rebuilt),
    }


def _found(found: Found) -> dict[str, object]:
    return {"rows": found.rows, "columns": found.columns, "fingerprint": found.fingerprint}


def _print(done: Verification) -> None:
    named = f"{done.version.name}@{done.version.version}"
    if done.holds:
        click.echo(f"{named} holds: built again on engine {done.engine}, it is the same to the bit")
        print_facts({"rows": number(done.rebuilt.rows), "fingerprint": done.rebuilt.fingerprint})
        return
    click.echo(f"{named} does not hold: {_what_differs(done)}")
    found = {"in the manifest": done.recorded, "in its files": done.stored, "built again": done.rebuilt}
    rows = [(what, *_cells(each)) for what, each in found.items()]
    print_table({"": "left", "rows": "right", "columns": "right", "fingerprint": "left"}, rows, indent=2)
    for line in _columns(done):
        click.echo(f"  {line}")


def _what_differs(done: Verification) -> str:
    if done.unreadable is not None:
        return f"its files can't be read ({done.unreadable})"
    if done.rebuilt == done.recorded:
        return "its files are no longer what was built"
    if done.stored == done.recorded:
        return "built again it comes out otherwise; a table that it was built from was tampered with, or code"
    return "neither its files nor what was built again are what its manifest says"


def _cells(found: Found | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "-", "-"
    return number(found.rows), number(len(found.columns)), found.fingerprint


def _columns(done: Verification) -> list[str]:
    """The columns that are not the same everywhere."""
    recorded = {tuple(each) for each in done.recorded.columns}
    lines = []
    for what, found in (("in its files", done.stored), ("built again", done.rebuilt)):
        others = {tuple(each) for each in found.columns} if found else recorded
        lines += [f"{what}: no {name} ({kind})" for name, kind in sorted(recorded - others)]
        lines += [f"{what}: also {name} ({kind})" for name, kind in sorted(others - recorded)]
    return lines
