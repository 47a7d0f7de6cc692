"""What every step of a run has at hand, and how it commits what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any, TypeVar

import pyarrow as pa

from asof.errors import AsofError
from asof.features.graph import Definitions
from asof.storage.catalogue import Step, TableVersion
from asof.storage.folder import Folder
from asof.storage.tables import Base, File
from asof.storage.tables.compaction import merged
from asof.transforms.engines.engine import Engine
from asof.workspace import Workspace

T = TypeVar("T")
R = TypeVar("R")
Report = Callable[[str], None]
"""Takes a line of progress: what is being done now, behind the step that does it and a colon."""


@dataclass(frozen=True)
class Write:
    """A version that was written and the one that it follows; it counts once committed.

    `bytes` are those of the files that it came with.
    """

    version: TableVersion
    follows: int | None
    bytes: int = 0


@dataclass(frozen=True)
class Context:
    """One run: where its data is, what is defined, who computes, and whom to tell about progress.

    With `anew` tables are built anew where they would only be brought up to date. So many
    `sources_at_once` share the memory; what is at work gives up once `stop` is set.
    `watch` is told of each step as it begins and as it ends.
    """

    workspace: Workspace
    definitions: Definitions
    engine: Engine
    run: str
    report: Report
    anew: bool = False
    sources_at_once: int = 1
    stop: Event = field(default_factory=Event)
    watch: Callable[[Step], None] = lambda step: None

    @property
    def memory(self) -> int:
        """Bytes that a source may need for rows at a time."""
        return self.workspace.settings.memory // self.sources_at_once

    def current(self, table: str) -> TableVersion | None:
        """The version of a table that counts now."""
        return self.workspace.newest(table)

    def standing(self, current: TableVersion | None) -> TableVersion | None:
        """The version to go on from: none where it is to be built anew and this run has not done it yet."""
        return None if self.anew and current and current.run != self.run else current

    def write(
        self, table: str, rows: pa.Table, *, on: TableVersion | None, replace: bool, **record: Any
    ) -> Write:
        """Write rows on top of version `on`, or in its place; `record` goes to the catalogue."""
        base = self.workspace.base(table, rows.schema, on=on)
        files = base.stage(rows, schema=rows.schema)
        return self.commit_files(base, files, on=on, schema=rows.schema, replace=replace, **record)

    def commit_files(
        self,
        base: Base,
        files: Sequence[File],
        *,
        on: TableVersion | None,
        schema: pa.Schema,
        replace: bool,
        keys: Sequence[str] | None = None,
        **record: Any,
    ) -> Write:
        """Make staged files a version of their table, which counts once it is in the catalogue.

        Where the table has many small files some of them are merged, and where it is laid out by `keys`
        sorted.
        """
        anew = replace or on is None
        merges = () if anew else base.merges
        done = list(self.map("merging small files", partial(merged, base, keys), merges))
        number = base.commit(files, schema=schema, replace=anew, merged=done)
        size = base.table.statistics(number)
        details = {"rebuilt": number if anew or on is None else on.details["rebuilt"]}
        version = TableVersion(
            table=self.workspace.name_of(base.table),
            version=number,
            run=self.run,
            committed_at=now(),
            rows=size.rows,
            bytes=size.bytes,
            details=details | record.pop("details", {}),
            **record,
        )
        return Write(version, on.version if on else None, sum(file.bytes for file in files))

    def commit(self, writes: Sequence[Write | None], step: Step) -> Step:
        """Make what was written count, all or none, with the step so far: what it read, and what it made."""
        self._go_on()
        made = [write for write in writes if write is not None]
        done = _with_versions(step, made)
        self.workspace.catalogue.commit(
            [write.version for write in made],
            expected={write.version.table: write.follows for write in made},
            step=done,
        )
        return done

    def map(self, what: str, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Have the engine run a kernel on tasks, and report how far it is."""
        for done, result in enumerate(self.engine.map(kernel, tasks), start=1):
            self._go_on()
            if len(tasks) > 1:
                self.report(f"{what}: {done} of {len(tasks)}")
            yield result

    def scratch(self) -> AbstractContextManager[Folder]:
        """A folder for what is on its way to a table; it is gone afterwards, or after the run."""
        return self.workspace.scratch(self.run)

    def of(self, step: str) -> Context:
        """The same, for a step by whose name its lines of progress begin."""
        return replace(self, report=lambda line: self.report(f"{step}: {line}"))

    def begin(self, name: str) -> Step:
        """A step that begins now."""
        step = Step(run=self.run, name=name, status="running", started_at=now())
        self.watch(step)
        return step

    def record(self, step: Step) -> None:
        """Keep a step in the catalogue as it has ended."""
        self.workspace.catalogue.record_step(step)
        self.watch(step)

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise AsofError("stopped, since the run has ended")


def _with_versions(step: Step, made: Sequence[Write]) -> Step:
    inputs = {table: number for write in made for table, number in write.version.inputs.items()}
    outputs = {write.version.table: write.version.version for write in made}
    return replace(
        step,
        bytes_written=step.bytes_written + sum(write.bytes for write in made),
        inputs={**step.inputs, **inputs},
        outputs={**step.outputs, **outputs},
    )


def counted(
    step: Step, read: int, written: int, quarantined: int = 0, dropped: int = 0, **details: Any
) -> Step:
    """The step with more rows accounted for; read = written + quarantined + dropped."""
    return replace(
        step,
        rows_read=step.rows_read + read,
        rows_written=step.rows_written + written,
        rows_quarantined=step.rows_quarantined + quarantined,
        rows_dropped=step.rows_dropped + dropped,
        details={**step.details, **details},
    )


def ended(step: Step) -> Step:
    """The step, over now."""
    return replace(step, status="succeeded", finished_at=now())


def skipped(step: Step) -> Step:
    """The step, which found nothing to do."""
    return replace(step, status="skipped", finished_at=now())


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
