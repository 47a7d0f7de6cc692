"""A run: every table brought up to date, in the order that they need each other, then published."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from asof.storage.catalogue import Run, Step
from asof.transforms.engines.engine import Engine
from asof.workspace import Workspace

OnStep = Callable[[Step], None]


def run(
    workspace: Workspace, definitions: Definitions, engine: Engine, report: Report, on_step: OnStep
) -> Run:
    """Bring everything up to date; each step that ends goes to `on_step` and into the run's record.

    What was committed before an error or a kill stays and is not done again by the next run.
    """
    catalogue = workspace.catalogue
    record = catalogue.start_run(
        who=who(), engine=engine.name, code_revision=code_revision(workspace.settings.folder)
    )
    context = Context(workspace, definitions, engine, record.id, report)
    try:
        for step in _steps(context):
            catalogue.record_step(step)
            on_step(step)
    except BaseException as error:
        catalogue.finish_run(record.id, "failed", f"{type(error).__name__}: {error}")
        raise
    return catalogue.finish_run(record.id, "succeeded")


def _steps(context: Context) -> Iterator[Step]:
    nodes = context.definitions.tables
    for node in nodes:
        yield _build(context, node)
    published = _published(context.definitions)
    if published:
        as_of = _as_of(context, published)
        for node in nodes:
            if isinstance(node.of, FeatureView) and node.of in published:
                yield publish(context, node, node.of, as_of)


def _build(context: Context, node: TableNode) -> Step:
    match node.of:
        case Source() if node.name.startswith("raw/"):
            return ingest(context, node, node.of)
        case Source():
            return clean(context, node, node.of)
        case FeatureView() | Label():
            return lay_out(context, node, node.of)


def _published(definitions: Definitions) -> list[FeatureView]:
    return [
        view
        for view in definitions.views.values()
        if any(view in s.views for s in definitions.services.values())
    ]


def _as_of(context: Context, views: list[FeatureView]) -> int:
    """The moment up to which the sources of the views are complete: ns since 1970, UTC."""
    versions = [context.workspace.current(f"clean/{view.source.name}") for view in views]
    return max(version.details["complete_until"] or 0 for version in versions)
