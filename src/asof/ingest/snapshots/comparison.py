"""Two states of a table compared by key, without holding either in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from asof.ingest.records.digests import halves

Mask = npt.NDArray[np.bool_]

_LEAST = 256 << 20  # bytes that DuckDB may use at least
_TABLES = """
CREATE TABLE before (place BIGINT, k1 UBIGINT, k2 UBIGINT, r1 UBIGINT, r2 UBIGINT, gone BOOLEAN);
CREATE TABLE now (place BIGINT, k1 UBIGINT, k2 UBIGINT, r1 UBIGINT, r2 UBIGINT);
CREATE TABLE unread (k1 UBIGINT, k2 UBIGINT);
CREATE VIEW latest AS
    SELECT * FROM before QUALIFY row_number() OVER (PARTITION BY k1, k2 ORDER BY place DESC) = 1;
CREATE VIEW there AS SELECT * FROM latest WHERE NOT gone;
"""
_REPEATED = "SELECT max(place) FROM now GROUP BY k1, k2 HAVING count(*) > 1 LIMIT 1"
_CHANGED = """
SELECT now.place FROM now LEFT JOIN there USING (k1, k2)
WHERE there.place IS NULL OR now.r1 <> there.r1 OR now.r2 <> there.r2
"""
_VANISHED = "SELECT place FROM there ANTI JOIN now USING (k1, k2) ANTI JOIN unread USING (k1, k2)"


@contextmanager
def compared(folder: Path, key: Sequence[str], columns: Sequence[str], memory: int) -> Iterator[Comparison]:
    """A comparison of rows by `key` that keeps what it needs in `folder`."""
    config: dict[str, Any] = {
        "memory_limit": f"{max(4 * memory, _LEAST) >> 20}MiB",
        "temp_directory": str(folder),
    }
    with duckdb.connect(str(folder / "comparison.duckdb"), config=config) as connection:
        connection.execute(_TABLES)
        yield Comparison(connection, key, columns)


class Comparison:
    """Rows of both states, each known by its place: how many came before it on its side."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, key: Sequence[str], columns: Sequence[str]
    ) -> None:
        self._connection, self._key, self._columns = connection, key, columns
        self._sizes = {"before": 0, "now": 0}

    def add_before(self, rows: pa.RecordBatch, deleted: str | None) -> None:
        """Rows of the former state: of one key the last counts, none where that is `deleted`."""
        gone = pa.repeat(False, rows.num_rows) if deleted is None else rows[deleted].fill_null(False)
        self._add("before", rows, gone=gone)

    def add_now(self, rows: pa.Table) -> None:
        """Rows of the present state."""
        self._add("now", rows)

    def add_unread(self, rows: pa.Table) -> None:
        """Keys of rows that are there, but can't be read."""
        self._insert("unread", **self._halves(rows, "k", self._key))

    def repeated(self) -> int | None:
        """The place of a row whose key another has as well."""
        found = self._connection.execute(_REPEATED).fetchone()
        return found[0] if found else None

    def changed(self) -> Mask:
        """Which rows of the present state are new, or not as they were."""
        return self._mask(_CHANGED, self._sizes["now"])

    def vanished(self) -> Mask:
        """Which rows of the former state are no longer there."""
        return self._mask(_VANISHED, self._sizes["before"])

    def _add(self, side: str, rows: pa.Table | pa.RecordBatch, **more: pa.Array) -> None:
        first = self._sizes[side]
        self._sizes[side] += rows.num_rows
        hashes = self._halves(rows, "k", self._key) | self._halves(rows, "r", self._columns)
        self._insert(side, place=np.arange(first, self._sizes[side]), **hashes, **more)

    def _halves(self, rows: pa.Table | pa.RecordBatch, name: str, columns: Sequence[str]) -> dict[str, Any]:
        high, low = halves(rows, columns)
        return {f"{name}1": high, f"{name}2": low}

    def _insert(self, table: str, **columns: Any) -> None:
        self._connection.from_arrow(pa.table(columns)).insert_into(table)

    def _mask(self, query: str, size: int) -> Mask:
        mask = np.zeros(size, np.bool_)
        with self._connection.sql(query).to_arrow_reader() as places:
            for batch in places:
                mask[batch.column(0).to_numpy()] = True
        return mask
