from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.ingest.in_memory import read

from asof.errors import DataError
from asof.features import types
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.files import parquet
from asof.ingest.records.parsed import Parsed


def parse(rows: pa.Table, schema: dict[str, DType | str], timezone: str = "UTC") -> Parsed:
    out = pa.BufferOutputStream()
    pa.parquet.write_table(rows, out)
    source = Source(
        "orders",
        reader=Files("orders.parquet"),
        schema=schema,
        known_since="2020-01-01",
        timezone=timezone,
    )
    return read(parquet.pieces, out.getvalue().to_pybytes(), source)


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        (pa.array([1, None], pa.int32()), types.Int64, [1, None]),
        (pa.array([1, 2], pa.uint8()), types.Float64, [1.0, 2.0]),
        (pa.array([1.0, float("nan")]), types.Int64, [1, None]),
        (pa.array([0.5, float("nan")]), types.Float64, [0.5, None]),
        (pa.array([1.1, 2.675 - 0.005, None]), types.Decimal(6, 2), [Decimal("1.10"), Decimal("2.67"), None]),
        (pa.array([3, None]), types.Decimal(6, 2), [Decimal("3.00"), None]),
        (pa.array([Decimal("1.5")]), types.Decimal(6, 2), [Decimal("1.50")]),
        (pa.array(["7", ""]), types.Int64, [7, None]),
        (pa.array([7]), types.String, ["7"]),
        (pa.array(["a", "a"]).dictionary_encode(), types.String, ["a", "a"]),
        (pa.array([b"a"], pa.binary(1)), types.Bytes, [b"a"]),
        (pa.nulls(2), types.Date, [None, None]),
        (pa.array([date(2024, 3, 1)]), types.Timestamp, [datetime(2024, 3, 1, tzinfo=UTC)]),
        (pa.array([datetime(2024, 3, 1)], pa.timestamp("ms")), types.Date, [date(2024, 3, 1)]),
        (
            pa.array([0], pa.timestamp("ns", "America/New_York")),
            types.Timestamp,
            [datetime(1970, 1, 1, tzinfo=UTC)],
        ),
    ],
    ids=str,
)
def test_types(given: pa.Array, dtype: DType, expected: list[object]) -> None:
    parsed = parse(pa.table({"v": given}), {"v": dtype})
    assert (parsed.rows["v"].to_pylist(), list(parsed.rejections)) == (expected, [])


def test_times_without_zone_are_local() -> None:
    local = pa.array([datetime(2024, 7, 1, 12)], pa.timestamp("us"))
    parsed = parse(pa.table({"v": local}), {"v": types.Timestamp}, "Europe/Berlin")
    assert parsed.rows["v"].to_pylist() == [datetime(2024, 7, 1, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("given", "dtype", "reason"),
    [
        (pa.array([1, 300]), types.Int8, "v: 300 is out of the range of int8"),
        (pa.array([1.0, 1.5]), types.Int64, "v: 1.5 is not an int64"),
        (pa.array([1.0, 1.126]), types.Decimal(6, 2), "v: 1.126 does not fit exactly into a decimal(6,2)"),
        (pa.array([0, 1], pa.timestamp("ns", "UTC")), types.Timestamp, None),
        (pa.array([0, 1], pa.timestamp("us")), types.Date, None),
    ],
    ids=str,
)
def test_a_row_that_does_not_fit_is_rejected(given: pa.Array, dtype: DType, reason: str | None) -> None:
    parsed = parse(pa.table({"v": given, "id": [10, 11]}), {"v": dtype, "id": types.Int64})
    assert parsed.rows["id"].to_pylist() == [10]
    [rejection] = parsed.rejections
    assert (rejection.line, rejection.column) == (2, "v")
    assert '"id":11' in rejection.raw
    assert reason in (rejection.reason, None)


def test_a_type_that_can_not_be_read() -> None:
    with pytest.raises(DataError, match=r"column 'v': holds list<.*>, which can't be read as int64"):
        parse(pa.table({"v": [[1]]}), {"v": types.Int64})


def test_a_missing_column() -> None:
    with pytest.raises(DataError, match="has no column 'amount'; did you mean 'amuont'"):
        parse(pa.table({"amuont": [1]}), {"amount": types.Int64})
