"""What leak checks look at: a training set as it is built, and a sample of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pyarrow as pa

from asof.errors import NotFound
from asof.features.graph import Definitions
from asof.features.source import Source
from asof.features.view import FeatureView
from asof.storage.catalogue import TableVersion
from asof.storage.hashing import Words
from asof.storage.layout import bucket_of
from asof.transforms.engines.engine import Engine
from asof.transforms.leaks.drawn import LOT
from asof.transforms.leaks.evidence import Evidence
from asof.transforms.leaks.origins import (
    LaidOut,
    Origin,
    Recomputed,
    Wanted,
    identified,
    rows_like,
    wanted_of_part,
)
from asof.transforms.leaks.seen import Seen, all_of_them
from asof.transforms.parts import parts_of
from asof.transforms.training_job import TrainingJob, ViewTable, featured, rows_of_view
from asof.transforms.training_rows import ViewRows
from asof.workspace import Workspace

ENTITIES = 300
ROWS = 3_000
"""Entities, and rows of theirs, of the sample whose features are computed anew."""


@dataclass(frozen=True)
class Case:
    """A training set over the tables at the versions in `inputs`, and the evidence that was kept of it."""

    workspace: Workspace
    definitions: Definitions
    job: TrainingJob
    inputs: Mapping[str, TableVersion]
    engine: Engine
    evidence: Evidence

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the label's keys."""
        return tuple(self.job.wanted.label.entity.keys)

    @property
    def features(self) -> Sequence[str]:
        """The columns of the features."""
        return self.job.asked.columns

    @cached_property
    def rows(self) -> pa.Table:
        """The sample's rows, with the columns of their request."""
        return self.evidence.sample.rows

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The sources that features are made from."""
        used = self.definitions.made_of(self.job.wanted).views.values()
        return {view.source.name: view.source for view in used}

    @cached_property
    def few(self) -> Few:
        """Of the sample the rows of a few entities, for what is computed anew."""
        return few_of(self)


@dataclass(frozen=True)
class Few:
    """The rows of a few entities, where their features come from, and the rows of their label's source."""

    job: TrainingJob
    rows: pa.Table
    entities: Words
    origins: Sequence[tuple[ViewTable, Origin]]
    label_rows: pa.Table

    def features(self, seen: Seen, places: np.ndarray | None = None) -> pa.Table:
        """The rows, or those at some places, with features made from what is seen."""
        kept = self.rows if places is None else self.rows.take(pa.array(places))
        views = [
            ViewRows(table.view, table.columns, table.features, origin.rows(seen))
            for table, origin in self.origins
        ]
        return featured(self.job, kept.drop_columns(list(self.job.asked.columns)), views, "respect")

    @property
    def respected(self) -> pa.Table:
        """The rows as they are in the training set, or would be if it did not ignore when rows were known."""
        return self.rows if self.job.wanted.known_at == "respect" else self.whole

    @cached_property
    def whole(self) -> pa.Table:
        """The rows with features made from all there is that was known at the cut-offs."""
        return self.features(all_of_them)


def few_of(case: Case) -> Few:
    """The rows of entities of one bucket, so that one bucket of each table is read."""
    bucket = bucket_of(case.rows, case.keys, case.job.buckets)
    chosen = int(bucket[np.argmin(case.evidence.sample.lots)])
    of_bucket = case.rows.filter(pa.array(bucket == chosen))
    hashes = np.unique(identified(of_bucket, case.keys))[:ENTITIES]
    rows = rows_like(of_bucket, case.keys, hashes).sort_by(LOT).slice(0, ROWS)
    label_rows = case.job.label_rows.read(chosen, case.job.buckets)
    return Few(
        case.job,
        rows,
        identified(rows, case.keys),
        [(table, _origin(case, table, rows, chosen)) for table in case.job.views],
        rows_like(label_rows, case.keys, hashes),
    )


def _origin(case: Case, table: ViewTable, rows: pa.Table, bucket: int) -> Origin:
    """Clean rows where a view does more to them than to lay them out, if they are still there."""
    if table.view.transform is not None or table.view.enrich:
        with suppress(NotFound):
            return _recomputed(case, table.view, rows)
    keys = table.rows.keys
    laid_out = rows_of_view(case.job, table, bucket)
    return LaidOut(table.view, rows_like(laid_out, keys, identified(rows, keys)))


def _recomputed(case: Case, view: FeatureView, of: pa.Table) -> Recomputed:
    """The view's clean rows that have the keys of the rows `of`, and likewise those that enrich them."""
    views, source = dict(case.definitions.views), view.source
    rows = _clean_rows(case, source, tuple(view.entity.keys), of)
    if source.identity:
        rows = _clean_rows(case, source, source.identity, rows)
    enriching = tuple(_recomputed(case, other, rows) for other in view.enriching(views))
    return Recomputed(view, view.columns(views), case.definitions.columns_read(view), rows, enriching)


def _clean_rows(case: Case, source: Source, columns: tuple[str, ...], like: pa.Table) -> pa.Table:
    """All clean rows that agree with some others in the columns, found part by part by the engine."""
    version = case.inputs[f"clean/{source.name}"]
    table = case.workspace.stored(version.table)
    wanted = Wanted(table, version.version, columns, np.unique(identified(like, columns)))
    return pa.concat_tables(
        case.engine.map(partial(wanted_of_part, wanted), parts_of(0, version.through + 1))
    )
