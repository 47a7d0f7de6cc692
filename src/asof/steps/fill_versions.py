"""The version of a clean table from which nulls in new rows are filled: the one before theirs, at any time.

The catalogue knows which rows each version came with. So rows that are built anew are filled from
the same versions as when they came, and never from what was not known then.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby

import pyarrow as pa

from asof.features.cleaning import FillStatistic
from asof.features.graph import TableNode
from asof.features.source import Source
from asof.steps.context import Context
from asof.storage.catalogue import TableVersion
from asof.storage.tables import Table
from asof.transforms.cleaning.statistics_job import Due, group_statistics


def due_versions(
    context: Context, node: TableNode, source: Source, raw: TableVersion, first: int
) -> list[Due]:
    """For the raw rows from `_sequence` `first` on the version that each range of them is filled from.

    None of them, where no step fills from a version.
    """
    if not _positions(source):
        return []
    came = [
        version
        for version in reversed(context.workspace.history(node.name))
        if version.inputs.get(raw.table, -1) >= raw.details["rebuilt"]
    ]
    due, start = list[Due](), 0
    before: tuple[Table, int] | None = None
    for version in came:
        if version.through >= start:
            due.append(Due(start, version.through + 1, before))
            start = version.through + 1
        if version.freed_at is None:
            before = context.workspace.stored(version.table), version.version
    due.append(Due(start, raw.through + 1, before))
    wanted = [Due(max(each.first, first), each.end, each.version) for each in due]
    return [each for each in wanted if each.first < each.end]


def statistics_due(context: Context, source: Source, due: list[Due]) -> tuple[tuple[int, pa.Table], ...]:
    """The statistics that nulls are filled with, by the position of the step that does it."""
    tasks = [(position, each) for position in _positions(source) for each in due]
    kernel = partial(group_statistics, source)
    found = zip(tasks, context.map("statistics", kernel, tasks), strict=True)
    by_position = groupby(found, key=lambda each: each[0][0])
    return tuple((position, pa.concat_tables(table for _, table in each)) for position, each in by_position)


def filled_from(due: list[Due]) -> list[dict[str, int | None]]:
    """What the run record says: the version that rows from a `_sequence` on were filled from."""
    return [{"rows_from": each.first, "version": each.version and each.version[1]} for each in due]


def _positions(source: Source) -> list[int]:
    return [position for position, step in enumerate(source.clean) if isinstance(step, FillStatistic)]
