"""Orders from a CSV file, and from JSON lines, into a committed table, beside DuckDB's bare copy to Parquet.

DuckDB gets the schema, and writes a file. Ours counts every row, types exactly, would set faulty rows
aside, keeps statistics of every column, and commits the rows with the cursor, a million at a time. Each
side runs in a fresh process, from a file in the system's cache; rows and sums are compared.

    python benchmarks/ingest.py --csv 5_000_000 --json 2_000_000
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
from child import Measured, in_child, measured
from data import order_rows

from asof.features.source import Source
from asof.project import Project
from asof.runs.run import recorded
from asof.steps.ingest import ingest

THREADS = 2
COLUMNS = {
    "order_id": "BIGINT",
    "customer_id": "BIGINT",
    "sku": "VARCHAR",
    "quantity": "INTEGER",
    "amount": "DECIMAL(12,2)",
    "country": "VARCHAR",
    "ordered_at": "TIMESTAMP",
}
DEFINITIONS = """
from asof import *

orders = Source(
    "orders",
    reader=Files({file!r}),
    schema={{
        "order_id": Int64, "customer_id": Int64, "sku": String, "quantity": Int32,
        "amount": Decimal(12, 2), "country": String, "ordered_at": Timestamp,
    }},
    event_time="ordered_at",
)
"""


def prepare(folder: Path, csv: int, json: int) -> None:
    with pacsv.CSVWriter(folder / "orders.csv", next(order_rows(1)).schema) as writer:
        for batch in order_rows(csv):
            writer.write_batch(batch)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute("SET enable_progress_bar = false")
        rows = f"SELECT * FROM read_csv('{folder}/orders.csv', columns={COLUMNS}, header=true) LIMIT {json}"
        written = rows.replace("*", "* REPLACE (strftime(ordered_at, '%Y-%m-%dT%H:%M:%S') AS ordered_at)")
        connection.sql(f"COPY ({written}) TO '{folder}/orders.jsonl' (FORMAT json)")
    for file in ("orders.csv", "orders.jsonl"):
        _make_project(folder, file)


def _make_project(folder: Path, file: str) -> None:
    project = folder / file.replace(".", "-")
    project.mkdir()
    (project / "asof.toml").write_text('definitions = "definitions.py"\n')
    (project / "definitions.py").write_text(DEFINITIONS.format(file=str(folder / file)))


def asof(folder: Path, file: str) -> None:
    """The source's step of a run."""
    project_folder = folder / file.replace(".", "-")
    shutil.rmtree(project_folder / "store", ignore_errors=True)
    with Project.open(str(project_folder)) as project:
        project.apply()
        source = project.definitions.named(Source, "orders")
        node = next(node for node in project.definitions.tables if node.name == "raw/orders")
        with recorded(project.workspace, project.definitions, project.engine, lambda line: None) as context:
            context.workspace.catalogue.record_step(ingest(context, node, source))


def duckdb_copy(folder: Path, file: str) -> None:
    reader = "read_csv" if file.endswith("csv") else "read_json"
    option = "header=true" if file.endswith("csv") else "format='newline_delimited'"
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute("SET enable_progress_bar = false")
        rows = f"SELECT * FROM {reader}('{folder / file}', {option}, columns={COLUMNS})"
        connection.sql(f"COPY ({rows}) TO '{folder / file}.parquet'")


def totals_of_asof(folder: Path, file: str) -> tuple[object, ...]:
    with Project.open(str(folder / file.replace(".", "-"))) as project:
        rows = project.workspace.read("raw/orders")
    return _totals(rows)


def totals_of_duckdb(folder: Path, file: str) -> tuple[object, ...]:
    with duckdb.connect() as connection:
        return _totals(connection.sql(f"SELECT * FROM '{folder / file}.parquet'").to_arrow_table())


def _totals(rows: pa.Table) -> tuple[object, ...]:
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT count(*), sum(order_id), sum(customer_id), sum(quantity), sum(amount), min(sku),"
            " max(sku), count(DISTINCT country), min(epoch_us(ordered_at)),"
            " max(epoch_us(ordered_at)) FROM rows"
        ).fetchone()
    return tuple(found or ())


def compare(folder: Path, file: str, rows: int) -> None:
    sides: list[tuple[str, Callable[[Path, str], None]]] = [("asof", asof), ("duckdb", duckdb_copy)]
    found = {name: measured(side, folder, file) for name, side in sides}
    assert in_child(totals_of_asof, folder, file) == in_child(totals_of_duckdb, folder, file)
    print(f"{file}: {rows:,} rows, {(folder / file).stat().st_size / 1e6:,.0f} MB")
    _show("Asof: rows committed", found["asof"], found["duckdb"])
    _show("DuckDB: copy to Parquet", found["duckdb"], found["duckdb"])


def _show(what: str, took: Measured, bare: Measured) -> None:
    print(
        f"  {what:26} {took.median:6.2f} s  {took.median / bare.median:5.2f} times DuckDB"
        f"  (processor {took.median_processor:5.2f} s, {took.median_processor / bare.median_processor:4.2f})"
        f"  {took.peak / 1e6:6,.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--csv", type=int, default=1_000_000, help="rows of the CSV file")
    parser.add_argument("--json", type=int, default=400_000, help="rows of the JSON lines")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        in_child(prepare, Path(folder), given.csv, given.json)
        compare(Path(folder), "orders.csv", given.csv)
        compare(Path(folder), "orders.jsonl", given.json)


if __name__ == "__main__":
    main()
