"""Made-up rows to measure with: the same for the same seed, a chunk at a time in any number.

Rows come in the order of their event times, as a source would have sent them in the course of 2024.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

CHUNK = 1_000_000
"""Rows of a chunk; each is made from its own seed, so that chunks can be made in any order."""
KEYS = ["entity"]
FEATURES = [f"f{i}" for i in range(1, 9)]

_START = 1_704_067_200  # 2024-01-01, 00:00 UTC
_YEAR = 366 * 86_400
_HOUR = 3_600
_MONEY = pa.decimal128(12, 2)
_UTC = pa.timestamp("us", "UTC")


def feature_rows(rows: int, entities: int, *, seed: int = 1) -> Iterator[pa.RecordBatch]:
    """Rows with a key `entity`, eight features, event time on the hour and known some minutes later.

    Hours make for ties: with 100 rows an entity half of the entities have some.
    """
    for generator, first, size in _chunks(rows, seed):
        times = _START + _within_slice(generator, first, size, rows) // _HOUR * _HOUR
        delays = generator.exponential(_HOUR, size).astype(np.int64) // 60 * 60
        yield pa.RecordBatch.from_pydict(
            {
                "entity": generator.integers(0, entities, size),
                "_event_time": _instants(times),
                "_known_from": _instants(times + delays),
                "_sequence": np.arange(first, first + size),
                **_features(generator, size),
            }
        )


def event_rows(rows: int, entities: int, *, seed: int = 2) -> Iterator[pa.RecordBatch]:
    """Rows with a key `entity`, an `amount` in cents and one of 20 categories, by the second."""
    for generator, first, size in _chunks(rows, seed):
        yield pa.RecordBatch.from_pydict(
            {
                "entity": generator.integers(0, entities, size),
                "_event_time": _instants(_START + _within_slice(generator, first, size, rows)),
                "_sequence": np.arange(first, first + size),
                "amount": np.round(generator.exponential(30.0, size), 2),
                "category": generator.integers(0, 20, size),
            }
        )


def order_rows(rows: int, *, seed: int = 4) -> Iterator[pa.RecordBatch]:
    """Orders of 200 k customers, with numbers, text, money in cents and times by the second."""
    for generator, first, size in _chunks(rows, seed):
        yield pa.RecordBatch.from_pydict(
            {
                "order_id": np.arange(first, first + size),
                "customer_id": generator.integers(0, 200_000, size),
                "sku": np.char.add("SKU-", generator.integers(10_000, 60_000, size).astype(str)),
                "quantity": generator.integers(1, 20, size, dtype=np.int32),
                "amount": pa.array(np.round(generator.uniform(0, 10_000, size), 2)).cast(_MONEY),
                "country": np.array(["DE", "FR", "GB", "IT", "US"])[generator.integers(0, 5, size)],
                "ordered_at": pa.array(_START + _within_slice(generator, first, size, rows)).cast(
                    pa.timestamp("s")
                ),
            }
        )


def label_rows(rows: int, entities: int, *, seed: int = 3) -> Iterator[pa.RecordBatch]:
    """Rows with a number `label`, a key `entity` and a `cutoff` by the second, in no order."""
    for generator, first, size in _chunks(rows, seed):
        yield pa.RecordBatch.from_pydict(
            {
                "label": np.arange(first, first + size),
                "entity": generator.integers(0, entities, size),
                "cutoff": _instants(_START + generator.integers(0, _YEAR, size)),
            }
        )


def _chunks(rows: int, seed: int) -> Iterator[tuple[np.random.Generator, int, int]]:
    for chunk, first in enumerate(range(0, rows, CHUNK)):
        yield np.random.default_rng([seed, chunk]), first, min(CHUNK, rows - first)


def _within_slice(generator: np.random.Generator, first: int, size: int, rows: int) -> np.ndarray:
    """Ordered seconds of the part of the year that the rows from `first` on take up."""
    start, end = first * _YEAR // rows, (first + size) * _YEAR // rows
    return np.sort(generator.integers(start, max(end, start + 1), size))


def _features(generator: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    floats = {name: generator.standard_normal(size) for name in FEATURES[:4]}
    return floats | {name: generator.integers(0, 1_000, size) for name in FEATURES[4:]}


def _instants(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds * 1_000_000).cast(_UTC)
