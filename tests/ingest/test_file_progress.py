"""Where reading stands within a file, on disk and packed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from asof.errors import DataError
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Int64, String
from asof.ingest.batch import Batch
from asof.ingest.connector import Connector, open_connector
from asof.ingest.place import Place

DATA = b"id,name\r\n" + b"".join(b'%d,"a\nb"\n' % number for number in range(500))


def orders(pattern: str, root: Path) -> Connector:
    source = Source(
        "orders",
        reader=Files(pattern),
        schema={"id": Int64, "name": String},
        known_since="2020-01-01",
    )
    return open_connector(source, Place(str(root), memory=4_000))


def ids(batches: list[Batch]) -> list[int]:
    return [id for batch in batches for id in batch.rows["id"].to_pylist()]


def zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv", bytes), ("a.csv.gz", gzip.compress), ("a.csv.zst", zstd)]
)
def test_reading_goes_on_within_a_file(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(pack(DATA))
    batches = list(orders(name, tmp_path).batches(None))
    assert len(batches) > 3
    for number, batch in enumerate(batches, 1):
        connector = orders(name, tmp_path)
        assert ids(list(connector.batches(batch.cursor))) == list(range(500))[len(ids(batches[:number])) :]
        assert connector.pending(batch.cursor) == ([name] if number < len(batches) else [])


def test_the_file_that_reading_stands_in_comes_first(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(DATA)
    first = next(iter(orders("*.csv", tmp_path).batches(None)))
    (tmp_path / "a.csv").write_bytes(b"id,name\n-1,x\n")
    left = ids(list(orders("*.csv", tmp_path).batches(first.cursor)))
    assert left == [*range(len(ids([first])), 500), -1]


def test_a_file_that_was_cut_short_goes_on_once_it_is_whole(tmp_path: Path) -> None:
    packed = gzip.compress(DATA)
    (tmp_path / "a.csv.gz").write_bytes(packed[:-9])
    taken = []
    with pytest.raises(DataError, match="the gzip file is broken or cut short"):
        taken.extend(orders("a.csv.gz", tmp_path).batches(None))
    reading = orders("a.csv.gz", tmp_path).batches(None)
    first = next(iter(reading))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(DATA, compresslevel=1))
    assert ids([first]) + ids(list(orders("a.csv.gz", tmp_path).batches(first.cursor))) == list(range(500))


def test_a_file_that_is_rewritten_while_reading_stands_in_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(DATA)
    first = next(iter(orders("a.csv", tmp_path).batches(None)))
    (tmp_path / "a.csv").write_bytes(DATA.replace(b"0,", b"9,", 1))
    with pytest.raises(DataError, match=r"a\.csv: was rewritten after it was read"):
        list(orders("a.csv", tmp_path).batches(first.cursor))


def test_a_file_that_is_removed_while_reading_stands_in_it_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(DATA)
    first = next(iter(orders("*.csv", tmp_path).batches(None)))
    os.remove(tmp_path / "a.csv")
    assert list(orders("*.csv", tmp_path).batches(first.cursor)) == []


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(DATA)
    reading = orders("a.csv", tmp_path).batches(None)
    next(iter(reading))
    with (tmp_path / "a.csv").open("ab") as file:
        file.write(b"500,x\n")
    with pytest.raises(DataError, match="changed while it was read; run again when it is complete"):
        list(reading)
