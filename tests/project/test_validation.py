"""What a run does with expectations: what is published, what is kept, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import asof
from asof.project import Project
from asof.storage.catalogue import Step
from asof.transforms.statistics import from_json, statistics, to_json

SETTINGS = 'name = "shop"\ndefinitions = "definitions.py"\n'
DEFINITIONS = """
from asof import *

products = Source(
    "products",
    reader=Files("products-*.csv"),
    schema={"sku": String, "price": Float64},
    known_since="2024-01-01",
)
orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={"id": Int64, "sku": String, "amount": Float64, "at": Timestamp},
    event_time="at",
    expect=[EXPECT],
)
"""
FIRST = "id,sku,amount,at\n1,a,10,2024-01-01\n2,b,20,2024-01-02\n3,a,30,2024-01-03\n"
SECOND = "id,sku,amount,at\n4,a,-1,2024-01-04\n5,b,50,2024-01-05\n"


class Shop:
    """A project whose expectations and files are given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "asof.toml").write_text(SETTINGS)
        (folder / "products-1.csv").write_text("sku,price\na,1\nb,2\n")
        (folder / "orders-1.csv").write_text(FIRST)

    def expecting(self, *rules: str) -> Shop:
        text = DEFINITIONS.replace("EXPECT", ", ".join(rules))
        (self.folder / "definitions.py").write_text(text)
        return self

    def open(self) -> Project:
        return Project.open(str(self.folder))

    def run(self) -> dict[str, Step]:
        with self.open() as project:
            project.apply()
            run = project.run()
            return {step.name: step for step in project.steps(run.id)}

    def more(self) -> None:
        (self.folder / "orders-2.csv").write_text(SECOND)

    def versions(self) -> dict[str, int]:
        with self.open() as project:
            return {version.table: version.version for version in project.tables()}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def outcomes(step: Step) -> list[dict[str, Any]]:
    return list(step.details["expectations"])


FAILING = {
    'between("amount", low=0)': "amount: expect values to be between .* broken by 1 of 5 rows",
    'between("amount", low=0, mostly=0.9)': "broken by 1 of 5 rows",
    "row_count(high=4)": "expect table row count .* got 5",
    'expect("expect_column_mean_to_be_between", column="amount", max_value=21)': "amount: .* got 21.8",
    'expect("expect_column_median_to_be_between", column="amount", max_value=10)': "got 20.0",
    "growth(high=1.5)": r"got 1\.66",
    "volume(high=0.5)": r"got 0\.66",
    'fresh("1d", against="last", on_fail="fail"), growth(high=1)': "got",
}


@pytest.mark.parametrize("rule", FAILING)
def test_what_must_hold_is_held_against_the_whole_table_before_it_counts(shop: Shop, rule: str) -> None:
    if "median" not in rule:
        shop.expecting(rule).run()
    else:
        shop.expecting(rule.replace("10", "20")).run()
        shop.expecting(rule)
    before = shop.versions()
    shop.more()
    with pytest.raises(asof.DataError, match=FAILING[rule]):
        shop.run()
    after = shop.versions()
    assert {table for table in after if after[table] != before[table]} == {"raw/orders"}
    with shop.open() as project:
        failed = project.runs()[0]
        [step] = [step for step in project.steps(failed.id) if step.name == "clean orders"]
        assert (failed.status, step.status) == ("failed", "failed")
        assert not all(outcome["success"] for outcome in outcomes(step))


def test_after_a_mended_definition_the_same_rows_are_published(shop: Shop) -> None:
    shop.expecting('between("amount", low=0)').run()
    shop.more()
    with pytest.raises(asof.DataError):
        shop.run()
    steps = shop.expecting('between("amount", low=-1)').run()
    assert steps["clean orders"].rows_written == 5


def test_the_error_shows_the_first_row_that_is_wrong(shop: Shop) -> None:
    shop.more()
    with pytest.raises(asof.DataError, match=r'First: \{"id":4,"sku":"a","amount":-1.0'):
        shop.expecting('between("amount", low=0)').run()


