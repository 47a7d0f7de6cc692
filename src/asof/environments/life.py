"""Environments over their life: applied beside production, promoted into it, dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asof.environment import FOLDER, Environment, environment_of
from asof.environments.promotion import Promotion
from asof.errors import Conflict
from asof.features.graph import Definitions
from asof.features.taken_in import not_taken_in
from asof.planning.plan import broken, check_breaks
from asof.revision import code_revision, who
from asof.runs.run import recorded
from asof.steps.context import Report
from asof.storage.catalogue import Environment as Made
from asof.storage.catalogue import Revision, TableVersion
from asof.transforms.engines.engine import open_engine
from asof.workspace import Workspace


@dataclass(frozen=True)
class Promoted:
    """The revision of production that an environment has become, and the versions of its tables there."""

    revision: Revision
    tables: tuple[TableVersion, ...]


@dataclass(frozen=True)
class Kept:
    """An environment, its revision, its tables, and those of the training sets built in it."""

    made: Made
    revision: Revision
    tables: tuple[TableVersion, ...]
    training_sets: tuple[TableVersion, ...]


def within(workspace: Workspace, definitions: Definitions, name: str) -> Workspace:
    """The workspace as the environment of that name sees it now, with these definitions."""
    production = {version.table: version for version in workspace.catalogue.tables()}
    return workspace.within(environment_of(name, definitions, production))


def environments(workspace: Workspace) -> list[Kept]:
    """All environments but production, by name."""
    tables = workspace.catalogue.tables()
    return [_kept(workspace, made, tables) for made in workspace.catalogue.environments()]


def environment(workspace: Workspace, name: str) -> Kept:
    """An environment by its name, or NotFound."""
    return _kept(workspace, workspace.catalogue.environment(name), workspace.catalogue.tables())


def apply_in(workspace: Workspace, definitions: Definitions, name: str) -> Revision:
    """Make the definitions those of an environment, which is made where there is none of that name.

    It counts as made on production's newest revision once it has all that changed there since.
    """
    catalogue = workspace.catalogue
    before, production = catalogue.revision(environment=name), catalogue.revision()
    base = _base(workspace, name) if before else production
    behind = not_taken_in(
        _described(base),
        _described(production),
        mine_before=_described(before),
        mine=definitions.described,
    )
    based_on = base if behind else production
    return catalogue.apply_in(
        name,
        definitions.described,
        definitions.hash,
        who=who(),
        expected=before.number if before else None,
        based_on=based_on.number if based_on else None,
        code_revision=code_revision(workspace.settings.folder),
    )


def promote(
    workspace: Workspace, definitions: Definitions, name: str, report: Report, *, force: bool = False
) -> Promoted:
    """Make an environment's definitions and tables production's: files are copied, nothing is computed.

    Conflict where production has changes that the environment lacks, where its tables are not up to date
    with its definitions, and where anything moves on meanwhile; then nothing counts. DefinitionError where
    it breaks what others use of production, unless `force`.
    """
    revision, production = (workspace.catalogue.revision(environment=each) for each in (name, ""))
    assert revision is not None
    _check_base(workspace, name, production)
    if not force:
        check_breaks(broken(workspace, definitions))
    seen = within(workspace, definitions, name)
    with recorded(workspace, definitions, open_engine("local", ""), report) as context:
        promotion = Promotion(context, seen.environment)
        made = promotion.copied()
        applied = workspace.catalogue.promote(
            name,
            made,
            expected=promotion.expected,
            revision=revision,
            on=production.number if production else None,
            who=who(),
            steps=promotion.steps,
        )
    return Promoted(applied, tuple(made))


def drop(workspace: Workspace, name: str) -> Kept:
    """Remove an environment: its tables, the training sets built in it, and its revisions.

    NotFound where there is none, Conflict where a run is at work in it.
    """
    dropped, own = environment(workspace, name), workspace.within(Environment(name))
    with recorded(own, Definitions(()), open_engine("local", ""), lambda line: None):
        workspace.folder(f"{FOLDER}/{name}").delete()
        workspace.catalogue.drop_environment(name, tables=f"{FOLDER}/{name}/", training_sets=f"{name}/")
    return dropped


def _kept(workspace: Workspace, made: Made, tables: list[TableVersion]) -> Kept:
    revision = workspace.catalogue.revision(environment=made.name)
    assert revision is not None
    place = f"{FOLDER}/{made.name}/"
    own = [version for version in tables if version.table.startswith(place)]
    built = tuple(version for version in own if version.table.startswith(f"{place}training_sets/"))
    return Kept(made, revision, tuple(version for version in own if version not in built), built)


def _base(workspace: Workspace, name: str) -> Revision | None:
    """The revision of production whose changes an environment has in it."""
    number = workspace.catalogue.environment(name).based_on
    return None if number is None else workspace.catalogue.revision(number)


def _described(revision: Revision | None) -> Mapping[str, Mapping[str, Any]]:
    return revision.definitions if revision else {}


def _check_base(workspace: Workspace, name: str, production: Revision | None) -> None:
    base = _base(workspace, name)
    if production is None or (base is not None and base.hash == production.hash):
        return
    raise Conflict(
        f"environment {name!r} lacks what changed in production since revision {base.number if base else 0}: "
        f"it is at {production.number}, applied by {production.who} at {production.applied_at.isoformat()}\n"
        f"take that into your definitions and plan again: asof plan --env {name}"
    )
