"""Snapshots in the catalogue: the version of every table at one moment, under a name."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.errors import Conflict, NotFound, choices
from asof.storage.catalogue.records import Snapshot
from asof.storage.catalogue.retention import STORED_ELSEWHERE, one_at_a_time
from asof.storage.catalogue.schema import HEADS, REVISIONS, SNAPSHOTS

_REVISION = sa.select(sa.func.max(REVISIONS.c.number)).where(REVISIONS.c.environment == "")
# One statement, so that all of it is of one moment.
_NOW = (
    sa.select(HEADS.c.table, HEADS.c.version, _REVISION.scalar_subquery().label("revision"))
    .where(~HEADS.c.table.startswith(STORED_ELSEWHERE))
    .order_by(HEADS.c.table)
)


def create(connection: sa.Connection, name: str, who: str) -> Snapshot:
    """Name the versions that count now; Conflict where the name is taken, NotFound without tables."""
    one_at_a_time(connection)
    rows = connection.execute(_NOW).all()
    if not rows:
        raise NotFound("there are no tables yet; make them with: asof run")
    taken = Snapshot(
        name=name,
        taken_at=datetime.now(UTC),
        who=who,
        revision=rows[0].revision,
        versions={row.table: row.version for row in rows},
    )
    try:
        with connection.begin_nested():
            connection.execute(SNAPSHOTS.insert().values(asdict(taken)))
    except IntegrityError as error:
        raise Conflict(
            f"there is a snapshot {name!r} already; take another name, or drop it first"
        ) from error
    return taken


def snapshots(connection: sa.Connection) -> list[Snapshot]:
    """All snapshots, newest first."""
    newest = sa.select(SNAPSHOTS).order_by(SNAPSHOTS.c.taken_at.desc(), SNAPSHOTS.c.name)
    return [Snapshot(**row._mapping) for row in connection.execute(newest)]


def snapshot(connection: sa.Connection, name: str) -> Snapshot:
    """A snapshot by its name, or NotFound."""
    row = connection.execute(sa.select(SNAPSHOTS).where(SNAPSHOTS.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"no snapshot {name!r}; {choices(name, _names(connection))}")
    return Snapshot(**row._mapping)


def drop(connection: sa.Connection, name: str) -> Snapshot:
    """Forget a snapshot, and give what it was; NotFound where there is none."""
    found = snapshot(connection, name)
    connection.execute(SNAPSHOTS.delete().where(SNAPSHOTS.c.name == name))
    return found


def _names(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(SNAPSHOTS.c.name)).scalars())
