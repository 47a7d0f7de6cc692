"""What a run shows while it works: a live line on a terminal, elsewhere a line for each finished step."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from asof.cli.formats import number, took

if TYPE_CHECKING:
    import rich.progress

    from asof.storage.catalogue import Step

NAME_WIDTH = 26
ROW = f"{{:<{NAME_WIDTH}}}{{:>10}}{{:>11}}{{:>13}}{{:>10}}{{:>9}}"
HEADER = ROW.format("step", "read", "written", "quarantined", "dropped", "took")


class Progress(Protocol):
    """Takes what `Project.run` tells: what is being done, and each step that has ended."""

    def report(self, line: str) -> None: ...

    def on_step(self, step: Step) -> None: ...


@contextmanager
def progress(*, err: bool) -> Iterator[Progress]:
    """Progress on stdout, or with `err` on stderr."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines(err)
        return
    with _live_line(err) as line:
        yield Live(line)


def step_line(step: Step) -> str:
    """A finished step in one line: what it did with how many rows, and how long it took."""
    if step.status == "skipped":
        return f"{step.name:<{NAME_WIDTH}}  up to date"
    return f"{step.name:<{NAME_WIDTH}}  {_rows(step)}  {took(step.started_at, step.finished_at)}"


def _rows(step: Step) -> str:
    counts = [f"{number(step.rows_read)} rows read", f"{number(step.rows_written)} written"]
    also = {"quarantined": step.rows_quarantined, "dropped": step.rows_dropped}
    return ", ".join([*counts, *(f"{number(count)} {what}" for what, count in also.items() if count)])


def step_row(step: Step) -> str:
    """A finished step as a row under `HEADER`."""
    if step.status == "skipped":
        return f"{step.name:<{NAME_WIDTH}}{'up to date':>10}"
    counts = (step.rows_read, step.rows_written, step.rows_quarantined, step.rows_dropped)
    return ROW.format(step.name, *map(number, counts), took(step.started_at, step.finished_at))


class Lines:
    """A plain line for each finished step."""

    def __init__(self, err: bool) -> None:
        self._err = err

    def report(self, line: str) -> None:
        pass

    def on_step(self, step: Step) -> None:
        click.echo(step_line(step), err=self._err)


class Live:
    """A table of finished steps, and under it what is being done, for how long, with the rows so far."""

    def __init__(self, line: rich.progress.Progress) -> None:
        self._line = line
        self._line.console.print(HEADER, style="bold", soft_wrap=True)
        self._task = line.add_task("", total=None, rows="")
        self._rows = 0

    def report(self, line: str) -> None:
        self._line.update(self._task, description=line)

    def on_step(self, step: Step) -> None:
        self._rows += step.rows_read
        self._line.console.print(step_row(step), soft_wrap=True)
        self._line.reset(self._task, description="", rows=self._so_far())

    def _so_far(self) -> str:
        return f"{number(self._rows)} rows so far" if self._rows else ""


def _live_line(err: bool) -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        SpinnerColumn(),
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        TextColumn("{task.fields[rows]}", markup=False, table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
        console=Console(stderr=err, highlight=False, markup=False, emoji=False),
        transient=True,
        expand=True,
    )
