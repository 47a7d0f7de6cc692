from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.features import types
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.files.json_lines import read
from asof.ingest.records.parsed import Parsed


def parse(data: bytes, schema: dict[str, DType | str]) -> Parsed:
    reader = Files("orders.jsonl", nulls=())
    return read(data, Source("orders", reader=reader, schema=schema, known_since="2020-01-01"))


@pytest.mark.parametrize(
    ("dtype", "written", "value"),
    [
        (types.Int64, "12", 12),
        (types.Int64, '"12"', 12),
        (types.Int64, "null", None),
        (types.Float64, "0.1", 0.1),
        (types.Float64, "3", 3.0),
        (types.Bool, "true", True),
        (types.String, '"x \\u00fc"', "x ü"),
        (types.String, "12", "12"),
        (types.String, '{"a": [1, 0.10]}', '{"a":[1,0.10]}'),
        (types.Decimal(6, 2), "1.1", Decimal("1.10")),
        (types.Decimal(6, 2), "1.1000000000000001", Decimal("1.10")),
        (types.Decimal(38, 20), "0.12345678901234567890", Decimal("0.12345678901234567890")),
    ],
)
def test_values(dtype: DType, written: str, value: object) -> None:
    parsed = parse(f'{{"v": {written}}}\n'.encode(), {"v": dtype})
    assert (parsed.rows["v"].to_pylist(), list(parsed.rejections)) == ([value], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"v": 1.5}', "v: '1.5' is not an int64"),
        (b'{"v": true}', "v: 'true' is not an int64"),
        (b"[1]", "is not a JSON object"),
        (b'{"v": 1', "is not JSON: "),
        (b'{"v": NaN}', "is not JSON: "),
        (b'{"v": "\xff"}', "is not JSON: "),
    ],
)
def test_bad_lines_are_rejected(line: bytes, reason: str) -> None:
    parsed = parse(b'{"v": 1}\r\n\n' + line + b'\n{"v": 2}', {"v": types.Int64})
    assert parsed.rows["v"].to_pylist() == [1, 2]
    [rejection] = parsed.rejections
    assert rejection.reason.startswith(reason)
    assert (rejection.line, rejection.raw) == (3, line.decode("utf-8", "backslashreplace"))


def test_a_number_beyond_noise_is_no_decimal() -> None:
    [rejection] = parse(b'{"v": 1.126}', {"v": types.Decimal(6, 2)}).rejections
    assert rejection.reason == "v: '1.126' does not fit exactly into a decimal(6,2)"


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf\n"])
def test_nothing(data: bytes) -> None:
    assert parse(data, {"v": types.Int64}).rows.num_rows == 0


def test_missing_keys_are_null() -> None:
    assert parse(b'{"other": 1}\n', {"v": types.Int64}).rows["v"].to_pylist() == [None]


ROW = st.fixed_dictionaries(
    {
        "int": st.none() | st.integers(-(2**63), 2**63 - 1),
        "float": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "text": st.none() | st.text(st.characters(codec="utf-8")),
        "bool": st.none() | st.booleans(),
    }
)


@given(rows=st.lists(ROW, max_size=8))
def test_round_trip(rows: list[dict[str, Any]]) -> None:
    schema: dict[str, DType | str] = {
        "int": types.Int64,
        "float": types.Float64,
        "text": types.String,
        "bool": types.Bool,
    }
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    parsed = parse(data, schema)
    assert (parsed.rows.to_pylist(), list(parsed.rejections)) == (rows, [])
