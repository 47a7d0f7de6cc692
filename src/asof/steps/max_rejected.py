"""The limit on the rows of a source that may be rejected: past it a step fails, and nothing of it counts."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from asof.errors import DataError
from asof.features.source import Source
from asof.steps.context import Context, now
from asof.steps.quarantine import described
from asof.storage.catalogue import Step

SHOWN = 3  # reasons in the error
KEPT = 1_000  # rows to look at


def check_rejected(
    context: Context, source: Source, step: Step, rejected: Sequence[pa.Table], *, whole: bool
) -> None:
    """Raise DataError where more of the step's rows were rejected than the source allows.

    Until the `whole` is read a share can't be told. The first of the rows go to the table
    "rejected/NAME", in place of those of the last time, for somebody to look at.
    """
    if not _too_many(source.max_rejected, step, whole):
        return
    rows = pa.concat_tables(rejected)
    name = f"rejected/{source.name}"
    stage = step.name.partition(" ")[0]
    kept = described(rows.slice(0, KEPT), stage, context.run)
    write = context.write(name, kept, on=context.current(name), replace=True)
    error = _error(source, step, rows)
    failed = Step(
        run=step.run,
        name=step.name,
        status="failed",
        started_at=step.started_at,
        finished_at=now(),
        details={"error": str(error)},
    )
    context.commit([write], failed)
    raise error


def _too_many(limit: int | float | None, step: Step, whole: bool) -> bool:
    if limit is None or (isinstance(limit, float) and not whole):
        return False
    return step.rows_quarantined > (limit * step.rows_read if isinstance(limit, float) else limit)


def _error(source: Source, step: Step, rejected: pa.Table) -> DataError:
    reasons = rejected.group_by("reason").aggregate([("reason", "count")])
    most = reasons.sort_by([("reason_count", "descending"), ("reason", "ascending")]).slice(0, SHOWN)
    listed = "; ".join(f"{row['reason_count']:,} {row['reason']}" for row in most.to_pylist())
    more = f"; and {reasons.num_rows - SHOWN:,} other reasons" if reasons.num_rows > SHOWN else ""
    return DataError(
        f"source {source.name!r}: {step.rows_quarantined:,} of {step.rows_read:,} rows were rejected, "
        f"max_rejected is {source.max_rejected}; nothing of them was taken in: {listed}{more}\n"
        f"See the rows with: asof quarantine show {source.name} --failed"
    )
