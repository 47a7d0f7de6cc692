from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.in_memory import PLENTY, read

from asof.errors import DataError
from asof.features import types
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import DType
from asof.ingest.files import delimited
from asof.ingest.records.parsed import Parsed

CSV = partial(delimited.pieces, delimiter=",")
TWO: dict[str, DType | str] = {"a": types.Int64, "b": types.String}


def source(
    schema: dict[str, DType | str], *, nulls: tuple[str, ...] = ("",), timezone: str = "UTC"
) -> Source:
    reader = Files("orders.csv", nulls=nulls)
    return Source("orders", reader=reader, schema=schema, known_since="2020-01-01", timezone=timezone)


def parse(data: bytes, schema: dict[str, DType | str] = TWO, size: int = PLENTY, **given: Any) -> Parsed:
    return read(CSV, data, source(schema, **given), size)


def pairs(parsed: Parsed) -> list[tuple[object, object]]:
    return list(zip(*parsed.rows.to_pydict().values(), strict=True))


def faults(parsed: Parsed) -> list[tuple[int, str, str, str | None]]:
    return [(each.line, each.raw, each.reason, each.column) for each in parsed.rejections]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"a,b", []),
        (b"a,b\r\n", []),
        (b"\xef\xbb\xbfa,b\n1,x\n", [(1, "x")]),
        (b"a,b\r\n1,x\n2,y\r\n3,z", [(1, "x"), (2, "y"), (3, "z")]),
        (b"a,b\n1,x\n\n\r\n2,y\n", [(1, "x"), (2, "y")]),
        (b'a,b\n1,"x\ny"\n2,"say ""hi"""\n', [(1, "x\ny"), (2, 'say "hi"')]),
        (b'a,b\n1,5" pipe\n', [(1, '5" pipe')]),
        (b"b,c,a\nx,undeclared,1\n", [(1, "x")]),
        (b"a,b\n 1 , x \n", [(1, " x ")]),
        (b"a,b\n,\n", [(None, None)]),
        ("a,b\n1,Zürich\n".encode(), [(1, "Zürich")]),
    ],
)
def test_forms_of_good_files(data: bytes, expected: list[tuple[object, object]]) -> None:
    parsed = parse(data)
    assert (pairs(parsed), faults(parsed)) == (expected, [])


@pytest.mark.parametrize(
    ("row", "raw", "reason", "column"),
    [
        (b"abc,x", "abc,x", "a: 'abc' is not an int64", "a"),
        (b"1.5,x", "1.5,x", "a: '1.5' is not an int64", "a"),
        (b"99999999999999999999,x", None, "a: '99999999999999999999' is out of the range of int64", "a"),
        (b"1", "1", "has 1 fields where the header has 2", None),
        (b"1,x,y", "1,x,y", "has 3 fields where the header has 2", None),
        (b"1,x,", "1,x,", "has 3 fields where the header has 2", None),
        (b"1,\xff", r"1,\xff", "b: holds bytes that are no UTF-8", "b"),
        (b'1,"x"y', '1,"x"y', "text stands after a closing quote", None),
        (b'1,"x', '1,"x', "a quote is not closed", None),
    ],
)
def test_a_bad_row_is_rejected_with_its_raw_text(
    row: bytes, raw: str | None, reason: str, column: str | None
) -> None:
    parsed = parse(b'a,b\n7,"line\nbreak"\r\n' + row + b"\n8,y\n")
    assert pairs(parsed) == [(7, "line\nbreak"), (8, "y")]
    assert faults(parsed) == [(4, raw or row.decode(), reason, column)]


def test_all_faults_of_a_row_are_told() -> None:
    parsed = parse(b"a,b\nx,yes!\n", {"a": types.Int8, "b": types.Bool})
    assert faults(parsed) == [(2, "x,yes!", "a: 'x' is not an int8; b: 'yes!' is not a bool", "a")]


