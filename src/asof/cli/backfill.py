"""`asof backfill`: a stretch of a view's table computed again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number, took
from asof.cli.invocation import Invocation, engine_option
from asof.cli.output import show
from asof.cli.progress import progress
from asof.cli.records import run_record, step_record

if TYPE_CHECKING:
    from asof.storage.catalogue import Run, Step

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command(
    cls=Command,
    examples=[
        "asof backfill spend --from 2024-01-01 --to 2024-07-01",
        "asof backfill spend --from 2024-01-01 --to 2024-07-01 --chunk 7d",
    ],
)
@click.argument("view")
@click.option("--from", "start", metavar="TIME", type=MOMENT, required=True, help="The first moment (UTC).")
@click.option("--to", "end", metavar="TIME", type=MOMENT, required=True, help="The moment after (UTC).")
@click.option("--chunk", metavar="TIME", default="30d", show_default=True, help="How much is done at a time.")
@click.option("--wait", is_flag=True, help="Where another run is at work, begin when it has ended.")
@engine_option
@click.pass_obj
def backfill(
    asked: Invocation,
    view: str,
    start: datetime,
    end: datetime,
    chunk: str,
    wait: bool,
    engine: str | None,
) -> None:
    """Compute a stretch of a view's table again.

    Rows of VIEW whose event times lie from --from to before --to are computed with the definitions of
    now, all others stay as they are. The table changes once all is done. Stopped or killed, the same
    command goes on after the last chunk that was done. What is online follows with: asof run
    """
    with asked.open(engine) as project, progress(err=asked.json) as shown:
        done = project.backfill(
            view,
            start.replace(tzinfo=UTC),
            end.replace(tzinfo=UTC),
            chunk=chunk,
            wait=wait,
            report=shown.report_chunk,
            on_step=shown.on_step,
        )
        [step] = project.steps(done.id)
    record = {"run": run_record(done), "step": step_record(step)}
    show(asked, record, lambda: click.echo(_summary(done, step)))


def _summary(done: Run, step: Step) -> str:
    rows = f"{number(step.rows_written)} rows in {number(step.details['chunks'])} chunks"
    return f"Run {done.id} computed {rows} in {took(done.started_at, done.finished_at)}. Go on with: asof run"
