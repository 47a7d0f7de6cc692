"""The definitions that count: those that were applied, be they the code's or, rolled back to, older ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from asof.errors import Conflict, NotFound
from asof.features.diff import Change, diff
from asof.features.graph import Definitions
from asof.features.restoring import restore
from asof.revision import code_revision, who
from asof.storage.catalogue import Revision
from asof.workspace import Workspace


@dataclass(frozen=True)
class Applied:
    """A revision, with what it changed against the one before it."""

    revision: Revision
    changes: tuple[Change, ...]


def history(workspace: Workspace, environment: str = "") -> list[Applied]:
    """The revisions of production or of an environment, newest first."""
    revisions = workspace.catalogue.revisions(environment)
    return [_applied(revision, before) for revision, before in pairwise([*revisions, None]) if revision]


def one_of_history(workspace: Workspace, number: int, environment: str = "") -> Applied:
    """A revision by its number, with what it changed; NotFound where there is none."""
    catalogue = workspace.catalogue
    revision = catalogue.revision(number, environment)
    assert revision is not None
    return _applied(revision, catalogue.revision(number - 1, environment) if number > 1 else None)


def _applied(revision: Revision, before: Revision | None) -> Applied:
    return Applied(revision, diff(before.definitions if before else {}, revision.definitions))


def required(
    workspace: Workspace, code: Definitions, environment: str, report: Callable[[str], None]
) -> Definitions:
    """The definitions to work by; `report` is told where the code says otherwise after a roll-back.

    NotFound where none were applied, Conflict where those of the code are not the applied ones.
    """
    current, env = workspace.catalogue.revision(environment=environment), _env(environment)
    if current is None:
        raise NotFound(f"nothing has been applied yet; look with: asof plan{env}, then: asof apply{env}")
    applied = _in_effect(current, code)
    if current.hash != applied.hash:
        raise Conflict(
            f"the definitions differ from the applied revision {current.number}; "
            f"look with: asof plan{env}, then: asof apply{env}"
        )
    if applied is not code:
        report(
            f"definitions are those of revision {current.rolled_back_to}, which was rolled back to; "
            f"what the files would change: asof plan{env}"
        )
    return applied


def in_effect(workspace: Workspace, code: Definitions, environment: str = "") -> Definitions:
    """The definitions to go by: those of the code, unless the applied ones were rolled back to others.

    Conflict where the code no longer has a function of those.
    """
    return _in_effect(workspace.catalogue.revision(environment=environment), code)


def _in_effect(current: Revision | None, code: Definitions) -> Definitions:
    if current is None or current.rolled_back_to is None or current.hash == code.hash:
        return code
    return definitions_of(current, code)


def _env(environment: str) -> str:
    """How an environment is named to a command."""
    return f" --env {environment}" if environment else ""


def definitions_of(revision: Revision, code: Definitions, keys: Iterable[str] | None = None) -> Definitions:
    """The definitions of a revision, or those with `keys` and what they refer to.

    Conflict where they have a function that is no longer in the code.
    """
    try:
        return restore(revision.definitions, code, keys)
    except Conflict as conflict:
        raise Conflict(
            f"revision {revision.number} can't be restored: {conflict}\n"
            f"check out {_code(revision)}, and do it there"
        ) from conflict


def _code(revision: Revision) -> str:
    commit = revision.code_revision
    return f"the code of that time, {commit}" if commit else "the code of that time"


def roll_back(workspace: Workspace, code: Definitions, number: int, environment: str = "") -> Revision:
    """Make the definitions of an older revision the applied ones, as a new revision.

    The current one where it is that already. NotFound where there is no such revision, Conflict where
    it has a function that is no longer in the code, and where somebody else's change came first.
    """
    catalogue = workspace.catalogue
    wanted, current = catalogue.revision(number, environment), catalogue.revision(environment=environment)
    assert wanted is not None
    assert current is not None
    if current.hash == wanted.hash and (current.rolled_back_to or current.hash == code.hash):
        return current
    definitions_of(wanted, code)
    return catalogue.apply(
        wanted.definitions,
        wanted.hash,
        who=who(),
        expected=current.number,
        environment=environment,
        code_revision=code_revision(workspace.settings.folder),
        rolled_back_to=number,
    )
