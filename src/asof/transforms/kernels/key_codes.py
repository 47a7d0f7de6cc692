"""Keys as small whole numbers, the same number for the same key in every table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from asof.errors import DataError, NotFound, choices
from asof.storage.arrow_types import canonical
from asof.transforms.kernels.instants import Ints

NO_KEY = -1
"""The code of a key with a null in it; it matches nothing."""


def key_codes(tables: Sequence[pa.Table], keys: Sequence[str]) -> list[Ints]:
    """For each table the codes of its rows' keys, counted from 0 in the order of appearance.

    Equal keys have equal codes, whatever the width of their integers. Raises DataError where a
    key has different types in the tables, NotFound where a table lacks it.
    """
    codes = _dense(_joint(tables, keys[0]))
    for key in keys[1:]:
        added = _dense(_joint(tables, key))
        paired = codes * (added.max(initial=0) + 1) + added
        codes = _dense(pa.chunked_array([pa.array(paired, mask=(codes < 0) | (added < 0))]))
    return np.split(codes, np.cumsum([table.num_rows for table in tables])[:-1])


def _joint(tables: Sequence[pa.Table], key: str) -> pa.ChunkedArray:
    columns = [_column(table, key) for table in tables]
    types = sorted({str(column.type) for column in columns if column.type != pa.null()})
    if len(types) > 1:
        raise DataError(
            f"key {key!r} is {' here and '.join(types)} there; cast one, they match nothing as they are"
        )
    type = next((column.type for column in columns if column.type != pa.null()), pa.int64())
    return pa.chunked_array([chunk for column in columns for chunk in column.cast(type).chunks], type)


def _column(table: pa.Table, key: str) -> pa.ChunkedArray:
    if key not in table.column_names:
        raise NotFound(f"no key column {key!r}; {choices(key, table.column_names)}")
    column = table[key]
    if column.type == pa.null():
        return column
    type = canonical(column.type)
    return column.cast(pa.int64() if pa.types.is_integer(type) else type)


def _dense(values: pa.ChunkedArray) -> Ints:
    encoded = values.dictionary_encode()
    codes = [chunk.indices.fill_null(NO_KEY).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    return np.concatenate([np.empty(0, np.int64), *codes], dtype=np.int64)
