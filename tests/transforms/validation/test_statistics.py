"""Statistics of columns and the sketches in them, beside what plain Python makes of the same values."""

from __future__ import annotations

import json
import math
import statistics as plain
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.transforms.sketches.buckets import MOST, buckets
from asof.transforms.sketches.distinct import distinct
from asof.transforms.sketches.hashes import hashes
from asof.transforms.sketches.places import of_numbers, to_numbers
from asof.transforms.statistics import from_json, merged, statistics, to_json

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.int8(), st.integers(-5, 5)),
    "number": (pa.float64(), st.floats(allow_infinity=False, width=32)),
    "price": (pa.decimal128(10, 2), st.decimals(-1000, 1000, places=2)),
    "text": (pa.string(), st.text(max_size=120)),
    "bytes": (pa.binary(), st.binary(max_size=20)),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates(date(1900, 1, 1), date(2200, 1, 1))),
    "at": (pa.timestamp("us", "UTC"), MOMENTS),
}


@st.composite
def tables(draw: st.DrawFn, least: int = 0) -> pa.Table:
    rows = draw(st.integers(least, 30))
    return pa.table(
        {
            name: pa.array(
                draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), type, from_pandas=False
            )
            for name, (type, values) in TYPES.items()
        }
    )


def present(column: pa.ChunkedArray) -> list[Any]:
    return [value for value in column.to_pylist() if value is not None and value == value]


@settings(max_examples=60)
@given(tables())
def test_figures_are_those_of_plain_python(rows: pa.Table) -> None:
    for name, found in statistics(rows).items():
        values = present(rows[name])
        assert (found.values, found.nulls) == (len(values), rows.num_rows - len(values))
        if not values:
            assert found.least is found.greatest is None
            continue
        extremes = [found.value(found.least), found.value(found.greatest)]
        cut = [value[:100] if isinstance(value, str | bytes) else value for value in values]
        assert extremes == [min(cut), max(cut)]
        if name in ("whole", "small", "number", "price"):
            mean = float(sum(map(Fraction, values)) / len(values))
            noise = 1e-9 * max(1.0, *(abs(float(value)) for value in values))
            assert found.mean == pytest.approx(mean, rel=1e-9, abs=noise)
            if len(values) > 1 and name != "number":
                std = plain.stdev(map(float, values))
                assert found.std == pytest.approx(std, rel=1e-6, abs=1e-9)
        if name in ("whole", "small", "flag"):
            assert found.total == sum(values)


@settings(max_examples=60)
@given(tables(least=1), st.data())
def test_parts_merge_to_the_statistics_of_the_whole(rows: pa.Table, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, rows.num_rows))
    whole = statistics(rows)
    parts = merged([statistics(rows.slice(0, cut)), statistics(rows.slice(cut))])
    for name, found in whole.items():
        other = parts[name]
        for same in ("type", "values", "nulls", "least", "greatest", "buckets", "distinct", "frequent"):
            assert getattr(found, same) == getattr(other, same), (name, same)
        if found.mean is None or found.std is None:
            assert (found.mean, found.std) == (other.mean, other.std)
            continue
        assert found.mean == pytest.approx(other.mean, rel=1e-9, abs=1e-9)
        assert found.std == pytest.approx(other.std, rel=1e-6, abs=1e-6 * abs(found.mean or 0) + 1e-9)


@settings(max_examples=60)
@given(tables())
def test_json_brings_back_the_same(rows: pa.Table) -> None:
    document = to_json(statistics(rows))
    assert to_json(from_json(json.loads(json.dumps(document)))) == document
    assert from_json(json.loads(json.dumps(document))) == statistics(rows)