def test_a_warning_is_in_the_run_record_and_the_rows_are_published(shop: Shop) -> None:
    shop.expecting('between("amount", low=15, on_fail="warn")').run()
    shop.more()
    steps = shop.run()
    [outcome] = outcomes(steps["clean orders"])
    assert not outcome["success"]
    assert outcome["result"]["element_count"] == 5  # of the whole table: two of them were there before
    assert outcome["result"]["unexpected_count"] == 2
    assert outcome["result"]["partial_unexpected_list"] == [10.0, -1.0]
    assert steps["clean orders"].rows_written == 2


def test_a_share_that_holds_of_the_whole_table_is_met(shop: Shop) -> None:
    shop.expecting('between("amount", low=0, mostly=0.8)').run()
    shop.more()
    [outcome] = outcomes(shop.run()["clean orders"])
    assert outcome["success"]


def test_rows_set_aside_are_counted_and_are_not_in_the_table(shop: Shop) -> None:
    shop.more()
    steps = shop.expecting('between("amount", low=0, on_fail="quarantine")').run()
    [outcome] = outcomes(steps["clean orders"])
    assert (outcome["success"], outcome["result"]["unexpected_count"]) == (False, 1)
    with shop.open() as project:
        assert project.workspace.current("quarantine/orders").rows == 1
        [now] = project.validate(["orders"])["orders"]
        assert (now.success, now.result["element_count"]) == (True, 4)


def test_another_source_is_brought_up_to_date_before_it_is_referred_to(shop: Shop) -> None:
    shop.expecting('references("sku", products)').run()
    (shop.folder / "orders-2.csv").write_text("id,sku,amount,at\n4,new,1,2024-01-04\n")
    with pytest.raises(asof.DataError, match=r"sku: expect values to be in source .* broken by 1 of 4 rows"):
        shop.run()
    (shop.folder / "products-2.csv").write_text("sku,price\nnew,3\n")
    steps = shop.run()
    assert steps["clean orders"].rows_written == 1


def test_two_sources_can_not_refer_to_each_other(shop: Shop) -> None:
    with pytest.raises(asof.DefinitionError, match="not a column"):
        shop.expecting('references("sku", products, to="skus")').open().plan()


def test_statistics_are_kept_with_every_version(shop: Shop) -> None:
    shop.expecting().run()
    shop.more()
    shop.run()
    with shop.open() as project:
        version = project.workspace.current("clean/orders")
        kept = from_json(version.details["statistics"])
        rows = project.workspace.read("clean/orders").select(list(kept))
    assert set(kept) == {"id", "sku", "amount", "at", "_event_time"}
    whole = statistics(rows)
    for name, column in whole.items():
        assert to_json({name: column})[name].keys() == to_json(kept)[name].keys()
        assert (column.least, column.greatest, column.total) == (
            kept[name].least,
            kept[name].greatest,
            kept[name].total,
        )
        assert column.buckets == kept[name].buckets
        assert column.frequent == kept[name].frequent


def test_validation_writes_nothing(shop: Shop) -> None:
    shop.expecting('between("amount", low=15, on_fail="warn")', 'unique("sku", on_fail="warn")').run()
    before = shop.versions()
    with shop.open() as project:
        found = project.validate()
        runs = project.runs()
    assert list(found) == ["orders", "products"]
    assert [(outcome.success, outcome.result["unexpected_count"]) for outcome in found["orders"]] == [
        (False, 1),
        (False, 2),
    ]
    assert shop.versions() == before
    assert len(runs) == 1


def test_what_is_not_built_can_not_be_validated(shop: Shop) -> None:
    with shop.expecting().open() as project, pytest.raises(asof.NotFound, match="asof run"):
        project.validate()
    with shop.open() as project, pytest.raises(asof.NotFound, match="did you mean 'orders'"):
        project.validate(["order"])
