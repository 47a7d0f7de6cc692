"""The point-in-time join on a laid-out view, beside DuckDB and Polars by the same rules.

Ours, bucket by bucket: read the table, join, write Parquet. The others read the same rows from one
Parquet file and write one. All obey known-from times and break ties; before it prints a figure it
compares the answers row by row. The bound is what reading the Parquet files and writing the answer
take by themselves. Times are medians of three calls in a process of their own, after imports; the
first call, on memory that the system has yet to give, is told beside it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from child import Measured, in_child, measured
from data import FEATURES, KEYS, feature_rows, label_rows
from laid_out import THREADS, by_bucket, in_parts, write_laid_out, write_unsorted

from asof.storage.tables import Snapshot, Table
from asof.transforms.buckets import buckets_for
from asof.transforms.kernels.point_in_time import attributes
from asof.transforms.kernels.timeline import Timeline

_READ = [*KEYS, "_event_time", "_known_from", "_sequence", *FEATURES]
PER_ENTITY = 100


def prepare(folder: Path, rows: int, labels: int, view: int) -> None:
    """Make the labels, and the rows of a view as a file and as a table."""
    entities = max(rows // PER_ENTITY, 1)
    if view == 0:
        pq.write_table(pa.Table.from_batches(label_rows(labels, entities)), folder / "labels.parquet")
    table = pa.Table.from_batches(feature_rows(rows, entities, seed=10 + view))
    pq.write_table(table, folder / f"view{view}.parquet")
    write_laid_out(folder / f"table{view}", in_parts(table), table.schema, KEYS, buckets_for(rows))


def prepare_in_parts(folder: Path, rows: int, labels: int) -> None:
    """The same of more rows than memory holds, as a laid-out table only."""
    entities = max(rows // PER_ENTITY, 1)
    with pq.ParquetWriter(folder / "labels.parquet", next(label_rows(1, 1)).schema) as writer:
        for batch in label_rows(labels, entities):
            writer.write_batch(batch)
    schema = next(feature_rows(1, 1)).schema
    parts = (pa.Table.from_batches([chunk]) for chunk in feature_rows(rows, entities, seed=10))
    write_laid_out(folder / "table0", parts, schema, KEYS, buckets_for(rows))


def written_laid_out(folder: Path, buckets: int) -> None:
    """Lay out the rows of the first view, which are in memory."""
    rows = _view_in_memory(folder)
    write_laid_out(folder / "written", in_parts(rows), rows.schema, KEYS, buckets)


def written_unsorted(folder: Path, buckets: int) -> None:
    """Write the same rows as they come: the same columns, in files of the same kind."""
    write_unsorted(folder / "written", in_parts(_view_in_memory(folder)))


@cache
def _view_in_memory(folder: Path) -> pa.Table:
    return pq.read_table(folder / "view0.parquet")


def asof(folder: Path, views: int, buckets: int) -> None:
    """Bucket by bucket, one file of the answer for each."""
    out = folder / "asof"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    tables = [Table(str(folder / f"table{view}")).snapshot(1) for view in range(views)]
    all_labels = pq.read_table(folder / "labels.parquet")
    with ThreadPoolExecutor(THREADS) as threads:
        done = [
            threads.submit(_join_bucket, out, tables, bucket, labels)
            for bucket, labels in enumerate(by_bucket(all_labels, KEYS, buckets))
        ]
        for one in done:
            one.result()


def _join_bucket(out: Path, tables: list[Snapshot], bucket: int, labels: pa.Table) -> None:
    answer = labels
    for view, table in enumerate(tables):
        rows = table.read(_READ, where=pc.field("_bucket") == bucket)
        found = attributes(Timeline(labels, rows, KEYS), rows, FEATURES)
        for name in FEATURES:
            answer = answer.append_column(f"v{view}_{name}", found[name])
    whole = [field.name for field in answer.schema if pa.types.is_integer(field.type)]
    pq.write_table(answer, out / f"{bucket:05d}.parquet", use_dictionary=whole)


def read_and_write(folder: Path, views: int) -> None:
    """The bound: read what the others read and write what they write, nothing else."""
    pq.read_table(folder / "labels.parquet")
    for view in range(views):
        pq.read_table(folder / f"view{view}.parquet")
    if not _ANSWER:
        _ANSWER.append(pq.read_table(folder / "asof").combine_chunks())
    pq.write_table(_ANSWER[0], folder / "bound.parquet")


_ANSWER: list[pa.Table] = []


def duckdb_asof(folder: Path, views: int) -> None:
    """Of each entity's rows those that win when they become visible, then ASOF."""
    joins, columns = [], ["l.*"]
    for view in range(views):
        joins.append(
            f"""asof left join (
                select * from (
                    select *, greatest(_event_time, _known_from) as visible
                    from read_parquet('{folder}/view{view}.parquet')
                )
                qualify _event_time >= max(_event_time) over (
                    partition by entity order by visible rows unbounded preceding
                )
                and row_number() over (
                    partition by entity, visible
                    order by _event_time desc, _known_from desc, _sequence desc
                ) = 1
            ) v{view} on l.entity = v{view}.entity and v{view}.visible <= l.cutoff"""
        )
        columns += [f"v{view}.{name} as v{view}_{name}" for name in FEATURES]
    _copy(
        f"select {', '.join(columns)} from read_parquet('{folder}/labels.parquet') l {' '.join(joins)}",
        folder / "duckdb.parquet",
    )


