"""Cleaning a source's raw rows part by part, on any engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.source import Source
from asof.storage.tables import Base, File, Table
from asof.transforms.cleaning.clean import Cleaned, clean, dedupe_columns
from asof.transforms.cleaning.expectations import RuleCount
from asof.transforms.cleaning.steps import StepCount
from asof.transforms.parts import Part


@dataclass(frozen=True)
class CleanJob:
    """What all parts have in common: the source, its raw rows, and what has been let through before."""

    source: Source
    raw: Table
    version: int
    before: tuple[Table, int] | None

    @property
    def whole(self) -> bool:
        """Whether rows must be seen together: duplicates can be anywhere."""
        return bool(dedupe_columns(self.source))

    def schema(self) -> pa.Schema:
        """The schema of clean rows."""
        return clean(self.raw.schema(self.version).empty_table(), self.source).rows.schema

    def seen(self) -> pa.Table | None:
        """The columns of earlier clean rows that tell duplicates."""
        if self.before is None or not self.whole:
            return None
        table, version = self.before
        return table.read(version, dedupe_columns(self.source))


@dataclass(frozen=True)
class CleanedPart:
    """Files that were staged, the rows that were rejected, and the accounting.

    `latest` is the latest event time, in ns since 1970, UTC.
    """

    files: tuple[File, ...]
    read: int
    written: int
    rejected: pa.Table
    steps: tuple[StepCount, ...]
    rules: tuple[RuleCount, ...]
    latest: int | None


def clean_part(job: CleanJob, into: Base, part: Part) -> CleanedPart:
    """Stage the clean rows of one part."""
    rows = part.read(job.raw, job.version)
    cleaned = clean(rows, job.source, seen=job.seen())
    files = into.stage(cleaned.rows, schema=cleaned.rows.schema, part=part.number)
    return CleanedPart(
        tuple(files),
        rows.num_rows,
        cleaned.rows.num_rows,
        cleaned.rejected,
        cleaned.steps,
        cleaned.rules,
        _latest(cleaned),
    )


def step_counts(parts: Sequence[CleanedPart]) -> list[StepCount]:
    """What each step did to the rows of all parts."""
    return [
        replace(same[0], dropped=_total(same, "dropped"), changed=_total(same, "changed"))
        for same in zip(*(part.steps for part in parts), strict=True)
    ]


def rule_counts(parts: Sequence[CleanedPart]) -> list[RuleCount]:
    """How often each rule was broken in all parts."""
    return [
        replace(same[0], rows=_total(same, "rows"), broken=_total(same, "broken"))
        for same in zip(*(part.rules for part in parts), strict=True)
    ]


def _total(counts: Iterable[Any], field: str) -> int:
    return sum(getattr(count, field) for count in counts)


def _latest(cleaned: Cleaned) -> int | None:
    times = cleaned.rows["_event_time"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    latest: int | None = pc.max(times).as_py()
    return latest
