"""Keys as small whole numbers, the same number for the same key in every table.

Only the first row of each run of equal keys is looked up, so that rows sorted by their keys cost one
look at each and one look-up for each key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DataError, NotFound, choices
from asof.storage.arrow_types import canonical
from asof.transforms.kernels.instants import Ints

NO_KEY = -1
"""The code of a key with a null in it; it matches nothing."""


@dataclass(frozen=True)
class KeyRuns:
    """The keys of a table, run by run of rows that follow each other and have the same key.

    Run `i` has the key with the code `codes[i]` and the rows from `starts[i]` until before
    `starts[i + 1]`; `starts` ends with the number of rows.
    """

    starts: Ints
    codes: Ints

    @property
    def of_rows(self) -> Ints:
        """The code of each row's key."""
        return np.repeat(self.codes, np.diff(self.starts))

    @property
    def apart(self) -> bool:
        """Whether each key has one run, and the runs are in the order of their codes: 0, 1, 2, ..."""
        return bool((self.codes == np.arange(len(self.codes))).all())


def key_codes(tables: Sequence[pa.Table], keys: Sequence[str]) -> list[Ints]:
    """For each table the codes of its rows' keys; otherwise as `key_runs`."""
    return [runs.of_rows for runs in key_runs(tables, keys)]


def key_runs(tables: Sequence[pa.Table], keys: Sequence[str]) -> list[KeyRuns]:
    """For each table the runs of its keys, with codes counted from 0 in the order of appearance.

    Equal keys have equal codes, whatever the width of their integers. Raises DataError where a
    key has different types in the tables, NotFound where a table lacks it.
    """
    columns = [_alike([_column(table, key) for table in tables], key) for key in keys]
    starts = [_starts(of_table) for of_table in zip(*columns, strict=True)]
    heads = [
        pa.chunked_array(
            [chunk for column, at in zip(alike, starts, strict=True) for chunk in _taken(column, at)],
            alike[0].type,
        )
        for alike in columns
    ]
    codes = np.split(_codes(heads), np.cumsum([len(at) for at in starts])[:-1])
    sizes = [table.num_rows for table in tables]
    return [KeyRuns(np.append(at, size), of) for at, size, of in zip(starts, sizes, codes, strict=True)]


def _column(table: pa.Table, key: str) -> pa.ChunkedArray:
    if key not in table.column_names:
        raise NotFound(f"no key column {key!r}; {choices(key, table.column_names)}")
    column = table[key]
    if column.type == pa.null():
        return column
    type = canonical(column.type)
    return column.cast(pa.int64() if pa.types.is_integer(type) else type)


def _alike(columns: Sequence[pa.ChunkedArray], key: str) -> list[pa.ChunkedArray]:
    types = sorted({str(column.type) for column in columns if column.type != pa.null()})
    if len(types) > 1:
        raise DataError(
            f"key {key!r} is {' here and '.join(types)} there; cast one, they match nothing as they are"
        )
    type = next((column.type for column in columns if column.type != pa.null()), pa.int64())
    return [column.cast(type) for column in columns]


def _starts(columns: Sequence[pa.ChunkedArray]) -> Ints:
    """The rows that have another key than the row before."""
    size = len(columns[0])
    changes = np.zeros(size, bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= _differs(column.slice(1), column.slice(0, max(size - 1, 0)))
    return np.flatnonzero(changes)


def _differs(column: pa.ChunkedArray, other: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    differs = pc.not_equal(column, other)
    if differs.null_count:
        one_is_null = pc.xor(pc.is_null(column), pc.is_null(other))
        differs = pc.or_(pc.fill_null(differs, False), one_is_null)
    return np.asarray(differs.to_numpy(), bool)


def _taken(column: pa.ChunkedArray, rows: Ints) -> list[pa.Array]:
    return column.chunks if len(rows) == len(column) else column.take(pa.array(rows)).chunks


def _codes(heads: Sequence[pa.ChunkedArray]) -> Ints:
    codes = _dense(heads[0])
    for column in heads[1:]:
        added = _dense(column)
        paired = codes * (added.max(initial=0) + 1) + added
        codes = _dense(pa.chunked_array([pa.array(paired, mask=(codes < 0) | (added < 0))]))
    return codes


def _dense(values: pa.ChunkedArray) -> Ints:
    encoded = values.dictionary_encode()
    codes = [chunk.indices.fill_null(NO_KEY).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    return np.concatenate([np.empty(0, np.int64), *codes], dtype=np.int64)
