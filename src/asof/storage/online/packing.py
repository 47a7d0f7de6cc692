"""One generation of a feature view as bytes: what every store that keeps packed rows does alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import pyarrow as pa

from asof.errors import DataError
from asof.storage.instants import nanoseconds
from asof.storage.online.keys import KeyCodec
from asof.storage.online.rows import RowCodec, arrow_column
from asof.storage.online.store import EVENT_TIME, Published, column_types

Item = tuple[bytes, bytes]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Packing:
    """A publication with the codecs of its keys and rows."""

    published: Published
    keys: KeyCodec
    rows: RowCodec

    def items(self, rows: pa.Table, prefix: bytes = b"") -> list[Item]:
        """Key and row of each row of a table, packed; the keys behind a prefix."""
        return list(zip(self.keys.encode_columns(rows, prefix), self.rows.encode(rows), strict=True))

    def table(self, items: Sequence[Item]) -> pa.Table:
        """The table that was packed: key columns, `_event_time` (ns, UTC), value columns."""
        rows = [row for row in self.rows.decode([row for _, row in items]) if row is not None]
        columns = zip(*(row.values for row in rows), strict=True) if rows else iter(())
        return pa.table(
            self.keys.decode_columns([key for key, _ in items])
            | {EVENT_TIME: pa.array([row.event_time for row in rows], pa.timestamp("ns", "UTC"))}
            | {name: arrow_column(next(columns, ()), dtype) for name, dtype in self.published.columns.items()}
        )


def packing_of(published: Published) -> Packing:
    """The codecs for its columns; DefinitionError for one that no stored row holds."""
    keys = KeyCodec(dict(zip(published.keys, published.key_types, strict=True)))
    return Packing(published, keys, RowCodec(published.columns))


def planned(view: str, keys: Sequence[str], rows: pa.Table, version: int, as_of: datetime) -> Published:
    """What publishing the rows will make live, without its generation's number and count of rows yet.

    Raises as `OnlineStore.publish` does for rows that it can't take.
    """
    key_types, columns = column_types(rows, keys)
    published = Published(
        view=view,
        generation=0,
        version=version,
        as_of=nanoseconds(as_of),
        rows=0,
        columns=columns,
        keys=tuple(keys),
        key_types=tuple(key_types.values()),
    )
    packing_of(published)
    return published


def slices(rows: pa.Table, most_rows: int, most_bytes: int) -> Iterator[pa.Table]:
    """The rows in order, as many at a time as both limits allow, at least one."""
    width = max(1, rows.nbytes // max(1, rows.num_rows))
    height = max(1, min(most_rows, most_bytes // width))
    for start in range(0, rows.num_rows, height):
        yield rows.slice(start, height)


def write_behind(batches: Iterable[T], write: Callable[[T], object]) -> None:
    """Write batch after batch in order, each while the next is made."""
    with ThreadPoolExecutor(1) as writer:
        last: Future[object] | None = None
        for batch in batches:
            if last is not None:
                last.result()
            last = writer.submit(write, batch)
        if last is not None:
            last.result()


def require_columns(published: Published, rows: pa.Table) -> None:
    """DataError unless the rows have the columns of the publication, in their order and types."""
    given = column_types(rows, published.keys)
    keys = dict(zip(published.keys, published.key_types, strict=True))
    if given != (keys, published.columns):
        expected, found = keys | published.columns, given[0] | given[1]
        raise DataError(f"{published.view} has the columns {expected}, given {found}")
