"""However raw rows come, in few runs or many, in large parts or small: the clean table is the same.

What it is held against is the cleaning of all rows at once, in memory.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from asof.project import Project
from asof.storage.catalogue import Step
from asof.transforms import buckets, parts
from asof.transforms.cleaning.clean import clean

STEPS = {
    "first": "dedupe('k', 'n')",
    "latest": "dedupe('k', keep='latest')",
    "latest by a column": "dedupe('k', 'x', keep='latest', by='n')",
    "previous": "fill_previous('n', by=['k']), derive('twice', Int64, col('n') * 2)",
    "previous of previous": "fill_previous('n', by=['k']), fill_previous('x', by=['n', 'k'])",
    "previous and first": "fill_previous('n', by=['k']), dedupe('k', 'n'), drop_where(col('x') > 8)",
}
DEFINITIONS = """
from asof import *

rows = Source(
    "rows",
    reader=Files("data/*.csv"),
    schema={{"k": String, "n": Int64, "x": Float64, "at": Timestamp, "seen": Timestamp}},
    event_time="at",
    created={created!r},
    clean=[{steps}],
)
"""


def make(folder: Path, steps: str, created: str | None = None) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "asof.toml").write_text('name = "rows"\ndefinitions = "definitions.py"\n')
    define(folder, steps, created)
    return folder


def define(folder: Path, steps: str, created: str | None = None) -> None:
    (folder / "definitions.py").write_text(DEFINITIONS.format(steps=steps, created=created))


def add(folder: Path, number: int, lines: list[str]) -> None:
    (folder / f"data/{number:03d}.csv").write_text("\n".join(["k,n,x,at,seen", *lines, ""]))


def run(folder: Path) -> Step:
    """Runs the project; what was said of the cleaning."""
    steps: list[Step] = []
    with Project.open(str(folder)) as project:
        project.apply()
        project.run(on_step=steps.append)
    return next(step for step in steps if step.name == "clean rows")


def table(folder: Path) -> pa.Table:
    with Project.open(str(folder)) as project:
        return project.workspace.read("clean/rows")


def at_once(folder: Path) -> pa.Table:
    """The oracle: all raw rows cleaned together."""
    with Project.open(str(folder)) as project:
        return clean(project.workspace.read("raw/rows"), project.definitions.sources["rows"]).rows


def generated(seed: int, rows: int) -> list[str]:
    random.seed(seed)

    def some(values: range) -> str:
        return str(random.choice(values)) if random.random() < 0.7 else ""

    days = [f"2024-01-{random.randint(1, 28):02d}" for _ in range(2 * rows)]
    return [
        f"{random.choice(['a', 'b', 'c', 'd', ''])},{some(range(4))},{some(range(10))},{at},{seen}"
        for at, seen in zip(days[::2], days[1::2], strict=True)
    ]


@pytest.mark.parametrize("created", [None, "seen"])
@pytest.mark.parametrize("steps", STEPS.values(), ids=list(STEPS))
def test_parts_and_runs_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: str, created: str | None
) -> None:
    monkeypatch.setattr(parts, "ROWS_PER_PART", 7)
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 10)
    folder = make(tmp_path / "grown", steps, created)
    for number, size in enumerate([30, 1, 12, 20]):
        add(folder, number, generated(number, size))
        step = run(folder)
        assert step.rows_read == step.rows_written + step.rows_quarantined + step.rows_dropped
        grown = table(folder)
        assert grown.equals(at_once(folder))
        assert bool(np.all(np.diff(grown["_sequence"].to_numpy()) > 0))
    assert not list((folder / "store").glob("scratch/*"))


def test_new_rows_are_added_where_old_ones_stay_as_they_are(tmp_path: Path) -> None:
    folder = make(tmp_path / "rows", "fill_previous('n', by=['k']), dedupe('k', 'at', keep='latest')")
    add(folder, 1, ["a,1,,2024-01-01,", "a,,,2024-01-03,"])
    assert run(folder).rows_read == 2
    add(folder, 2, ["a,,,2024-01-04,", "b,5,,2023-01-01,"])
    assert run(folder).rows_read == 2
    add(folder, 3, ["a,7,,2024-01-02,"])
    assert run(folder).rows_read == 5
    assert table(folder)["n"].to_pylist() == [1, 7, 7, 5, 7]
    add(folder, 4, ["b,6,,2023-01-01,"])
    assert run(folder).rows_read == 6
    assert table(folder)["n"].to_pylist() == [1, 7, 7, 7, 6]


def filled(folder: Path) -> list[Any]:
    return table(folder)["x"].to_pylist()


def test_a_mean_is_that_of_the_version_before(tmp_path: Path) -> None:
    folder = make(tmp_path / "rows", "fill_mean('x', by=['k'])")
    add(folder, 1, ["a,,1,2024-01-01,", "a,,4,2024-01-01,", "a,,,2024-01-01,", "b,,,2024-01-01,"])
    step = run(folder)
    assert filled(folder) == [1, 4, None, None]
    assert step.details["filled_from"] == [{"rows_from": 0, "version": None}]
    assert step.details["steps"][0]["unfilled"] == 2
    add(folder, 2, ["a,,100,2024-01-02,", "a,,,2024-01-02,", "b,,,2024-01-02,", ",,,2024-01-02,"])
    step = run(folder)
    assert filled(folder)[4:] == [100, 2.5, None, None]
    assert step.details["filled_from"] == [{"rows_from": 4, "version": 1}]
    assert (step.details["steps"][0]["changed"], step.details["steps"][0]["unfilled"]) == (1, 2)


def test_rows_that_are_built_anew_are_filled_from_the_same_versions(tmp_path: Path) -> None:
    folder = make(tmp_path / "rows", "fill_median('x')")
    add(folder, 1, ["a,1,1,2024-01-01,", "a,2,2,2024-01-01,", "a,3,9,2024-01-01,"])
    run(folder)
    add(folder, 2, ["b,4,50,2024-01-02,", "b,5,,2024-01-02,"])
    run(folder)
    define(folder, "fill_median('x'), drop_where(col('n') == 1)")
    step = run(folder)
    assert filled(folder) == [2, 9, 50, 2]
    assert step.details["filled_from"] == [
        {"rows_from": 0, "version": None},
        {"rows_from": 3, "version": 1},
    ]
    add(folder, 3, ["b,6,,2024-01-03,"])
    step = run(folder)
    assert step.details["filled_from"] == [{"rows_from": 5, "version": 3}]
    assert filled(folder)[-1] == 5.5


def test_a_mean_of_all_rows_is_exact(tmp_path: Path) -> None:
    folder = make(tmp_path / "rows", "fill_mean('x')")
    add(folder, 1, ["a,,1e16,2024-01-01,", "a,,1,2024-01-01,", "a,,-1e16,2024-01-01,"])
    run(folder)
    add(folder, 2, [",,,2024-01-02,"])
    run(folder)
    assert filled(folder)[-1] == 1 / 3
