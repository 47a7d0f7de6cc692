"""Laying out a view's or label's rows, on any engine.

Rows that are one part are laid out in one go. Otherwise each part sends its rows to the buckets of
their entities, and then each bucket is sorted. Revisions of one fact can be in any part: these are
first brought together, in buckets of facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from asof.features.entity import Entity
from asof.features.source import Source
from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.storage.layout import NO_KEY, Buckets, bucket_in_order, bucket_of, split
from asof.storage.shuffle import Shuffle, Shuffled
from asof.storage.tables import Base, File, Table
from asof.transforms.parts import Part
from asof.transforms.view_rows import (
    Enriching,
    Prepared,
    derive,
    enrich,
    fact_bucket,
    prepare,
    unprepared,
)


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

    @property
    def keys(self) -> list[str]:
        """The columns that rows are laid out by."""
        return list(self.entity.keys)

    def schema(self) -> pa.Schema:
        """The schema of laid-out rows."""
        return bucket_in_order(self.prepared_schema().empty_table(), self.keys, NO_KEY).schema

    def prepared_schema(self) -> pa.Schema:
        """The schema of rows ready to be laid out."""
        return self.prepared(self.computed_schema().empty_table()).rows.schema

    def computed_schema(self) -> pa.Schema:
        """The schema of rows with what the view adds to them."""
        return self.computed(self.clean.schema(self.version).empty_table()).schema

    def computed(self, rows: pa.Table) -> pa.Table:
        """Clean rows with what the view adds to them, each row by itself."""
        if self.view is not None:
            rows = derive(enrich(rows, [table.read() for table in self.enriching]), self.view)
        return unprepared(rows, self.source, self.entity, self.columns)

    def prepared(self, computed: pa.Table) -> Prepared:
        """Computed rows as they are laid out; revisions of one fact must be together."""
        return prepare(computed, self.source, self.entity, self.columns)

    def bucket_of(self, rows: pa.Table) -> Buckets:
        """The bucket of each row."""
        return bucket_of(rows, self.keys, self.buckets)


@dataclass(frozen=True)
class Tally:
    """How many rows were read, how many of them are to be written, and how many lack a key."""

    read: int
    written: int
    without_key: int


def lay_out_part(job: LayoutJob, into: Base, part: Part) -> tuple[Tally, list[File]]:
    """Stage the rows of a table that is one part, bucket by bucket, each sorted."""
    rows = part.read(job.clean, job.version)
    prepared = job.prepared(job.computed(rows))
    of_buckets = split(prepared.rows, job.bucket_of(prepared.rows))
    staged = [stage_bucket(of_buckets[bucket], job.keys, into, bucket) for bucket in of_buckets]
    return _tally(rows, prepared), list(chain(*staged))


def shuffle_part(job: LayoutJob, to: Shuffle, part: Part) -> tuple[Tally, Shuffled]:
    """Send the rows of a part to the buckets of their entities."""
    rows = part.read(job.clean, job.version)
    return _sent(job, job.computed(rows), to)


def shuffle_by_fact(job: LayoutJob, to: Shuffle, part: Part) -> Shuffled:
    """Send the rows of a part to buckets such that all revisions of a fact are in one."""
    computed = job.computed(part.read(job.clean, job.version))
    return to.write(computed, fact_bucket(computed, job.source.identity, to.buckets))


def shuffle_facts(
    job: LayoutJob, facts: Shuffle, parts: Sequence[Shuffled], to: Shuffle, bucket: int
) -> tuple[Tally, Shuffled]:
    """Send the rows of a bucket of facts to the buckets of their entities."""
    return _sent(job, facts.read(parts, bucket), to)


def merge_bucket(
    shuffle: Shuffle, parts: Sequence[Shuffled], keys: Sequence[str], into: Base, bucket: int
) -> list[File]:
    """Stage the rows of one bucket, from all parts, sorted."""
    return stage_bucket(shuffle.read(parts, bucket), keys, into, bucket)


def stage_bucket(rows: pa.Table, keys: Sequence[str], into: Base, bucket: int) -> list[File]:
    """Stage the rows of one bucket, sorted."""
    ordered = bucket_in_order(rows, keys, bucket)
    return into.stage(ordered, schema=ordered.schema, part=bucket)


def _sent(job: LayoutJob, computed: pa.Table, to: Shuffle) -> tuple[Tally, Shuffled]:
    prepared = job.prepared(computed)
    return _tally(computed, prepared), to.write(prepared.rows, job.bucket_of(prepared.rows))


def _tally(read: pa.Table, prepared: Prepared) -> Tally:
    return Tally(read.num_rows, prepared.rows.num_rows, prepared.without_key)
