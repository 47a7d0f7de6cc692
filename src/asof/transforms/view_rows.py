"""The rows that the features of a view, or the outcomes of a label, are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.features.entity import Entity
from asof.features.source import Source
from asof.features.types import Schema
from asof.features.view import SEPARATOR, FeatureView
from asof.storage.arrow_types import arrow_type
from asof.storage.layout import NO_KEY, Buckets, hash_bucket
from asof.transforms.expressions import evaluate, session
from asof.transforms.features_at import features_at
from asof.transforms.python_transforms import apply_transform

SYSTEM_COLUMNS = ("_event_time", "_known_from", "_known_until", "_sequence")


@dataclass(frozen=True)
class Enriching:
    """A view that adds its features to rows: its definition, its rows and the columns of those."""

    view: FeatureView
    columns: Schema
    rows: pa.Table


@dataclass(frozen=True)
class Prepared:
    """Rows ready to be laid out; `without_key` were left out since a null key matches nothing."""

    rows: pa.Table
    without_key: int


def enrich(rows: pa.Table, enriching: Sequence[Enriching]) -> pa.Table:
    """Rows with the features of other views as they were at each row's event time."""
    for other in enriching:
        labels = rows.select(list(other.view.entity.keys)).append_column("cutoff", rows["_event_time"])
        found = features_at(labels, other.rows, other.view, other.columns)
        for name in found.column_names:
            rows = rows.append_column(f"{other.view.name}{SEPARATOR}{name}", found[name])
    return rows


def derive(rows: pa.Table, view: FeatureView) -> pa.Table:
    """Rows with the columns that the view derives, each from those before it, and those of its transform."""
    rows = derive_steps(rows, view)
    if view.transform is None:
        return rows
    owner = f"FeatureView {view.name!r}"
    return _with_columns(rows, apply_transform(view.transform, rows, owner, names_of_rows(rows, view)))


def derive_steps(rows: pa.Table, view: FeatureView) -> pa.Table:
    """Rows with the columns that the view derives, without those of its transform."""
    for step in view.derive:
        computed = evaluate({step.name: (step.expression, arrow_type(step.dtype.name))}, rows)
        rows = _with_columns(rows, computed)
    return rows


def names_of_rows(rows: pa.Table, view: FeatureView) -> pa.Table:
    """What tells a row of a view from others in a message: its place in the source, and its keys."""
    return rows.select(["_sequence", *view.entity.keys])


def _with_columns(rows: pa.Table, computed: pa.Table) -> pa.Table:
    """Rows with other columns added, in place of those that they have under the same names."""
    kept = rows.drop_columns([name for name in computed.column_names if name in rows.column_names])
    for name in computed.column_names:
        kept = kept.append_column(name, computed[name])
    return kept


def unprepared(rows: pa.Table, source: Source, entity: Entity, columns: Sequence[str]) -> pa.Table:
    """Of clean rows the columns that `prepare` reads."""
    facts = [*source.identity, *([source.retracted] if source.retracted else [])]
    return rows.select(list(dict.fromkeys([*entity.keys, *columns, *facts, *_system_columns(rows)])))


def prepare(rows: pa.Table, source: Source, entity: Entity, columns: Sequence[str]) -> Prepared:
    """The keys, `columns` and times of clean rows; of revised facts, until when each was believed.

    Revisions of one fact must be together in `rows`.
    """
    if source.identity:
        rows = _until_revised(rows, source)
    keys = list(entity.keys)
    chosen = rows.select([*keys, *columns, *_system_columns(rows)])
    keyed = chosen.filter(_all_present(chosen, keys))
    return Prepared(keyed, chosen.num_rows - keyed.num_rows)


def _system_columns(rows: pa.Table) -> list[str]:
    return [name for name in SYSTEM_COLUMNS if name in rows.column_names]


def fact_bucket(rows: pa.Table, identity: Sequence[str], buckets: int) -> Buckets:
    """A bucket of every row, the same for all revisions of a fact; lone rows are spread evenly."""
    bucket = hash_bucket(rows, identity, buckets)
    lone = np.asarray(rows["_sequence"].to_numpy() % buckets, np.int32)
    return np.where(bucket == NO_KEY, lone, bucket)


def _all_present(rows: pa.Table, keys: Sequence[str]) -> pa.ChunkedArray:
    present = pc.is_valid(rows[keys[0]])
    for key in keys[1:]:
        present = pc.and_(present, pc.is_valid(rows[key]))
    return present


def _until_revised(rows: pa.Table, source: Source) -> pa.Table:
    """Rows with `_known_until`, the time from which the next revision of the same fact counts.

    Retractions end what they take back and are left out. A null in the identity tells no facts
    apart from others: such a row is a fact of its own.
    """
    identity = [f'"{name}"' for name in source.identity]
    alone = " or ".join(f"{name} is null" for name in identity)
    kept = f'where not coalesce("{source.retracted}", false)' if source.retracted else ""
    query = f"""
        select * from (
            select *, lead(_known_from) over (
                partition by {", ".join(identity)}, case when {alone} then _sequence end
                order by _known_from, _sequence
            ) as _known_until
            from rows
        ) {kept} order by _sequence
    """
    with session() as connection:
        connection.register("rows", rows)
        revised = connection.sql(query).to_arrow_table()
    return revised.cast(rows.schema.append(pa.field("_known_until", rows.schema.field("_known_from").type)))
