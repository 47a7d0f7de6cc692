"""A run: every table brought up to date, in the order that they need each other, then published."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from asof.errors import AsofError, NotFound
from asof.features.graph import Definitions
from asof.features.source import Source
from asof.openlineage.watching import watched
from asof.revision import code_revision, who
from asof.runs.scheduling import side_by_side
from asof.runs.selection import selected
from asof.runs.tasks import AT_ONCE, tasks_of
from asof.steps.context import Context, Report
from asof.steps.quarantine import Chosen, drop
from asof.steps.replay import replay
from asof.storage.catalogue import AtWork, Run, Step
from asof.transforms.engines.engine import Engine, open_engine
from asof.workspace import Workspace

OnStep = Callable[[Step], None]
LOOK_AGAIN = 0.5  # seconds until one who waits for another run looks whether it has ended
_COLOUR = re.compile(r"\x1b\[\d+m")  # as in what delta-rs tells


def run(
    workspace: Workspace,
    definitions: Definitions,
    engine: Engine,
    report: Report,
    on_step: OnStep,
    *,
    select: Iterable[str] = (),
    full: bool = False,
    wait: bool = False,
) -> Run:
    """Bring everything, or what is selected, up to date; with `full` build it anew.

    Each step that ends well goes to `on_step`, in the caller's thread, and every one into the run's record.
    What was committed before an error or a kill stays and is not done again by the next run.
    """
    wanted = list(select)
    chosen = selected(definitions, wanted) if wanted else None
    with recorded(workspace, definitions, engine, report, anew=full, wait=wait) as context:
        side_by_side(tasks_of(context, chosen), AT_ONCE, context.stop, on_step)
    return workspace.catalogue.run(context.run)


def replay_quarantine(workspace: Workspace, definitions: Definitions, source: str, chosen: Chosen) -> Step:
    """Move the chosen rows of a source that are now as defined from quarantine into its raw table."""
    found = definitions.named(Source, source)
    node = next(node for node in definitions.tables if node.name == f"raw/{source}")
    return _alone(workspace, definitions, lambda context: replay(context, node, found, chosen))


def drop_quarantine(workspace: Workspace, definitions: Definitions, source: str, chosen: Chosen) -> Step:
    """Take the chosen rows of a source out of quarantine for good."""
    found = definitions.named(Source, source)
    return _alone(workspace, definitions, lambda context: drop(context, found, chosen))


@contextmanager
def recorded(
    workspace: Workspace,
    definitions: Definitions,
    engine: Engine,
    report: Report,
    *,
    alone: bool = True,
    anew: bool = False,
    wait: bool = False,
) -> Iterator[Context]:
    """A run in the catalogue, from its start to its end, well or not.

    Where it is to be `alone`, and another such run is at work: Conflict, or `wait` until that has ended.
    """
    catalogue = workspace.catalogue
    record = _started(workspace, engine, report, alone=alone, wait=wait)
    with catalogue.at_work(record.id):
        try:
            with _storage_of(workspace), watched(workspace, definitions, record, report) as watch:
                yield Context(workspace, definitions, engine, record.id, report, anew, watch=watch)
        except BaseException as error:
            with suppress(AsofError, OSError):
                catalogue.finish_run(record.id, "failed", f"{type(error).__name__}: {error}")
            raise
        catalogue.finish_run(record.id, "succeeded")


def _started(workspace: Workspace, engine: Engine, report: Report, *, alone: bool, wait: bool) -> Run:
    told, revision = "", code_revision(workspace.settings.folder)
    while True:
        try:
            return workspace.catalogue.start_run(
                who=who(),
                engine=engine.name,
                code_revision=revision,
                alone=alone,
                environment=workspace.environment.name,
            )
        except AtWork as found:
            if not wait:
                raise
            if found.run.id != told:
                report(f"Waiting, as {found.whose}.")
            told = found.run.id
        time.sleep(LOOK_AGAIN)


@contextmanager
def _storage_of(workspace: Workspace) -> Iterator[None]:
    """NotFound where the object store that has the tables goes away."""
    address = workspace.settings.storage
    try:
        yield
    except OSError as error:
        from_system = error.errno is not None
        if from_system or isinstance(error, AsofError) or "://" not in address:
            raise
        cause = _COLOUR.sub("", str(error)).split("↳")[-1].strip()
        raise NotFound(f"lost the storage at {address}: {cause}; run again when it is there") from error


def _alone(workspace: Workspace, definitions: Definitions, work: Callable[[Context], Step]) -> Step:
    """A run of one step."""
    with recorded(workspace, definitions, open_engine("local", ""), lambda line: None) as context:
        step = work(context)
        context.record(step)
    return step
