"""Publishing 1 M entities x 8 features: LMDB beside bare puts in key order, Redis beside its raw protocol.

The bare sides are given rows that are packed and sorted already. Ours sorts the table, keeps the newest
row of each key, packs keys and rows, and turns the view over at the end. Each side runs in a fresh
process; the first of its calls, which also loads the rows, does not count.

    python benchmarks/online_stores.py --rows 1_000_000
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from child import Measured, in_child, measured

from asof.storage.online.lmdb import LmdbStore
from asof.storage.online.packing import Item, packing_of, planned
from asof.storage.online.redis import RedisStore
from asof.storage.online.store import OnlineStore, newest, typed

NOW = datetime(2024, 1, 1, tzinfo=UTC)
RUNS = 4
LMDB_ROWS, REDIS_ROWS = 50_000, 1_000


def prepare(folder: Path, rows: int) -> None:
    random = np.random.default_rng(1)
    features = {
        **{f"amount_{n}": random.random(rows) for n in range(4)},
        **{f"count_{n}": random.integers(0, 10_000, rows) for n in range(2)},
        "country": random.choice(["DE", "FR", "IT"], rows),
        "active": random.random(rows) < 0.5,
    }
    times = pa.array(random.integers(0, 10**15, rows)).cast(pa.timestamp("us", "UTC"))
    table = pa.table({"id": random.permutation(rows), "_event_time": times, **features})
    pq.write_table(table, folder / "rows.parquet")


@cache
def given(folder: Path) -> pa.Table:
    return pq.read_table(folder / "rows.parquet")


@cache
def packed(folder: Path) -> list[Item]:
    table = typed(given(folder))
    return packing_of(planned("spend", ["id"], table, 1, NOW)).items(newest(table, ["id"]))


def some_of(items: list[Item], count: int) -> Iterator[list[Item]]:
    return (items[at : at + count] for at in range(0, len(items), count))


def publish(store: OnlineStore, rows: pa.Table) -> None:
    with store:
        store.publish("spend", ["id"], rows, version=1, as_of=NOW)


def lmdb_asof(folder: Path) -> None:
    rows = given(folder)
    shutil.rmtree(folder / "lmdb", ignore_errors=True)
    publish(LmdbStore(folder / "lmdb"), rows)


def lmdb_bare(folder: Path) -> None:
    items = packed(folder)
    shutil.rmtree(folder / "lmdb", ignore_errors=True)
    with lmdb.open(str(folder / "lmdb"), map_size=4 << 30) as environment:
        for some in some_of(items, LMDB_ROWS):
            with environment.begin(write=True) as transaction:
                transaction.cursor().putmulti(some, append=True)


def redis_asof(folder: Path, port: int) -> None:
    publish(RedisStore(f"redis://127.0.0.1:{port}"), given(folder))


def redis_raw(folder: Path, port: int) -> None:
    items = packed(folder)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"*1\r\n$8\r\nFLUSHALL\r\n")
        connection.recv(64)
        for some in some_of(items, REDIS_ROWS):
            head = b"*%d\r\n$4\r\nHSET\r\n$5\r\nspend\r\n" % (2 + 2 * len(some))
            parts = [b"$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(k), k, len(row), row) for k, row in some]
            connection.sendall(head + b"".join(parts))
            connection.recv(64)


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    options = ["--port", str(port), "--save", "", "--logfile", "log"]
    process = subprocess.Popen(["redis-server", *options], cwd=folder)
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            pass


def same_rows(folder: Path, port: int) -> None:
    """Both stores have all rows, and those of a scan are equal."""
    with LmdbStore(folder / "lmdb") as one, RedisStore(f"redis://127.0.0.1:{port}") as other:
        rows = one.scan("spend")
        assert rows.num_rows == given(folder).num_rows
        assert rows.equals(other.scan("spend"))


def report(rows: int, taken: dict[str, Measured]) -> None:
    print(f"{'':22} {'rows/s':>10} {'seconds':>8} {'processor':>9} {'peak MB':>8}")
    for name, one in taken.items():
        rate = rows / one.median
        print(f"{name:22} {rate:10,.0f} {one.median:8.2f} {one.median_processor:9.2f} {one.peak / 1e6:8,.0f}")
    seconds = {name: one.median for name, one in taken.items()}
    print(f"LMDB, rate to bare puts:         {seconds['LMDB, bare puts'] / seconds['LMDB, Asof']:.2f}")
    print(f"Redis, rate to the raw protocol: {seconds['Redis, raw protocol'] / seconds['Redis, Asof']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as port:
        folder = Path(name)
        in_child(prepare, folder, rows)
        taken = {
            "LMDB, bare puts": measured(lmdb_bare, folder, runs=RUNS),
            "LMDB, Asof": measured(lmdb_asof, folder, runs=RUNS),
            "Redis, raw protocol": measured(redis_raw, folder, port, runs=RUNS),
            "Redis, Asof": measured(redis_asof, folder, port, runs=RUNS),
        }
        in_child(same_rows, folder, port)
        report(rows, taken)


if __name__ == "__main__":
    main()
