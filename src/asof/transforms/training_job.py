"""Building a training set bucket by bucket, on any engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.training_set import TrainingSet
from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.storage.fingerprint import Fingerprint
from asof.storage.tables import Base, File
from asof.transforms.buckets import Bucketed
from asof.transforms.on_demand import AskedFeatures
from asof.transforms.splits import SPLIT, split_by_time
from asof.transforms.statistics import ColumnStatistics, statistics
from asof.transforms.training_rows import ViewRows, training_rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ViewTable:
    """A view that features are taken from, and where its rows are."""

    view: FeatureView
    columns: Schema
    features: tuple[str, ...]
    rows: Bucketed


@dataclass(frozen=True)
class TrainingJob:
    """What all buckets have in common. `complete_until` is in ns since 1970, UTC."""

    wanted: TrainingSet
    label_rows: Bucketed
    cutoff_rows: Bucketed | None
    views: tuple[ViewTable, ...]
    asked: AskedFeatures
    complete_until: int

    @property
    def buckets(self) -> int:
        """In how many buckets the entities are taken: as many as the table has that has most."""
        tables = [self.label_rows, *(view.rows for view in self.views)]
        return max(table.buckets for table in (*tables, self.cutoff_rows) if table is not None)

    def schema(self) -> pa.Schema:
        """The schema of the training set's rows."""
        views = [_view_rows(view, view.rows.empty()) for view in self.views]
        cutoff_rows = self.cutoff_rows and self.cutoff_rows.empty()
        return _rows(self, self.label_rows.empty(), cutoff_rows, views)[0].schema


@dataclass(frozen=True)
class BucketOfRows:
    """Files that were staged, and what is to be known of the rows in them."""

    files: tuple[File, ...]
    counts: Counter[str]
    statistics: dict[str, ColumnStatistics]
    fingerprint: Fingerprint


def build_bucket(job: TrainingJob, into: Base, bucket: int) -> BucketOfRows:
    """Stage the rows of one bucket of entities: by cut-off and then keys."""
    label_rows = job.label_rows.read(bucket, job.buckets)
    views = [_view_rows(view, _of_bucket(job, view, bucket)) for view in job.views]
    cutoff_rows = job.cutoff_rows and job.cutoff_rows.read(bucket, job.buckets)
    rows, counts = _rows(job, label_rows, cutoff_rows, views)
    content = Fingerprint(rows.schema)
    content.add(rows)
    files = into.stage(rows, schema=rows.schema, part=bucket) if rows.num_rows else []
    return BucketOfRows(tuple(files), counts, statistics(rows), content)


def _of_bucket(job: TrainingJob, view: ViewTable, bucket: int) -> pa.Table:
    """The view's rows of the bucket's entities; all of its rows where it has other keys."""
    if view.rows.keys == job.label_rows.keys:
        return view.rows.read(bucket, job.buckets)
    return view.rows.read_all()


def _view_rows(view: ViewTable, rows: pa.Table) -> ViewRows:
    return ViewRows(view.view, view.columns, view.features, rows)


def _rows(
    job: TrainingJob, label_rows: pa.Table, cutoff_rows: pa.Table | None, views: list[ViewRows]
) -> tuple[pa.Table, Counter[str]]:
    wanted = job.wanted
    complete_until = _EPOCH + timedelta(microseconds=job.complete_until // 1_000)
    built = training_rows(
        wanted.label,
        label_rows,
        complete_until,
        views,
        cutoff_rows=cutoff_rows,
        strict=wanted.strict,
        known_at=wanted.known_at,
    )
    keys = list(wanted.label.entity.keys)
    asked = job.asked.of(built.rows, [*keys, "cutoff", wanted.label.name], named_by=[*keys, "cutoff"])
    rows, counts = _split(asked, job)
    return rows, Counter({**counts, "immature": built.immature, "rows": rows.num_rows})


def _split(rows: pa.Table, job: TrainingJob) -> tuple[pa.Table, dict[str, int]]:
    """Rows with their split, without those that the embargo leaves out."""
    rule, label = job.wanted.split, job.wanted.label
    if rule is None:
        return rows, {}
    split = split_by_time(rows["cutoff"], rule, label.last_mature(job.complete_until))
    place = rows.column_names.index(label.name) + 1
    rows = rows.add_column(place, SPLIT, split.of_row)
    return rows.filter(pc.is_valid(rows[SPLIT])), split.counts
