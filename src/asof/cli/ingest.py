"""`asof ingest`: what is new in sources taken in, once or for as long as it runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number, took
from asof.cli.invocation import Invocation
from asof.cli.output import show
from asof.cli.progress import progress
from asof.cli.records import run_record, step_record

if TYPE_CHECKING:
    from asof.storage.catalogue import Run, Step


@click.command(
    cls=Command,
    examples=["asof ingest", "asof ingest orders customers", "asof ingest orders --follow"],
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--follow", is_flag=True, help="Go on until interrupted, taking in what comes as it comes.")
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Go on where rows are gone that were never read, as from a topic that did not keep them.",
)
@click.pass_obj
def ingest(asked: Invocation, sources: Sequence[str], follow: bool, accept_loss: bool) -> None:
    """Take in what is new in sources, and no more.

    Brings the raw tables of the sources named, or of all, up to date; what is made of them is left to
    asof run. Stopped or killed, it goes on where it was the next time.
    """
    with asked.open() as project, progress(err=asked.json) as shown, _until_stopped(follow) as stop:
        done = project.ingest(
            sources, follow=stop, accept_loss=accept_loss, report=shown.report, on_step=shown.on_step
        )
        steps = project.steps(done.id)
    record = {"run": run_record(done), "steps": [step_record(step) for step in steps]}
    show(asked, record, lambda: click.echo(_summary(done, steps)))


@contextmanager
def _until_stopped(follow: bool) -> Iterator[Event | None]:
    """An event that SIGINT and SIGTERM set, so that the commit in progress is the last; None if not asked."""
    if not follow:
        yield None
        return
    stop = Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def _summary(done: Run, steps: Sequence[Step]) -> str:
    read, quarantined = (sum(getattr(s, f"rows_{what}") for s in steps) for what in ("read", "quarantined"))
    lines = [f"Run {done.id} took in {number(read)} rows in {took(done.started_at, done.finished_at)}."]
    if quarantined:
        lines.append(f"Rows in quarantine: {number(quarantined)}; see why with: asof quarantine")
    return "\n".join(lines)
