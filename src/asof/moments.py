"""Tables as they were: at a time, at a snapshot by its name, or at a version."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from asof.errors import DefinitionError, NotFound
from asof.storage.catalogue import TableVersion
from asof.workspace import Workspace

Moment = datetime | str
"""A time with a zone, or the name of a snapshot."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def moment(text: str) -> Moment:
    """A time in ISO 8601, in UTC where it has no zone; anything else is the name of a snapshot.

    >>> moment("2026-03-01").isoformat(), moment("before_the_sale")
    ('2026-03-01T00:00:00+00:00', 'before_the_sale')
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def check_snapshot_name(name: str) -> str:
    """A name that can't be taken for a time, or DefinitionError."""
    if not _NAME.fullmatch(name):
        raise DefinitionError(
            f"snapshot {name!r}: a name begins with a letter, and has letters, digits, '_', '-' and '.' only"
        )
    return name


def version_at(workspace: Workspace, table: str, at: Moment) -> TableVersion:
    """The version of a table that counted at a moment, to be read; NotFound where there is none."""
    name = workspace.environment.table(table)
    if isinstance(at, datetime):
        return readable(workspace.catalogue.version_at(name, at))
    numbers = workspace.catalogue.snapshot(at).versions
    if name not in numbers:
        raise NotFound(f"table {table!r} was not there yet at the snapshot {at!r}")
    return readable(workspace.catalogue.version(name, numbers[name]))


def versions_at(workspace: Workspace, at: Moment) -> list[TableVersion]:
    """The version of every table that counted at a moment, by name, also where its rows are freed since."""
    if isinstance(at, datetime):
        return workspace.catalogue.tables_at(at)
    numbers = workspace.catalogue.snapshot(at).versions
    return [workspace.catalogue.version(*each) for each in sorted(numbers.items())]


def readable(version: TableVersion) -> TableVersion:
    """The version, whose rows are there; NotFound where they have been freed."""
    if version.freed_at is not None:
        raise NotFound(freed(version))
    return version


def freed(version: TableVersion) -> str:
    """What became of the rows of a version that can't be read any more."""
    assert version.freed_at is not None
    return (
        f"version {version.version} of {version.table} was freed on "
        f"{version.freed_at:%Y-%m-%d %H:%M}Z by asof gc"
    )
