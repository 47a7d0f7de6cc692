"""Shuffling rows by a seed, however many there are: the order is that of lots which rows draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from asof.storage.folder import Folder
from asof.storage.hashing import Words
from asof.storage.shuffle import Shuffle
from asof.transforms.draws import draws

ROWS_AT_ONCE = 1_000_000
"""Rows in memory at a time; more than that go through a folder for temporary files."""


def shuffled(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, identity: Sequence[str], rows: int, seed: int
) -> Iterator[pa.Table]:
    """About so many `rows` in an order that depends on the columns `identity` and the seed alone, in pieces.

    Rows equal in `identity` stay in the order in which they come.
    """
    pieces = -(-rows // ROWS_AT_ONCE) or 1
    if pieces == 1:
        yield _in_order(pa.Table.from_batches(batches, schema), identity, seed)
        return
    with TemporaryDirectory(prefix="asof-") as folder:
        shuffle = Shuffle(Folder(folder), schema, pieces)
        parts = [
            shuffle.write(part, _piece(draws(part, identity, "shuffle", seed), pieces))
            for part in in_parts(batches, schema, ROWS_AT_ONCE)
        ]
        for piece in range(pieces):
            yield _in_order(shuffle.read(parts, piece), identity, seed)


def in_parts(batches: Iterable[pa.RecordBatch], schema: pa.Schema, size: int) -> Iterator[pa.Table]:
    """The rows in parts of `size`, the last of which may have fewer."""
    held, count = list[pa.RecordBatch](), 0
    for batch in batches:
        held, count = [*held, batch], count + batch.num_rows
        if count >= size:
            rows = pa.Table.from_batches(held, schema)
            whole = count - count % size
            yield from (rows.slice(start, size) for start in range(0, whole, size))
            held, count = rows.slice(whole).to_batches(), count - whole
    if count:
        yield pa.Table.from_batches(held, schema)


def _piece(drawn: Words, pieces: int) -> np.ndarray:
    """In which of equally wide ranges of lots each is."""
    return ((drawn >> np.uint64(32)) * np.uint64(pieces) >> np.uint64(32)).astype(np.int32)


def _in_order(rows: pa.Table, identity: Sequence[str], seed: int) -> pa.Table:
    order = np.argsort(draws(rows, identity, "shuffle", seed), kind="stable")
    return rows.take(pa.array(order))
