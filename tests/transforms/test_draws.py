"""Lots that rows draw: even, independent of each other, and the same for ever."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from asof.storage.layout import bucket_of
from asof.transforms.draws import draws, shares

KEYS = pa.table({"id": range(20_000)})


def test_known_lots() -> None:
    rows = pa.table({"id": [1, 2, None], "name": ["a", None, "é"]})
    assert [hex(lot) for lot in draws(rows, ["id", "name"], "sample", 7)] == [
        "0x6ebcce1a6d5ca282",
        "0x565c50eaf1cfcb81",
        "0x1167511f6b015c32",
    ]


@pytest.mark.parametrize("of", [pa.int16(), pa.int64(), pa.float64()])
def test_lots_depend_on_values_alone(of: pa.DataType) -> None:
    rows = pa.table({"id": pa.array(range(1000), pa.int32()), "other": range(1000)})
    whole = draws(rows, ["id"], "split", 1)
    chunked = pa.concat_tables([rows.slice(0, 333), rows.slice(333)])
    assert draws(chunked, ["id"], "split", 1).tolist() == whole.tolist()
    cast = rows.set_column(0, "id", rows["id"].cast(of))
    same = draws(cast, ["id"], "split", 1).tolist() == whole.tolist()
    assert same == (of != pa.float64())


def test_shares_are_even() -> None:
    found = np.sort(shares(KEYS, ["id"], "split", 1))
    assert 0 <= found[0] < found[-1] < 1
    assert np.abs(found - np.linspace(0, 1, len(found))).max() < 1.63 / np.sqrt(len(found))


@pytest.mark.parametrize(("purpose", "seed"), [("split", 2), ("sample", 1)])
def test_lots_for_something_else_are_others(purpose: str, seed: int) -> None:
    one, other = shares(KEYS, ["id"], "split", 1), shares(KEYS, ["id"], purpose, seed)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_lots_have_nothing_to_do_with_buckets() -> None:
    found, bucket = shares(KEYS, ["id"], "split", 1), bucket_of(KEYS, ["id"], 4)
    means = [found[bucket == number].mean() for number in range(4)]
    assert means == [pytest.approx(0.5, abs=0.02)] * 4
