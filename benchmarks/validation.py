"""Ten expectations and the statistics of all columns over rows in memory, beside Great Expectations.

The same rows and expectations: ours from Arrow, Great Expectations' from pandas, with its import and the
data frame not counted. Verdicts and counts are compared before a figure is printed. What they cost is
also given as a share of bringing the rows in: DuckDB's bare CSV to Parquet, with the schema given.
Each side runs in a fresh process. Medians of three runs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from child import RUNS, Measured, in_child, measured

from asof.features.expectations import Expectation, between, expect, matches, not_null, one_of, row_count
from asof.features.readers import Files
from asof.features.source import Source
from asof.transforms.validation.check import Subject, check
from asof.transforms.validation.hold import row_rules
from asof.transforms.validation.outcomes import Outcome
from asof.transforms.validation.profile import Profile, merged, profile
from asof.transforms.validation.versions import Version

PART = 1_000_000
COUNTRIES = ["France", "Germany", "Spain", "Italy", "Ireland"]
TEN = (
    not_null("order_id"),
    not_null("customer_id", mostly=0.99),
    between("amount", 0, 400, on_fail="warn"),
    between("quantity", 1, 100),
    one_of("country", COUNTRIES[:4], mostly=0.9, on_fail="warn"),
    matches("code", "^[A-Z]{2}-[0-9]+$"),
    expect("expect_column_value_lengths_to_be_between", column="code", min_value=4, max_value=12),
    expect("expect_column_mean_to_be_between", column="amount", min_value=10, max_value=60),
    expect("expect_column_max_to_be_between", column="quantity", max_value=100),
    row_count(low=1),
)
SCHEMA = {
    "order_id": "int64",
    "customer_id": "int64",
    "amount": "float64",
    "quantity": "int64",
    "country": "string",
    "code": "string",
    "ordered_at": "timestamp",
}
SQL = {"int64": "BIGINT", "float64": "DOUBLE", "string": "VARCHAR", "timestamp": "TIMESTAMPTZ"}


def orders(rows: int) -> pa.Table:
    """Made-up orders, some of which break some of the ten."""
    generator = np.random.default_rng(1)
    customers = generator.integers(0, 200_000, rows)
    codes = np.char.add(
        np.array(["AB-", "CD-", "EF-"])[generator.integers(0, 3, rows)],
        generator.integers(1_000, 99_999, rows).astype("U5"),
    )
    seconds = 1_700_000_000 + np.sort(generator.integers(0, 10_000_000, rows))
    return pa.table(
        {
            "order_id": np.arange(rows),
            "customer_id": pa.array(customers, mask=customers == 7),
            "amount": np.round(generator.exponential(30.0, rows), 2),
            "quantity": generator.integers(1, 50, rows),
            "country": pa.array(COUNTRIES).take(pa.array(generator.integers(0, 5, rows))),
            "code": pa.array(codes, pa.string()),
            "ordered_at": pa.array(seconds * 1_000_000).cast(pa.timestamp("us", "UTC")),
        }
    )


def make(folder: Path, rows: int) -> None:
    """The rows as Arrow and as CSV."""
    table = orders(rows)
    with pa.ipc.new_file(str(folder / "orders.arrow"), table.schema) as file:
        file.write_table(table, max_chunksize=PART)
    csv.write_csv(table, folder / "orders.csv")


@cache
def rows_in_memory(folder: Path) -> pa.Table:
    """The rows, read once and then kept."""
    return pa.ipc.open_file(str(folder / "orders.arrow")).read_all()


def ours(folder: Path, rules: tuple[Expectation, ...]) -> list[Outcome]:
    """Statistics of all columns and the outcomes of `rules`, part by part and then merged."""
    source = Source(
        "orders", reader=Files("orders.csv"), schema=SCHEMA, event_time="ordered_at", expect=rules
    )
    rows = rows_in_memory(folder)
    parts = [profile(rows.slice(first, PART), source) for first in range(0, rows.num_rows, PART)]
    return check(subject(source, rows, merged(parts)))


def subject(source: Source, rows: pa.Table, known: Profile) -> Subject:
    """The rows as a table that has no versions before it."""
    return Subject(
        source=source,
        version=Version(rows.num_rows, 1, known.statistics),
        counts=dict(zip(row_rules(source), known.counts, strict=True)),
        read=lambda columns: rows.select(list(columns)).to_reader(),
        others=lambda _, column: rows.select([column]).to_reader(),
        past=(),
        now=datetime.now(UTC),
    )


@cache
def batch_of_great_expectations(folder: Path) -> Any:
    """The rows as a batch of Great Expectations on pandas."""
    import great_expectations

    context: Any = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("orders")
    frame = rows_in_memory(folder).to_pandas()
    return asset.add_batch_definition_whole_dataframe("orders").get_batch({"dataframe": frame})


def theirs(folder: Path) -> list[dict[str, Any]]:
    """The outcomes of the ten by Great Expectations, as JSON data."""
    import great_expectations
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from asof.features.expectations.arguments import as_json

    own = [ExpectationConfiguration(type=r.kind, kwargs=as_json(r.arguments)).to_domain_obj() for r in TEN]  # type: ignore[arg-type]
    suite = great_expectations.ExpectationSuite("orders", expectations=own)
    found = batch_of_great_expectations(folder).validate(suite).to_json_dict()
    return list(found["results"])


def ingested(folder: Path) -> None:
    """DuckDB's bare CSV to Parquet, which validation comes on top of."""
    columns = {name: SQL[dtype] for name, dtype in SCHEMA.items()}
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.read_csv(str(folder / "orders.csv"), columns=columns, header=True).write_parquet(
            str(folder / "ingested.parquet")
        )


