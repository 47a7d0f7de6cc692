"""Two versions of a training set side by side: what went in, what came out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from asof.project import Project
from asof.training_sets import overlap
from asof.training_sets.comparison import Comparison


def build(folder: Path, name: str = "churn") -> None:
    with Project.open(str(folder)) as project:
        project.apply(force=True)
        project.run()
        project.build_training_set(name)


def compared(folder: Path, first: int, second: int) -> Comparison:
    with Project.open(str(folder)) as project:
        return project.compare_training_sets(("churn", first), ("churn", second))


def versions(folder: Path) -> list[int]:
    with Project.open(str(folder)) as project:
        return sorted(version.version for version in project.training_sets("churn"))


def identities(folder: Path, version: int) -> Counter[tuple[object, ...]]:
    with Project.open(str(folder)) as project:
        rows = project.read_training_set("churn", version).select(["customer_id", "cutoff"])
    return Counter(tuple(row.values()) for row in rows.to_pylist())


def many_orders(count: int, amount: int, hour: int) -> str:
    lines = [
        f"{row % 60},a,{amount + row % 7}.00,2024-0{1 + row % 3}-{1 + row % 28:02}T{hour}:00:00"
        for row in range(count)
    ]
    return "\n".join(["customer_id,sku,amount,at", *lines, ""])


def test_a_version_and_itself(shop: Path) -> None:
    build(shop)
    [version] = versions(shop)
    found = compared(shop, version, version)
    assert found.same
    assert (found.definitions, found.inputs, found.parameters, found.added, found.removed) == (
        (),
        {},
        {},
        (),
        (),
    )
    assert not any(column.differs for column in found.columns)
    assert found.rows_in_common is not None
    assert (found.rows_in_common.only_first, found.rows_in_common.only_second) == (0, 0)


@pytest.mark.parametrize("at_once", [1, 7, 20_000_000])
def test_rows_are_told_by_key_and_cutoff(
    at_once: int, shop: Path, march: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "ROWS_AT_ONCE", at_once)
    build(shop)
    (shop / "data/orders-03.csv").write_text(march)
    build(shop)
    first, second = versions(shop)
    one, other = identities(shop, first), identities(shop, second)
    found = compared(shop, first, second)
    common = found.rows_in_common
    assert common is not None
    assert common.both == (one & other).total() > 0
    assert common.only_first == (one - other).total()
    assert common.only_second == (other - one).total() > 0
    assert found.rows == (one.total(), other.total())
    assert set(found.inputs) == {"raw/orders", "clean/orders", "labels/quiet", "views/spend"}


def test_definitions_and_columns(shop: Path) -> None:
    build(shop)
    definitions = shop / "definitions.py"
    text = definitions.read_text()
    definitions.write_text(
        text.replace('over=["7d", "30d"]', 'over=["7d", "60d"]').replace('horizon="14d"', 'horizon="21d"')
    )
    build(shop)
    found = compared(shop, *versions(shop))
    assert not found.same
    changes = {change.key: change.details for change in found.definitions}
    assert list(changes) == ["label/quiet", "view/spend"]
    assert changes["label/quiet"] == ("horizon: 14d -> 21d",)
    assert (found.added, found.removed) == (("spend__amount_sum_60d",), ("spend__amount_sum_30d",))


def test_a_shift_of_values_is_told_by_its_column(shop: Path) -> None:
    (shop / "data/orders-01.csv").write_text(many_orders(2_000, 1, 12))
    build(shop)
    (shop / "data/orders-03.csv").write_text(many_orders(2_000, 500, 13))
    build(shop)
    found = {column.name: column for column in compared(shop, *versions(shop)).columns}
    amount, customer = found["spend__amount_sum_30d"], found["customer_id"]
    assert amount.psi is not None
    assert amount.psi > 1
    assert amount.mean[1] > 10 * amount.mean[0]
    assert customer.psi == 0
