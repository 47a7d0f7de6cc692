"""A run: every table brought up to date, in the order that they need each other, then published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from asof.errors import AsofError, Conflict, NotFound
from asof.features.graph import Definitions, TableNode
from asof.features.label import Label
from asof.features.source import Source
from asof.features.view import FeatureView
from asof.revision import code_revision, who
from asof.steps.clean import clean
from asof.steps.context import Context, Report
from asof.steps.ingest import ingest
from asof.steps.lay_out import lay_out
from asof.steps.publish import publish
from asof.steps.quarantine import Chosen, drop
from asof.steps.replay import replay
from asof.storage.catalogue import Run, Step
from asof.transforms.engines.engine import Engine, open_engine
from asof.workspace import Workspace

OnStep = Callable[[Step], None]
_COLOUR = re.compile(r"\x1b\[\d+m")  # as in what delta-rs tells
ATTEMPTS = 5  # at a table that does not get on


def run(
    workspace: Workspace, definitions: Definitions, engine: Engine, report: Report, on_step: OnStep
) -> Run:
    """Bring everything up to date; each step that ends goes to `on_step` and into the run's record.

    What was committed before an error or a kill stays and is not done again by the next run.
    """
    with recorded(workspace, definitions, engine, report) as context:
        for step in _steps(context):
            workspace.catalogue.record_step(step)
            on_step(step)
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
    workspace: Workspace, definitions: Definitions, engine: Engine, report: Report, *, alone: bool = True
) -> Iterator[Context]:
    """A run in the catalogue, from its start to its end, well or not.

    Conflict where it is to be `alone`, and another such run is at work.
    """
    catalogue = workspace.catalogue
    record = catalogue.start_run(
        who=who(),
        engine=engine.name,
        code_revision=code_revision(workspace.settings.folder),
        alone=alone,
    )
    with catalogue.at_work(record.id):
        try:
            with _storage_of(workspace):
                yield Context(workspace, definitions, engine, record.id, report)
        except BaseException as error:
            with suppress(AsofError, OSError):
                catalogue.finish_run(record.id, "failed", f"{type(error).__name__}: {error}")
            raise
        catalogue.finish_run(record.id, "succeeded")


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
        workspace.catalogue.record_step(step)
    return step


def _steps(context: Context) -> Iterator[Step]:
    nodes = context.definitions.tables
    for node in nodes:
        yield _built(context, node)
    published = _published(context.definitions)
    if published:
        as_of = _as_of(context, published)
        for node in nodes:
            if isinstance(node.of, FeatureView) and node.of in published:
                yield publish(context, node, node.of, as_of)


def _built(context: Context, node: TableNode) -> Step:
    """The step of a table, begun again where somebody who follows its source came first.

    Each time that the table got on meanwhile, by whomever, there is less left to do: that does not count.
    """
    left = ATTEMPTS
    while True:
        before = _number(context, node)
        try:
            return _build(context, node)
        except Conflict as conflict:
            left = ATTEMPTS if _number(context, node) != before else left - 1
            if not left:
                raise
            context.report(f"{node.name}: {conflict}; once more")


def _number(context: Context, node: TableNode) -> int | None:
    current = context.current(node.name)
    return current.version if current else None


def _build(context: Context, node: TableNode) -> Step:
    match node.of:
        case Source() if node.name.startswith("raw/"):
            return ingest(context, node, node.of, step=so_far(context, node.of))
        case Source():
            return clean(context, node, node.of)
        case FeatureView() | Label():
            return lay_out(context, node, node.of)


def so_far(context: Context, source: Source) -> Step | None:
    """The ingestion of a source as this run has committed it, if it has."""
    steps = context.workspace.catalogue.steps(context.run)
    return next((step for step in steps if step.name == f"ingest {source.name}"), None)


def _published(definitions: Definitions) -> list[FeatureView]:
    return [
        view
        for view in definitions.views.values()
        if any(view in s.views for s in definitions.services.values())
    ]


def _as_of(context: Context, views: list[FeatureView]) -> int:
    """A moment at which all that the sources of the views tell is past and known: ns since 1970, UTC.

    That is the latest event time, or the latest time since when a row is known.
    """
    versions = [context.workspace.current(f"clean/{view.source.name}") for view in views]
    moments = ("complete_until", "latest_known")
    return max(version.details[moment] or 0 for version in versions for moment in moments)
