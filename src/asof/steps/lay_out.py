"""Lay out: the rows that a view or a label needs, bucketed and sorted by its entity's keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from asof.features.graph import TableNode, label_columns
from asof.features.label import Label
from asof.features.view import FeatureView
from asof.steps.clean import builds_on
from asof.steps.context import Context, counted, ended, skipped
from asof.storage.catalogue import Step, TableVersion
from asof.storage.layout import BUCKET
from asof.storage.shuffle import Shuffle, Shuffled
from asof.storage.tables import Base, File
from asof.transforms.buckets import buckets_for
from asof.transforms.layout_job import (
    EnrichingTable,
    LayoutJob,
    Tally,
    lay_out_part,
    merge_bucket,
    shuffle_by_fact,
    shuffle_facts,
    shuffle_part,
)
from asof.transforms.parts import Part, parts_of


def lay_out(context: Context, node: TableNode, of: FeatureView | Label) -> Step:
    """Bring the laid-out table of a view or label up to date with the clean table it is made from.

    New rows are added where that gives what building anew would; otherwise it is built anew.
    """
    step = context.begin(f"lay out {node.name}")
    clean, *others = (context.workspace.current(name) for name in node.inputs)
    current = context.current(node.name)
    inputs = {version.table: version.version for version in (clean, *others)}
    standing = context.standing(current)
    if standing and standing.definition == node.definition and standing.inputs == inputs:
        return skipped(step)
    context.report("laying out")
    base = standing if standing and _grows(standing, node, clean, others) else None
    job = layout_job(context, node, of, clean, base)
    schema = job.schema()
    into = context.workspace.base(node.name, schema, on=current, partition_by=[BUCKET])
    through = base.through if base else -1
    parts = parts_of(through + 1, clean.through + 1)
    done, files = _laid_out(context, job, parts, into)
    write = context.commit_files(
        into,
        files,
        on=current,
        schema=schema,
        replace=base is None,
        keys=job.keys,
        definition=node.definition,
        inputs=inputs,
        through=clean.through,
        details={"complete_until": clean.details["complete_until"], "buckets": job.buckets},
    )
    read, written = sum(tally.read for tally in done), sum(tally.written for tally in done)
    without_key = sum(tally.without_key for tally in done)
    step = counted(step, read, written, dropped=read - written, without_key=without_key)
    return ended(context.commit([write], step))


def _grows(
    current: TableVersion, node: TableNode, clean: TableVersion, others: Sequence[TableVersion]
) -> bool:
    """Whether adding the new rows is enough: no old row would come out otherwise, nor lie elsewhere."""
    unchanged = all(current.inputs.get(other.table) == other.version for other in others)
    fits = buckets_for(clean.rows) <= 4 * current.details["buckets"]
    return node.appends and unchanged and fits and builds_on(current, node, [clean])


def layout_job(
    context: Context,
    node: TableNode,
    of: FeatureView | Label,
    clean: TableVersion,
    base: TableVersion | None,
) -> LayoutJob:
    """What laying out the rows of a clean table for a view or label takes, on top of `base` or anew."""
    workspace, views = context.workspace, dict(context.definitions.views)
    enriching = [
        EnrichingTable(view, view.columns(views), workspace.table(name), workspace.current(name).version)
        for view in (of.enriching(views) if isinstance(of, FeatureView) else ())
        for name in [f"views/{view.name}"]
    ]
    return LayoutJob(
        source=context.definitions.sources[node.inputs[0].removeprefix("clean/")],
        entity=of.entity,
        view=of if isinstance(of, FeatureView) else None,
        columns=_columns(context, node, of),
        clean=workspace.table(clean.table),
        version=clean.version,
        enriching=tuple(enriching),
        buckets=base.details["buckets"] if base else buckets_for(clean.rows),
    )


def _columns(context: Context, node: TableNode, of: FeatureView | Label) -> tuple[str, ...]:
    if isinstance(of, FeatureView):
        return context.definitions.columns_read(of)
    if node.name.startswith("labels/"):
        return label_columns(of)
    return context.definitions.cutoff_columns(of)


def _laid_out(
    context: Context, job: LayoutJob, parts: list[Part], into: Base
) -> tuple[list[Tally], list[File]]:
    """Stage all parts; where there are several, by way of a shuffle."""
    if len(parts) == 1:
        done = list(context.map("part", partial(lay_out_part, job, into), parts))
        return [tally for tally, _ in done], [file for _, files in done for file in files]
    with context.scratch() as folder:
        shuffle = Shuffle(folder, job.prepared_schema(), job.buckets)
        tallies, shuffled = _shuffled(context, job, parts, shuffle)
        kernel = partial(merge_bucket, shuffle, shuffled, job.keys, into)
        merged = context.map("bucket", kernel, range(job.buckets))
        return tallies, [file for files in merged for file in files]


def _shuffled(
    context: Context, job: LayoutJob, parts: list[Part], to: Shuffle
) -> tuple[list[Tally], list[Shuffled]]:
    """Send all rows to the buckets of their entities."""
    if not job.source.identity:
        done = list(context.map("part", partial(shuffle_part, job, to), parts))
    else:
        facts = Shuffle(to.folder, job.computed_schema(), job.buckets)
        sent = list(context.map("part", partial(shuffle_by_fact, job, facts), parts))
        kernel = partial(shuffle_facts, job, facts, sent, to)
        done = list(context.map("facts", kernel, range(job.buckets)))
    return [tally for tally, _ in done], [shuffled for _, shuffled in done]
