from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from asof.features.readers import Files
from asof.testing import ConnectorTests

ARROW = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("amount", pa.decimal128(10, 2)),
        ("at", pa.timestamp("us", "UTC")),
    ]
)
AVRO = {
    "type": "record",
    "name": "row",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {
            "name": "amount",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}],
        },
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}
Rows = Sequence[dict[str, Any]]


def table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(list(rows), ARROW)


def write_csv(rows: Rows, file: Path, compression: str | None = None) -> None:
    with pa.OSFile(str(file), "wb") as out, pa.output_stream(out, compression=compression) as stream:
        pa.csv.write_csv(table(rows), stream)


def write_json(rows: Rows, file: Path) -> None:
    file.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))


def write_ipc(rows: Rows, file: Path, *, streamed: bool) -> None:
    opened = pa.ipc.new_stream if streamed else pa.ipc.new_file
    with pa.OSFile(str(file), "wb") as out, opened(out, ARROW) as writer:
        writer.write_table(table(rows), max_chunksize=300)


def write_avro(rows: Rows, file: Path) -> None:
    with file.open("wb") as out:
        fastavro.writer(out, AVRO, rows, codec="deflate", sync_interval=4_000)


def write_parquet(rows: Rows, file: Path) -> None:
    pa.parquet.write_table(table(rows), file, row_group_size=300)


WRITERS = {
    "csv": write_csv,
    "csv.gz": partial(write_csv, compression="gzip"),
    "csv.zst": partial(write_csv, compression="zstd"),
    "jsonl": write_json,
    "parquet": write_parquet,
    "arrow": partial(write_ipc, streamed=False),
    "arrows": partial(write_ipc, streamed=True),
    "avro": write_avro,
}
SPOILT = {
    "csv": "id,name,amount,at\nfive,x,1.00,2024-01-01\n",
    "jsonl": '{"id": "five"}\n',
}


class Folder:
    """Files in a folder; what is added goes to a new one."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix, self.files = folder, suffix, 0

    @property
    def reader(self) -> Files:
        return Files(str(self.folder / f"*.{self.suffix}"))

    def add(self, rows: Rows) -> None:
        WRITERS[self.suffix](rows, self._next())

    def spoil(self) -> bool:
        if self.suffix not in SPOILT:
            return False
        self._next().write_text(SPOILT[self.suffix])
        return True

    def _next(self) -> Path:
        self.files += 1
        return self.folder / f"{self.files:03d}.{self.suffix}"


class TestFiles(ConnectorTests):
    @pytest.fixture(params=WRITERS)
    def outside(self, request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
        return Folder(tmp_path, request.param)
