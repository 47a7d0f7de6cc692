"""The point-in-time join of `point_in_time.py` on each engine, and on Spark by row_number.

The same rows and labels, laid out in tables, joined bucket by bucket by the same kernel; each task
reads its bucket and writes a Parquet file. Engines are started before they are timed, and run once
to warm up. Spark's own join ranks, for each label, the rows that it sees, from the same rows in one
Parquet file. Medians of three runs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from data import FEATURES, KEYS, feature_rows, label_rows
from laid_out import write_one_part

from asof.storage.tables import Table
from asof.transforms.buckets import Bucketed, buckets_for
from asof.transforms.engines.engine import Engine, open_engine
from asof.transforms.kernels.point_in_time import attributes
from asof.transforms.kernels.timeline import Timeline

RUNS = 3


@dataclass(frozen=True)
class Join:
    """What the tasks of a join have in common."""

    rows: Bucketed
    labels: Bucketed
    folder: Path


def make(folder: Path, rows: int, labels: int) -> Join:
    """Rows and labels, each in a laid-out table and in a Parquet file."""
    entities = max(rows // 100, 1)
    made = {
        "rows": pa.Table.from_batches(feature_rows(rows, entities)),
        "labels": pa.Table.from_batches(label_rows(labels, entities)),
    }
    buckets = buckets_for(rows)
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet")
        write_one_part(folder / name, table, KEYS, buckets)
    of = {name: Bucketed(Table(str(folder / name)), 1, tuple(KEYS), buckets) for name in made}
    return Join(of["rows"], of["labels"], folder)


def join_bucket(join: Join, bucket: int) -> int:
    """Write the labels of one bucket with the features of the row that held; their number."""
    rows, labels = (table.read(bucket, join.rows.buckets) for table in (join.rows, join.labels))
    found = attributes(Timeline(labels, rows, KEYS), rows, FEATURES)
    for name in FEATURES:
        labels = labels.append_column(name, found[name])
    pq.write_table(labels, join.folder / f"answer-{bucket:05d}.parquet")
    return int(labels.num_rows)


def run(engine: Engine, join: Join) -> int:
    """The whole join."""
    return sum(engine.map(partial(join_bucket, join), range(join.rows.buckets)))


def ranked_by_spark(folder: Path) -> None:
    """The join as it is written on Spark, in the session that the engine has started."""
    from pyspark.sql import SparkSession

    spark = SparkSession.active()
    for name in ("rows", "labels"):
        spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    joined = spark.sql(f"""
        select * from (
            select l.*, {", ".join(f"r.{name}" for name in FEATURES)}, row_number() over (
                partition by l.label
                order by r._event_time desc, r._known_from desc, r._sequence desc
            ) as place
            from labels l left join rows r
            on l.entity = r.entity and r._event_time <= l.cutoff and r._known_from <= l.cutoff
        ) where place = 1
    """)
    joined.write.mode("overwrite").parquet(str(folder / "ranked"))


def seconds(call: Callable[[], object]) -> float:
    """The median of some runs after one to warm up."""
    call()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        join = make(Path(temporary), given.rows, given.labels)
        print(f"{given.rows:,} rows, {given.labels:,} labels, {join.rows.buckets} buckets\n")
        figures: dict[str, float] = {}
        for name in ("local", "dask", "spark"):
            with open_engine(name) as engine:
                figures[name] = seconds(partial(run, engine, join))
                if name == "spark":
                    figures["spark by row_number"] = seconds(partial(ranked_by_spark, Path(temporary)))
        for name, taken in figures.items():
            print(f"{name:<20} {taken:7.2f} s  {taken / figures['local']:6.1f} x local")


if __name__ == "__main__":
    main()
