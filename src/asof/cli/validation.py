"""`asof validate`: expectations held against the tables as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show

if TYPE_CHECKING:
    from asof.project import Project
    from asof.transforms.validation.outcomes import Outcome

Outcomes = Mapping[str, "Sequence[Outcome]"]


@click.command(
    cls=Command, examples=["asof validate", "asof validate transactions --html report.html --json"]
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True),
    help="Write a report with small histograms, one file that needs no other.",
)
@click.pass_obj
def validate(asked: Invocation, sources: Sequence[str], html: str | None) -> int:
    """Hold expectations against the clean tables, writing nothing.

    The exit code is 1 where one is broken that must hold (on_fail="fail"). --json gives the results of
    each source as Great Expectations does.
    """
    from asof.transforms.validation.outcomes import suite_result

    with asked.open() as project:
        outcomes = project.validate(sources)
        if html is not None:
            _write_report(project, outcomes, html)
    results = [suite_result(source, found) for source, found in outcomes.items()]
    show(asked, results, lambda: _print(outcomes))
    return int(any(outcome.fails for found in outcomes.values() for outcome in found))


def _write_report(project: Project, outcomes: Outcomes, file: str) -> None:
    from asof.transforms.statistics import from_json
    from asof.transforms.validation.report.page import Section, page

    sections = []
    for source, found in outcomes.items():
        table = project.workspace.current(f"clean/{source}")
        known = from_json(table.details["statistics"])
        sections.append(Section(source, table.rows, table.version, table.committed_at, found, known))
    document = page(project.settings.name, datetime.now(UTC), sections)
    Path(file).write_text(document, encoding="utf-8")


def _print(outcomes: Outcomes) -> None:
    from asof.transforms.validation.described import described, found

    held = [(source, outcome) for source, each in outcomes.items() for outcome in each]
    if not held:
        click.echo("Nothing is expected of these sources; say what must hold with Source(expect=[...])")
        return
    rows = [
        (source, _state(outcome), described(outcome.expectation), "" if outcome.success else found(outcome))
        for source, outcome in held
    ]
    print_table({"source": "left", "state": "left", "expectation": "left", "found": "left"}, rows)
    met = sum(outcome.success for _, outcome in held)
    click.echo(f"\n{number(met)} of {number(len(held))} expectations are met.")


def _state(outcome: Outcome) -> str:
    if outcome.success:
        return "met"
    return "fails" if outcome.fails else "warns"