def polars_asof(folder: Path, views: int) -> None:
    """The same in Polars."""
    answer = pl.scan_parquet(folder / "labels.parquet").sort("cutoff")
    for view in range(views):
        rows = (
            pl.scan_parquet(folder / f"view{view}.parquet")
            .with_columns(pl.max_horizontal("_event_time", "_known_from").alias("visible"))
            .sort("visible", "_event_time", "_known_from", "_sequence")
            .filter(pl.col("_event_time") >= pl.col("_event_time").cum_max().over("entity"))
            .unique(["entity", "visible"], keep="last", maintain_order=True)
            .select("entity", "visible", *(pl.col(name).alias(f"v{view}_{name}") for name in FEATURES))
        )
        answer = answer.join_asof(
            rows, left_on="cutoff", right_on="visible", by="entity", check_sortedness=False
        ).drop("visible", strict=False)
    answer.collect().write_parquet(folder / "polars.parquet")


def duckdb_without_rules(folder: Path, views: int) -> None:
    """DuckDB by event time alone: another answer, told as what its ASOF JOIN can do at best."""
    joins = " ".join(
        f"asof left join read_parquet('{folder}/view{view}.parquet') v{view} "
        f"on l.entity = v{view}.entity and v{view}._event_time <= l.cutoff"
        for view in range(views)
    )
    columns = [f"v{view}.{name} as v{view}_{name}" for view in range(views) for name in FEATURES]
    _copy(
        f"select l.*, {', '.join(columns)} from read_parquet('{folder}/labels.parquet') l {joins}",
        folder / "plain.parquet",
    )


def _copy(query: str, path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {THREADS}")
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"copy ({query}) to '{path}'")


def answer(folder: Path, name: str) -> pa.Table:
    """The rows of an answer in the order of their labels."""
    path = folder / name
    return pq.read_table(path if path.is_dir() else path.with_suffix(".parquet")).sort_by("label")


def same_answers(folder: Path) -> bool:
    """Whether all engines gave the same rows; what they gave goes in and out of memory in turn."""
    ours = answer(folder, "asof")
    return all(ours.equals(answer(folder, name).cast(ours.schema)) for name in ("duckdb", "polars"))


def figures(folder: Path, rows: int, labels: int, views: int) -> None:
    buckets = buckets_for(rows)
    for view in range(views):
        in_child(prepare, folder, rows, labels, view)
    print(f"{rows:,} rows, {labels:,} labels, {views} view(s), {buckets} buckets, {THREADS} threads\n")
    ours = measured(asof, folder, views, buckets)
    bound = measured(read_and_write, folder, views)
    others = {
        "DuckDB ASOF JOIN": measured(duckdb_asof, folder, views),
        "Polars join_asof": measured(polars_asof, folder, views),
    }
    assert in_child(same_answers, folder), "the answers differ"
    plain = measured(duckdb_without_rules, folder, views)
    print(f"{'':34} {'median s':>8} {'first s':>8} {'CPU s':>8} {'to ours':>8} {'peak MB':>8}")
    for name, figure in {
        "asof, laid-out table": ours,
        "read and write alone": bound,
        **others,
        "DuckDB, event time only": plain,
    }.items():
        _line(name, figure, ours)
    best = min(other.median for other in others.values())
    print(f"\nthe same answers; {ours.median / (views * rows) * 1e9:.0f} ns a row")
    print(f"to reading and writing alone {ours.median / bound.median:.2f}", end="")
    print(f" (first calls {ours.first / bound.first:.2f})")
    print(f"to the better of DuckDB and Polars 1 : {best / ours.median:.1f}")
    writing(folder, buckets)


def writing(folder: Path, buckets: int) -> None:
    """What it costs to lay out a table; the rows are in memory before, and count in the peak."""
    unsorted = measured(written_unsorted, folder, buckets)
    laid_out = measured(written_laid_out, folder, buckets)
    print(f"\n{'':34} {'median s':>8} {'first s':>8} {'CPU s':>8} {'to above':>8} {'peak MB':>8}")
    _line("write unsorted", unsorted, unsorted)
    _line("lay out, as the engine does", laid_out, unsorted)


def growth(folder: Path, rows: int) -> None:
    """Ours alone, with a label for ten rows; the time per row ought not to depend on their number."""
    for size in (rows // 100, rows // 10, rows):
        inside = folder / str(size)
        if not (inside / "table0").exists():
            inside.mkdir(exist_ok=True)
            in_child(prepare_in_parts, inside, size, size // 10)
        ours = measured(asof, inside, 1, buckets_for(size))
        print(f"{size:>11,} rows {ours.median:8.2f} s {ours.median / size * 1e9:6.0f} ns a row", end="")
        print(f" {ours.median_processor / size * 1e9:6.0f} ns CPU {ours.peak / 1e6:6.0f} MB at most")


def _line(name: str, figure: Measured, ours: Measured) -> None:
    print(
        f"{name:34} {figure.median:8.2f} {figure.first:8.2f} "
        f"{figure.median_processor:8.2f} {figure.median / ours.median:8.2f} {figure.peak / 1e6:8.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=100_000)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--growth", action="store_true", help="ours at 1/100, 1/10 and all of the rows")
    parser.add_argument("--folder", type=Path, help="where the data goes; else a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if given.growth:
            growth(folder, given.rows)
        else:
            figures(folder, given.rows, given.labels, given.views)


if __name__ == "__main__":
    main()
