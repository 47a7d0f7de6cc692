from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from asof.errors import DataError, DefinitionError
from asof.features.expressions import Call, Expr, Literal, col, sql
from asof.transforms.expressions import compute, evaluate, mask, to_sql

US, NS = pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC")
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
ROWS = pa.table(
    {
        "n": pa.array([1, 100, None], pa.int8()),
        "amount": pa.array([Decimal("1.10"), Decimal("0.00"), None], pa.decimal128(10, 2)),
        "ratio": pa.array([0.5, float("inf"), None]),
        "text": ["it's", "", None],
        "raw": pa.array([b"\xff'", b"", None]),
        "flag": [True, False, None],
        "day": pa.array([date(2024, 3, 1), date(2024, 3, 2), None]),
        "at": pa.array([NOON, datetime(2024, 3, 2, tzinfo=UTC), None], US),
        "at_ns": pa.array([1_709_294_400_000_000_001, 0, None], NS),
    }
)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (col("n") > 1, [False, True, None]),
        (col("n") != 1, [False, True, None]),
        (col("n").is_in([1, 2]), [True, False, None]),
        (col("n").is_in([]), [False, False, False]),
        (col("n").is_null(), [False, False, True]),
        (~col("flag") | col("n").is_null(), [False, True, True]),
        (col("flag") & (col("n") == 1), [True, False, None]),
        (col("n") * 100, [100, 10_000, None]),
        (col("n") - 1 + 2, [2, 101, None]),
        (col("n") / 2, [0.5, 50.0, None]),
        (col("n") / col("amount"), [1 / 1.1, None, None]),
        (col("n") / 0, [None, None, None]),
        (col("amount") * Decimal("0.5"), [Decimal("0.550"), Decimal("0.000"), None]),
        (col("amount") == Decimal("1.1"), [True, False, None]),
        (col("amount") == 1.1, [True, False, None]),
        (col("ratio") - col("ratio"), [0.0, None, None]),
        (col("text") == "it's", [True, False, None]),
        (Call("matches", (col("text"), Literal("^it"))), [True, False, None]),
        (col("raw") == b"\xff'", [True, False, None]),
        (col("day") >= date(2024, 3, 2), [False, True, None]),
        (col("at") > date(2024, 3, 1), [True, True, None]),
        (col("at") == NOON, [True, False, None]),
        (col("at") == datetime(2024, 3, 1, 12), [True, False, None]),
        (col("at_ns") > NOON, [True, False, None]),
        (sql("upper(text) || n"), ["IT'S1", "100", None]),
        (sql("n + 1 -- more") * 2, [4, 202, None]),
        (Literal(None), [None, None, None]),
    ],
    ids=repr,
)
def test_values(expr: Expr, expected: list[object]) -> None:
    assert compute(expr, ROWS).to_pylist() == expected


@pytest.mark.parametrize(
    ("expr", "type"),
    [
        (col("n"), pa.int8()),
        (col("n") / 2, pa.decimal128(10, 4)),
        (col("amount"), pa.decimal128(20, 4)),
        (col("at"), NS),
        (col("at_ns"), NS),
        (sql("strptime('2024-03-01', '%Y-%m-%d')"), US),
        (Literal(None), pa.string()),
        (sql("text"), pa.string()),
        (col("raw"), pa.binary()),
        (col("day"), pa.date32()),
    ],
    ids=repr,
)
def test_asked_type(expr: Expr, type: pa.DataType) -> None:
    assert compute(expr, ROWS, type).type == type


def test_nanoseconds_are_kept() -> None:
    assert compute(col("at_ns"), ROWS, NS).cast(pa.int64()).to_pylist()[0] == 1_709_294_400_000_000_001


def test_wall_clock_functions_are_in_utc() -> None:
    assert compute(sql("hour(at)"), ROWS).to_pylist() == [12, 0, None]


def test_mask_takes_null_as_false() -> None:
    assert mask(col("flag"), ROWS).tolist() == [True, False, False]
    assert mask(col("flag"), ROWS.slice(0, 0)).tolist() == []


def test_order_is_kept() -> None:
    rows = pa.table({"x": np.arange(500_000)})
    assert (compute(col("x") + 1, rows).to_numpy() == np.arange(1, 500_001)).all()


def test_several_columns_come_in_order_with_their_types() -> None:
    found = evaluate({"b": (col("n") + 1, pa.int32()), "a": (col("text"), None)}, ROWS)
    assert found.column_names == ["b", "a"]
    assert found.schema.types == [pa.int32(), pa.string()]


def test_a_failing_value_names_its_expression() -> None:
    columns = {"good": (col("n"), None), "bad": (sql("cast(text as integer)"), None)}
    with pytest.raises(DataError, match=r"cast\(text as integer\).*fails on a row.*it's"):
        evaluate(columns, ROWS)


def test_a_misfit_is_found_without_rows() -> None:
    with pytest.raises(DefinitionError, match=r"text \+ 1.*can't be computed"):
        compute(sql("text + 1"), ROWS.slice(0, 0))


@pytest.mark.parametrize("query", ["read_text('/etc/hostname')", "glob('/*')"])
def test_files_are_out_of_reach(query: str) -> None:
    with pytest.raises((DefinitionError, DataError)):
        compute(sql(query), ROWS)


def test_column_names_are_quoted() -> None:
    assert to_sql(col('a "b"') > 1) == '("a ""b""" > (1))'


def test_threads_do_not_see_each_others_rows() -> None:
    def same(number: int) -> bool:
        rows = pa.table({"x": [number]})
        return compute(col("x") + number, rows).to_pylist() == [2 * number]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, range(200)))
