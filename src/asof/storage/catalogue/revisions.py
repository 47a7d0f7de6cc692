"""Applied definitions in the catalogue: revisions, each on top of the one expected."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.errors import Conflict, NotFound
from asof.storage.catalogue.records import Json, Revision
from asof.storage.catalogue.schema import REVISIONS

_NEWEST = sa.select(REVISIONS).order_by(REVISIONS.c.number.desc())


def apply(
    connection: sa.Connection, definitions: Json, hash: str, who: str, expected: int | None
) -> Revision:
    """Add a revision on top of `expected`, or Conflict."""
    new = Revision(
        number=1 if expected is None else expected + 1,
        applied_at=datetime.now(UTC),
        who=who,
        definitions=definitions,
        hash=hash,
    )
    if _number(newest(connection)) != expected or not _inserted(connection, new):
        raise Conflict(_whose(newest(connection), expected))
    return new


def newest(connection: sa.Connection) -> Revision | None:
    """The revision that counts, or None."""
    row = connection.execute(_NEWEST.limit(1)).one_or_none()
    return None if row is None else _revision(row)


def numbered(connection: sa.Connection, number: int) -> Revision:
    """A revision by its number, or NotFound."""
    found = sa.select(REVISIONS).where(REVISIONS.c.number == number)
    row = connection.execute(found).one_or_none()
    if row is None:
        last = _number(newest(connection))
        raise NotFound(f"no revision {number} of the definitions; the newest is {last or 'none'}")
    return _revision(row)


def all_of_them(connection: sa.Connection) -> list[Revision]:
    """All revisions, newest first."""
    return [_revision(row) for row in connection.execute(_NEWEST)]


def _inserted(connection: sa.Connection, new: Revision) -> bool:
    values = {column.name: getattr(new, column.name) for column in REVISIONS.columns}
    try:
        with connection.begin_nested():
            connection.execute(REVISIONS.insert().values(values))
    except IntegrityError:
        return False
    return True


def _whose(found: Revision | None, expected: int | None) -> str:
    if found is None:
        return f"expected revision {expected} of the definitions, but none was applied yet"
    return (
        f"expected revision {expected or 'none'} of the definitions, found {found.number},"
        f" applied by {found.who} at {found.applied_at.isoformat()}; plan again: asof plan"
    )


def _number(revision: Revision | None) -> int | None:
    return None if revision is None else revision.number


def _revision(row: sa.Row[tuple[object, ...]]) -> Revision:
    return Revision(**row._mapping)
