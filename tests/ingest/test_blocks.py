"""Files in blocks: the same rows, rejections and lines as in one go, from every position on."""

from __future__ import annotations

import io
import itertools
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.in_memory import InMemory, pieces, read, together

from asof.errors import DataError
from asof.features import types
from asof.features.readers import Files
from asof.features.source import Source
from asof.ingest.files import delimited, json_lines
from asof.ingest.files.pieces import Pieces, Position
from asof.ingest.files.row_pieces import digest_of
from asof.ingest.records.parsed import Parsed

CSV = partial(delimited.pieces, delimiter=",")
TEXTS = Source(
    "texts",
    reader=Files("texts.csv"),
    schema={"a": types.String, "b": types.String},
    known_since="2020-01-01",
)
NUMBERS = Source(
    "numbers",
    reader=Files("numbers.csv"),
    schema={"a": types.Int64, "b": types.Decimal(8, 2)},
    known_since="2020-01-01",
)


def told(parsed: Parsed) -> tuple[list[dict[str, object]], list[tuple[object, ...]]]:
    rejected = [(each.line, each.raw, each.reason, each.column) for each in parsed.rejections]
    return parsed.rows.to_pylist(), rejected


def taken(parsed: Parsed) -> tuple[list[dict[str, object]], list[tuple[object, ...]]]:
    """Without the reasons: what is wrong with a quote depends on what stands after it in its block."""
    return parsed.rows.to_pylist(), [(each.line, each.raw) for each in parsed.rejections]


TOKENS = st.lists(
    st.sampled_from(["1", "x", ",", "1,2\n", '"a\nb",c\n', '"', '""', "\n", "\r\n", "\r", "\xff"]),
    max_size=30,
)


