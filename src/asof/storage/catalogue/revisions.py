"""Applied definitions in the catalogue: revisions, each on top of the one expected."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from asof.errors import Conflict, NotFound
from asof.storage.catalogue.records import Json, Revision
from asof.storage.catalogue.schema import REVISIONS


def apply(
    connection: sa.Connection,
    definitions: Json,
    hash: str,
    who: str,
    expected: int | None,
    environment: str = "",
    code_revision: str = "",
    rolled_back_to: int | None = None,
) -> Revision:
    """Add a revision of an environment on top of `expected`, or Conflict."""
    new = Revision(
        number=1 if expected is None else expected + 1,
        applied_at=datetime.now(UTC),
        who=who,
        definitions=definitions,
        hash=hash,
        environment=environment,
        code_revision=code_revision,
        rolled_back_to=rolled_back_to,
    )
    found = newest(connection, environment)
    if _number(found) != expected or not _inserted(connection, new):
        raise Conflict(_whose(newest(connection, environment), expected))
    return new


def newest(connection: sa.Connection, environment: str = "") -> Revision | None:
    """The revision of an environment that counts, or None."""
    row = connection.execute(_of(environment).limit(1)).one_or_none()
    return None if row is None else _revision(row)


def numbered(connection: sa.Connection, number: int, environment: str = "") -> Revision:
    """A revision of an environment by its number, or NotFound."""
    row = connection.execute(_of(environment).where(REVISIONS.c.number == number)).one_or_none()
    if row is None:
        last = _number(newest(connection, environment))
        raise NotFound(f"no revision {number} of the definitions; the newest is {last or 'none'}")
    return _revision(row)


def applied_at(connection: sa.Connection, time: datetime, environment: str = "") -> Revision:
    """The revision of an environment that counted at an aware time, or NotFound."""
    row = connection.execute(_of(environment).where(REVISIONS.c.applied_at <= time).limit(1)).one_or_none()
    if row is None:
        raise NotFound(f"no definitions were applied yet at {time.isoformat()}; see: asof history")
    return _revision(row)


def all_of_them(connection: sa.Connection, environment: str = "") -> list[Revision]:
    """All revisions of an environment, newest first."""
    return [_revision(row) for row in connection.execute(_of(environment))]


def _of(environment: str) -> sa.Select[tuple[object, ...]]:
    """The revisions of an environment, newest first."""
    of = REVISIONS.c.environment == environment
    return sa.select(REVISIONS).where(of).order_by(REVISIONS.c.number.desc())


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
