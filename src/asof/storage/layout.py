"""How the rows of a table are laid out: bucketed by a hash of the keys, sorted within.

Two tables laid out by the same keys and number of buckets hold equal keys in buckets of the same
number and in the same order, so that a point-in-time join of them is a merge, bucket by bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DefinitionError, NotFound, choices
from asof.storage.arrow_types import canonical
from asof.storage.hashing import Words, absorb, nulls, words
from asof.storage.ordering import Ints, grouped, sort_each

BUCKET = "_bucket"
EVENT_TIME = "_event_time"
KNOWN_FROM = "_known_from"
KNOWN_UNTIL = "_known_until"
SEQUENCE = "_sequence"

NO_KEY = -1  # the bucket of rows where a key is null: they match nothing

_LAST = np.iinfo(np.int64).max
_CHUNK = 1 << 16  # rows hashed at a time, to stay in the processor's cache


def bucket_of(table: pa.Table, keys: Sequence[str], buckets: int) -> npt.NDArray[np.int32]:
    """The bucket of every row, 0 to `buckets` - 1, by its keys; `NO_KEY` where one is null.

    Depends on the values and the order of `keys` only: not on integer width, string layout,
    chunking, platform or process. Decimal keys must have the same scale to meet. NotFound for a
    key that is no column, DefinitionError for a floating-point key.
    """
    _check(table, keys, buckets)
    chunks = [_buckets(batch, buckets) for batch in _batches(table.select(list(keys)))]
    return np.concatenate(chunks) if chunks else np.empty(0, np.int32)


def lay_out(table: pa.Table, keys: Sequence[str], buckets: int) -> pa.Table:
    """The same rows with their `_bucket` (int32, first column), sorted.

    The order is `_bucket`, keys, then `_event_time`, `_known_from` and `_sequence`, as far as the
    table has them; nulls come last. Raises what `bucket_of` raises.
    """
    _check(table, keys, buckets)
    bare = table.drop_columns([BUCKET]) if BUCKET in table.column_names else table
    codes, first = _key_codes(bare, keys)
    key_bucket = bucket_of(bare.select(list(keys)).take(pa.array(first)), keys, buckets)
    rank = _ranks(bare.select(list(keys)).take(pa.array(first)), key_bucket)
    order, starts = grouped(rank[codes], len(first))
    sort_each(order, starts, *(_instants(bare, name) for name in (EVENT_TIME, KNOWN_FROM, SEQUENCE)))
    bucket = pa.array(key_bucket[codes[order]], pa.int32())
    return _taken(bare, pa.array(order)).add_column(0, pa.field(BUCKET, pa.int32()), bucket)


def _taken(table: pa.Table, order: pa.Array) -> pa.Table:
    """The rows in another order; columns side by side, as each waits for memory most of the time."""
    with ThreadPoolExecutor() as threads:
        columns = threads.map(lambda column: column.combine_chunks().take(order), table.columns)
        return pa.table(list(columns), schema=table.schema)


def _key_codes(table: pa.Table, keys: Sequence[str]) -> tuple[Ints, Ints]:
    """For each row the code of its keys, counted from 0, and for each code a row that has it."""
    codes = _codes(table[keys[0]])
    for key in keys[1:]:
        more = _codes(table[key])
        codes = _codes(pa.chunked_array([pa.array(codes * (more.max(initial=0) + 1) + more)]))
    first = np.empty(codes.max(initial=-1) + 1, np.int64)
    first[codes] = np.arange(len(codes))
    return codes, first


def _codes(column: pa.ChunkedArray) -> Ints:
    """The codes of a column's values, null being one of them."""
    encoded = column.cast(canonical(column.type)).dictionary_encode(null_encoding="encode")
    chunks = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    return np.concatenate([np.empty(0, np.int64), *chunks], dtype=np.int64)


def _ranks(keys: pa.Table, bucket: npt.NDArray[np.int32]) -> Ints:
    """The place of each key in the order of the buckets and then of the keys, nulls last."""
    by = keys.add_column(0, BUCKET, pa.array(bucket))
    order = pc.sort_indices(by, sort_keys=[(name, "ascending") for name in by.column_names])
    ranks = np.empty(len(bucket), np.int64)
    ranks[order.to_numpy()] = np.arange(len(bucket))
    return ranks


def _instants(table: pa.Table, name: str) -> Ints:
    """A column of times or numbers as whole numbers to order by, nulls last; all equal without it."""
    if name not in table.column_names:
        return np.zeros(table.num_rows, np.int64)
    return np.array(table[name].cast(pa.int64()).fill_null(_LAST).to_numpy(), np.int64)


def _buckets(batch: pa.RecordBatch, buckets: int) -> npt.NDArray[np.int32]:
    state: Words = np.zeros(batch.num_rows, np.uint64)
    for column in batch.columns:
        state = absorb(state, words(column), nulls(column))
    bucket = (state % np.uint64(buckets)).astype(np.int32)
    for column in batch.columns:
        if (null := nulls(column)) is not None:
            bucket[null] = NO_KEY
    return bucket


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.to_batches(max_chunksize=_CHUNK)


def _check(table: pa.Table, keys: Sequence[str], buckets: int) -> None:
    if buckets < 1:
        raise DefinitionError(f"{buckets} buckets: give 1 or more")
    if not keys:
        raise DefinitionError("no keys to lay rows out by: give one or more column names")
    for key in keys:
        _check_key(table.schema, key)


def _check_key(schema: pa.Schema, key: str) -> None:
    if key not in schema.names:
        raise NotFound(f"no key column {key!r}; {choices(key, schema.names)}")
    if pa.types.is_floating(schema.field(key).type):
        raise DefinitionError(
            f"key {key!r} is {schema.field(key).type}: keys are whole numbers, text, dates or times"
        )
