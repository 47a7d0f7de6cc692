"""Ingestion alone, once or for as long as it is wanted: each source looked at again and again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Event

from asof.errors import Conflict
from asof.features.graph import Definitions, TableNode
from asof.features.source import Source
from asof.runs.run import OnStep, recorded
from asof.runs.tasks import so_far
from asof.steps.context import Context, Report, now
from asof.steps.ingest import ingest as ingest_source
from asof.storage.catalogue import Run, Step
from asof.transforms.engines.engine import Engine
from asof.workspace import Workspace

PAUSE = 0.3  # seconds between two looks at a source that had nothing new
SHARE = 0.1  # of the time at most that is spent on looks at a source that has nothing new


def ingest(
    workspace: Workspace,
    definitions: Definitions,
    engine: Engine,
    sources: Sequence[str],
    report: Report,
    on_step: OnStep,
    stop: Event | None,
    accept_loss: bool,
) -> Run:
    """Bring the raw tables of sources up to date; with `stop`, keep them so until it is set.

    What each step took in goes to `on_step`; the record of the run has a step for each source, with all
    of it.
    """
    nodes = raw_tables(definitions, sources)
    with recorded(workspace, definitions, engine, report, alone=stop is None) as context:
        followed = [_Followed(node, source, accept_loss) for node, source in nodes]
        if stop is None:
            for each in followed:
                on_step(each.take_in(context))
        else:
            _follow(followed, context, on_step, stop)
    return workspace.catalogue.run(context.run)


def _follow(followed: Sequence[_Followed], context: Context, on_step: OnStep, stop: Event) -> None:
    """Look at each source when it is due. One with more than one commit to take in gives way after each."""
    while not stop.wait(min((each.rest for each in followed), default=PAUSE)):
        for each in followed:
            if each.rest == 0 and not stop.is_set():
                step = each.look(context)
                if step is not None:
                    on_step(step)


def raw_tables(definitions: Definitions, sources: Sequence[str]) -> list[tuple[TableNode, Source]]:
    """The raw tables of sources, by default of all; NotFound for a name that is none."""
    wanted = {definitions.named(Source, name).name for name in sources} or set(definitions.sources)
    return [
        (node, node.of)
        for node in definitions.tables
        if isinstance(node.of, Source) and not node.inputs and node.of.name in wanted
    ]


@dataclass
class _Followed:
    """A source, all that was taken in of it so far, and when it is looked at again."""

    node: TableNode
    source: Source
    accept_loss: bool
    total: Step | None = None
    due: float = 0.0

    @property
    def name(self) -> str:
        """The name of its step."""
        return f"ingest {self.source.name}"

    @property
    def rest(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self.due - time.monotonic())

    def take_in(self, context: Context, most: int | None = None) -> Step:
        """Take in what is new with at most so many commits; the step so far."""
        before = self.total
        self.total = ingest_source(
            context.of(self.name),
            self.node,
            self.source,
            step=before,
            most=most,
            accept_loss=self.accept_loss,
        )
        if before is None or self.total.rows_read > before.rows_read:
            context.record(self.total)
        return self.total

    def look(self, context: Context) -> Step | None:
        """Take in what one commit holds, as a step of its own; where there is nothing, rest a while.

        Where somebody else takes in the source at the same time, theirs counts.
        """
        begun, started = time.monotonic(), now()
        before = self.total or context.begin(self.name)
        try:
            after = self.take_in(context, most=1)
        except Conflict as conflict:
            context.report(f"{self.name}: {conflict}")
            self.total = so_far(context, self.source)
            after = self.total or before
        if after.rows_read > before.rows_read:
            return replace(_since(before, after), started_at=started)
        self.due = time.monotonic() + max(PAUSE, (time.monotonic() - begun) / SHARE)
        return None


def _since(before: Step, after: Step) -> Step:
    return replace(
        after,
        rows_read=after.rows_read - before.rows_read,
        rows_written=after.rows_written - before.rows_written,
        rows_quarantined=after.rows_quarantined - before.rows_quarantined,
        rows_dropped=after.rows_dropped - before.rows_dropped,
        bytes_written=after.bytes_written - before.bytes_written,
    )
