"""Cleaning a source's raw rows part by part, on any engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.source import Source
from asof.storage.layout import EVENT_TIME, KNOWN_FROM
from asof.storage.shuffle import Shuffle, Shuffled
from asof.storage.tables import Base, File, Table
from asof.transforms.cleaning.clean import Cleaned, clean, clean_rows, without_repeats
from asof.transforms.cleaning.counts import StepCount
from asof.transforms.cleaning.given import Given
from asof.transforms.cleaning.repeats import compared_columns, dedupe_step, key_hashes
from asof.transforms.parts import Part
from asof.transforms.validation.counts import Count
from asof.transforms.validation.profile import Profile, profile


@dataclass(frozen=True)
class PerPart:
    """Rows that were sent to the parts that they belong to."""

    shuffle: Shuffle
    sent: tuple[Shuffled, ...]

    def read(self, part: Part) -> pa.Table:
        """The rows for a part."""
        return self.shuffle.read(self.sent, part.number)


@dataclass(frozen=True)
class CleanJob:
    """What all parts have in common: the source, its raw rows, and what is known of others.

    `before` is the version of the clean table that the rows are added to. `statistics` are rows given to
    all parts, and `previous` those for single parts, both by the position of the step that takes them.
    """

    source: Source
    raw: Table
    version: int
    before: tuple[Table, int] | None
    statistics: tuple[tuple[int, pa.Table], ...] = ()
    previous: tuple[tuple[int, PerPart], ...] = ()

    @property
    def dedupes(self) -> bool:
        """Whether rows are held against each other, wherever they are."""
        return dedupe_step(self.source) is not None

    def schema(self) -> pa.Schema:
        """The schema of clean rows."""
        rows = self.raw.schema(self.version).empty_table().select(self.raw_columns)
        return clean(rows, self.source).rows.schema

    @property
    def raw_columns(self) -> list[str]:
        """The raw columns that are declared; a contract may let in others."""
        return [*self.source.schema, "_sequence"]

    def given(self, part: Part) -> Given:
        """The rows that steps take besides those of the part."""
        return dict(self.statistics) | {position: found.read(part) for position, found in self.previous}

    def cleaned(self, part: Part) -> tuple[int, Cleaned]:
        """How many raw rows a part has, and the clean ones, of which some may be repeated."""
        rows = part.read(self.raw, self.version, self.raw_columns)
        return rows.num_rows, clean_rows(rows, self.source, self.given(part))

    def earlier_like(self, rows: pa.Table) -> pa.Table | None:
        """Of the clean rows of before those that may agree with `rows` in the columns of the dedupe."""
        found = dedupe_step(self.source)
        if self.before is None or found is None:
            return None
        (table, version), (_, step) = self.before, found
        wanted = np.unique(key_hashes(rows, step.columns))
        columns = list(compared_columns(self.source))
        like = [
            batch.filter(pa.array(np.isin(key_hashes(pa.table(batch), step.columns), wanted)))
            for batch in map(pa.Table.from_batches, ([batch] for batch in table.batches(version, columns)))
        ]
        return pa.concat_tables(like) if like else None


@dataclass(frozen=True)
class CleanedPart:
    """Files that were staged, the rows that were rejected, and the accounting.

    `latest` is the latest event time, and `latest_known` the latest time since when a row is known, in ns
    since 1970, UTC. `reaches_back` counts earlier clean rows that would not be as they are; nothing was
    staged then. `profile` is of the rows that were.
    """

    files: tuple[File, ...]
    read: int
    written: int
    rejected: pa.Table
    steps: tuple[StepCount, ...]
    rules: tuple[Count, ...]
    latest: int | None = None
    latest_known: int | None = None
    reaches_back: int = 0
    profile: Profile | None = None


def clean_part(job: CleanJob, into: Base, part: Part) -> CleanedPart:
    """Stage the clean rows of one part, held against all rows of before, and no others."""
    read, cleaned = job.cleaned(part)
    if job.dedupes:
        cleaned = without_repeats(cleaned, job.source, job.earlier_like(cleaned.rows))
    accounted = unstaged(read, cleaned)
    return accounted if cleaned.reaches_back else staged(job, accounted, cleaned.rows, into, part)


def unstaged(read: int, cleaned: Cleaned) -> CleanedPart:
    """The accounting of a part of which no row is staged yet."""
    return CleanedPart(
        (), read, 0, cleaned.rejected, cleaned.steps, cleaned.rules, reaches_back=cleaned.reaches_back
    )


def staged(job: CleanJob, accounted: CleanedPart, rows: pa.Table, into: Base, part: Part) -> CleanedPart:
    """The part with its clean rows staged."""
    files = into.stage(rows, schema=rows.schema, part=part.number)
    return replace(
        accounted,
        files=tuple(files),
        written=rows.num_rows,
        latest=_latest(rows, EVENT_TIME),
        latest_known=_latest(rows, KNOWN_FROM) if KNOWN_FROM in rows.column_names else None,
        profile=profile(rows, job.source),
    )


def _latest(rows: pa.Table, column: str) -> int | None:
    times = rows[column].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    latest: int | None = pc.max(times).as_py()
    return latest
