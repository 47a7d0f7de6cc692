"""`asof check leaks`: whether a training set knows what it could not have known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation, engine_option
from asof.cli.output import print_facts, show
from asof.cli.training_set_version import version_argument

if TYPE_CHECKING:
    from asof.leaks.finding import Finding, Leaks


@click.command(cls=Command, examples=["asof check leaks churn", "asof check leaks churn@3 --json"])
@version_argument
@engine_option
@click.pass_obj
def leaks(asked: Invocation, version: tuple[str, int | None], engine: str | None) -> int:
    """Look for leaks in a training set as it would be built now; of NAME@VERSION show what its build found.

    The exit code is 0 where nothing is found, 2 where something is. Nothing is written.
    """
    name, built = version
    with asked.open(engine) as project:
        found = project.check_leaks(name, built)
    named = name if built is None else f"{name}@{built}"
    show(asked, {"name": name, "version": built, **found.to_json()}, lambda: _print(named, found))
    return 2 if found.findings else 0


def _print(named: str, found: Leaks) -> None:
    looked_at = f"{number(found.looked_at)} of {number(found.rows)} rows looked at"
    count = len(found.findings)
    if not count:
        click.echo(f"{named}: no leaks found, {looked_at}")
        return
    click.echo(f"{named}: {number(count)} finding{'s' if count > 1 else ''}, {looked_at}")
    for finding in found.findings:
        _print_finding(finding)


def _print_finding(finding: Finding) -> None:
    click.echo(f"\n{finding.severity}: {finding.check}")
    print_facts(
        {
            "what": ", ".join(finding.what),
            "why": finding.why,
            "rows": f"{number(finding.rows)} of {number(finding.of)}",
            **{f"as {place}": _example(each) for place, each in enumerate(finding.examples, start=1)},
            "change": finding.change,
        }
    )


def _example(values: Mapping[str, Any]) -> str:
    """A row in a line.

    >>> _example({"customer_id": 3, "spend__sum": 2.5, "instead": None})
    'customer_id 3, spend__sum 2.5, instead -'
    """
    return ", ".join(f"{name} {'-' if value is None else value}" for name, value in values.items())
