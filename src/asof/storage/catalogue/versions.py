"""Table versions in the catalogue: which one counts, and the swap to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.errors import Conflict, DefinitionError, NotFound
from asof.storage.catalogue.records import TableVersion
from asof.storage.catalogue.schema import HEADS, RUNS, VERSIONS

_CURRENT = sa.select(VERSIONS).join(
    HEADS, (HEADS.c.table == VERSIONS.c.table) & (HEADS.c.version == VERSIONS.c.version)
)


def current(connection: sa.Connection, table: str) -> TableVersion | None:
    """The version of a table that counts, or None."""
    row = connection.execute(_CURRENT.where(VERSIONS.c.table == table)).one_or_none()
    return None if row is None else _version(row)


def currents(connection: sa.Connection) -> list[TableVersion]:
    """The version that counts of every table, by name."""
    return [_version(row) for row in connection.execute(_CURRENT.order_by(VERSIONS.c.table))]


def version(connection: sa.Connection, table: str, number: int) -> TableVersion:
    """A version by its number, or NotFound."""
    found = _of(table).where(VERSIONS.c.version == number)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise NotFound(f"no version {number} of {table!r}; {_known(connection, table)}")
    return _version(row)


def version_at(connection: sa.Connection, table: str, time: datetime) -> TableVersion:
    """The newest version committed at or before an aware time, or NotFound."""
    row = connection.execute(sa.select(VERSIONS).where(*_at(table, time))).one_or_none()
    if row is None:
        raise NotFound(f"no version of {table!r} at {time.isoformat()}; {_known(connection, table)}")
    return _version(row)


def currents_at(connection: sa.Connection, time: datetime) -> list[TableVersion]:
    """The version of every table that counted at an aware time, by name."""
    then = sa.select(VERSIONS).join(HEADS, sa.and_(*_at(HEADS.c.table, time)))
    return [_version(row) for row in connection.execute(then.order_by(VERSIONS.c.table))]


def history(
    connection: sa.Connection, table: str, before: int | None = None, limit: int | None = None
) -> list[TableVersion]:
    """The newest versions of a table, newest first: those before one, or all."""
    wanted = _of(table) if before is None else _of(table).where(VERSIONS.c.version < before)
    return [_version(row) for row in connection.execute(wanted.limit(limit))]


def swap(
    connection: sa.Connection,
    versions: Sequence[TableVersion],
    expected: Mapping[str, int | None],
) -> None:
    """Make `versions` the current ones where those of `expected` still are."""
    after = {new.table: new for new in versions}
    _check(versions, after, expected)
    # Always in the same order, so that two commits can't wait for each other.
    for table in sorted(expected):
        new = after.get(table)
        if not _swapped(connection, table, expected[table], new):
            raise Conflict(_whose(connection, table, expected[table]))
        if new is not None:
            _insert(connection, new, expected[table])


def _insert(connection: sa.Connection, new: TableVersion, before: int | None) -> None:
    """Keep a version; its time is not before that of the version that it follows, whatever clocks say."""
    followed = sa.select(VERSIONS.c.committed_at).where(
        VERSIONS.c.table == new.table, VERSIONS.c.version == before
    )
    earliest = connection.execute(followed).scalar() or new.committed_at
    row = asdict(new) | {"committed_at": max(new.committed_at, earliest)}
    connection.execute(VERSIONS.insert().values(row))


def _at(
    table: str | sa.ColumnElement[str], time: datetime
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """What holds for the version of a table that counted at a time; its index finds it."""
    of = VERSIONS.alias()
    newest = sa.select(of.c.version).where(of.c.table == table, of.c.committed_at <= time)
    number = newest.order_by(of.c.committed_at.desc(), of.c.version.desc()).limit(1).scalar_subquery()
    return VERSIONS.c.table == table, VERSIONS.c.version == number


def _check(
    versions: Sequence[TableVersion],
    after: Mapping[str, TableVersion],
    expected: Mapping[str, int | None],
) -> None:
    if len(after) < len(versions):
        raise DefinitionError("a commit takes one version of a table; some table is given twice")
    for table, new in after.items():
        if table not in expected:
            raise DefinitionError(f"the version of {table!r} that is expected isn't given")
        before = expected[table]
        if before is not None and new.version <= before:
            raise DefinitionError(f"{table!r}: version {new.version} can't come after {before}")


def _swapped(connection: sa.Connection, table: str, before: int | None, new: TableVersion | None) -> bool:
    if new is None:
        return _head(connection, table, lock=True) == before
    if before is None:
        return _first(connection, new)
    swap = HEADS.update().where(HEADS.c.table == table, HEADS.c.version == before)
    return connection.execute(swap.values(version=new.version)).rowcount == 1


def _first(connection: sa.Connection, new: TableVersion) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(HEADS.insert().values(table=new.table, version=new.version))
    except IntegrityError:
        return False
    return True


def _head(connection: sa.Connection, table: str, *, lock: bool = False) -> int | None:
    head = sa.select(HEADS.c.version).where(HEADS.c.table == table)
    return connection.execute(head.with_for_update(read=True) if lock else head).scalar()


def _whose(connection: sa.Connection, table: str, expected: int | None) -> str:
    """Who came first, for the one who came second."""
    found = current(connection, table)
    if found is None:
        return f"{table!r}: expected version {_said(expected)}, found none; run again"
    who = connection.execute(sa.select(RUNS.c.who).where(RUNS.c.id == found.run)).scalar()
    return (
        f"{table!r}: expected version {_said(expected)}, found {found.version}, committed by"
        f" run {found.run}{f' of {who}' if who else ''} at {found.committed_at.isoformat()};"
        " run again"
    )


def _said(version: int | None) -> str:
    return "none" if version is None else str(version)


def _known(connection: sa.Connection, table: str) -> str:
    number, time = VERSIONS.c.version, VERSIONS.c.committed_at
    ends = [end(column) for column in (number, time) for end in (sa.func.min, sa.func.max)]
    asked = sa.select(sa.func.count(), *ends).where(VERSIONS.c.table == table)
    count, first, last, begun, ended = connection.execute(asked).one()
    if not count:
        return "it has none"
    return f"it has {count}, from {first} ({begun.isoformat()}) to {last} ({ended.isoformat()})"


def _of(table: str) -> sa.Select[tuple[object, ...]]:
    return sa.select(VERSIONS).where(VERSIONS.c.table == table).order_by(VERSIONS.c.version.desc())


def _version(row: sa.Row[tuple[object, ...]]) -> TableVersion:
    return TableVersion(**row._mapping)