def verdicts(found: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """What must agree, by expectation."""
    return {
        f"{each['expectation_config']['type']} {each['expectation_config']['kwargs'].get('column')}": (
            each["success"],
            each["result"].get("unexpected_count"),
            round(float(each["result"].get("observed_value", 0)), 6),
        )
        for each in found
    }


def our_verdicts(folder: Path) -> dict[str, tuple[Any, ...]]:
    return verdicts([outcome.to_json() for outcome in ours(folder, TEN)])


def their_verdicts(folder: Path) -> dict[str, tuple[Any, ...]]:
    return verdicts(theirs(folder))


def after_first(times: list[float]) -> float:
    """The median of all runs but the first, which imports, reads and compiles."""
    return statistics.median(times[1:])


def show(figures: dict[str, Measured]) -> None:
    """Print the figures, and processor times beside ours and beside the ingestion."""
    wall = {name: after_first(call.seconds) for name, call in figures.items()}
    spent = {name: after_first(call.processor) for name, call in figures.items()}
    mine, base = spent["ten and statistics"], spent["CSV to Parquet"]
    print(f"{'':<24}{'wall':>9}{'processor':>11}{'to ours':>10}{'to ingestion':>14}{'peak':>11}")
    for name, call in figures.items():
        print(
            f"{name:<24}{wall[name]:7.2f} s{spent[name]:9.2f} s{spent[name] / mine:10.1f}"
            f"{spent[name] / base:14.0%}{call.peak / 1e6:8,.0f} MB"
        )
    more = mine - spent["statistics alone"]
    print(f"{'ten on top of statistics':<24}{'':>9}{more:9.2f} s{more / mine:10.1f}{more / base:14.0%}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_child(make, folder, given.rows)
        one, other = in_child(our_verdicts, folder), in_child(their_verdicts, folder)
        if one != other:
            raise AssertionError(f"verdicts differ:\n{one}\n{other}")
        print(f"{given.rows:,} rows, {len(TEN)} expectations\n")
        show(
            {
                "ten and statistics": measured(ours, folder, TEN, runs=RUNS + 1),
                "statistics alone": measured(ours, folder, (), runs=RUNS + 1),
                "Great Expectations": measured(theirs, folder, runs=RUNS + 1),
                "CSV to Parquet": measured(ingested, folder, runs=RUNS + 1),
            }
        )


if __name__ == "__main__":
    main()
