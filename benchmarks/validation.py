"""Ten expectations and the statistics of all columns, beside Great Expectations and beside the ingestion.

The same rows and expectations: ours from Arrow in memory, Great Expectations' from pandas, with its import
and the data frame not counted. Verdicts and counts are compared before a figure is printed. What the ten
cost is also shown where they are held in practice: in a run that takes the rows in from CSV, keeps the
statistics of all columns and commits the tables, with the ten and without them. Each side runs in a fresh
process: medians of three calls after a first one; a single call, after a first one, of whole runs, and of
Great Expectations after its import.

    python benchmarks/validation.py --rows 5_000_000
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from child import RUNS, Measured, in_child, measured, timed

from asof.features.expectations import Expectation, between, expect, matches, not_null, one_of, row_count
from asof.features.readers import Files
from asof.features.source import Source
from asof.project import Project
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
DEFINITIONS = """
from asof import *
from validation import SCHEMA, TEN

orders = Source(
    "orders",
    reader=Files({file!r}),
    schema=SCHEMA,
    event_time="ordered_at",
    expect={rules},
)
"""


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
    """The rows as Arrow and as CSV, and projects that take them in."""
    table = orders(rows)
    with pa.ipc.new_file(str(folder / "orders.arrow"), table.schema) as file:
        file.write_table(table, max_chunksize=PART)
    csv.write_csv(table, folder / "orders.csv")
    for project, rules in (("with", "TEN"), ("without", "()")):
        (folder / project).mkdir()
        (folder / project / "asof.toml").write_text('definitions = "definitions.py"\n')
        definitions = DEFINITIONS.format(file=str(folder / "orders.csv"), rules=rules)
        (folder / project / "definitions.py").write_text(definitions)


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


def taken_in(folder: Path, project: str) -> None:
    """A run that takes the rows in, from nothing to the clean table with its statistics."""
    shutil.rmtree(folder / project / "store", ignore_errors=True)
    with Project.open(str(folder / project)) as opened:
        opened.apply()
        opened.run()


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


def timed_ours(folder: Path) -> tuple[Measured, dict[str, tuple[Any, ...]]]:
    """Our ten with the statistics, and their verdicts."""
    took, outcomes = timed(ours, folder, TEN, runs=RUNS + 1)
    return took, verdicts([outcome.to_json() for outcome in outcomes])


def timed_theirs(folder: Path) -> tuple[Measured, dict[str, tuple[Any, ...]]]:
    """The ten of Great Expectations, which is imported and has its data frame, and their verdicts."""
    batch_of_great_expectations(folder)
    took, outcomes = timed(theirs, folder, runs=1)
    return took, verdicts(outcomes)


@dataclass(frozen=True)
class Cost:
    """Seconds, those of the processor, and bytes."""

    wall: float
    processor: float
    peak: int = 0

    @classmethod
    def of(cls, took: Measured) -> Cost:
        """The medians of all runs but the first, which imports, reads and compiles; of one that one."""
        wall, processor = (statistics.median(t[1:] or t) for t in (took.seconds, took.processor))
        return cls(wall, processor, took.peak)

    def less(self, other: Cost) -> Cost:
        return Cost(self.wall - other.wall, self.processor - other.processor)


def show(costs: dict[str, Cost], beside: str) -> None:
    """Print costs, and each beside one of them."""
    print(f"{'':<42}{'wall':>9}{'processor':>11}{'wall':>8}{'processor':>11}{'peak':>11}")
    for name, cost in costs.items():
        wall, processor = cost.wall / costs[beside].wall, cost.processor / costs[beside].processor
        peak = f"{cost.peak / 1e6:8,.0f} MB" if cost.peak else ""
        print(f"{name:<42}{cost.wall:7.2f} s{cost.processor:9.2f} s{wall:8.2f}{processor:11.2f}{peak}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_child(make, folder, given.rows)
        mine, one = in_child(timed_ours, folder)
        theirs_, other = in_child(timed_theirs, folder)
        if one != other:
            raise AssertionError(f"verdicts differ:\n{one}\n{other}")
        alone = measured(ours, folder, (), runs=RUNS + 1)
        runs = [Cost.of(measured(taken_in, folder, name, runs=2)) for name in ("with", "without")]
    print(f"{given.rows:,} rows, {len(TEN)} expectations\n")
    costs = {"ten and statistics": Cost.of(mine), "statistics alone": Cost.of(alone)}
    show(costs | {"Great Expectations": Cost.of(theirs_)}, "ten and statistics")
    print()
    with_ten, without = runs
    ingestion = {"ingestion and statistics": without, "ingestion, statistics and the ten": with_ten}
    more = {
        "the ten on top, in the run": with_ten.less(without),
        "the ten on top, in memory": costs["ten and statistics"].less(costs["statistics alone"]),
    }
    show(ingestion | more, "ingestion and statistics")


if __name__ == "__main__":
    main()
