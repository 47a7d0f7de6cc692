"""What an online store is: for each feature view, one row per entity, read whole.

A view has one live generation of rows at a time. `publish` builds the next generation beside it and
swaps; `advance` brings the live one to a later moment by the rows that are other ones then; `upsert` changes
single rows of it. Rows go in as an Arrow table with the key
columns, `_event_time` (timestamp, UTC) and the value columns, and come back as `OnlineRow`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import AsofError, DataError, DefinitionError, choices
from asof.storage.arrow_types import arrow_type, type_name

EVENT_TIME = "_event_time"

Key = tuple[Any, ...]


class Unavailable(AsofError, ConnectionError):
    """The server of a store can't be reached, or takes nothing more; it may later."""


class OnlineRow(NamedTuple):
    """One entity's row of a feature view.

    `event_time` is in nanoseconds since 1970-01-01 UTC. `values` are in the order of
    `Published.columns`: int, float, str, bytes, bool, `datetime.date`, `decimal.Decimal`, an aware
    `datetime` in UTC for "timestamp", a `numpy.datetime64` in ns (UTC) for "timestamp_ns", or None.
    """

    event_time: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """The live generation of a feature view.

    `version` is that of the table it was published from, `as_of` the time up to which that table
    speaks, in nanoseconds since 1970-01-01 UTC, and `rows` their number at publication. `keys` and
    `key_types` name the key columns in order; `columns` maps each value column to its dtype name. `since`
    is the generation that was advanced to this one, as whose its rows are stored; 0 where it was built.
    """

    view: str
    generation: int
    version: int
    as_of: int
    rows: int
    columns: dict[str, str]
    keys: tuple[str, ...]
    key_types: tuple[str, ...]
    since: int = 0

    @property
    def stored_as(self) -> int:
        """The number of the generation as whose its rows are stored."""
        return self.since or self.generation

    def same_shape(self, other: Published) -> bool:
        """Whether a stored row of one reads as a row of the other."""
        return (self.keys, self.key_types, list(self.columns.items())) == (
            other.keys,
            other.key_types,
            list(other.columns.items()),
        )


@dataclass(frozen=True, slots=True)
class OnlineStatistics:
    """Size of an online store: `bytes` in use of `capacity`, which grows by itself."""

    views: int
    rows: int
    bytes: int
    capacity: int


class OnlineStore(Protocol):
    """Rows of feature views by entity key, for many readers and one writer at a time."""

    def publish(
        self, view: str, keys: Sequence[str], rows: pa.Table, *, version: int, as_of: datetime
    ) -> Published:
        """Replace all rows of a view at once; readers see the old ones until the new are whole.

        Of rows with equal keys the one with the greatest event time counts, of equal ones the last.
        Rows that were upserted into the old generation stay where they are newer than what is
        published, as long as the columns are the same.

        Raises DataError for null keys or event times, DefinitionError for columns that aren't there
        or can't be held, Conflict when another publication of the view overtakes this one.
        """
        ...

    def advance(self, view: str, rows: pa.Table, *, version: int, as_of: datetime) -> Published:
        """Bring the live generation to a later moment, as the next one: `rows` are those that change.

        One that is newer stays (P7). Readers may see rows of both moments meanwhile, but each whole.
        Raises NotFound for a view that was never published, DataError for columns not its own, Conflict
        when a publication of the view overtakes this.
        """
        ...

    def upsert(self, view: str, rows: pa.Table) -> tuple[int, int]:
        """Write rows into the live generation unless older than what is there (P7).

        Gives (written, older). At equal event times the later write wins.
        Raises NotFound for a view that was never published, DataError for columns not its own.
        """
        ...

    def read(self, view: str, keys: Sequence[Key]) -> list[OnlineRow | None]:
        """The rows of these keys, in order, None where there is none; all of one moment.

        A null in a key matches nothing. Raises NotFound for a view that was never published,
        DataError for a key of another type or length.
        """
        ...

    def read_many(self, requests: Sequence[tuple[str, Sequence[Key]]]) -> list[list[OnlineRow | None]]:
        """`read` of several views, all of one moment."""
        ...

    def live(self, view: str) -> Published | None:
        """The live generation of a view, None if it was never published."""
        ...

    def views(self) -> list[Published]:
        """The live generations of all views, by name."""
        ...

    def scan(self, view: str) -> pa.Table:
        """All rows of a view in key order: key columns, `_event_time` (ns, UTC), value columns."""
        ...

    def drop(self, view: str) -> bool:
        """Forget a view and its rows; False if there was none."""
        ...

    def sweep(self) -> None:
        """Let go of what publications have left that were cut short; one at work is overtaken by it."""
        ...

    def statistics(self) -> OnlineStatistics:
        """Views, rows and bytes held."""
        ...

    def close(self) -> None:
        """Let go of the store; it can't be used after."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def column_types(rows: pa.Table, keys: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Dtype names of the key columns and of the value columns of rows to be stored.

    Raises DefinitionError when a key column or `_event_time` isn't there, DataError when one has
    nulls or `_event_time` is no timestamp.
    """
    for name in (*keys, EVENT_TIME):
        _require_whole(rows, name)
    if not pa.types.is_timestamp(rows.schema.field(EVENT_TIME).type):
        given = rows.schema.field(EVENT_TIME).type
        raise DataError(f"{EVENT_TIME} is {given}, expected a timestamp in UTC")
    values = [name for name in rows.column_names if name not in keys and name != EVENT_TIME]
    types = {field.name: type_name(field.type) for field in rows.schema}
    return {name: types[name] for name in keys}, {name: types[name] for name in values}


def typed(rows: pa.Table) -> pa.Table:
    """The rows with every column in the one Arrow type that its dtype name stands for."""
    types = [(field.name, arrow_type(type_name(field.type))) for field in rows.schema]
    return rows.cast(pa.schema(types))


def _require_whole(rows: pa.Table, name: str) -> None:
    if name not in rows.column_names:
        raise DefinitionError(f"no column {name!r} to store: {choices(name, rows.column_names)}")
    if nulls := rows[name].null_count:
        raise DataError(f"{name} is null in {nulls} rows, a stored row needs it: filter them first")


def newest(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    """One row per key, in key order: that of the greatest event time, of equal ones the last."""
    order = [(name, "ascending") for name in (*keys, EVENT_TIME)]
    ordered = rows.take(pc.sort_indices(rows, sort_keys=order))
    if ordered.num_rows < 2:
        return ordered
    last = pa.array([True])
    changes = [pc.not_equal(ordered[name][1:], ordered[name][:-1]) for name in keys]
    differs = changes[0]
    for change in changes[1:]:
        differs = pc.or_(differs, change)
    return ordered.filter(pa.chunked_array([*differs.chunks, last]))
