"""Splits by entity, and samples: drawn by what rows are, not by where they are."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from asof.project import Project

CUSTOMERS = 300
BY_TIME = 'split=ByTime(test="14d", embargo="14d")'


def orders(seed: int, count: int, months: int) -> str:
    draw = random.Random(seed)
    lines = [
        f"{min(draw.randrange(CUSTOMERS), draw.randrange(CUSTOMERS))},a,{draw.randrange(1, 99)}.00,"
        f"2024-0{draw.randrange(1, months + 1)}-{draw.randrange(1, 29):02}T{draw.randrange(24):02}:00:00"
        for _ in range(count)
    ]
    return "\n".join(["customer_id,sku,amount,at", *lines, ""])


@pytest.fixture(scope="module")
def folder(make_shop: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a few hundred customers with a training set of every kind."""
    folder = make_shop(tmp_path_factory.mktemp("split") / "shop")
    (folder / "data/orders-01.csv").write_text(orders(1, 1_500, 4))
    kinds = {
        "whole": "split=None",
        "by_time": BY_TIME,
        "by_entity": "split=ByEntity(test=0.25, seed=1)",
        "other_seed": "split=ByEntity(test=0.25, seed=2)",
        "by_both": 'split=[ByTime(test="14d", embargo="14d"), ByEntity(test=0.25, seed=1)]',
        "tenth": f"{BY_TIME}, sample=Sample(0.1, seed=1)",
        "fewer_negatives": f"{BY_TIME}, sample=Sample(negatives=0.2, seed=1)",
        "even": "split=None, sample=Balance(seed=1)",
        "even_training": f"{BY_TIME}, sample=Balance(seed=1)",
    }
    with (folder / "definitions.py").open("a") as file:
        for name, arguments in kinds.items():
            file.write(
                f'{name} = TrainingSet("{name}", label=quiet, features=[spend, person], {arguments})\n'
            )
    build(folder, *kinds)
    return folder


def build(folder: Path, *names: str, engine: str | None = None) -> dict[str, Any]:
    with Project.open(str(folder), engine=engine) as project:
        project.apply()
        project.run()
        return {name: project.build_training_set(name).version.manifest for name in names}


def rows(folder: Path, name: str) -> pa.Table:
    with Project.open(str(folder)) as project:
        return project.read_training_set(name)


def manifest(folder: Path, name: str) -> Any:
    with Project.open(str(folder)) as project:
        return project.training_set(name).manifest


def sides(table: pa.Table) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for customer, side in zip(table["customer_id"].to_pylist(), table["split"].to_pylist(), strict=True):
        found[customer].add(side)
    return found


def bare(table: pa.Table) -> Counter[tuple[object, ...]]:
    features = table.drop_columns([name for name in ("weight", "split") if name in table.column_names])
    return Counter(tuple(row.values()) for row in features.to_pylist())


def test_an_entity_is_on_one_side(folder: Path) -> None:
    found = sides(rows(folder, "by_entity"))
    assert {len(each) for each in found.values()} == {1}
    share = sum("test" in each for each in found.values()) / len(found)
    assert share == pytest.approx(0.25, abs=0.08)
    counts = manifest(folder, "by_entity")["split"]
    assert set(counts) == {"train", "test"}
    assert sum(counts.values()) == rows(folder, "whole").num_rows
    assert sides(rows(folder, "other_seed")) != found


def test_an_entity_stays_on_its_side(folder: Path, tmp_path: Path, make_shop: Callable[[Path], Path]) -> None:
    other = make_shop(tmp_path / "shop")
    (other / "definitions.py").write_text((folder / "definitions.py").read_text())
    (other / "data/orders-01.csv").write_text(orders(2, 600, 3))
    build(other, "by_entity")
    before, after = sides(rows(folder, "by_entity")), sides(rows(other, "by_entity"))
    common = before.keys() & after.keys()
    assert len(common) > 100
    assert {customer: before[customer] for customer in common} == {
        customer: after[customer] for customer in common
    }


