"""Lay out: the rows that a view or a label needs, bucketed and sorted by its entity's keys."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from asof.features.graph import TableNode, label_columns
from asof.features.label import Label
from asof.features.view import FeatureView
from asof.steps.clean import builds_on
from asof.steps.context import Context, counted, ended, skipped
from asof.storage.catalogue import Step, TableVersion
from asof.storage.layout import lay_out as laid_out
from asof.transforms.view_rows import Enriching, derive, enrich, prepare


def lay_out(context: Context, node: TableNode, of: FeatureView | Label) -> Step:
    """Bring the laid-out table of a view or label up to date with the clean table it is made from.

    New rows are added where that gives what building anew would; otherwise it is built anew.
    """
    step = context.begin(f"lay out {node.name}")
    clean, *others = (context.workspace.current(name) for name in node.inputs)
    current = context.current(node.name)
    inputs = {version.table: version.version for version in (clean, *others)}
    base = current if current and _grows(current, node, clean, others) else None
    if current and current.definition == node.definition and current.inputs == inputs:
        return skipped(step)
    context.report(f"{node.name}: laying out")
    through = base.through if base else -1
    rows = context.workspace.read(clean.table, clean.version, where=pc.field("_sequence") > through)
    keyed = prepare(_widened(context, of, rows), of.source, of.entity, _columns(context, of))
    write = context.write(
        node.name,
        laid_out(keyed.rows, list(of.entity.keys), context.workspace.settings.buckets),
        on=current,
        replace=base is None,
        partition_by=["_bucket"],
        definition=node.definition,
        inputs=inputs,
        through=clean.through,
        details={"complete_until": clean.details["complete_until"]},
    )
    left_out = rows.num_rows - keyed.rows.num_rows
    step = counted(step, rows.num_rows, keyed.rows.num_rows, dropped=left_out, without_key=keyed.without_key)
    context.commit([write], step)
    return ended(step)


def _grows(
    current: TableVersion, node: TableNode, clean: TableVersion, others: Sequence[TableVersion]
) -> bool:
    """Whether adding the new rows is enough: no old row would come out otherwise."""
    unchanged = all(current.inputs.get(other.table) == other.version for other in others)
    return node.appends and unchanged and builds_on(current, node, [clean])


def _columns(context: Context, of: FeatureView | Label) -> tuple[str, ...]:
    return label_columns(of) if isinstance(of, Label) else context.definitions.columns_read(of)


def _widened(context: Context, of: FeatureView | Label, rows: pa.Table) -> pa.Table:
    if isinstance(of, Label):
        return rows
    views = dict(context.definitions.views)
    enriching = [
        Enriching(view, view.columns(views), context.workspace.read(f"views/{view.name}"))
        for view in of.enriching(views)
    ]
    return derive(enrich(rows, enriching), of)
