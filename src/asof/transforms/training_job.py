"""Building a training set bucket by bucket, on any engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.sampling import Sample
from asof.features.splits import ByTime
from asof.features.training_set import TrainingSet
from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.storage.fingerprint import Fingerprint
from asof.storage.tables import Base, File
from asof.transforms.buckets import Bucketed
from asof.transforms.leaks.evidence import Evidence, evidence_of
from asof.transforms.on_demand import AskedFeatures
from asof.transforms.sampling import Outcomes, outcomes_for_training, sampled
from asof.transforms.splits import SPLIT, TEST, TRAIN, split
from asof.transforms.statistics import Statistics, statistics
from asof.transforms.training_rows import Labelled, ViewRows, labelled, with_features


@dataclass(frozen=True)
class ViewTable:
    """A view that features are taken from, and where its rows are."""

    view: FeatureView
    columns: Schema
    features: tuple[str, ...]
    rows: Bucketed


@dataclass(frozen=True)
class TrainingJob:
    """What all buckets have in common. `complete_until` is in ns since 1970, UTC.

    `sample` has the shares that are kept, also where the training set is to be balanced.
    """

    wanted: TrainingSet
    label_rows: Bucketed
    cutoff_rows: Bucketed | None
    views: tuple[ViewTable, ...]
    asked: AskedFeatures
    complete_until: int
    sample: Sample | None = None

    @property
    def buckets(self) -> int:
        """In how many buckets the entities are taken: as many as the table has that has most."""
        tables = [self.label_rows, *(view.rows for view in self.views)]
        return max(table.buckets for table in (*tables, self.cutoff_rows) if table is not None)

    def schema(self) -> pa.Schema:
        """The schema of the training set's rows."""
        views = [_view_rows(view, view.rows.empty()) for view in self.views]
        cutoff_rows = self.cutoff_rows and self.cutoff_rows.empty()
        return _made(self, self.label_rows.empty(), cutoff_rows, views).rows.schema

    @property
    def shares_cutoffs(self) -> bool:
        """Whether rows for training and for the test can have the same cut-off."""
        return not any(isinstance(rule, ByTime) for rule in self.wanted.splits)


@dataclass(frozen=True)
class BucketOfRows:
    """Files that were staged, and what is to be known of the rows in them.

    `statistics` are those of each split, or under "" of all rows where they are not split.
    """

    files: tuple[File, ...]
    counts: Counter[str]
    statistics: dict[str, Statistics]
    fingerprint: Fingerprint
    evidence: Evidence


@dataclass(frozen=True)
class Content:
    """What is to be known of rows to tell whether they are the same."""

    schema: pa.Schema
    rows: int
    fingerprint: Fingerprint


@dataclass(frozen=True)
class _Made:
    """Rows, the columns of the request that they were computed with, and what was counted on the way."""

    rows: pa.Table
    request: pa.Table
    counts: Counter[str]


def build_bucket(job: TrainingJob, into: Base, bucket: int) -> BucketOfRows:
    """Stage the rows of one bucket of entities: by cut-off and then keys."""
    made = _made_of_bucket(job, bucket)
    rows = made.rows
    files = into.stage(rows, schema=rows.schema, part=bucket) if rows.num_rows else []
    fingerprint = content_of(rows).fingerprint
    return BucketOfRows(tuple(files), made.counts, _statistics(rows), fingerprint, _evidence(job, made))


def rebuild_bucket(job: TrainingJob, bucket: int) -> Content:
    """What the rows of one bucket of entities come out as; nothing is written."""
    return content_of(_made_of_bucket(job, bucket).rows)


def evidence_of_bucket(job: TrainingJob, bucket: int) -> Evidence:
    """What is kept of the rows of one bucket of entities to look for leaks; nothing is written."""
    return _evidence(job, _made_of_bucket(job, bucket))


def _evidence(job: TrainingJob, made: _Made) -> Evidence:
    rows = made.rows
    for name in made.request.column_names:
        rows = rows.append_column(name, made.request[name])
    keys = list(job.wanted.label.entity.keys)
    return evidence_of(rows, keys, job.asked.columns, vectors=job.shares_cutoffs, parts=job.buckets)