def test_a_stray_quote_takes_no_other_row_with_it() -> None:
    rows = b"".join(b"%d,x\n" % number for number in range(50))
    parsed = parse(b'a,b\n100,"oops\n' + rows + b'101,"oops\n' + rows + b'102,"oops\n')
    assert [line for line, *_ in faults(parsed)] == [2, 53, 104]
    assert parsed.rows.num_rows == 100


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        (types.Int8, "-7", -7),
        (types.Float64, "1e-3", 0.001),
        (types.Float64, "NaN", None),
        (types.Float64, "inf", float("inf")),
        (types.Float32, "0.5", 0.5),
        (types.Bool, "Yes", True),
        (types.Bool, "0", False),
        (types.Date, "1800-01-01", date(1800, 1, 1)),
        (types.Decimal(10, 2), "1.5", Decimal("1.50")),
        (types.Decimal(10, 2), "1.500", Decimal("1.50")),
        (types.Decimal(10, 2), "-0.01", Decimal("-0.01")),
        (types.Bytes, "abc", b"abc"),
        (types.Timestamp, "2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        (types.Timestamp, "2024-03-01 10:00:00.25", datetime(2024, 3, 1, 10, 0, 0, 250_000, UTC)),
        (types.Timestamp, "2024-03-01T10:00Z", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        (types.Timestamp, "2024-03-01T10:00:00+05:30", datetime(2024, 3, 1, 4, 30, tzinfo=UTC)),
    ],
)
def test_values(dtype: DType, text: str, value: object) -> None:
    assert parse(f"v\n{text}\n".encode(), {"v": dtype}).rows["v"].to_pylist() == [value]


@pytest.mark.parametrize(
    ("dtype", "text", "why"),
    [
        (types.Int8, "128", "is out of the range of int8"),
        (types.Decimal(4, 2), "1.255", "does not fit exactly into a decimal(4,2)"),
        (types.Decimal(4, 2), "123.00", "does not fit exactly into a decimal(4,2)"),
        (types.Date, "2024-02-30", "is not a date"),
        (types.Date, "01/02/2024", "is not a date"),
        (types.Float64, "1,5", "is not a float64"),
        (types.Bool, "maybe", "is not a bool"),
        (types.Timestamp, "2024-03-01 10:00:00.1234567", "is not a timestamp"),
        (types.TimestampNs, "1066-10-14", "is not a timestamp_ns"),
    ],
)
def test_refused_values(dtype: DType, text: str, why: str) -> None:
    [(line, _, reason, column)] = faults(parse(f'v\n"{text}"\n'.encode(), {"v": dtype}))
    assert (line, reason, column) == (2, f"v: '{text}' {why}", "v")


def test_nanoseconds() -> None:
    rows = parse(b"v\n2024-03-01 00:00:00.000000001\n", {"v": types.TimestampNs}).rows
    assert rows["v"].cast(pa.int64()).to_pylist() == [1_709_251_200_000_000_001]


def test_local_times_around_the_changing_of_the_clocks() -> None:
    text = b"v\n2024-03-31 01:59:59\n2024-03-31 02:30:00\n2024-10-27 02:30:00\n2024-10-27T02:30:00+01:00\n"
    parsed = parse(text, {"v": types.Timestamp}, timezone="Europe/Berlin")
    assert [time.isoformat() for time in parsed.rows["v"].to_pylist()] == [
        "2024-03-31T00:59:59+00:00",
        "2024-10-27T00:30:00+00:00",
        "2024-10-27T01:30:00+00:00",
    ]
    [(line, _, reason, _)] = faults(parsed)
    assert (line, reason) == (3, "v: '2024-03-31 02:30:00' does not exist in Europe/Berlin: clocks skip it")


def test_a_broken_header() -> None:
    with pytest.raises(DataError, match="the header can't be read: a quote is not closed"):
        parse(b'"a,b\n1,x\n')


