"""What a run shows while it works: live lines on a terminal, elsewhere a line for each finished step."""

from __future__ import annotations

import os
import sys
import threading
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
    """Takes what `Project.run` tells: what is being done, as "STEP: WHAT", and each step that has ended.

    A line without a step is for people to know whatever they look at.
    """

    def report(self, line: str) -> None: ...

    def report_chunk(self, line: str) -> None:
        """As `report`, of work that is long and in few chunks, each of which is worth a line."""
        ...

    def on_step(self, step: Step) -> None: ...


@contextmanager
def progress(*, err: bool) -> Iterator[Progress]:
    """Progress on stdout, or with `err` on stderr."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines(err)
        return
    with _live_lines(err) as lines:
        yield Live(lines)


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
    """A plain line for each finished step, and for what is not of a step."""

    def __init__(self, err: bool) -> None:
        self._err = err

    def report(self, line: str) -> None:
        if ": " not in line:
            click.echo(line, err=self._err)

    def report_chunk(self, line: str) -> None:
        if ": part: " not in line:
            click.echo(line, err=self._err)

    def on_step(self, step: Step) -> None:
        click.echo(step_line(step), err=self._err)


class Live:
    """A table of finished steps, and under it a line for each step at work: what it does, for how long."""

    def __init__(self, lines: rich.progress.Progress) -> None:
        self._lines = lines
        self._lines.console.print(HEADER, style="bold", soft_wrap=True)
        self._at_work: dict[str, rich.progress.TaskID] = {}
        self._changing = threading.Lock()

    def report(self, line: str) -> None:
        step, colon, _ = line.partition(": ")
        if not colon:
            self._lines.console.print(line, soft_wrap=True)
            return
        with self._changing:
            if step not in self._at_work:
                self._at_work[step] = self._lines.add_task("", total=None)
            self._lines.update(self._at_work[step], description=line)

    def report_chunk(self, line: str) -> None:
        self.report(line)

    def on_step(self, step: Step) -> None:
        self._lines.console.print(step_row(step), soft_wrap=True)
        with self._changing:
            if step.name in self._at_work:
                self._lines.remove_task(self._at_work.pop(step.name))


def _live_lines(err: bool) -> rich.progress.Progress:
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
        TimeElapsedColumn(),
        console=Console(stderr=err, highlight=False, markup=False, emoji=False),
        transient=True,
        expand=True,
    )
