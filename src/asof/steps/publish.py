"""Publish: each entity's features, as of the latest moment that the data tells of, go online."""

from __future__ import annotations

from functools import partial

import pyarrow as pa

from asof.features.describe import definition_hash
from asof.features.graph import TableNode
from asof.features.types import Schema
from asof.features.view import FeatureView
from asof.steps.context import Context, Write, counted, ended, now, skipped
from asof.storage.catalogue import Step, TableVersion
from asof.storage.instants import from_nanoseconds
from asof.storage.online.store import Published
from asof.transforms.backfill_job import Stretch
from asof.transforms.online_changes import (
    changed_entities,
    changed_rows,
    changes_always,
    in_buckets,
    reach,
    telling_ages,
)
from asof.transforms.online_rows import absent_values, has_aggregates, online_bucket

MOST_CHANGED = 0.5
"""The share of the entities that may change where all their history counts; else all are published."""


def publish(context: Context, node: TableNode, view: FeatureView, as_of: int) -> Step:
    """Bring the online rows of a view up to date with its table; `as_of` in ns since 1970, UTC.

    Attributes change with the table alone; aggregates also with `as_of`, as events leave their windows.
    Where the table has only grown, only the entities whose features change are computed and written.
    """
    step = context.begin(f"publish {view.name}")
    table = context.workspace.current(node.name)
    columns = view.columns(dict(context.definitions.views))
    current = context.current(f"online/{view.name}")
    live = _live(context, view, current)
    if current and live and _is_of(current, table, as_of if has_aggregates(view) else None):
        return skipped(step)
    context.report("publishing")
    changes = _changes(context, view, columns, table, live, as_of) if live else None
    rows, published = (
        _published(context, view, columns, table, as_of)
        if changes is None
        else _advanced(context, view, table, as_of, changes)
    )
    version = TableVersion(
        table=f"online/{view.name}",
        version=published.generation,
        run=context.run,
        committed_at=now(),
        definition=definition_hash(view),
        inputs={table.table: table.version},
        rows=published.rows,
        details={
            "as_of": as_of,
            "ttl": view.ttl.ns if view.ttl else None,
            "absent": absent_values(view, columns),
            "aggregates": has_aggregates(view),
        },
    )
    step = counted(step, rows, rows, entities="all" if changes is None else "changed")
    return ended(context.commit([Write(version, current.version if current else None)], step))


def _live(context: Context, view: FeatureView, current: TableVersion | None) -> TableVersion | None:
    """What is online, where it is still there, of this definition, and may be gone on from."""
    standing = context.standing(current)
    found = context.workspace.online.live(view.name)
    if standing is None or found is None or found.generation != standing.version:
        return None
    return standing if standing.definition == definition_hash(view) else None


def _is_of(live: TableVersion, table: TableVersion, as_of: int | None) -> bool:
    """Whether what is online is of this table version and moment."""
    same = live.inputs == {table.table: table.version}
    return same and (as_of is None or live.details["as_of"] == as_of)


def _published(
    context: Context, view: FeatureView, columns: Schema, table: TableVersion, as_of: int
) -> tuple[int, Published]:
    """Publish all entities; how many, and what is then live."""
    bucketed = context.workspace.bucketed(table, view.entity)
    kernel = partial(online_bucket, bucketed, view, columns, as_of)
    rows = pa.concat_tables(context.map("bucket", kernel, range(bucketed.buckets)))
    keys, moment = list(view.entity.keys), from_nanoseconds(as_of)
    online = context.workspace.online
    return rows.num_rows, online.publish(view.name, keys, rows, version=table.version, as_of=moment)


def _advanced(
    context: Context, view: FeatureView, table: TableVersion, as_of: int, rows: pa.Table
) -> tuple[int, Published]:
    """Write the entities that change; how many, and what is then live."""
    moment = from_nanoseconds(as_of)
    return rows.num_rows, context.workspace.online.advance(
        view.name, rows, version=table.version, as_of=moment
    )


def _changes(
    context: Context, view: FeatureView, columns: Schema, table: TableVersion, live: TableVersion, as_of: int
) -> pa.Table | None:
    """The rows of the entities that change; None where that may be any, or most are."""
    before = live.inputs.get(table.table, -1)
    if before < table.details["rebuilt"] or as_of < live.details["as_of"] or changes_always(view, columns):
        return None
    keys, workspace = list(view.entity.keys), context.workspace
    (name, number), *_ = table.inputs.items()
    entities = changed_entities(
        workspace.stored(name),
        number,
        keys,
        telling_ages(view, columns),
        workspace.catalogue.version(table.table, before).through,
        Stretch(live.details["as_of"], as_of),
    )
    if entities.num_rows > MOST_CHANGED * live.rows and reach(view, columns) is None:
        return None
    bucketed = workspace.bucketed(table, view.entity)
    kernel = partial(changed_rows, bucketed, view, columns, as_of)
    rows = list(context.map("bucket", kernel, in_buckets(entities, keys, bucketed.buckets)))
    return pa.concat_tables(rows) if rows else _none(context, view, columns, table, as_of)


def _none(context: Context, view: FeatureView, columns: Schema, table: TableVersion, as_of: int) -> pa.Table:
    """No rows, with the columns."""
    empty = context.workspace.bucketed(table, view.entity)
    return changed_rows(empty, view, columns, as_of, (0, empty.empty().select(list(view.entity.keys))))
