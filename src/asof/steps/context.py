"""What every step of a run has at hand, and how it commits what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pyarrow as pa

from asof.features.graph import Definitions
from asof.storage.catalogue import Step, TableVersion
from asof.storage.tables import Base, File
from asof.transforms.engines.engine import Engine
from asof.workspace import Workspace

T = TypeVar("T")
R = TypeVar("R")
Report = Callable[[str], None]
"""Takes a line of progress: what is being done now."""


@dataclass(frozen=True)
class Write:
    """A version that was written and the one that it follows; it counts once committed."""

    version: TableVersion
    follows: int | None


@dataclass(frozen=True)
class Context:
    """One run: where its data is, what is defined, who computes, and whom to tell about progress."""

    workspace: Workspace
    definitions: Definitions
    engine: Engine
    run: str
    report: Report

    def current(self, table: str) -> TableVersion | None:
        """The version of a table that counts now."""
        return self.workspace.catalogue.current(table)

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
        **record: Any,
    ) -> Write:
        """Make staged files a version of their table, which counts once it is in the catalogue."""
        anew = replace or on is None
        number = base.commit(files, schema=schema, replace=anew)
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
        return Write(version, on.version if on else None)

    def commit(self, writes: Sequence[Write | None], step: Step) -> None:
        """Make what was written count, all or none, with the step's accounting so far."""
        made = [write for write in writes if write is not None]
        self.workspace.catalogue.commit(
            [write.version for write in made],
            expected={write.version.table: write.follows for write in made},
            step=step,
        )

    def map(self, what: str, kernel: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Have the engine run a kernel on tasks, and report how far it is."""
        for done, result in enumerate(self.engine.map(kernel, tasks), start=1):
            if len(tasks) > 1:
                self.report(f"{what}: {done} of {len(tasks)}")
            yield result

    def begin(self, name: str) -> Step:
        """A step that begins now."""
        return Step(run=self.run, name=name, status="running", started_at=now())


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
