"""Files on Google Cloud Storage and Azure, over the protocols of servers that are not theirs."""

from __future__ import annotations

import gzip
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.ingest.cloud_stores import azure_connection
from tests.ingest.test_addresses import ids, orders
from tests.ingest.test_files_conformance import SPOILT, WRITERS, Folder, Rows

from asof.errors import DataError
from asof.features.readers import Files
from asof.testing import ConnectorTests

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud-stores")]


@dataclass(frozen=True)
class Store:
    """A bucket, or a container, of its own: its address and the options that its reader takes."""

    filesystem: Any
    address: str
    options: dict[str, str]

    @property
    def bucket(self) -> str:
        return self.address.partition("://")[2]

    def put(self, name: str, content: bytes) -> None:
        self.filesystem.pipe_file(f"{self.bucket}/{name}", content)


@pytest.fixture(params=["gs", "abfs"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    name = f"shop-{uuid.uuid4().hex}"
    if request.param == "gs":
        made = on_google(request.getfixturevalue("google"), name, monkeypatch)
    else:
        made = on_azure(request.getfixturevalue("azure"), name, monkeypatch)
    made.filesystem.mkdir(name)
    return made


def on_google(server: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    from gcsfs import GCSFileSystem

    monkeypatch.setenv("SHOP_GOOGLE", server)
    options = {"endpoint_url": "${SHOP_GOOGLE}", "project": "shop", "token": "anon"}
    filesystem = GCSFileSystem(**options | {"endpoint_url": server}, skip_instance_cache=True)
    return Store(filesystem, f"gs://{name}", options)


def on_azure(server: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    from adlfs import AzureBlobFileSystem

    monkeypatch.setenv("SHOP_AZURE", azure_connection(server))
    filesystem = AzureBlobFileSystem(connection_string=azure_connection(server), skip_instance_cache=True)
    return Store(filesystem, f"abfs://{name}", {"connection_string": "${SHOP_AZURE}"})


CSV = b"id,name\n1,mug\n2,cup\n"


def parquet() -> bytes:
    out = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"id": [1, 2], "name": ["mug", "cup"]}), out)
    return out.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("suffix", "content"), [("csv", CSV), ("csv.gz", gzip.compress(CSV)), ("parquet", parquet())]
)
def test_files_that_match_are_read(store: Store, suffix: str, content: bytes) -> None:
    store.put(f"orders/2024/1.{suffix}", content)
    store.put(f"returns/1.{suffix}", content)
    connector = orders(f"{store.address}/orders/*/*.{suffix}", options=store.options)
    [batch] = connector.batches(None)
    assert (batch.origin, ids([batch])) == (f"{store.address}/orders/2024/1.{suffix}", [[1, 2]])
    store.put(f"orders/2025/1.{suffix}", content)
    assert connector.pending(batch.cursor) == [f"{store.address}/orders/2025/1.{suffix}"]
    assert ids(list(connector.batches(batch.cursor))) == [[1, 2]]


def test_a_rewritten_file_is_an_error_and_a_copied_one_is_not(store: Store) -> None:
    store.put("1.csv", b"id,name\n1,mug\n")
    connector = orders(f"{store.address}/*.csv", options=store.options)
    [batch] = connector.batches(None)
    store.put("1.csv", b"id,name\n1,mug\n")
    assert connector.pending(batch.cursor) == []
    store.put("1.csv", b"id,name\n1,jug\n")
    with pytest.raises(DataError, match=r"1\.csv: was rewritten after it was read"):
        connector.pending(batch.cursor)


class InStore(Folder):
    """A folder whose files go to a store."""

    def __init__(self, folder: Path, store: Store) -> None:
        super().__init__(folder, "csv")
        self.store = store

    @property
    def reader(self) -> Files:
        return Files(f"{self.store.address}/*.csv", options=self.store.options)

    def add(self, rows: Rows) -> None:
        WRITERS["csv"](rows, file := self._next())
        self.store.put(file.name, file.read_bytes())

    def spoil(self) -> bool:
        self.store.put(self._next().name, SPOILT["csv"].encode())
        return True


class TestFilesInStores(ConnectorTests):
    @pytest.fixture
    def outside(self, store: Store, tmp_path: Path) -> InStore:
        return InStore(tmp_path, store)