@settings(max_examples=60)
@given(tables())
def test_few_values_are_all_counted(rows: pa.Table) -> None:
    for name in ("small", "flag", "price"):
        found = statistics(rows)[name]
        assert found.frequent is not None
        assert found.frequent.complete
        assert dict(found.frequent.counts) == Counter(present(rows[name]))
        assert found.different == len(set(present(rows[name])))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_a_text_has_one_hash_wherever_it_stands(texts: list[str]) -> None:
    together = hashes(pa.chunked_array([texts, texts[:1]], pa.string()))
    alone = [hashes(pa.chunked_array([[text]], pa.string()))[0] for text in texts]
    assert together.tolist() == [*alone, alone[0]]
    assert len(set(alone)) == len(set(texts))


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_places_are_in_the_order_of_the_numbers(numbers: list[float]) -> None:
    given = np.array(numbers)
    places = of_numbers(given)
    assert to_numbers(places).tolist() == (given + 0.0).tolist()
    ordered = given[np.argsort(places, kind="stable")]
    assert (np.diff(ordered[np.isfinite(ordered)]) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_many_values_take_few_buckets_however_they_are_cut(seed: int) -> None:
    generator = np.random.default_rng(seed)
    numbers = np.concatenate([generator.normal(0, 1e-3, 5_000), generator.exponential(1e6, 5_000), [0.0]])
    shuffled = generator.permutation(numbers)
    whole = buckets(shuffled)
    assert whole is not None
    assert (len(whole.at) <= MOST, whole.total) == (True, len(numbers))
    first, *others = [buckets(part) for part in np.array_split(shuffled, 7)]
    parts = first
    for other in others:
        assert parts is not None
        assert other is not None
        parts = parts.merged(other)
    assert parts == whole
    assert whole.without(first).total == whole.total - first.total  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("shape", ["normal", "exponential", "uniform"])
def test_quantiles_are_about_right(shape: str) -> None:
    numbers = getattr(np.random.default_rng(5), shape)(size=20_000)
    found = statistics(pa.table({"x": numbers}))["x"].buckets
    assert found is not None
    shares = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]
    for share, about in zip(shares, found.quantiles(shares), strict=True):
        assert abs(float(np.mean(numbers <= about)) - share) < 0.01


def test_a_column_of_times_has_buckets_as_fine_as_its_range() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = pa.array([start + timedelta(minutes=i) for i in range(10_000)], pa.timestamp("us", "UTC"))
    found = statistics(pa.table({"at": times}))["at"]
    assert found.buckets is not None
    [middle] = found.buckets.quantiles([0.5])
    assert abs(found.value(int(middle)) - (start + timedelta(minutes=5_000))) < timedelta(minutes=2)


@pytest.mark.parametrize("size", [1, 10, 500, 20_000, 300_000])
def test_distinct_values_are_estimated_within_the_error(size: int) -> None:
    errors = []
    for seed in range(12):
        numbers = pa.chunked_array([np.arange(size) + seed * 10_000_019])
        texts = pa.chunked_array(
            [pa.array([f"k{value}" for value in range(seed * 50_000, seed * 50_000 + min(size, 20_000))])]
        )
        errors.append(distinct(hashes(numbers)).estimate() / size - 1)
        errors.append(distinct(hashes(texts)).estimate() / min(size, 20_000) - 1)
    assert max(map(abs, errors)) < 0.1
    assert abs(plain.mean(errors)) < 0.02


def test_the_same_values_have_the_same_statistics_however_they_lie_in_memory() -> None:
    values = [None, "a", "b" * 200, "a", ""]
    one = pa.table({"x": pa.chunked_array([values])})
    other = pa.table({"x": pa.chunked_array([values[:2], [], values[2:]]).cast(pa.large_string())})
    assert statistics(one) == statistics(other)


def test_infinite_numbers_and_nan() -> None:
    found = statistics(pa.table({"x": [1.0, math.inf, -math.inf, math.nan, None]}))["x"]
    assert (found.values, found.nulls, found.least, found.greatest) == (3, 2, -math.inf, math.inf)
    document = to_json({"x": found})
    assert "Infinity" not in json.dumps(document)
    assert "NaN" not in json.dumps(document).replace("nan", "NaN") or document["x"]["total"] == "nan"
    assert from_json(document)["x"].buckets == found.buckets


def test_what_is_kept_is_small() -> None:
    generator = np.random.default_rng(0)
    rows = pa.table({"x": generator.normal(size=50_000), "text": [f"{n:064d}" for n in range(50_000)]})
    sizes = {name: len(json.dumps(column)) for name, column in to_json(statistics(rows)).items()}
    assert max(sizes.values()) < 6_000
