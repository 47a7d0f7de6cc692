"""Values of functions in the types that were declared for them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from asof.storage.arrow_types import arrow_type
from asof.transforms.kernels.values import column_of, fitting

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "dtype", "found"),
    [
        (3, "int64", 3),
        (3, "float64", 3.0),
        (np.int32(3), "int64", 3),
        (np.float32(0.5), "float64", 0.5),
        (np.bool_(True), "bool", True),
        (pa.scalar(3, pa.int32()), "int64", 3),
        (pa.scalar(3), "float64", 3.0),
        (pa.scalar("x", pa.large_string()), "string", "x"),
        (None, "int64", None),
        (pa.scalar(None), "float64", None),
        (b"x", "bytes", b"x"),
        (Decimal("1.5"), "decimal(10,2)", Decimal("1.50")),
        (2, "decimal(10,2)", Decimal("2.00")),
        (NOON, "timestamp", NOON),
        (date(2024, 1, 1), "date", date(2024, 1, 1)),
        ([1, 2], "list(int64)", [1, 2]),
        ([], "list(float64)", []),
        (pa.array([1.5]), "list(float64)", [1.5]),
        (np.array([1, 2]), "list(int64)", [1, 2]),
    ],
)
def test_values_of_python_numpy_and_arrow(value: object, dtype: str, found: object) -> None:
    fitted = fitting(value, arrow_type(dtype))
    assert fitted is not None
    assert fitted.type == arrow_type(dtype)
    assert fitted.as_py() == found


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "int64"),
        (2.0, "int64"),
        (True, "int64"),
        (True, "float64"),
        ("1", "int64"),
        (300, "int8"),
        (2**63, "int64"),
        (2**60 + 1, "float64"),
        (1, "string"),
        (b"x", "string"),
        (0.1, "decimal(10,2)"),
        (Decimal("0.001"), "decimal(10,2)"),
        (datetime(2024, 1, 1), "timestamp"),
        (NOON, "date"),
        (1, "timestamp"),
        ([1.5], "list(int64)"),
        ([1, None], "list(int64)"),
        (1, "list(int64)"),
        ({"x": 1}, "int64"),
        (object(), "float64"),
    ],
)
def test_other_values_are_refused(value: object, dtype: str) -> None:
    assert fitting(value, arrow_type(dtype)) is None


def test_nan_is_null() -> None:
    type = pa.float64()
    assert column_of([fitting(math.nan, type), None, fitting(1.0, type)], type).to_pylist() == [
        None,
        None,
        1.0,
    ]
