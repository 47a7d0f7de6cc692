from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyiceberg.catalog import load_catalog
from tests.ingest.test_files_conformance import ARROW, table

from asof.features.readers import Delta, Iceberg
from asof.testing import ConnectorTests

FOREIGN = pa.schema([field.with_type(pa.string()) if field.name == "amount" else field for field in ARROW])
"""As `ARROW`, with an amount that may be a word."""


def foreign(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return table(rows).cast(FOREIGN)


SPOILT = pa.Table.from_pylist([{"id": 1, "name": "x", "amount": "five", "at": None}], FOREIGN)


class DeltaLake:
    """A Delta table that grows."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "rows")
        write_deltalake(self.address, foreign([]))

    @property
    def reader(self) -> Delta:
        return Delta(self.address)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        write_deltalake(self.address, foreign(rows), mode="append")

    def spoil(self) -> bool:
        write_deltalake(self.address, SPOILT, mode="append")
        return True


class IcebergLake:
    """An Iceberg table that grows."""

    def __init__(self, folder: Path) -> None:
        self.properties = {
            "name": "made",
            "type": "sql",
            "uri": f"sqlite:///{folder}/catalog.db",
            "warehouse": f"file://{folder}/warehouse",
        }
        self.catalog = load_catalog(**self.properties)
        self.catalog.create_namespace("shop")
        self.table = self.catalog.create_table("shop.rows", FOREIGN)

    @property
    def reader(self) -> Iceberg:
        return Iceberg("shop.rows", catalog=self.properties)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self.table.append(foreign(rows))

    def spoil(self) -> bool:
        self.table.append(SPOILT)
        return True


class TestDelta(ConnectorTests):
    @pytest.fixture
    def outside(self, tmp_path: Path) -> DeltaLake:
        return DeltaLake(tmp_path)


class TestIceberg(ConnectorTests):
    @pytest.fixture
    def outside(self, tmp_path: Path) -> Iterator[IcebergLake]:
        lake = IcebergLake(tmp_path)
        yield lake
        lake.catalog.close()
