"""Computing a view's rows of a stretch of time again, chunk by chunk, and putting them in place of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from asof.storage.layout import BUCKET, EVENT_TIME, SEQUENCE
from asof.storage.shuffle import Shuffle, Shuffled
from asof.storage.tables import Base, File, Table
from asof.transforms.kernels.instants import NS_PER
from asof.transforms.layout_job import LayoutJob, Tally, shuffle_part, stage_bucket
from asof.transforms.parts import Part


@dataclass(frozen=True)
class Stretch:
    """The moments from `start` to before `end`, in ns since 1970, UTC."""

    start: int
    end: int

    def holds(self, schema: pa.Schema) -> pc.Expression:
        """Whether a row's event time lies in it."""
        kind = schema.field(EVENT_TIME).type
        first, end = (pa.scalar(-(-moment // NS_PER[kind.unit]), kind) for moment in (self.start, self.end))
        return (pc.field(EVENT_TIME) >= first) & (pc.field(EVENT_TIME) < end)

    def chunks(self, length: int) -> Iterator[Stretch]:
        """It in pieces of a length in ns, from its start."""
        for start in range(self.start, self.end, length):
            yield Stretch(start, min(start + length, self.end))


@dataclass(frozen=True)
class Within(Part):
    """The rows of a part whose event times lie in a stretch, or with `outside` those whose don't."""

    stretch: Stretch
    outside: bool = False

    def read(self, table: Table, version: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows."""
        snapshot = table.snapshot(version)
        inside = self.stretch.holds(snapshot.schema)
        return snapshot.read(columns, self.wanted & (~inside if self.outside else inside))


@dataclass(frozen=True)
class BackfillJob:
    """What is computed, where to it is sent, and the version of the table that it goes into."""

    layout: LayoutJob
    to: Shuffle
    table: Table
    version: int
    stretch: Stretch


def compute_part(job: BackfillJob, part: Within) -> tuple[Tally, Shuffled]:
    """Send the rows of a part to the buckets of their entities."""
    return shuffle_part(job.layout, job.to, part)


def replace_bucket(job: BackfillJob, computed: Sequence[Shuffled], into: Base, bucket: int) -> list[File]:
    """Stage the rows that a bucket then has, sorted: the computed ones, and of the others what they leave."""
    new = job.to.read(computed, bucket)
    snapshot = job.table.snapshot(job.version)
    there = (pc.field(BUCKET) == bucket) & ~job.stretch.holds(snapshot.schema)
    old = snapshot.read([name for name in snapshot.schema.names if name != BUCKET], there)
    kept = old.filter(pc.invert(pc.is_in(old[SEQUENCE], new[SEQUENCE])))
    rows = pa.concat_tables([kept.select(new.column_names).cast(new.schema), new])
    return stage_bucket(rows, job.layout.keys, into, bucket) if rows.num_rows else []


def earliest(table: Table, version: int) -> int | None:
    """The earliest event time of a version, in ns since 1970, UTC; None where it has no rows."""
    batches = table.batches(version, [EVENT_TIME])
    return min(
        (pc.min(batch[EVENT_TIME].cast(pa.timestamp("ns", "UTC"))).value for batch in batches), default=None
    )
