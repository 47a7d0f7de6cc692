"""Files as they come from others: what is wrong with them, and what is made of it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from asof.errors import DataError
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import DType, Float64, Int64, String, Timestamp
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place

PLAIN: dict[str, DType | str] = {"id": Int64, "name": String}
TIMES: dict[str, DType | str] = {"at": Timestamp}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read a file with some bytes as all that a source has."""

    def of(
        data: bytes,
        schema: dict[str, DType | str] = PLAIN,
        name: str = "a.csv",
        timezone: str = "UTC",
        **reader: Any,
    ) -> Batch:
        (tmp_path / name).write_bytes(data)
        source = Source(
            "orders",
            reader=Files(name, **reader),
            schema=schema,
            known_since="2020-01-01",
            timezone=timezone,
        )
        [batch] = open_connector(source, Place(str(tmp_path))).batches(None)
        assert batch.rows_read == batch.rows.num_rows + batch.rejected.num_rows
        return batch

    return of


def ids(batch: Batch) -> list[int]:
    return batch.rows["id"].to_pylist()


def reasons(batch: Batch) -> list[tuple[int, str]]:
    return list(zip(batch.rejected["line"].to_pylist(), batch.rejected["reason"].to_pylist(), strict=True))


def test_rows_with_too_few_or_too_many_fields(read: Any) -> None:
    batch = read(b"id,name\n1,a\n2\n3,c,d\n4,d\n")
    assert ids(batch) == [1, 4]
    assert reasons(batch) == [
        (3, "has 1 fields where the header has 2"),
        (4, "has 3 fields where the header has 2"),
    ]


def test_a_trailing_comma_in_rows_but_not_in_the_header(read: Any) -> None:
    assert reasons(read(b"id,name\n1,a,\n2,b\n")) == [(2, "has 3 fields where the header has 2")]


def test_crlf_and_lf_mixed(read: Any) -> None:
    assert ids(read(b"id,name\r\n1,a\n2,b\r\n\r\n\n3,c")) == [1, 2, 3]


def test_a_byte_that_is_no_utf8(read: Any) -> None:
    batch = read(b"id,name\n1,a\n2,\xff\n3,c\n4\n")
    assert ids(batch) == [1, 3]
    assert batch.rejected["raw"].to_pylist() == [r"2,\xff", "4"]


def test_a_byte_order_mark(read: Any) -> None:
    assert ids(read(b"\xef\xbb\xbfid,name\n1,a\n")) == [1]
    assert ids(read(b'\xef\xbb\xbf{"id": 1}\n', name="a.jsonl")) == [1]


def test_a_truncated_gzip(read: Any) -> None:
    with pytest.raises(DataError, match=r"a\.csv\.gz: the gzip file is broken or cut short"):
        read(gzip.compress(b"id,name\n1,a\n")[:-6], name="a.csv.gz")


@pytest.mark.parametrize("data", [b"", b"id,name", b"id,name\r\n", b"\xef\xbb\xbf", b"\n"])
def test_an_empty_file_and_one_with_a_header_alone(read: Any, data: bytes) -> None:
    batch = read(data)
    assert (ids(batch), reasons(batch)) == ([], [])
    assert batch.rows.schema.names == ["id", "name"]


def test_quoted_line_breaks(read: Any) -> None:
    batch = read(b'id,name\n1,"a\r\nb"\nx,"c\nd"\n3,e\n')
    assert batch.rows["name"].to_pylist() == ["a\r\nb", "e"]
    assert reasons(batch) == [(4, "id: 'x' is not an int64")]


def test_sentinels_mean_null(read: Any) -> None:
    nulls = ["", "-1", "1800-01-01", "N/A", "inf"]
    schema: dict[str, DType | str] = {"n": Int64, "f": Float64, "at": Timestamp, "t": String}
    batch = read(b"n,f,at,t\n-1,inf,1800-01-01,N/A\n2,NaN,2024-01-01,-1\n3,-1,,x\n", schema, nulls=nulls)
    assert [list(row.values()) for row in batch.rows.to_pylist()] == [
        [None, None, None, None],
        [2, None, datetime(2024, 1, 1, tzinfo=UTC), None],
        [3, None, None, "x"],
    ]


def test_sentinels_mean_null_in_json_too(read: Any) -> None:
    batch = read(b'{"id": -1, "name": ""}\n{"id": 2, "name": "x"}\n', name="a.jsonl", nulls=["-1", ""])
    assert batch.rows.to_pylist() == [{"id": None, "name": None}, {"id": 2, "name": "x"}]


def test_local_times_without_zone(read: Any) -> None:
    batch = read(b"at\n2024-01-01 12:00:00\n2024-07-01 12:00:00\n", TIMES, timezone="America/New_York")
    assert [at.hour for at in batch.rows["at"].to_pylist()] == [17, 16]


def test_clocks_that_go_back_and_forth(read: Any) -> None:
    batch = read(b"at\n2024-11-03 01:30:00\n2024-03-10 02:30:00\n", TIMES, timezone="America/New_York")
    assert batch.rows["at"].to_pylist() == [datetime(2024, 11, 3, 5, 30, tzinfo=UTC)]
    assert reasons(batch) == [
        (3, "at: '2024-03-10 02:30:00' does not exist in America/New_York: clocks skip it")
    ]


def test_numbers_with_separators_are_left_for_cleaning(read: Any) -> None:
    assert reasons(read(b'id,name\n"1,234",a\n')) == [(2, "id: '1,234' is not an int64")]
    assert read(b'id,name\n1,"1,234"\n').rows["name"].to_pylist() == ["1,234"]


def test_duplicate_headers(read: Any) -> None:
    with pytest.raises(DataError, match="the header has column 'id' 2 times"):
        read(b"id,name,id\n1,a,2\n")
    assert ids(read(b"id,name,other,other\n1,a,x,y\n")) == [1]
