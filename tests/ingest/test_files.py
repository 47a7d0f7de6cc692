from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from asof.errors import DataError, NotFound
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Int64, String
from asof.ingest.connector import Batch, Connector, open_connector
from asof.ingest.place import Place

PLAIN = b"id,name\n1,mug\n2,tea pot\n"


def orders(pattern: str, root: Path, **reader: Any) -> Connector:
    source = Source(
        "orders",
        reader=Files(pattern, **reader),
        schema={"id": Int64, "name": String},
        known_since="2020-01-01",
    )
    return open_connector(source, Place(str(root)))


def ids(batches: list[Batch]) -> list[list[int]]:
    return [batch.rows["id"].to_pylist() for batch in batches]


def zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


def parquet(_: bytes) -> bytes:
    out = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"id": [1, 2], "name": ["mug", "tea pot"]}), out)
    return out.getvalue().to_pybytes()


def json_lines(_: bytes) -> bytes:
    return b'{"id": 1, "name": "mug"}\n{"id": 2, "name": "tea pot"}\n'


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.csv", bytes),
        ("a.csv.gz", gzip.compress),
        ("a.csv.zst", zstd),
        ("a.tsv", lambda data: data.replace(b",", b"\t")),
        ("a.jsonl", json_lines),
        ("a.jsonl.gz", lambda data: gzip.compress(json_lines(data))),
        ("a.parquet", parquet),
    ],
)
def test_formats(tmp_path: Path, name: str, written: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(written(PLAIN))
    [batch] = orders(name, tmp_path).batches(None)
    assert batch.rows.to_pylist() == [{"id": 1, "name": "mug"}, {"id": 2, "name": "tea pot"}]
    assert (batch.origin, batch.rows_read, batch.rejected.num_rows) == (name, 2, 0)


def test_several_gzip_members(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(PLAIN) + gzip.compress(b"3,jar\n"))
    assert ids(list(orders("*.csv.gz", tmp_path).batches(None))) == [[1, 2, 3]]


def test_files_come_in_order_and_each_once(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        (tmp_path / f"{number}.csv").write_text(f"id,name\n{number},x\n")
    connector = orders("*.csv", tmp_path)
    assert connector.pending(None) == ["1.csv", "2.csv", "3.csv"]
    first, *rest = connector.batches(None)
    assert ids([first, *rest]) == [[1], [2], [3]]
    assert ids(list(connector.batches(first.cursor))) == [[2], [3]]
    assert connector.pending(rest[-1].cursor) == []
    assert list(connector.batches(rest[-1].cursor)) == []


def test_a_new_file_is_all_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PLAIN)
    [batch] = orders("*.csv", tmp_path).batches(None)
    (tmp_path / "a.csv").write_text("id,name\n9,x\n")
    os.remove(tmp_path / "b.csv")
    assert ids(list(orders("*.csv", tmp_path).batches(batch.cursor))) == [[9]]


def test_a_rewritten_file_is_an_error_and_a_touched_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(PLAIN)
    connector = orders("*.csv", tmp_path)
    [batch] = connector.batches(None)
    os.utime(file, (1, 1))
    assert connector.pending(batch.cursor) == []
    file.write_bytes(PLAIN.replace(b"mug", b"jug"))
    os.utime(file, (2, 2))
    with pytest.raises(DataError, match=r"'orders': a\.csv: was rewritten"):
        connector.pending(batch.cursor)


def test_names_are_relative_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "one" / "data").mkdir(parents=True)
    (tmp_path / "one" / "data" / "a.csv").write_bytes(PLAIN)
    [batch] = orders("data/*.csv", tmp_path / "one").batches(None)
    assert batch.origin == "data/a.csv"
    os.rename(tmp_path / "one", tmp_path / "two")
    assert orders("data/*.csv", tmp_path / "two").pending(batch.cursor) == []
    [absolute] = orders(str(tmp_path / "two" / "data" / "*.csv"), tmp_path).batches(None)
    assert absolute.origin == str(tmp_path / "two" / "data" / "a.csv")


def test_addresses_of_fsspec(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    folder = f"/{tmp_path.name}"
    memory.pipe_file(f"{folder}/a.csv", PLAIN)
    connector = orders(f"memory:/{folder}/*.csv", tmp_path)
    [batch] = connector.batches(None)
    assert batch.origin == f"memory://{folder}/a.csv"
    assert ids([batch]) == [[1, 2]]
    assert connector.pending(batch.cursor) == []
    memory.rm(folder, recursive=True)


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"'orders': no file matches data/\*\.csv in /"):
        orders("data/*.csv", tmp_path).pending(None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,nam\n1,x\n", "the header has no column 'name'; did you mean 'nam'"),
        ("a.csv", b"id,name,id\n1,x,2\n", "the header has column 'id' 2 times"),
        ("a.csv.gz", gzip.compress(PLAIN, mtime=0)[:-9], "the gzip file is broken or cut short"),
        ("a.csv.zst", zstd(PLAIN)[:-3], "the zstd file is broken or cut short"),
        ("a.parquet", b"PAR1", "is not a whole Parquet file"),
    ],
)
def test_a_file_that_is_no_use_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(orders(name, tmp_path).batches(None))
    assert str(caught.value).startswith(f"source 'orders': {name}: {said}")


def test_files_before_a_broken_one_are_handed_over(tmp_path: Path) -> None:
    (tmp_path / "1.csv.gz").write_bytes(gzip.compress(PLAIN))
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(PLAIN, mtime=0)[:-9])
    batches = orders("*.csv.gz", tmp_path).batches(None)
    first = next(batches)
    with pytest.raises(DataError, match=r"2\.csv\.gz"):
        next(batches)
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(b"id,name\n7,x\n"))
    assert ids(list(orders("*.csv.gz", tmp_path).batches(first.cursor))) == [[7]]