def test_texts_that_mean_null() -> None:
    parsed = parse(b"a,b\n NA ,NA\n-,\n", nulls=("NA", "-"))
    assert pairs(parsed) == [(None, None), (None, "")]


def test_a_record_over_several_lines_is_rejected_as_one() -> None:
    parsed = parse(b'a,b\n1,x,"y\nz"\n2,w\n')
    assert pairs(parsed) == [(2, "w")]
    assert [(line, raw) for line, raw, *_ in faults(parsed)] == [(2, '1,x,"y\nz"')]


def test_a_long_field() -> None:
    assert pairs(parse(b"a,b\n1," + b"x" * 3_000_000 + b"\n?,y\n")) == [(1, "x" * 3_000_000)]


def test_many_faults_in_a_big_file() -> None:
    rows = "".join(f"{i},x\n" if i % 3 else f"n{i},x\n" for i in range(30_000))
    parsed = parse(f"a,b\n{rows}".encode())
    assert parsed.rows["a"].to_pylist() == [i for i in range(30_000) if i % 3]
    assert [line for line, *_ in faults(parsed)] == [i + 2 for i in range(0, 30_000, 3)]


WORDS = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: text != "NULL")
CELLS: dict[str, tuple[DType, st.SearchStrategy[Any]]] = {
    "int": (types.Int64, st.integers(-(2**63), 2**63 - 1)),
    "float": (types.Float64, st.floats(allow_nan=False)),
    "decimal": (types.Decimal(12, 3), st.decimals(-(10**8), 10**8, places=3)),
    "bool": (types.Bool, st.booleans()),
    "date": (types.Date, st.dates()),
    "time": (types.Timestamp, st.datetimes(timezones=st.just(UTC))),
    "text": (types.String, WORDS),
}
SCHEMA: dict[str, DType | str] = {name: dtype for name, (dtype, _) in CELLS.items()}
ROW = st.fixed_dictionaries({name: st.none() | cells for name, (_, cells) in CELLS.items()})
DIRT = st.sampled_from([b"", b"1", b"?,,,,,,", b"0,x,,,,,\xff", b'"a"b,,,,,,', b",,,,,,,,,"])


def written(row: dict[str, Any], end: str) -> bytes:
    out = io.StringIO()
    cells = ["NULL" if row[name] is None else row[name] for name in SCHEMA]
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return (out.getvalue().removesuffix("\r\n") + end).encode()


@given(
    parts=st.lists(st.tuples(ROW, DIRT | st.none(), st.sampled_from(["\n", "\r\n"])), max_size=12),
)
def test_good_rows_are_exact_and_every_record_is_accounted_for(
    parts: list[tuple[dict[str, Any], bytes | None, str]],
) -> None:
    bad = [dirt for _, dirt, _ in parts if dirt]
    lines = [",".join(SCHEMA).encode() + b"\n"]
    for row, dirt, end in parts:
        lines.append(written(row, end))
        lines.append(b"" if dirt is None else dirt + end.encode())
    parsed = parse(b"".join(lines), SCHEMA, nulls=("NULL",))
    assert parsed.rows.to_pylist() == [row for row, _, _ in parts]
    assert [rejection.raw for rejection in parsed.rejections] == [
        dirt.decode("utf-8", "backslashreplace") for dirt in bad
    ]


@given(tokens=st.lists(st.sampled_from(["1", "x", ",", '"', '""', "\n", "\r\n", "\r", " "]), max_size=24))
def test_a_malformed_row_does_not_change_how_the_others_are_read(tokens: list[str]) -> None:
    schema: dict[str, DType | str] = {"a": types.String, "b": types.String}
    good = b"a,b\n" + "".join(tokens).encode() + b"\n"
    alone = parse(good, schema)
    if not alone.rejections:
        beside = parse(good + b"1,2,3\n", schema)
        assert (pairs(beside), len(beside.rejections)) == (pairs(alone), 1)
