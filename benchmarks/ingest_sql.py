"""Rows of a PostgreSQL table into a committed table, beside a bare fetch through ADBC into a Parquet file.

Both read one snapshot of the same table in a fresh process; ours in the order of the cursor column,
which is indexed, typed exactly, with accounting, quarantine and the cursor in one commit with the rows.

    ASOF_TEST_POSTGRES=postgresql+psycopg://user@host:5432/database python benchmarks/ingest_sql.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa
from child import Measured, in_child, measured

from asof.features.source import Source
from asof.project import Project
from asof.runs.run import recorded
from asof.steps.ingest import ingest

TABLE = "asof_benchmark_orders"
DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Sql("{address}", table="{table}", cursor="updated_at", overlap="1h"),
    schema={{
        "id": Int64, "customer_id": Int64, "product": String, "quantity": Int32, "amount": Decimal(10, 2),
        "discount": Float64, "returned": Bool, "updated_at": Timestamp,
    }},
    event_time="updated_at",
)
"""
MADE = f"""
SELECT setseed(0.5);
CREATE TABLE {TABLE} AS SELECT
    i::bigint AS id, (random() * 100000)::bigint AS customer_id,
    'product ' || (random() * 5000)::int AS product, (random() * 20)::int AS quantity,
    (random() * 1000)::numeric(10, 2) AS amount, random() AS discount, random() < 0.1 AS returned,
    timestamptz '2024-01-01' + i * interval '15 seconds' AS updated_at
FROM generate_series(1, {{rows}}) i;
ALTER TABLE {TABLE} ADD PRIMARY KEY (id);
CREATE INDEX ON {TABLE} (updated_at);
ANALYZE {TABLE}
"""


def make(server: str, rows: int) -> None:
    drop(server)
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        for command in MADE.format(rows=rows).split(";"):
            connection.exec_driver_sql(command, execution_options={"no_parameters": True})
    engine.dispose()


def drop(server: str) -> None:
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {TABLE}")
    engine.dispose()


def fetch(address: str, file: str) -> None:
    """The least that can be done: fetch the rows as Arrow, and write them."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE}")
        with cursor.fetch_record_batch() as rows, pq.ParquetWriter(file, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)


def take_in(folder: str, rows: int) -> None:
    """Bring the raw table of a new project up to date."""
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        (Path(fresh) / "asof.toml").write_text(
            f'name = "shop"\ndefinitions = "{folder}/definitions.py"\nmemory = "512MB"\n'
        )
        with Project.open(fresh) as project:
            project.apply()
            node = next(node for node in project.definitions.tables if node.name == "raw/orders")
            assert isinstance(node.of, Source)
            with recorded(
                project.workspace, project.definitions, project.engine, lambda line: None
            ) as context:
                step = ingest(context, node, node.of)
    assert (step.rows_read, step.rows_written) == (rows, rows), step


def report(name: str, took: Measured, to: Measured) -> None:
    ratio, of_processor = took.median / to.median, took.median_processor / to.median_processor
    processor = f"(processor {took.median_processor:5.2f} s, {of_processor:4.2f})"
    print(f"{name:28} {took.median:6.2f} s  {ratio:5.2f}  {processor}  {took.peak / 1e6:6,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows = parser.parse_args().rows
    server = os.environ.get("ASOF_TEST_POSTGRES")
    if server is None:
        print("needs a PostgreSQL server: ASOF_TEST_POSTGRES=postgresql+psycopg://...")
        return
    address = server.replace("+psycopg", "")
    in_child(make, server, rows)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "definitions.py").write_text(DEFINITIONS.format(address=address, table=TABLE))
        bare = measured(fetch, address, f"{folder}/bare.parquet")
        ours = measured(take_in, folder, rows)
    in_child(drop, server)
    report("bare ADBC fetch and Parquet", bare, bare)
    report("Asof, to a committed table", ours, bare)


if __name__ == "__main__":
    main()