def test_by_both_a_row_is_on_a_side_where_it_is_by_each(folder: Path) -> None:
    by_time, by_entity, by_both = (rows(folder, name) for name in ("by_time", "by_entity", "by_both"))

    def of(table: pa.Table) -> dict[tuple[object, ...], str]:
        identity = zip(table["customer_id"].to_pylist(), table["cutoff"].to_pylist(), strict=True)
        return dict(zip(identity, table["split"].to_pylist(), strict=True))

    time, entity = of(by_time), of(by_entity)
    assert of(by_both) == {row: side for row, side in time.items() if entity[row] == side}
    counts = manifest(folder, "by_both")["split"]
    assert counts["embargoed"] == manifest(folder, "by_time")["split"]["embargoed"] > 0
    assert counts["crossed"] == len(time) - by_both.num_rows > 0
    assert {len(each) for each in sides(by_both).values()} == {1}


def test_a_sample_is_a_part_of_the_rows_for_training(folder: Path) -> None:
    whole, tenth = rows(folder, "by_time"), rows(folder, "tenth")
    assert bare(tenth) <= bare(whole)
    for side, weight in (("train", 10.0), ("test", 1.0)):
        kept = tenth.filter(pc.equal(tenth["split"], side))
        assert set(kept["weight"].to_pylist()) == {weight}
    counts, all_counts = manifest(folder, "tenth")["split"], manifest(folder, "by_time")["split"]
    assert counts["test"] == all_counts["test"]
    assert counts["train"] == pytest.approx(all_counts["train"] / 10, rel=0.35)
    assert manifest(folder, "tenth")["sample"]["left_out"] == all_counts["train"] - counts["train"]


def test_a_sample_of_one_outcome_leaves_the_other(folder: Path) -> None:
    whole, fewer = rows(folder, "by_time"), rows(folder, "fewer_negatives")
    train, kept = (table.filter(pc.equal(table["split"], "train")) for table in (whole, fewer))
    positives = [table.filter(table["quiet"]) for table in (train, kept)]
    assert bare(positives[0]) == bare(positives[1])
    negatives = kept.filter(pc.invert(kept["quiet"]))
    assert 0 < negatives.num_rows < (train.num_rows - positives[0].num_rows) / 2
    assert set(negatives["weight"].to_pylist()) == {5.0}
    assert pc.sum(kept["weight"]).as_py() == pytest.approx(train.num_rows, rel=0.2)


@pytest.mark.parametrize("name", ["even", "even_training"])
def test_a_balanced_set_has_as_many_of_either_outcome(folder: Path, name: str) -> None:
    table = rows(folder, name)
    train = table if name == "even" else table.filter(pc.equal(table["split"], "train"))
    counts = Counter(train["quiet"].to_pylist())
    assert counts[True] == pytest.approx(counts[False], rel=0.2)
    whole = rows(folder, "whole" if name == "even" else "by_time")
    assert bare(table) <= bare(whole)
    before = Counter(
        (whole if name == "even" else whole.filter(pc.equal(whole["split"], "train")))["quiet"].to_pylist()
    )
    shares = manifest(folder, name)["sample"]
    rarer = min(before.values())
    assert (shares["positives"], shares["negatives"]) == (rarer / before[True], rarer / before[False])
    assert min(before[True] - counts[True], before[False] - counts[False]) == 0


@pytest.mark.slow
def test_what_is_drawn_depends_on_no_layout(
    folder: Path,
    tmp_path: Path,
    make_shop: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
    require: Callable[[str, object], None],
) -> None:
    require("the extra 'dask'", find_spec("distributed"))
    from asof.transforms import buckets

    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 200)
    cut = make_shop(tmp_path / "cut")
    (cut / "definitions.py").write_text((folder / "definitions.py").read_text())
    (cut / "data/orders-01.csv").write_text((folder / "data/orders-01.csv").read_text())
    names = ["by_both", "fewer_negatives", "even_training"]
    for name, made in build(cut, *names, engine="dask").items():
        assert made["engine"] == "dask"
        kept = manifest(folder, name)
        assert [made[key] for key in ("fingerprint", "split", "sample")] == [
            kept[key] for key in ("fingerprint", "split", "sample")
        ]


@pytest.mark.parametrize("name", ["by_both", "even_training"])
def test_what_is_drawn_is_drawn_again(folder: Path, name: str) -> None:
    with Project.open(str(folder)) as project:
        assert project.verify_training_set(name).holds
        assert project.training_data(name).features == project.training_data("whole").features
