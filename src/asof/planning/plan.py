"""Plans: what `apply` and `run` would change, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from asof.errors import DefinitionError
from asof.features.breaks import Break, breaks
from asof.features.dependents import affected
from asof.features.diff import Change, diff
from asof.features.graph import Definitions
from asof.features.source import Source
from asof.planning.tables import TablePlan, table_plans
from asof.steps.drift import Drift, drift
from asof.storage.catalogue import TableVersion
from asof.transforms.aggregate_checks import check_aggregate_functions
from asof.transforms.transform_checks import check_on_demand, check_view_transform
from asof.workspace import Workspace

SHOWN = 5
"""Breaks that an error lists."""


@dataclass(frozen=True)
class Plan:
    """Changes of definitions against the applied revision (None: nothing was applied), and of tables.

    `affects` has for each changed definition the training sets and services that depend on it, by key.
    `breaks` says what of production others use that would no longer be as they know it; `apply` there
    refuses that unless forced. `drift` says where sources are no longer as declared; a run changes
    nothing about it.
    """

    revision: int | None
    changes: tuple[Change, ...]
    tables: tuple[TablePlan, ...]
    drift: tuple[Drift, ...] = ()
    affects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    breaks: tuple[Break, ...] = ()
    environment: str = ""

    @property
    def empty(self) -> bool:
        """Whether everything is as defined already."""
        return not self.changes and not self.tables


def make_plan(workspace: Workspace, definitions: Definitions) -> Plan:
    """Compare definitions with what was applied, tables with their inputs, sources with their cursors.

    An environment that is not there yet is compared with production.
    """
    check_transforms(workspace, definitions)
    name, production = workspace.environment.name, workspace.catalogue.revision()
    revision = (workspace.catalogue.revision(environment=name) if name else None) or production
    applied = revision.definitions if revision else {}
    changes = diff(applied, definitions.described)
    tables = workspace.catalogue.tables()
    return Plan(
        revision.number if revision else None,
        changes,
        tuple(table_plans(workspace, definitions, tables).values()),
        tuple(_drift(workspace, definitions, tables)),
        affected([change.key for change in changes], applied, definitions.described),
        broken(workspace, definitions),
        name,
    )


def broken(workspace: Workspace, definitions: Definitions) -> tuple[Break, ...]:
    """What of production would break if these definitions were applied there."""
    production = workspace.catalogue.revision()
    if production is None or production.hash == definitions.hash:
        return ()
    return breaks(production.definitions, definitions, workspace.catalogue.training_set_names())


def check_breaks(found: Sequence[Break]) -> None:
    """DefinitionError where there are any."""
    if found:
        listed = "; ".join(f"{each.key} {each.what}" for each in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise DefinitionError(f"this breaks what others use: {listed}{more}\nif it is to be so: --force")


def _drift(workspace: Workspace, definitions: Definitions, tables: Iterable[TableVersion]) -> Iterator[Drift]:
    current = {version.table: version for version in tables}
    for node in definitions.tables:
        if isinstance(node.of, Source) and not node.inputs:
            version = current.get(workspace.environment.table(node.name))
            if version is not None and version.definition == node.definition:
                yield from drift(workspace, node.of, version)


def check_transforms(workspace: Workspace, definitions: Definitions) -> None:
    """Try every function of the definitions on a sample of the rows that it would be given.

    DefinitionError where one does not do what it declares, DataError where it fails on a row.
    """
    views = dict(definitions.views)
    for view in views.values():
        if view.has_functions:
            sample = _sample(workspace, definitions, f"clean/{view.source.name}")
            check_view_transform(view, views, sample)
            check_aggregate_functions(view, views, sample)
    for on_demand in definitions.on_demand.values():
        check_on_demand(on_demand, views)


def _sample(workspace: Workspace, definitions: Definitions, table: str) -> pa.Table | None:
    """The first rows of a table, where it is there and of its present definition."""
    current = workspace.newest(table)
    node = next(node for node in definitions.tables if node.name == table)
    if current is None or current.definition != node.definition:
        return None
    batches = workspace.table(table).batches(current.version)
    return next((pa.Table.from_batches([batch]) for batch in batches if batch.num_rows), None)
