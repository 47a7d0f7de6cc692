"""What every step of a run has at hand, and how it commits what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from asof.features.graph import Definitions
from asof.storage.catalogue import Step, TableVersion
from asof.workspace import Workspace

Report = Callable[[str], None]
"""Takes a line of progress: what is being done now."""


@dataclass(frozen=True)
class Write:
    """A version that was written and the one that it follows; it counts once committed."""

    version: TableVersion
    follows: int | None


@dataclass(frozen=True)
class Context:
    """One run: where its data is, what is defined, and whom to tell about progress."""

    workspace: Workspace
    definitions: Definitions
    run: str
    report: Report

    def current(self, table: str) -> TableVersion | None:
        """The version of a table that counts now."""
        return self.workspace.catalogue.current(table)

    def write(
        self,
        table: str,
        rows: pa.Table,
        *,
        on: TableVersion | None,
        replace: bool,
        partition_by: Sequence[str] = (),
        **record: Any,
    ) -> Write:
        """Write rows on top of version `on`, or in its place; `record` goes to the catalogue."""
        number = self.workspace.write(table, rows, on=on, replace=replace, partition_by=partition_by)
        rebuilt = number if replace or on is None else on.details["rebuilt"]
        size = self.workspace.table(table).statistics(number)
        details = {"rebuilt": rebuilt} | record.pop("details", {})
        version = TableVersion(
            table=table,
            version=number,
            run=self.run,
            committed_at=now(),
            rows=size.rows,
            bytes=size.bytes,
            details=details,
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
