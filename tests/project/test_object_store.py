"""A project whose tables are on an object store, also one that fails half way."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.ingest.cloud_stores import AZURE_ACCOUNT, AZURE_KEY, azure_connection
from tests.ingest.object_store import KEYS, s3_server
from tests.ingest.wire import Wire, wire_to

from asof.project import Project
from asof.storage.fingerprint import fingerprint

AT_ONCE = {"AWS_MAX_ATTEMPTS": "1"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(server: str) -> str:
    return made_bucket(server)


def made_bucket(server: str) -> str:
    name = f"asof-{uuid.uuid4().hex}"
    client(server).create_bucket(Bucket=name)
    return name


def client(address: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name=KEYS["AWS_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )


def on_store(folder: Path, address: str, bucket: str) -> Path:
    """The project with its tables in a bucket of S3."""
    options = KEYS | {"AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true", "max_retries": "0"}
    return stored_at(f"s3://{bucket}/store", options, folder)


def on_azure(folder: Path, address: str) -> Path:
    """The project with its tables in a new container of Azurite."""
    from adlfs import AzureBlobFileSystem

    name = f"asof-{uuid.uuid4().hex}"
    AzureBlobFileSystem(connection_string=azure_connection(address), skip_instance_cache=True).mkdir(name)
    options = {
        "azure_storage_use_emulator": "true",
        "account_name": AZURE_ACCOUNT,
        "account_key": AZURE_KEY,
        "allow_http": "true",
    }
    return stored_at(f"abfs://{name}/store", options, folder)


def stored_at(storage: str, options: dict[str, str], folder: Path) -> Path:
    """The project with its tables at an address, its catalogue and online store on disk."""
    lines = [
        'name = "shop"',
        'definitions = "definitions.py"',
        f'storage = "{storage}"',
        'catalogue = "sqlite:///catalogue.db"',
        'online = "online"',
        "[storage_options]",
        *(f'{name} = "{value}"' for name, value in options.items()),
    ]
    (folder / "asof.toml").write_text("\n".join(lines) + "\n")
    return folder


def life(folder: Path) -> dict[str, Any]:
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        built = project.build_training_set("churn")
        tables = {
            table: project.workspace.read(table).num_rows for table in ("raw/orders", "quarantine/orders")
        }
        return tables | {"fingerprint": built.version.manifest["fingerprint"]}


@pytest.mark.slow
def test_a_project_on_an_object_store_is_as_one_on_disk(
    tmp_path: Path, make_shop: Callable[[Path], Path], server: str, bucket: str
) -> None:
    here = life(make_shop(tmp_path / "here"))
    assert life(on_store(make_shop(tmp_path / "there"), server, bucket)) == here


@pytest.mark.slow
@pytest.mark.xdist_group("cloud-stores")
def test_a_project_on_azure_is_as_one_on_disk(
    tmp_path: Path, make_shop: Callable[[Path], Path], azure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", azure)
    here = life(make_shop(tmp_path / "here"))
    assert life(on_azure(make_shop(tmp_path / "there"), azure)) == here


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "asof", *arguments, "--project", str(folder)],
        env=os.environ | AT_ONCE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stderr


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every table, but for the runs that are named in it."""
    found = {}
    with Project.open(str(folder)) as project:
        for version in project.tables():
            if not version.table.startswith("online/"):
                rows = project.workspace.read(version.table)
                rows = rows.drop_columns([name for name in ("run",) if name in rows.column_names])
                found[version.table] = (rows.num_rows, fingerprint(rows))
    return found


@pytest.fixture
def wire(server: str) -> Iterator[Wire]:
    with wire_to(server) as wire:
        yield wire


