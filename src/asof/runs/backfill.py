"""A run that computes a stretch of a view's table again."""

from __future__ import annotations

from datetime import datetime, timedelta

from asof.errors import DefinitionError
from asof.features.durations import Duration
from asof.features.graph import Definitions
from asof.features.view import FeatureView
from asof.runs.run import OnStep, recorded
from asof.runs.scheduling import side_by_side
from asof.runs.tasks import task
from asof.steps.backfill import backfill as backfill_step
from asof.steps.context import Report
from asof.storage.catalogue import Run
from asof.storage.instants import nanoseconds
from asof.transforms.backfill_job import Stretch
from asof.transforms.engines.engine import Engine
from asof.workspace import Workspace

CHUNK = "30d"


def backfill(
    workspace: Workspace,
    definitions: Definitions,
    engine: Engine,
    view: str,
    start: datetime,
    end: datetime,
    chunk: str | timedelta | Duration,
    report: Report,
    on_step: OnStep,
    *,
    wait: bool = False,
) -> Run:
    """Compute a view's rows of `start` to before `end` again; see `Project.backfill`."""
    found = definitions.named(FeatureView, view)
    node = next(node for node in definitions.tables if node.name == f"views/{view}")
    length, stretch = Duration.positive(chunk, "chunk"), _stretch(start, end)
    with recorded(workspace, definitions, engine, report, wait=wait) as context:
        work = task(
            context,
            f"backfill {node.name}",
            frozenset(),
            lambda own: backfill_step(own, node, found, stretch, length.ns),
        )
        side_by_side([work], 1, context.stop, on_step)
    return workspace.catalogue.run(context.run)


def _stretch(start: datetime, end: datetime) -> Stretch:
    if start >= end:
        raise DefinitionError(
            f"a backfill from {start} to {end} is of no time at all; give the earlier first"
        )
    least, greatest = -(2**63), 2**63 - 1
    return Stretch(max(least, nanoseconds(start)), min(greatest, nanoseconds(end)))
