"""How the rows of a table are laid out: bucketed by a hash of the keys, sorted within.

Two tables laid out by the same keys and number of buckets hold equal keys in buckets of the same
number and in the same order, so that a point-in-time join of them is a merge, bucket by bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DefinitionError, NotFound, choices
from asof.storage.arrow_types import canonical
from asof.storage.hashing import Words, absorb, nulls, words

BUCKET = "_bucket"
EVENT_TIME = "_event_time"
KNOWN_FROM = "_known_from"
KNOWN_UNTIL = "_known_until"
SEQUENCE = "_sequence"

NO_KEY = -1  # the bucket of rows where a key is null: they match nothing

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
    bucket = pa.array(bucket_of(table, keys, buckets), pa.int32())
    bare = table.drop_columns([BUCKET]) if BUCKET in table.column_names else table
    times = [name for name in (EVENT_TIME, KNOWN_FROM, SEQUENCE) if name in bare.column_names]
    by = [(BUCKET, bucket), *((name, _sortable(bare[name])) for name in (*keys, *times))]
    order = pc.sort_indices(
        pa.table([column for _, column in by], names=[str(at) for at in range(len(by))]),
        sort_keys=[(str(at), "ascending") for at in range(len(by))],
    )
    return bare.add_column(0, pa.field(BUCKET, pa.int32()), bucket).combine_chunks().take(order)


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


def _sortable(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column of the same order that sorts fast: text becomes its rank."""
    kind = canonical(column.type)
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind)):
        return column
    coded = column.cast(kind).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        return column
    rank = np.argsort(pc.sort_indices(coded.dictionary).to_numpy()).astype(np.int32)
    return pa.array(rank, pa.int32()).take(coded.indices)


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
