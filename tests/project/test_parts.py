"""However rows are cut into parts and buckets, what comes out is the same."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pyarrow as pa
import pytest

from asof.project import Project
from asof.storage.catalogue import Step
from asof.transforms import buckets, parts


def build(folder: Path) -> tuple[str, list[dict[str, object]]]:
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        built = project.build_training_set("churn")
        keys = [{"customer_id": key} for key in range(6)]
        return built.version.manifest["fingerprint"], project.get("model", keys).to_dicts()


@pytest.mark.parametrize(
    ("rows_per_part", "rows_per_bucket"),
    [(3, 2), *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in [(1, 1), (100, 1), (2, 100)])],
)
def test_parts_and_buckets_do_not_matter(
    rows_per_part: int,
    rows_per_bucket: int,
    tmp_path: Path,
    make_shop: Callable[[Path], Path],
    march: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = make_shop(tmp_path / "whole")
    cut = make_shop(tmp_path / "cut")
    expected = build(whole)
    monkeypatch.setattr(parts, "ROWS_PER_PART", rows_per_part)
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", rows_per_bucket)
    assert build(cut) == expected
    for folder in (whole, cut):
        (folder / "data/orders-03.csv").write_text(march)
    assert build(cut) == build(whole)
    assert not list((cut / "store").glob("scratch/*"))


FACTS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
stays = Source(
    "stays",
    reader=Files("stays.csv"),
    schema={
        "hotel": String,
        "room": Float64,
        "customer_id": Int64,
        "nights": Int64,
        "at": Timestamp,
        "seen": Timestamp,
        "void": Bool,
    },
    event_time="at",
    created="seen",
    identity=["hotel", "room"],
    retracted="void",
)
nights = FeatureView(
    "nights",
    entity=customer,
    source=stays,
    derive=[derive("twice", Int64, col("nights") * 2)],
    features=[Sum("twice")],
)
"""


def stays(seed: int, rows: int = 400) -> list[list[object]]:
    """Facts with revisions far apart, which change the customer, are taken back, or lack an identity."""
    draw = random.Random(seed)
    return [
        [
            draw.choice(["Ritz", "Adler", "", ""]),
            draw.choice([0.0, -0.0, 1.5, 2.25, 3.0]) if draw.random() < 0.9 else "",
            draw.choice([1, 2, 3, 4, 5, ""]),
            draw.randrange(9),
            f"2024-01-{draw.randint(1, 28):02}T00:00:00",
            f"2024-02-{draw.randint(1, 28):02}T00:00:00",
            draw.choice(["true", "false", "false", ""]),
        ]
        for _ in range(rows)
    ]


@pytest.fixture
def make_facts(tmp_path: Path) -> Callable[[str, int], Path]:
    def make(name: str, seed: int) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "asof.toml").write_text('name = "facts"\ndefinitions = "definitions.py"\n')
        (folder / "definitions.py").write_text(dedent(FACTS))
        with (folder / "stays.csv").open("w", newline="") as file:
            header = ["hotel", "room", "customer_id", "nights", "at", "seen", "void"]
            csv.writer(file).writerows([header, *stays(seed)])
        return folder

    return make


def laid_out(folder: Path) -> tuple[pa.Table, Step]:
    with Project.open(str(folder)) as project:
        project.apply()
        run = project.run()
        (step,) = (step for step in project.steps(run.id) if step.name == "lay out views/nights")
        return project.workspace.read("views/nights"), step


@pytest.mark.parametrize("rows_per_part", [25, 150])
def test_revisions_of_a_fact_may_be_in_any_part(
    rows_per_part: int, make_facts: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are those that come of all rows taken together."""
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 60)
    expected, accounting = laid_out(make_facts("whole", rows_per_part))
    monkeypatch.setattr(parts, "ROWS_PER_PART", rows_per_part)
    rows, step = laid_out(make_facts("cut", rows_per_part))
    assert rows.equals(expected)
    assert len(set(rows["_bucket"].to_pylist())) > 2
    assert 0 < rows["_known_until"].null_count < rows.num_rows < 400
    assert [step.rows_read, step.rows_written, step.rows_dropped, step.details] == [
        accounting.rows_read,
        accounting.rows_written,
        accounting.rows_dropped,
        accounting.details,
    ]