@pytest.fixture(scope="module")
def traffic(
    server: str, make_shop: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, tuple[int, str]], int]:
    """The tables of an undisturbed run, and how many bytes it moves."""
    folder = tmp_path_factory.mktemp("undisturbed")
    bucket = made_bucket(server)
    with wire_to(server) as wire:
        there = on_store(make_shop(folder / "there"), wire.address, bucket)
        assert command(there, "apply") == (0, "")
        before = wire.carried
        assert command(there, "run")[0] == 0
        moved = wire.carried - before
    return contents(on_store(there, server, bucket)), moved


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "busy"), [(0, False), (0.15, True), (0.4, False), (0.65, True), (0.9, False)]
)
def test_a_store_that_is_cut_off_half_way_leaves_nothing_half_written(
    tmp_path: Path,
    make_shop: Callable[[Path], Path],
    server: str,
    bucket: str,
    wire: Wire,
    traffic: tuple[dict[str, tuple[int, str]], int],
    share: float,
    busy: bool,
) -> None:
    expected, moved = traffic
    folder = on_store(make_shop(tmp_path / "there"), wire.address, bucket)
    assert command(folder, "apply") == (0, "")
    wire.cut_after(round(share * moved), busy=busy)
    code, err = command(folder, "run")
    assert wire.is_cut
    assert code == 1, err
    assert err.startswith(f"error: lost the storage at s3://{bucket}/store: ")
    assert err.endswith("; run again when it is there\n")
    committed = contents(on_store(folder, server, bucket))
    assert len(committed) < len(expected)
    committed.pop("quarantine/orders", None)  # of two stages
    assert committed.items() <= expected.items()
    assert command(folder, "run")[0] == 0
    assert contents(folder) == expected


LINES = 200_000


@pytest.fixture(scope="module")
def big() -> bytes:
    """A file of which several blocks are fetched, packed or not."""
    dice = random.Random(7)
    lines = (f"{number},{dice.randbytes(40).hex()}\n" for number in range(LINES))
    return ("id,name\n" + "".join(lines)).encode()


SOURCE = """
from asof import *

orders = Source(
    "orders",
    reader=Files(
        "s3://{bucket}/in/*",
        format="csv",
        options={{"key": "asof", "secret": "secret", "endpoint_url": "{address}"}},
    ),
    schema={{"id": Int64, "name": String}},
    known_since="2024-01-01",
)
"""


def reading(folder: Path, address: str, bucket: str) -> Path:
    """A project on disk with a source in a bucket."""
    folder.mkdir()
    (folder / "asof.toml").write_text('definitions = "definitions.py"\nmemory = "64 MB"\n')
    (folder / "definitions.py").write_text(SOURCE.format(address=address, bucket=bucket))
    assert command(folder, "apply") == (0, "")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("packed", "share", "busy"),
    [(False, 0, False), (False, 0.9, True), (True, 0.3, False), (True, 0.9, True)],
)
def test_a_source_that_is_cut_off_half_way_goes_on_where_it_was(
    tmp_path: Path, server: str, bucket: str, wire: Wire, big: bytes, share: float, busy: bool, packed: bool
) -> None:
    name, body = ("big.csv.gz", gzip.compress(big, 1, mtime=0)) if packed else ("big.csv", big)
    client(server).put_object(Bucket=bucket, Key=f"in/{name}", Body=body)
    folder = reading(tmp_path / "cut", wire.address, bucket)
    wire.cut_after(round(share * len(body)), busy=busy)
    code, err = command(folder, "run")
    assert wire.is_cut
    assert code == 1, err
    assert err.startswith(f"error: source 'orders': s3://{bucket}/in/")
    assert "can't be read: " in err
    assert "broken" not in err
    wire.mend()
    assert command(folder, "run")[0] == 0
    with Project.open(str(folder)) as project:
        rows = project.workspace.read("raw/orders")
        assert rows.num_rows == LINES
        steps = [step for run in project.runs() for step in project.steps(run.id)]
        assert sum(step.rows_read for step in steps if step.name == "ingest orders") == LINES
        assert rows["id"].to_pylist() == rows["_sequence"].to_pylist() == list(range(LINES))
