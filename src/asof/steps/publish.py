"""Publish: each entity's features, as of the latest moment that the data tells of, go online."""

from __future__ import annotations

from functools import partial

import pyarrow as pa

from asof.features.describe import definition_hash
from asof.features.graph import TableNode
from asof.features.view import FeatureView
from asof.steps.context import Context, Write, counted, ended, now, skipped
from asof.storage.catalogue import Step, TableVersion
from asof.storage.instants import from_nanoseconds
from asof.transforms.online_rows import absent_values, has_aggregates, online_bucket


def publish(context: Context, node: TableNode, view: FeatureView, as_of: int) -> Step:
    """Bring the online rows of a view up to date with its table; `as_of` in ns since 1970, UTC.

    Attributes change with the table alone; aggregates also with `as_of`, as events leave their windows.
    """
    step = context.begin(f"publish {view.name}")
    table = context.workspace.current(node.name)
    columns = view.columns(dict(context.definitions.views))
    current = context.current(f"online/{view.name}")
    moves = has_aggregates(view)
    if current and _is_live(context, current, view, table, as_of if moves else None):
        return skipped(step)
    context.report(f"{view.name}: publishing")
    bucketed = context.workspace.bucketed(table, view.entity)
    kernel = partial(online_bucket, bucketed, view, columns, as_of)
    rows = pa.concat_tables(context.map(f"{view.name}: publishing, bucket", kernel, range(bucketed.buckets)))
    published = context.workspace.online.publish(
        view.name,
        list(view.entity.keys),
        rows,
        version=table.version,
        as_of=from_nanoseconds(as_of),
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
            "aggregates": moves,
        },
    )
    step = counted(step, rows.num_rows, published.rows)
    context.commit([Write(version, current.version if current else None)], step)
    return ended(step)


def _is_live(
    context: Context, current: TableVersion, view: FeatureView, table: TableVersion, as_of: int | None
) -> bool:
    """Whether what is online is of this definition, table version and moment, and still there."""
    live = context.workspace.online.live(view.name)
    return (
        live is not None
        and live.generation == current.version
        and current.definition == definition_hash(view)
        and current.inputs == {table.table: table.version}
        and (as_of is None or current.details["as_of"] == as_of)
    )
