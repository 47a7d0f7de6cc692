"""Laying out a view's or label's rows, part by part and then bucket by bucket, on any engine."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from asof.features.entity import Entity
from asof.features.source import Source
from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.storage.layout import lay_out
from asof.storage.tables import Base, File, Table
from asof.transforms.buckets import Bucketed
from asof.transforms.parts import Part
from asof.transforms.view_rows import Enriching, derive, enrich, prepare


@dataclass(frozen=True)
class EnrichingTable:
    """Where the rows of a view that enriches others are."""

    view: FeatureView
    columns: Schema
    table: Table
    version: int

    def read(self) -> Enriching:
        """The view with its rows."""
        return Enriching(self.view, self.columns, self.table.read(self.version))


@dataclass(frozen=True)
class LayoutJob:
    """What all parts have in common: from which clean rows, and through what."""

    source: Source
    entity: Entity
    view: FeatureView | None
    columns: tuple[str, ...]
    clean: Table
    version: int
    enriching: tuple[EnrichingTable, ...]
    buckets: int

    def schema(self) -> pa.Schema:
        """The schema of laid-out rows."""
        empty = self.clean.schema(self.version).empty_table()
        return _laid_out(self, empty)[0].schema


@dataclass(frozen=True)
class LaidOut:
    """Files that were staged, and the accounting of the rows in them."""

    files: tuple[File, ...]
    read: int
    written: int
    without_key: int


def lay_out_part(job: LayoutJob, into: Base, part: Part) -> LaidOut:
    """Stage one part: its rows, sorted within each bucket."""
    rows = part.read(job.clean, job.version)
    laid_out, without_key = _laid_out(job, rows)
    files = into.stage(laid_out, schema=laid_out.schema, part=part.number)
    return LaidOut(tuple(files), rows.num_rows, laid_out.num_rows, without_key)


def merge_bucket(parts: Bucketed, into: Base, bucket: int) -> tuple[File, ...]:
    """Stage the rows of one bucket, from all of its sorted parts, in order."""
    rows = lay_out(parts.read(bucket, parts.buckets), parts.keys, parts.buckets)
    return tuple(into.stage(rows, schema=rows.schema, part=bucket))


def _laid_out(job: LayoutJob, rows: pa.Table) -> tuple[pa.Table, int]:
    if job.view is not None:
        rows = derive(enrich(rows, [table.read() for table in job.enriching]), job.view)
    prepared = prepare(rows, job.source, job.entity, job.columns)
    return lay_out(prepared.rows, list(job.entity.keys), job.buckets), prepared.without_key
