"""How the rows of a table are laid out: bucketed by a hash of the keys, sorted within.

Two tables laid out by the same keys and number of buckets hold equal keys in buckets of the same
number and in the same order, so that a point-in-time join of them is a merge, bucket by bucket.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeVar

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

CHUNK = 1 << 16  # rows hashed or moved at a time, to stay in the processor's cache
_LAST = np.iinfo(np.int64).max

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)
Buckets = npt.NDArray[np.int32]


def bucket_of(table: pa.Table, keys: Sequence[str], buckets: int) -> Buckets:
    """The bucket of every row, 0 to `buckets` - 1, by its keys; `NO_KEY` where one is null.

    Depends on the values and the order of `keys` only: not on integer width, string layout,
    chunking, platform or process. Decimal keys must have the same scale to meet. NotFound for a
    key that is no column, DefinitionError for a floating-point key.
    """
    _check(table, keys, buckets)
    return hash_bucket(table, keys, buckets)


def hash_bucket(table: pa.Table, columns: Sequence[str], buckets: int) -> Buckets:
    """As `bucket_of`, of columns that are there and of any type."""
    chunks = [
        _buckets(batch, buckets) for batch in table.select(list(columns)).to_batches(max_chunksize=CHUNK)
    ]
    return np.concatenate(chunks) if chunks else np.empty(0, np.int32)


def lay_out(table: pa.Table, keys: Sequence[str], buckets: int) -> pa.Table:
    """The same rows with their `_bucket` (int32, first column), sorted.

    The order is `_bucket`, keys, then `_event_time`, `_known_from` and `_sequence`, as far as the
    table has them; nulls come last. Raises what `bucket_of` raises.
    """
    bare = table.drop_columns([BUCKET]) if BUCKET in table.column_names else table
    of_buckets = split(bare, bucket_of(bare, keys, buckets))
    laid_out = [bucket_in_order(rows, keys, bucket) for bucket, rows in of_buckets.items()]
    return pa.concat_tables(laid_out or [bucket_in_order(bare, keys, NO_KEY)])


def split(table: pa.Table, bucket: Buckets) -> dict[int, pa.Table]:
    """The rows of each bucket that has some, in the order of the buckets; each bucket's as they come."""
    pieces: defaultdict[int, list[pa.RecordBatch]] = defaultdict(list)
    for of_buckets in cut(table, bucket):
        for number, rows in of_buckets.items():
            pieces[number].append(rows)
    return {number: pa.Table.from_batches(pieces[number], table.schema) for number in sorted(pieces)}


def cut(table: pa.Table, bucket: Buckets, chunk: int = CHUNK) -> Iterator[dict[int, pa.RecordBatch]]:
    """Of each `chunk` of the rows those of each bucket that has some; they keep their order."""
    start = 0
    for batch in table.to_batches(max_chunksize=chunk):
        yield _cut(batch, bucket[start : start + batch.num_rows])
        start += batch.num_rows


def bucket_in_order(rows: pa.Table, keys: Sequence[str], bucket: int) -> pa.Table:
    """The rows of one bucket as `lay_out` gives them."""
    numbers = pa.repeat(pa.scalar(bucket, pa.int32()), rows.num_rows)
    together = rows.combine_chunks()
    ordered = _taken(together, _order(together, keys))
    return ordered.add_column(0, pa.field(BUCKET, pa.int32()), numbers)


def _cut(batch: pa.RecordBatch, bucket: Buckets) -> dict[int, pa.RecordBatch]:
    places = bucket.astype(np.int64) - NO_KEY
    order, starts = grouped(places, int(places.max(initial=-1)) + 1)
    ordered, sizes = _taken(batch, order), np.diff(starts)
    return {
        place + NO_KEY: ordered.slice(int(starts[place]), int(sizes[place]))
        for place in np.flatnonzero(sizes).tolist()
    }


def _taken(rows: Rows, places: Ints) -> Rows:
    """The rows at these places, which are all there."""
    return pc.take(rows, pa.array(places), boundscheck=False)


def _order(rows: pa.Table, keys: Sequence[str]) -> Ints:
    """The rows by their keys, then in time."""
    codes, first = _key_codes(rows, keys)
    rank = _ranks(_taken(rows.select(list(keys)), first))
    order, starts = grouped(rank[codes], len(first))
    sort_each(order, starts, *(_instants(rows, name) for name in (EVENT_TIME, KNOWN_FROM, SEQUENCE)))
    return order


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


def _ranks(keys: pa.Table) -> Ints:
    """The place of each key in the order of all, nulls last."""
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names])
    ranks = np.empty(keys.num_rows, np.int64)
    ranks[order.to_numpy()] = np.arange(keys.num_rows)
    return ranks


def _instants(table: pa.Table, name: str) -> Ints:
    """A column of times or numbers as whole numbers to order by, nulls last; all equal without it.

    Read-only, as Arrow's memory is: loops are compiled anew for arrays that differ in this.
    """
    if name in table.column_names:
        return np.asarray(table[name].cast(pa.int64()).fill_null(_LAST).combine_chunks(), np.int64)
    equal = np.zeros(table.num_rows, np.int64)
    equal.flags.writeable = False
    return equal


def _buckets(batch: pa.RecordBatch, buckets: int) -> Buckets:
    state: Words = np.zeros(batch.num_rows, np.uint64)
    for column in batch.columns:
        state = absorb(state, words(column), nulls(column))
    bucket = (state % np.uint64(buckets)).astype(np.int32)
    for column in batch.columns:
        if (null := nulls(column)) is not None:
            bucket[null] = NO_KEY
    return bucket


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
