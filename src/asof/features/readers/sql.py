"""A table or a query of a database as the rows of a source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.definition import assign, check_type, definition
from asof.features.durations import Duration
from asof.features.readers.reader import Reader
from asof.features.readers.snapshot import Snapshot, check_key
from asof.features.types import Date, DType, Schema

_PASSWORD = re.compile(r"(://[^:/@]*:)(.+)(?=@)|(password=)([^&]+)")
_URL = re.compile(r".*://|\$\{[^}]*\}$")
_PLACES = re.compile(r"(\$\{[^}]*\})+")


@definition
class Sql(Reader):
    """The rows of a database's `table` ("orders", or "sales.orders" in a schema) or of a `query`.

    `address` is a URL as in SQLAlchemy: `postgresql://`, `sqlite:///` and `duckdb:///` are read as
    Arrow, any other through SQLAlchemy and the driver that it names; a file is relative to the
    project's folder. A `${NAME}` in it, or all of it, is taken from the environment, so that no secret
    stands in a definition.

    Either `cursor` names the column by which new rows are told: one that never falls for rows that
    come later, as the time of a row's last change or a serial number. Rows that come late, with a
    cursor value below the greatest by up to `overlap` (a duration as "1h", of numbers a number),
    are still found, each once: a row is known by its cursor value and its `key`, by default the
    table's primary key. A row without a cursor value goes to quarantine. Or `snapshot` says how rows
    that changed are told by comparing the whole table.

    What the database had before, it has no more; so what was taken in is kept when the definition changes.
    """

    address: str
    table: str | None
    query: str | None
    cursor: str | None
    overlap: Duration | int | None
    key: tuple[str, ...]
    snapshot: Snapshot | None

    rereadable = False

    def __init__(
        self,
        address: str,
        *,
        table: str | None = None,
        query: str | None = None,
        cursor: str | None = None,
        overlap: str | timedelta | Duration | int | None = None,
        key: Iterable[str] = (),
        snapshot: Snapshot | None = None,
    ) -> None:
        if not _URL.match(check_type("Sql", "address", address, str)):
            raise DefinitionError(
                f"Sql: address {masked(address)!r} is no URL; write it as 'postgresql://host/database', "
                "'sqlite:///file.db' or 'duckdb:///file.duckdb'"
            )
        owner = f"Sql({masked(address)!r})"
        for field, text in (("table", table), ("query", query), ("cursor", cursor)):
            if text is not None and not check_type(owner, field, text, str).strip():
                raise DefinitionError(f"{owner}: {field} is empty")
        assign(
            self,
            address=address,
            table=table,
            query=query,
            cursor=cursor,
            overlap=_overlap(owner, overlap),
            key=check_key(owner, key),
            snapshot=None if snapshot is None else check_type(owner, "snapshot", snapshot, Snapshot),
        )
        _check_one(owner, self)

    @property
    def where(self) -> str:
        return f"{self.origin} of {masked(self.address)}"

    def check(self, owner: str, schema: Schema) -> None:
        for what, names in (("cursor", [self.cursor] if self.cursor else []), ("key", self.key)):
            for name in names:
                schema.require(owner, what, name)
        if self.overlap is not None and not _is_ordered(schema[self.cursor or ""], self.overlap):
            raise DefinitionError(
                f"{owner}: overlap {str(self.overlap)!r} can't be taken from cursor {self.cursor!r}, "
                f"which is {schema[self.cursor or '']!r}; a Timestamp or Date takes a duration, a number "
                "a number"
            )
        if self.snapshot is not None:
            self.snapshot.check(owner, schema)

    @property
    def origin(self) -> str:
        """The table, or "query"."""
        return self.table or "query"


def masked(address: str) -> str:
    """The address without a password that stands in it.

    >>> masked("postgresql://shop:secret@host/shop"), masked("postgresql://${USER}:${PASSWORD}@host/shop")
    ('postgresql://shop:***@host/shop', 'postgresql://${USER}:${PASSWORD}@host/shop')
    """
    return _PASSWORD.sub(_masked, address)


def _masked(found: re.Match[str]) -> str:
    before, password = found[1] or found[3], found[2] or found[4]
    return found[0] if _PLACES.fullmatch(password) else f"{before}***"


def _overlap(owner: str, given: str | timedelta | Duration | int | None) -> Duration | int | None:
    if given is None or isinstance(given, int):
        if isinstance(given, bool) or (given or 0) < 0:
            raise DefinitionError(f"{owner}: overlap {given!r} must be a duration or a number from 0 on")
        return given
    return Duration.of(given, f"{owner}: overlap")


def _is_ordered(dtype: DType, overlap: Duration | int) -> bool:
    """Whether values of the type lie an overlap apart."""
    if isinstance(overlap, Duration):
        return dtype.is_timestamp or dtype == Date
    return dtype.is_numeric


def _check_one(owner: str, reader: Sql) -> None:
    if (reader.table is None) == (reader.query is None):
        raise DefinitionError(f"{owner}: give either table, the name of one, or query, a SELECT")
    if (reader.cursor is None) == (reader.snapshot is None):
        raise DefinitionError(
            f"{owner}: give either cursor, the column that tells new rows, or "
            "snapshot=Snapshot(key=[...], known_at=...), which compares the whole table at every run"
        )
    if reader.snapshot is not None and (reader.overlap is not None or reader.key):
        raise DefinitionError(f"{owner}: overlap and key belong to cursor; a Snapshot has its own key")
    if reader.query is not None and reader.cursor is not None and not reader.key:
        raise DefinitionError(f"{owner}: a query has no primary key; give key=[...], which tells rows apart")
