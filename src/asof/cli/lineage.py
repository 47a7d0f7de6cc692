"""`asof lineage`: what a column comes from, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.invocation import Invocation
from asof.cli.output import print_json, show

if TYPE_CHECKING:
    from asof.features.lineage.lineage import Lineage

NOTHING = {
    "upstream": "depends on nothing that is defined",
    "downstream": "nothing depends on it",
    None: "depends on nothing that is defined, nor does anything on it",
}


@click.command(
    cls=Command,
    examples=[
        "asof lineage spend.amount_sum_7d",
        "asof lineage transactions.amount --downstream",
        "asof lineage churn@3 --upstream --format mermaid",
    ],
)
@click.argument("name")
@click.option("--upstream", "direction", flag_value="upstream", help="Only what it depends on.")
@click.option("--downstream", "direction", flag_value="downstream", help="Only what depends on it.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "json"]),
    default="text",
    show_default=True,
    help="How it is printed.",
)
@click.pass_obj
def lineage(asked: Invocation, name: str, direction: str | None, form: str) -> None:
    """Show which columns something depends on, and which depend on it.

    NAME is a source, view, label, training set or service, a column of one (spend.amount_sum_7d), or a
    version of a training set (churn@3). Where a name is that of several: view/spend. A tree tells what
    values are made of first, then what else decides them, as filters and keys.
    """
    with asked.open() as project:
        found = project.lineage(name, direction or "both")
    if form == "json":
        print_json(found.record())
    elif form == "mermaid":
        show(asked, {"mermaid": found.mermaid}, lambda: click.echo(found.mermaid))
    else:
        show(asked, found.record(), lambda: _print(found, NOTHING[direction]))


def _print(found: Lineage, nothing: str) -> None:
    click.echo(found.text or "\n".join(f"{node}: {nothing}" for node in found.of))
    if found.versions:
        click.echo(f"\nTable versions: {_told(found.versions)}")


def _told(versions: Mapping[str, int]) -> str:
    return ", ".join(f"{table} {version}" for table, version in versions.items())