@given(tokens=TOKENS, size=st.integers(6, 40))
def test_blocks_of_any_size_give_what_the_whole_file_gives(tokens: list[str], size: int) -> None:
    data = b"a,b\n" + "".join(tokens).encode("latin-1")
    whole = taken(read(CSV, data, TEXTS, 4 * len(data)))
    assert taken(read(CSV, data, TEXTS, max(size, len(data) // 4 + 1))) == whole


@given(
    rows=st.lists(st.sampled_from(['1,"x\ny"\r\n', '2,"say ""hi"""\n', "3,y\n", "4\n", "\n"]), max_size=40)
)
def test_quoted_line_breaks_cross_the_edges_of_blocks(rows: list[str]) -> None:
    data = ("a,b\n" + "".join(rows)).encode()
    assert told(read(CSV, data, TEXTS, 8)) == told(read(CSV, data, TEXTS))


@pytest.mark.parametrize(
    ("format", "source", "data"),
    [
        (CSV, NUMBERS, b"\xef\xbb\xbfa,b\r\n" + b"1,2.50\n7,x\r\n8\n9,1.00\n" * 20),
        (CSV, TEXTS, b"a,b\n" + b'1,"two\nlines"\n3,4\n' * 20 + b"5,6"),
        (json_lines.pieces, NUMBERS, b'{"a": 1, "b": 2.5}\n\n{"a": "x"}\n{"b": 1.125}\r\n' * 20),
    ],
)
def test_reading_goes_on_at_the_end_of_every_piece(format: Pieces, source: Source, data: bytes) -> None:
    all_pieces = pieces(format, data, source, 50)
    whole = told(read(format, data, source))
    assert len(all_pieces) > 5
    for number, piece in enumerate(all_pieces, 1):
        assert piece.end.digest == digest_of(io.BytesIO(data[: piece.end.offset]))
        before = [done.parse() for done in all_pieces[:number]]
        after = [left.parse() for left in pieces(format, data, source, 50, piece.end)]
        if number < len(all_pieces):
            assert told(together(before + after)) == whole
    assert all_pieces[-1].end.offset == len(data)


def test_what_was_read_before_must_still_be_there() -> None:
    data = b"a,b\n" + b"1,2.50\n" * 20
    end = pieces(CSV, data, NUMBERS, 50)[0].end
    with pytest.raises(DataError, match="was rewritten after it was read"):
        pieces(CSV, data.replace(b"1,2.50", b"1,2.51", 1), NUMBERS, 50, end)
    with pytest.raises(DataError, match="was rewritten after it was read"):
        pieces(CSV, data[: end.offset - 1], NUMBERS, 50, end)


def test_a_file_that_grew_goes_on_where_it_was_read() -> None:
    data = b"a,b\n" + b"1,2.50\n" * 20
    end = pieces(CSV, data, NUMBERS, 50)[0].end
    more = [piece.parse() for piece in pieces(CSV, data + b"3,4\n", NUMBERS, 50, end)]
    assert together(more).rows["a"].to_pylist()[-1] == 3


def test_a_quote_that_is_not_closed_takes_its_line_alone() -> None:
    rows = b"".join(b"%d,x\n" % number for number in range(2000))
    found = read(CSV, b'a,b\n-1,"oops\n' + rows, TEXTS, 500)
    assert [(each.line, each.reason) for each in found.rejections] == [(2, "a quote is not closed")]
    assert found.rows.num_rows == 2000


def test_a_line_beyond_all_bounds_is_an_error() -> None:
    with pytest.raises(DataError, match="line 2 is longer than 400 bytes; raise the setting memory"):
        read(CSV, b"a,b\n" + b"x" * 1000, TEXTS, 100)


def test_blocks_hold_about_as_much_as_was_asked_for() -> None:
    data = b"a,b\n" + b"1,2.50\n" * 10_000
    ends = [0, *(piece.end.offset for piece in pieces(CSV, data, NUMBERS, 1000))]
    assert max(end - start for start, end in itertools.pairwise(ends)) <= 1000


CELL = st.sampled_from(
    ["1", "-7", " 2 ", "0x1F", "1.50", "1.505", "1e2", "", "NA", "nan", "inf", "-0", "2024-01-02",
     "2024-01-02 03:04:05", "2024-01-02T03:04:05.25Z", "2024-03-31 02:30:00", "yes", "x", "é",
     "99999999999999999999"]
)  # fmt: skip
KINDS = st.sampled_from(
    [types.Int64, types.Int8, types.Float64, types.Float32, types.Decimal(8, 2), types.Bool, types.String,
     types.Date, types.Timestamp, types.TimestampNs, types.Bytes]
)  # fmt: skip


@given(
    kinds=st.tuples(KINDS, KINDS),
    rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6),
    nulls=st.sampled_from([(), ("",), ("NA", "-7", "nan")]),
)
def test_values_are_the_same_whether_read_at_once_or_one_by_one(
    kinds: tuple[types.DType, types.DType], rows: list[tuple[str, str]], nulls: tuple[str, ...]
) -> None:
    source = Source(
        "s",
        reader=Files("s.csv", nulls=nulls),
        schema={"a": kinds[0], "b": kinds[1]},
        known_since="2020-01-01",
        timezone="Europe/Berlin",
    )
    data = "a,b\n" + "".join(f"{one},{other}\n" for one, other in rows)
    at_once = read(CSV, data.encode(), source)
    odd = read(CSV, data.encode() + b'"\n', source)  # a stray quote has the block read one by one
    assert told(at_once)[1] == told(odd)[1][:-1]
    assert at_once.rows.equals(odd.rows)


JSON_CELL = st.sampled_from(
    ["1", "-7", "0", "007", "1.50", "1.505", "1.1000000000000001", "0.0000001", "123456.78", ".5", "5.", "-",
     "1e2", "1.0E+2", "-0", "-0.0", "NaN", "-Infinity", "null", "nul", "true", "false", "tru",
     "99999999999999999999", "123456789012345678", "1234567890123456789", "0.1234567890123456789",
     '"1"', '" 12 "', '"NA"', '""', '"yes"', '"x"', '"é"', '"x\\u00e9"', '"\\""', '"\\ud800"', '"\t"',
     '"open',
     '"2024-01-02"', '"2024-01-02T03:04:05Z"', '"2024-01-02 03:04:05.123456789"', '"2024-02-30T00:00:00"',
     '"2024-03-31 02:30:00"', '"2024-10-27 02:30:00"', '"2024-01-02T03:04:05+05:30"', '"1600-01-02T03:04:05"',
     '{"c": 1.0}', "[1]", "{}"]
)  # fmt: skip
KEY = st.sampled_from(['"a"', '"b"', '"other"', '"\\u0061"', '"ä"', '""', "a"])
SPACE = st.sampled_from(["", "", "", " ", "\t ", "\x0b"])
END = st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n", " \n", "x\n", "}\n", "\n\x0c\n"])
MEMBER = st.tuples(SPACE, KEY, SPACE, JSON_CELL, SPACE).map("{0[0]}{0[1]}:{0[2]}{0[3]}{0[4]}".format)
OBJECT = st.tuples(
    SPACE,
    st.lists(
        st.tuples(SPACE, KEY, SPACE, JSON_CELL, SPACE).map("{0[0]}{0[1]}:{0[2]}{0[3]}{0[4]}".format),
        max_size=3,
    ),
    END,
).map(lambda made: f"{made[0]}{{{','.join(made[1])}}}{made[2]}")
LINE = st.one_of(
    st.tuples(JSON_CELL, JSON_CELL).map(lambda cells: f'{{"a": {cells[0]}, "b": {cells[1]}}}\n'),
    JSON_CELL.map(lambda cell: f'{{"a":{cell},"other":{cell}}}\r\n'),
    OBJECT,
    st.sampled_from(
        ['{"a": 1, "a": 2}\n', '{"a": 1} {"b": 2}\n', '{"a":\n1}\n', " {}\n", "[1]\n", "\ufeff{}\n"]
    ),
).map(str.encode)
DAMAGED = st.tuples(st.lists(LINE, max_size=4).map(b"".join), st.integers(0, 80), st.binary(max_size=2)).map(
    lambda made: made[0][: made[1]] + made[2] + made[0][made[1] :]
)


@given(
    kinds=st.tuples(KINDS, KINDS),
    data=st.lists(LINE, max_size=5).map(b"".join) | DAMAGED,
    nulls=st.sampled_from([(), ("NA", "x")]),
)
def test_objects_are_the_same_whether_read_at_once_or_one_by_one(
    kinds: tuple[types.DType, types.DType], data: bytes, nulls: tuple[str, ...]
) -> None:
    def source(nulls: tuple[str, ...]) -> Source:
        reader, schema = Files("s.jsonl", nulls=nulls), {"a": kinds[0], "b": kinds[1]}
        return Source("s", reader=reader, schema=schema, known_since="2020-01-01", timezone="Europe/Berlin")

    at_once = json_lines.read(data, source(nulls))
    one_by_one = json_lines.read(data, source((*nulls, "-987654")))
    assert told(at_once) == told(one_by_one)  # a null that is a number has all read one by one
    assert at_once.rows.equals(one_by_one.rows)


def test_plain_blocks_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("read one by one")

    monkeypatch.setattr(delimited, "_one_by_one", refuse)
    monkeypatch.setattr(json_lines, "_one_by_one", refuse)
    assert read(CSV, b'a,b\n1,2\n3\nx,"4"\n', NUMBERS).rows["a"].to_pylist() == [1]
    assert json_lines.read(b'{"a": 1, "c": 2}\n{"b": 2.5}\n', NUMBERS).rows["a"].to_pylist() == [1, None]


def test_a_position_at_the_start_checks_nothing() -> None:
    assert next(iter(CSV(InMemory(b""), TEXTS, 10, Position()))).end.offset == 0
