"""A table that grows by many small commits: what a commit, opening and reading cost at so many versions.

Measured beside the same commits without what Asof adds: no small files merged, and delta-rs' own
checkpoints, one each hundred commits.

    .venv/bin/python benchmarks/versions.py [--versions 5_000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

import pyarrow as pa
from deltalake import DeltaTable

from asof.storage.tables import Table
from asof.storage.tables.compaction import merged

MARKS = (10, 100, 1_000, 5_000)
ROWS = 100  # in each commit
LATEST = 100  # commits before a mark, whose mean is told: they have a checkpoint and merges among them


def rows_of(commit: int) -> pa.Table:
    numbers = range(ROWS * commit, ROWS * (commit + 1))
    return pa.table({"id": numbers, "amount": [0.5 * number for number in numbers], "_sequence": numbers})


def made(folder: Path, *, bare: bool) -> Table:
    table, schema = Table(str(folder)), rows_of(0).schema
    if bare:
        DeltaTable.create(table.uri, schema)
    else:
        table.create(schema)
    return table


def committed(table: Table, version: int, *, bare: bool) -> float:
    """Add the rows of one commit; seconds."""
    rows = rows_of(version)
    begun = time.perf_counter()
    base = table.base(version)
    files = base.stage(rows, schema=rows.schema)
    merges = [] if bare else [merged(base, None, merge) for merge in base.merges]
    number = base.commit(files, schema=rows.schema, replace=False, merged=merges)
    table.statistics(number)
    return time.perf_counter() - begun


def opened(table: Table, version: int) -> tuple[float, float]:
    """Seconds to open a version, and to read all of it; of three times the median."""
    opening, reading = [], []
    for _ in range(3):
        begun = time.perf_counter()
        snapshot = table.snapshot(version)
        opening.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        found = snapshot.read()
        reading.append(time.perf_counter() - begun)
        assert found.num_rows == ROWS * version
    return median(opening), median(reading)


def grown(table: Table, versions: int, *, bare: bool) -> Iterator[tuple[int, float, float, float, int]]:
    """At each mark: versions; seconds of a commit, of opening, of reading; and how many files there are."""
    took = []
    for version in range(versions):
        took.append(committed(table, version, bare=bare))
        if (number := version + 1) in MARKS:
            files = table.statistics(number).files
            yield number, mean(took[-LATEST:]), *opened(table, number), files


def main(versions: int) -> None:
    print("                 versions  commit ms  open ms  read ms  files")
    for name, bare in (("Asof", False), ("without merging", True)):
        with tempfile.TemporaryDirectory() as folder:
            table = made(Path(folder, "table"), bare=bare)
            for number, commit, opening, reading, files in grown(table, versions, bare=bare):
                seconds = (commit, opening, reading)
                figures = "".join(f"{1_000 * each:9.1f}" for each in seconds)
                print(f"{name:<16} {number:>8}  {figures}  {files:>5}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=1_000)
    main(parser.parse_args().versions)
