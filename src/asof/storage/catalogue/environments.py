"""Environments in the catalogue: made with their first revision, promoted and dropped in a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from asof.errors import NotFound, choices
from asof.storage.catalogue import revisions, runs, versions
from asof.storage.catalogue.records import Environment, Json, Revision, Step, TableVersion
from asof.storage.catalogue.schema import ENVIRONMENTS, HEADS, REVISIONS, TRAINING_SETS, VERSIONS

_ALL = sa.select(ENVIRONMENTS).order_by(ENVIRONMENTS.c.name)


def environments(connection: sa.Connection) -> list[Environment]:
    """All environments but production, by name."""
    return [Environment(**row._mapping) for row in connection.execute(_ALL)]


def environment(connection: sa.Connection, name: str) -> Environment:
    """An environment by its name, or NotFound."""
    known = {found.name: found for found in environments(connection)}
    if name not in known:
        raise NotFound(f"no environment {name!r}; {choices(name, known)}")
    return known[name]


def apply(
    connection: sa.Connection,
    name: str,
    definitions: Json,
    hash: str,
    who: str,
    expected: int | None,
    based_on: int | None,
    code_revision: str = "",
) -> Revision:
    """Make definitions the applied ones of an environment, which is made where it is not there."""
    revision = revisions.apply(connection, definitions, hash, who, expected, name, code_revision)
    known = ENVIRONMENTS.c.name == name
    if connection.execute(ENVIRONMENTS.update().where(known).values(based_on=based_on)).rowcount == 0:
        made = {"name": name, "made_at": datetime.now(UTC), "who": who, "based_on": based_on}
        connection.execute(ENVIRONMENTS.insert().values(made))
    return revision


def promote(
    connection: sa.Connection,
    name: str,
    made: Sequence[TableVersion],
    expected: Mapping[str, int | None],
    revision: Revision,
    who: str,
    on: int | None,
    steps: Sequence[Step],
) -> Revision:
    """Make versions, and an environment's revision, production's; the environment is then based on it.

    Conflict where a table in `expected` or production's revision `on` has moved on; then nothing counts.
    """
    versions.swap(connection, made, expected)
    for step in steps:
        runs.record(connection, step)
    applied = revisions.newest(connection)
    if applied is None or applied.number != on or applied.hash != revision.hash:
        applied = revisions.apply(
            connection,
            revision.definitions,
            revision.hash,
            who,
            on,
            code_revision=revision.code_revision,
        )
    known = ENVIRONMENTS.c.name == name
    connection.execute(ENVIRONMENTS.update().where(known).values(based_on=applied.number))
    return applied


def drop(connection: sa.Connection, name: str, tables: str, training_sets: str) -> None:
    """Forget an environment, its revisions, and the tables and training sets whose names begin so."""
    for table in (HEADS, VERSIONS):
        connection.execute(table.delete().where(table.c.table.startswith(tables, autoescape=True)))
    known = TRAINING_SETS.c.name.startswith(training_sets, autoescape=True)
    connection.execute(TRAINING_SETS.delete().where(known))
    connection.execute(REVISIONS.delete().where(REVISIONS.c.environment == name))
    connection.execute(ENVIRONMENTS.delete().where(ENVIRONMENTS.c.name == name))
