"""Windows over events: count, sum, mean and maximum of the last hour, day, week and month.

Ours, bucket by bucket of a laid-out table; DuckDB and Polars from one Parquet file of the same rows. The
bound is reading that file's three columns that are needed, and the cut-offs. DuckDB's fastest query,
by running sums and ASOF joins, can't do the maximum and leaves it out. Before it prints a figure it
compares the answers: counts and maxima exactly, sums and means nearly, since only ours are rounded once.
Times are medians of three calls in a process of their own, after imports and compilation.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from child import Measured, in_child, measured
from data import KEYS, event_rows, label_rows
from laid_out import by_bucket

from asof.features.aggregates import Count, Max, Mean, Sum, WindowFeature
from asof.features.types import Float64, Schema
from asof.storage.layout import lay_out
from asof.storage.tables import Snapshot, Table
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate

THREADS = 2
BUCKET_ROWS = 625_000
PER_ENTITY = 200
WINDOWS = {"1h": "1 hour", "1d": "1 day", "7d": "7 days", "30d": "30 days"}
KINDS = (Count, Sum, Mean, Max)
NEEDED = ["entity", "_event_time", "amount"]
DUCKDB: dict[str, str | bool | int | float | list[str]] = {
    "threads": THREADS,
    "preserve_insertion_order": False,
}


def asked() -> list[WindowFeature]:
    """The four aggregates of the amount over all windows."""
    columns = Schema({"amount": Float64})
    return [feature for kind in KINDS for feature in kind("amount", over=list(WINDOWS)).expand(columns)]


def prepare(folder: Path, events: int, cutoffs: int) -> None:
    entities = max(events // PER_ENTITY, 1)
    rows = pa.Table.from_batches(event_rows(events, entities)).drop_columns(["category"])
    labels = pa.Table.from_batches(label_rows(cutoffs, entities))
    pq.write_table(rows, folder / "events.parquet")
    pq.write_table(labels, folder / "labels.parquet")
    table = Table(str(folder / "table"))
    table.create(lay_out(rows.slice(0, 0), KEYS, 1).schema, ["_bucket"])
    table.append(lay_out(rows, KEYS, -(-events // BUCKET_ROWS)), on=0)


def read_alone(folder: Path) -> None:
    pq.read_table(folder / "labels.parquet")
    pq.read_table(folder / "events.parquet", columns=NEEDED)


def asof(folder: Path, buckets: int) -> pa.Table:
    """Bucket by bucket."""
    table = Table(str(folder / "table")).snapshot(1)
    labels = by_bucket(pq.read_table(folder / "labels.parquet"), KEYS, buckets)
    with ThreadPoolExecutor(THREADS) as threads:
        return pa.concat_tables(threads.map(lambda task: _bucket(table, *task), enumerate(labels)))


def _bucket(table: Snapshot, bucket: int, labels: pa.Table) -> pa.Table:
    rows = table.read([*NEEDED, "_sequence"], where=pc.field("_bucket") == bucket)
    found = aggregate(Timeline(labels, rows, KEYS), rows, asked())
    return pa.table([labels["label"], *found], names=["label", *(feature.name for feature in asked())])


def duckdb_sums(folder: Path) -> pa.Table:
    """Running counts and sums, and an ASOF join for the end of the windows and each of their starts."""
    joins = " ".join(
        f"asof left join running r{w} on l.entity = r{w}.entity and r{w}.t <= l.cutoff - interval '{length}'"
        for w, length in {"end": "0 days", **WINDOWS}.items()
    )
    columns = []
    for w in WINDOWS:
        count = f"coalesce(rend.n, 0) - coalesce(r{w}.n, 0)"
        total = f"coalesce(rend.s, 0) - coalesce(r{w}.s, 0)"
        columns += [
            f"{count} as amount_count_{w}",
            f"case when {count} > 0 then {total} end as amount_sum_{w}",
        ]
        columns += [f"case when {count} > 0 then ({total}) / ({count}) end as amount_mean_{w}"]
    query = f"""
        with running as materialized (
            select entity, _event_time as t, row_number() over own as n, sum(amount) over own as s
            from '{folder}/events.parquet'
            window own as (partition by entity order by _event_time rows unbounded preceding)
            qualify lead(_event_time) over own is distinct from _event_time
        )
        select label, {", ".join(columns)} from '{folder}/labels.parquet' l {joins}
    """
    return _queried(query)


def duckdb_frames(folder: Path) -> pa.Table:
    """Cut-offs among the events, and window frames by range that end at them."""
    columns, frames = [], []
    for w, length in WINDOWS.items():
        columns += [f"{f}(amount) over w{w} as amount_{n}_{w}" for f, n in _FUNCTIONS.items()]
        frames += [
            f"w{w} as (partition by entity order by t "
            f"range between interval '{length}' - interval '1 microsecond' preceding and current row)"
        ]
    query = f"""
        select * exclude (entity, t, amount) from (
            select *, {", ".join(columns)} from (
                select null as label, entity, _event_time as t, amount from '{folder}/events.parquet'
                union all select label, entity, cutoff, null from '{folder}/labels.parquet'
            ) window {", ".join(frames)}
        ) where label is not null
    """
    return _queried(query)


def _queried(query: str) -> pa.Table:
    with duckdb.connect(config=DUCKDB) as connection:
        connection.execute("set enable_progress_bar = false")
        return connection.sql(query).to_arrow_table()


_FUNCTIONS = {"count": "count", "sum": "sum", "avg": "mean", "max": "max"}


def polars_rolling(folder: Path) -> pa.Table:
    """Cut-offs among the events, and rolling windows by time."""
    events = pl.scan_parquet(folder / "events.parquet").select("entity", t="_event_time", amount="amount")
    labels = pl.scan_parquet(folder / "labels.parquet").select("entity", "label", t="cutoff")
    together = pl.concat([events, labels], how="diagonal").sort("entity", "t")
    counted = together.with_columns(present=pl.col("amount").is_not_null().cast(pl.Int64))
    columns = []
    for w in WINDOWS:
        columns.append(pl.col("present").rolling_sum_by("t", w).over("entity").alias(f"amount_count_{w}"))
        for name in ("sum", "mean", "max"):
            rolling = getattr(pl.col("amount"), f"rolling_{name}_by")("t", w)
            columns.append(rolling.over("entity").alias(f"amount_{name}_{w}"))
    found = counted.with_columns(columns).filter(pl.col("label").is_not_null())
    return found.drop("entity", "t", "amount", "present").collect().to_arrow()


def check(folder: Path, buckets: int) -> None:
    """AssertionError where others answer otherwise."""
    ours = asof(folder, buckets).sort_by("label")
    for theirs in (duckdb_sums(folder), duckdb_frames(folder), polars_rolling(folder)):
        theirs = theirs.sort_by("label")
        for name in set(ours.column_names) & set(theirs.column_names):
            _check_column(name, ours[name], theirs[name].cast(ours[name].type))


def _check_column(name: str, ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> None:
    if "_sum_" in name or "_mean_" in name:
        # Where nothing is in the window Polars says 0, and DuckDB's differences are all but 0.
        one, other = (column.fill_null(0.0).to_numpy() for column in (ours, theirs))
        assert np.allclose(one, other, rtol=1e-6, atol=1e-6), name
    else:
        assert ours.equals(theirs), name


def figures(folder: Path, events: int, cutoffs: int, frames: bool) -> None:
    buckets = -(-events // BUCKET_ROWS)
    in_child(prepare, folder, events, cutoffs)
    print(f"{events:,} events, {cutoffs:,} cut-offs, {buckets} buckets, {THREADS} threads\n")
    bound = measured(read_alone, folder)
    ours = measured(asof, folder, buckets)
    others = {
        "DuckDB running sums, no maximum": measured(duckdb_sums, folder),
        "Polars rolling": measured(polars_rolling, folder),
    }
    if frames:
        others["DuckDB window frames"] = measured(duckdb_frames, folder, runs=1)
        in_child(check, folder, buckets)
    print(f"{'':34} {'median s':>8} {'first s':>8} {'to ours':>8} {'peak MB':>8}")
    for name, figure in {"asof, laid-out table": ours, "reading alone": bound, **others}.items():
        _line(name, figure, ours)
    best = min(other.median for other in others.values())
    print(f"\nto reading alone {ours.median / bound.median:.2f}; ", end="")
    print(f"to the best of DuckDB and Polars 1 : {best / ours.median:.1f}; ", end="")
    print(f"{ours.median / events * 1e9:.0f} ns an event")


def _line(name: str, figure: Measured, ours: Measured) -> None:
    print(
        f"{name:34} {figure.median:8.2f} {figure.first:8.2f} {figure.median / ours.median:8.2f} "
        f"{figure.peak / 1e6:8.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--cutoffs", type=int, default=50_000)
    parser.add_argument(
        "--no-frames", dest="frames", action="store_false", help="without the slowest peer and the check"
    )
    parser.add_argument("--folder", type=Path, help="where the data goes; else a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures(folder, given.events, given.cutoffs, given.frames)


if __name__ == "__main__":
    main()
