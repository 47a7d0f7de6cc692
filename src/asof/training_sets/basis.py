"""What a training set is built on: definitions, and the versions of tables, of now or of a past moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from asof.applied import definitions_of
from asof.errors import Conflict, DefinitionError
from asof.features.graph import Definitions, TableNode
from asof.features.training_set import TrainingSet
from asof.moments import Moment, version_at
from asof.storage.catalogue import Revision, TableVersion
from asof.workspace import Workspace


@dataclass(frozen=True)
class Basis:
    """Definitions with their revision, and which version counts of a table, by its name in definitions.

    `at` is the moment of the past that it is of, None for now; `remedy` what to do where tables are not
    up to date.
    """

    definitions: Definitions
    revision: Revision | None
    version_of: Callable[[str], TableVersion]
    remedy: str
    at: Moment | None = None

    @property
    def moment(self) -> str | None:
        """The moment that it is of, as text."""
        return self.at.isoformat() if isinstance(self.at, datetime) else self.at


def now(workspace: Workspace, definitions: Definitions) -> Basis:
    """The tables as they are, with the definitions that are applied."""
    return Basis(
        definitions,
        _revision(workspace, definitions),
        workspace.current,
        f"bring it up to date with: {workspace.environment.command('asof run')}",
    )


def past(workspace: Workspace, code: Definitions, at: Moment) -> Basis:
    """The tables that counted at a moment, with the definitions that were applied then.

    NotFound where there were none yet or they have been freed since, Conflict where those definitions
    have a function that is no longer in the code.
    """
    if workspace.environment.name:
        raise DefinitionError("a training set as of a past moment is production's; leave out the environment")
    if isinstance(at, datetime):
        revision: Revision | None = workspace.catalogue.revision_at(at)
    else:
        revision = workspace.catalogue.revision(workspace.catalogue.snapshot(at).revision)
    assert revision is not None
    return Basis(
        definitions_of(revision, code),
        revision,
        partial(version_at, workspace, at=at),
        "name a moment at which a run had brought it up to date; see: asof runs",
        at,
    )


def inputs_of(basis: Basis, wanted: TrainingSet) -> Mapping[str, TableVersion]:
    """The version that counts of every table that the training set is made from, in topological order.

    Conflict where they are not up to date with the definitions or with each other.
    """
    nodes = {node.name: node for node in basis.definitions.tables}
    needed = {f"{kind}/{wanted.label.name}" for kind in ("labels", "cutoffs")}
    needed |= {f"views/{view.name}" for view in wanted.views}
    inputs: dict[str, TableVersion] = {}
    for name in _with_inputs(needed, nodes):
        inputs[name] = version = basis.version_of(name)
        made_of = (inputs[other] for other in nodes[name].inputs)
        behind = any(version.inputs.get(other.table) != other.version for other in made_of)
        if version.definition != nodes[name].definition or behind:
            why = "its inputs have moved on" if behind else "its definition has changed"
            raise Conflict(f"table {name!r} is not up to date: {why}; {basis.remedy}")
    return inputs


def _with_inputs(names: set[str], nodes: Mapping[str, TableNode]) -> list[str]:
    wanted = set(names)
    for name in reversed(list(nodes)):
        if name in wanted:
            wanted.update(nodes[name].inputs)
    return [name for name in nodes if name in wanted]


def _revision(workspace: Workspace, definitions: Definitions) -> Revision | None:
    """The revision that definitions are of, the newest where somebody else has not applied others since."""
    environment = workspace.environment.name
    newest = workspace.catalogue.revision(environment=environment)
    if newest is None or newest.hash == definitions.hash:
        return newest
    of = (each for each in workspace.catalogue.revisions(environment) if each.hash == definitions.hash)
    return next(of, newest)
