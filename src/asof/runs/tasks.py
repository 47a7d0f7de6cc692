"""The steps of a run: which there are, what each needs to have been done before, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial

from asof.errors import AsofError, Conflict, DefinitionError
from asof.features.describe import key_of
from asof.features.graph import Definitions, TableNode, held_against
from asof.features.label import Label
from asof.features.source import Source
from asof.features.view import FeatureView
from asof.runs.scheduling import Task
from asof.steps.clean import clean
from asof.steps.context import Context, now
from asof.steps.ingest import ingest
from asof.steps.lay_out import lay_out
from asof.steps.publish import publish
from asof.storage.catalogue import Step, TableVersion

ATTEMPTS = 5  # at a table that does not get on
AT_ONCE = 4
"""Steps side by side: more than a small machine has cores, since some wait for a database or a network."""


def tasks_of(context: Context, chosen: Collection[str] | None) -> list[Task[Step]]:
    """The steps of the tables and publications of the definitions with the `chosen` keys, or of all.

    DefinitionError where these have none, Conflict where a table that is not chosen is not as they need it.
    """
    definitions = context.definitions
    own = [node for node in definitions.tables if context.workspace.environment.owns(node.name)]
    nodes = [node for node in own if chosen is None or key_of(node.of) in chosen]
    views = [view for view in _published(definitions) if chosen is None or _is_chosen(view, context, chosen)]
    if chosen is not None:
        _check_steps(chosen, nodes, views)
        _check_inputs(context, nodes, views)
    if context.workspace.environment.name:
        views = []  # production alone is online
    shared = replace(context, sources_at_once=_sources_at_once(nodes))
    return [*_table_tasks(shared, nodes), *_publications(shared, views)]


def step_of(node: TableNode) -> str:
    """The name of the step that makes a table."""
    kind, _, name = node.name.partition("/")
    return {"raw": f"ingest {name}", "clean": f"clean {name}"}.get(kind, f"lay out {node.name}")


def so_far(context: Context, source: Source) -> Step | None:
    """The ingestion of a source as this run has committed it, if it has."""
    return _recorded(context, f"ingest {source.name}")


def _table_tasks(context: Context, nodes: Sequence[TableNode]) -> Iterator[Task[Step]]:
    steps = {node.name: step_of(node) for node in context.definitions.tables}
    for node in nodes:
        needs = frozenset(steps[name] for name in (*node.inputs, *held_against(node)))
        yield task(context, step_of(node), needs, partial(_built, node=node))


def _publications(context: Context, views: Sequence[FeatureView]) -> Iterator[Task[Step]]:
    """Those of views, all as of one moment, which is known once all clean tables are there."""
    served = _published(context.definitions)
    cleaned = frozenset(f"clean {view.source.name}" for view in served)
    as_of = cache(partial(_as_of, context, served))
    for node in context.definitions.tables:
        if isinstance(node.of, FeatureView) and node.of in views:
            needs = cleaned | {step_of(node)}
            yield task(context, f"publish {node.of.name}", needs, partial(_publish, node=node, as_of=as_of))


def _publish(context: Context, node: TableNode, as_of: Callable[[], int]) -> Step:
    assert isinstance(node.of, FeatureView)
    return publish(context, node, node.of, as_of())


def task(context: Context, name: str, needs: frozenset[str], step: Callable[[Context], Step]) -> Task[Step]:
    """A step as a task, which the run's record tells of whether it ends well or not."""
    return Task(name, needs, partial(_noted, context.of(name), name, step))


def _noted(context: Context, name: str, step: Callable[[Context], Step]) -> Step:
    """Do a step, and record how it ended."""
    begun = context.begin(name)
    try:
        done = step(context)
        context.record(done)
        return done
    except Exception as error:
        with suppress(AsofError, OSError):
            context.record(_failed(_recorded(context, name) or begun, error))
        raise


def _failed(step: Step, error: Exception) -> Step:
    told = {"error": f"{type(error).__name__}: {error}"}
    return replace(step, status="failed", finished_at=now(), details={**told, **step.details})


def _recorded(context: Context, name: str) -> Step | None:
    steps = context.workspace.catalogue.steps(context.run)
    return next((step for step in steps if step.name == name), None)


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
            context.report(f"{conflict}; once more")


def _number(context: Context, node: TableNode) -> int | None:
    current = context.current(node.name)
    return current.version if current else None


def _build(context: Context, node: TableNode) -> Step:
    match node.of:
        case Source() if not node.inputs:
            return ingest(context, node, node.of, step=so_far(context, node.of))
        case Source():
            return clean(context, node, node.of)
        case FeatureView() | Label():
            return lay_out(context, node, node.of)


def _sources_at_once(nodes: Sequence[TableNode]) -> int:
    """How many sources share the memory that there is."""
    return max(1, min(AT_ONCE, sum(not node.inputs for node in nodes)))


def _published(definitions: Definitions) -> list[FeatureView]:
    return [
        view
        for view in definitions.views.values()
        if any(view in service.views for service in definitions.services.values())
    ]


def _is_chosen(view: FeatureView, context: Context, chosen: Collection[str]) -> bool:
    services = context.definitions.services.values()
    return key_of(view) in chosen or any(view in s.views and key_of(s) in chosen for s in services)


def _check_steps(chosen: Collection[str], nodes: Sequence[TableNode], views: Sequence[FeatureView]) -> None:
    if not nodes and not views:
        named = ", ".join(sorted(chosen))
        raise DefinitionError(
            f"a run has no step for {named}; select what it is made of, as in +{named.split('/')[-1]}"
        )


def _check_inputs(context: Context, nodes: Sequence[TableNode], views: Sequence[FeatureView]) -> None:
    """Conflict where a table that a chosen step reads, but none makes, is of another definition."""
    making = {node.name for node in nodes}
    by_name = {node.name: node for node in context.definitions.tables}
    read = {name for node in nodes for name in node.inputs} | {f"views/{view.name}" for view in views}
    for name in sorted(read - making):
        current = context.workspace.current(name)
        if current.definition != by_name[name].definition:
            advice = by_name[name].of.name
            raise Conflict(f"table {name!r} is not as it is defined now; select {advice!r} too, or: asof run")


def _as_of(context: Context, views: Sequence[FeatureView]) -> int:
    """A moment at which all that the sources of the views tell is past and known: ns since 1970, UTC.

    That is the latest event time, or the latest time since when a row is known.
    """
    found = [context.current(f"clean/{view.source.name}") for view in views]
    versions: list[TableVersion] = [version for version in found if version is not None]
    moments = ("complete_until", "latest_known")
    return max(version.details[moment] or 0 for version in versions for moment in moments)
