"""`asof run`: everything brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number, took
from asof.cli.invocation import Invocation, engine_option, environment_option
from asof.cli.output import show
from asof.cli.progress import progress
from asof.cli.records import run_record, step_record

if TYPE_CHECKING:
    from asof.storage.catalogue import Run, Step


@click.command(
    cls=Command,
    examples=[
        "asof run",
        "asof run --select +spend",
        "asof run --select spend --full",
        "asof run --wait --profile prod --json",
        "asof run --engine spark",
        "asof run --env alice",
    ],
)
@click.option(
    "--select",
    metavar="NAME",
    multiple=True,
    help="Only a definition: NAME, view/NAME, +NAME with what it needs, NAME+ with what depends on it.",
)
@click.option("--full", is_flag=True, help="Build anew instead of adding what is new.")
@click.option("--wait", is_flag=True, help="Where another run is at work, begin when it has ended.")
@environment_option
@engine_option
@click.pass_obj
def run(
    asked: Invocation,
    select: Sequence[str],
    full: bool,
    wait: bool,
    environment: str,
    engine: str | None,
) -> None:
    """Bring tables and online rows up to date.

    Ingests what is new in the sources, cleans and checks it, lays out what views and labels need
    and publishes features online, what does not depend on each other side by side. What is up to date
    is left alone. Stopped, killed or failed, it goes on where it was the next time. --select may be given
    several times. With --env only the tables that the environment has for itself are brought up to date,
    and nothing is published.
    """
    steps: list[Step] = []
    with asked.open(engine, environment) as project, progress(err=asked.json) as shown:

        def on_step(step: Step) -> None:
            steps.append(step)
            shown.on_step(step)

        done = project.run(select=select, full=full, wait=wait, report=shown.report, on_step=on_step)
    record = {
        "run": run_record(done),
        "up_to_date": all(step.status == "skipped" for step in steps),
        "steps": [step_record(step) for step in steps],
    }
    show(asked, record, lambda: click.echo(_summary(done, steps)))


def _summary(done: Run, steps: Sequence[Step]) -> str:
    worked = [step for step in steps if step.status != "skipped"]
    if not worked:
        return "Nothing was to be done: everything is up to date with the sources and definitions."
    lines = [f"Run {done.id} took {took(done.started_at, done.finished_at)}."]
    quarantined = sum(step.rows_quarantined for step in worked)
    if quarantined:
        lines.append(f"Rows in quarantine: {number(quarantined)}; see why with: asof quarantine")
    return "\n".join(lines)
