"""Files on object stores and web servers, over their protocols."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs
from tests.ingest.object_store import KEYS, http_server, s3_server
from tests.ingest.test_files_conformance import SPOILT, WRITERS, Folder, Rows

from asof.errors import DataError, DefinitionError, MissingExtra, NotFound
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Int64, String
from asof.ingest.batch import Batch
from asof.ingest.connector import Connector, open_connector
from asof.ingest.place import Place
from asof.testing import ConnectorTests

OPTIONS = {"key": "${SHOP_KEY}", "secret": "${SHOP_SECRET}", "endpoint_url": "${SHOP_S3}"}


def orders(patterns: str | list[str], **reader: Any) -> Connector:
    source = Source(
        "orders",
        reader=Files(patterns, **reader),
        schema={"id": Int64, "name": String},
        known_since="2020-01-01",
    )
    return open_connector(source, Place("."))


def ids(batches: list[Batch]) -> list[list[int]]:
    return [batch.rows["id"].to_pylist() for batch in batches]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> tuple[s3fs.S3FileSystem, str]:
    monkeypatch.setenv("SHOP_KEY", KEYS["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("SHOP_SECRET", KEYS["AWS_SECRET_ACCESS_KEY"])
    monkeypatch.setenv("SHOP_S3", server)
    store = s3fs.S3FileSystem(
        key=KEYS["AWS_ACCESS_KEY_ID"], secret=KEYS["AWS_SECRET_ACCESS_KEY"], endpoint_url=server,
        skip_instance_cache=True,
    )  # fmt: skip
    name = f"shop-{uuid.uuid4().hex}"
    store.mkdir(name)
    return store, name


def test_s3(bucket: tuple[s3fs.S3FileSystem, str]) -> None:
    store, name = bucket
    store.pipe_file(f"{name}/orders/1.csv", b"id,name\n1,mug\n")
    connector = orders(f"s3://{name}/orders/*.csv", options=OPTIONS)
    [batch] = connector.batches(None)
    assert (batch.origin, ids([batch])) == (f"s3://{name}/orders/1.csv", [[1]])
    store.pipe_file(f"{name}/orders/2.csv", b"id,name\n2,jug\n")
    assert ids(list(connector.batches(batch.cursor))) == [[2]]


def test_a_rewritten_object_is_an_error_and_a_copied_one_is_not(
    bucket: tuple[s3fs.S3FileSystem, str],
) -> None:
    store, name = bucket
    store.pipe_file(f"{name}/1.csv", b"id,name\n1,mug\n")
    connector = orders(f"s3://{name}/*.csv", options=OPTIONS)
    [batch] = connector.batches(None)
    store.pipe_file(f"{name}/1.csv", b"id,name\n1,mug\n")
    assert connector.pending(batch.cursor) == []
    store.pipe_file(f"{name}/1.csv", b"id,name\n1,jug\n")
    with pytest.raises(DataError, match=r"1\.csv: was rewritten after it was read"):
        connector.pending(batch.cursor)


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_KEY", raising=False)
    options = {"key": "${SHOP_KEY}"}
    with pytest.raises(NotFound, match="'orders': the environment has no SHOP_KEY"):
        orders("s3://shop/*.csv", options=options).pending(None)


class OnS3(Folder):
    """A folder whose files go to a bucket."""

    def __init__(self, folder: Path, store: s3fs.S3FileSystem, bucket: str) -> None:
        super().__init__(folder, "csv")
        self.store, self.bucket = store, bucket

    @property
    def reader(self) -> Files:
        return Files(f"s3://{self.bucket}/*.csv", options=OPTIONS)

    def add(self, rows: Rows) -> None:
        WRITERS["csv"](rows, file := self._next())
        self.store.put_file(str(file), f"{self.bucket}/{file.name}")

    def spoil(self) -> bool:
        (file := self._next()).write_text(SPOILT["csv"])
        self.store.put_file(str(file), f"{self.bucket}/{file.name}")
        return True


class TestFilesOnS3(ConnectorTests):
    @pytest.fixture
    def outside(self, bucket: tuple[s3fs.S3FileSystem, str], tmp_path: Path) -> OnS3:
        return OnS3(tmp_path, *bucket)


def test_a_list_of_web_addresses(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"id,name\n1,mug\n")
    (tmp_path / "2.csv").write_bytes(b"id,name\n2,jug\n")
    with http_server(tmp_path) as address:
        connector = orders([f"{address}/1.csv", f"{address}/2.csv", f"{address}/3.csv"])
        first, second = connector.batches(None)
        assert ids([first, second]) == [[1], [2]]
        assert first.origin == f"{address}/1.csv"
        assert connector.pending(second.cursor) == []
        (tmp_path / "3.csv").write_bytes(b"id,name\n3,pot\n")
        assert ids(list(connector.batches(second.cursor))) == [[3]]


@pytest.mark.parametrize(("address", "extra"), [("gs://shop/*.csv", "gcs"), ("abfs://shop/*.csv", "azure")])
def test_a_missing_package_is_named(address: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("gcsfs", "adlfs"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'asof\[{extra}\]'"):
        orders(address).pending(None)


def test_an_address_that_nothing_reads() -> None:
    with pytest.raises(DefinitionError, match="can't be opened: Protocol not known"):
        orders("nowhere://shop/orders.csv").pending(None)
