"""What datasets are called, by OpenLineage's rules: a namespace, which is the data's place, and a name in it.

Data that has no place outside the project (what was pushed, what a function yields) is in the project's own
namespace, which is also that of its jobs.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from asof.features.readers.debezium import Debezium
from asof.features.readers.delta import Delta
from asof.features.readers.files import Files
from asof.features.readers.iceberg import Iceberg
from asof.features.readers.kafka import Kafka
from asof.features.readers.reader import Reader
from asof.features.readers.sql import Sql
from asof.transforms.query_lineage import tables_of

_PORTS = {"postgres": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521}
_SCHEMES = {"postgresql": "postgres", "mariadb": "mysql"}


class Dataset(NamedTuple):
    """A dataset by where it is and how it is called there."""

    namespace: str
    name: str


def located(address: str, folder: Path = Path("/")) -> Dataset:
    """The data at a path, which may be relative to `folder`, or at the URL of an object store.

    >>> located("s3://shop/store/raw/orders")
    Dataset(namespace='s3://shop', name='store/raw/orders')
    >>> located("data/orders-*.csv", Path("/srv/shop"))
    Dataset(namespace='file', name='/srv/shop/data/orders-*.csv')
    """
    if "://" not in address:
        return Dataset("file", (folder / address).as_posix())
    url = urlsplit(address)
    if url.scheme == "file":
        return Dataset("file", url.path)
    return Dataset(f"{url.scheme}://{_host(url)}", url.path.lstrip("/") or "/")


def sources_of(reader: Reader, name: str, project: str, folder: Path) -> list[Dataset]:
    """What a reader reads, that of the source `name`."""
    match reader:
        case Files():
            return [located(pattern, folder) for pattern in reader.patterns]
        case Delta():
            return [located(reader.address, folder)]
        case Sql() if "://" in reader.address:
            return [_table(reader.address, table, folder) for table in tables_of(reader)]
        case Kafka():
            return [Dataset(f"kafka://{reader.brokers.partition(',')[0]}", reader.topic)]
        case Debezium():
            return sources_of(reader.reader, name, project, folder)
        case Iceberg() if "://" in dict(reader.catalog).get("uri", ""):
            return [Dataset(located(dict(reader.catalog)["uri"]).namespace, reader.table)]
    return [Dataset(project, f"{type(reader).__name__.lower()}/{name}")]


def _table(address: str, table: str, folder: Path) -> Dataset:
    """A table of a database; one of PostgreSQL is in a schema, by default "public"."""
    url = urlsplit(address)
    kind = url.scheme.partition("+")[0]
    scheme, path = _SCHEMES.get(kind, kind), url.path.removeprefix("/")
    if not url.netloc:
        return Dataset(f"{scheme}:{(folder / path).as_posix()}", table)
    schema = "public." if scheme == "postgres" and "." not in table else ""
    return Dataset(f"{scheme}://{_host(url, _PORTS.get(scheme))}", f"{path}.{schema}{table}")


def _host(url: SplitResult, port: int | None = None) -> str:
    """Host and port, without user and password; a bucket as it is."""
    host = url.netloc.rpartition("@")[2] if url.scheme not in ("abfs", "abfss") else url.netloc
    return f"{host}:{port}" if port and ":" not in host else host