def content_of(rows: pa.Table) -> Content:
    """The content of rows."""
    fingerprint = Fingerprint(rows.schema)
    fingerprint.add(rows)
    return Content(rows.schema, rows.num_rows, fingerprint)


def _statistics(rows: pa.Table) -> dict[str, Statistics]:
    """The statistics of each split; of rows that are not split under ""."""
    if SPLIT not in rows.column_names:
        return {"": statistics(rows)}
    return {name: statistics(rows.filter(pc.equal(rows[SPLIT], name))) for name in (TRAIN, TEST)}


def outcomes_of_bucket(job: TrainingJob, bucket: int) -> Outcomes:
    """How many of the rows for training of one bucket have which outcome, whatever is sampled."""
    label_rows, cutoff_rows = _label_rows(job, bucket)
    rows, _ = _split(_labelled(job, label_rows, cutoff_rows).rows, job)
    return outcomes_for_training(rows, job.wanted.label.name)


def _made_of_bucket(job: TrainingJob, bucket: int) -> _Made:
    views = [_view_rows(view, rows_of_view(job, view, bucket)) for view in job.views]
    return _made(job, *_label_rows(job, bucket), views)


def _label_rows(job: TrainingJob, bucket: int) -> tuple[pa.Table, pa.Table | None]:
    cutoff_rows = job.cutoff_rows and job.cutoff_rows.read(bucket, job.buckets)
    return job.label_rows.read(bucket, job.buckets), cutoff_rows


def rows_of_view(job: TrainingJob, view: ViewTable, bucket: int) -> pa.Table:
    """The view's rows of the bucket's entities; all of its rows where it has other keys."""
    if view.rows.keys == job.label_rows.keys:
        return view.rows.read(bucket, job.buckets)
    return view.rows.read_all()


def _view_rows(view: ViewTable, rows: pa.Table) -> ViewRows:
    return ViewRows(view.view, view.columns, view.features, rows)


def _made(
    job: TrainingJob, label_rows: pa.Table, cutoff_rows: pa.Table | None, views: list[ViewRows]
) -> _Made:
    wanted, keys = job.wanted, list(job.wanted.label.entity.keys)
    found = _labelled(job, label_rows, cutoff_rows)
    split, counts = _split(found.rows, job)
    kept = sampled(split, job.sample, wanted.label.name, keys) if job.sample else split
    rows = featured(job, kept, views, wanted.known_at)
    counts |= {"immature": found.immature, "sampled_out": split.num_rows - kept.num_rows}
    counted = Counter({**counts, **_sizes(rows), "rows": rows.num_rows})
    return _Made(rows, kept.select(list(wanted.request)), counted)


def featured(job: TrainingJob, kept: pa.Table, views: Sequence[ViewRows], known_at: str) -> pa.Table:
    """Labelled rows, with the columns of their request, with the features in place of these."""
    wanted, keys = job.wanted, list(job.wanted.label.entity.keys)
    rows = with_features(kept, views, strict=wanted.strict, known_at=known_at)
    own = [name for name in kept.column_names if name not in wanted.request]
    return job.asked.of(rows, own, named_by=[*keys, "cutoff"])


def _labelled(job: TrainingJob, label_rows: pa.Table, cutoff_rows: pa.Table | None) -> Labelled:
    wanted = job.wanted
    return labelled(
        wanted.label,
        label_rows,
        job.complete_until,
        cutoff_rows=cutoff_rows,
        request=tuple(wanted.request),
        known_at=wanted.known_at,
    )


def _split(rows: pa.Table, job: TrainingJob) -> tuple[pa.Table, dict[str, int]]:
    """Rows with their split, without those that it leaves out."""
    wanted, label = job.wanted, job.wanted.label
    if not wanted.splits:
        return rows, {}
    found = split(rows, wanted.splits, list(label.entity.keys), label.last_mature(job.complete_until))
    rows = rows.append_column(SPLIT, found.of_row)
    return rows.filter(pc.is_valid(rows[SPLIT])), found.counts


def _sizes(rows: pa.Table) -> dict[str, int]:
    """How many rows there are of each split, where they are split."""
    if SPLIT not in rows.column_names:
        return {}
    return {name: pc.sum(pc.equal(rows[SPLIT], name)).as_py() or 0 for name in (TRAIN, TEST)}
