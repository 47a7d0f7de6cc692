"""`asof lineage`, by what it prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asof = Callable[..., Any]


@pytest.fixture
def lineage(asof: Asof, built: Path) -> Asof:
    return lambda *arguments: asof("lineage", *arguments, "--project", built)


def test_a_feature_both_ways(lineage: Asof) -> None:
    done = lineage("spend.amount_sum_7d")
    assert done.code == 0
    up, down = done.out.split("view/spend.amount_sum_7d is used by")
    assert up.startswith("view/spend.amount_sum_7d depends on\n├─ clean/sales.amount  [sum over 7d]\n")
    assert "└─ source/sales.amount  [ingest]" in up
    assert "training_set/churn.spend__amount_sum_7d" in down
    assert re.search(r"^Table versions: .*clean/sales 1.*training_sets/churn 1$", down, re.MULTILINE)


def test_one_way(lineage: Asof) -> None:
    assert "is used by" not in lineage("spend", "--upstream").out
    assert "depends on" not in lineage("spend", "--downstream").out


def test_what_nothing_depends_on(lineage: Asof) -> None:
    done = lineage("model.spend__orders_7d", "--downstream")
    assert done.code == 0
    assert done.out.startswith("service/model.spend__orders_7d: nothing depends on it\n")


def test_a_version_of_a_training_set(lineage: Asof) -> None:
    found = lineage("churn@1.spend__orders_7d", "--upstream", "--json").json
    assert found["of"] == [{"dataset": "training_set/churn", "column": "spend__orders_7d"}]
    assert found["versions"]["training_sets/churn"] == 1


def test_a_version_is_told_by_its_own_definitions(asof: Asof, shop: Path) -> None:
    for command in (["apply"], ["run"], ["training-set", "build", "churn"]):
        asof("--project", shop, *command)
    definitions = shop / "features/shop.py"
    definitions.write_text(definitions.read_text().replace('"channel", Count', "Count"))
    assert asof("--project", shop, "apply", "--force").code == 0
    assert "spend__channel" in asof("--project", shop, "lineage", "churn@1", "--upstream").out
    assert asof("--project", shop, "lineage", "churn.spend__channel").code == 1


def test_formats(lineage: Asof) -> None:
    assert lineage("spend", "--format", "json").json == lineage("spend", "--json").json
    chart = lineage("spend", "--format", "mermaid").out
    assert chart.startswith("flowchart LR\n")
    assert lineage("spend", "--format", "mermaid", "--json").json == {"mermaid": chart.rstrip("\n")}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("spnd", "nothing is named 'spnd'; did you mean 'spend'?"),
        ("spend.amount", "'view/spend' has no column 'amount'"),
        ("churn@7", "churn"),
        ("spend@1", "no training set"),
        ("churn@x", "a version is that of a training set, as in churn@3"),
    ],
)
def test_wrong_names(lineage: Asof, name: str, said: str) -> None:
    done = lineage(name)
    assert done.code == 1
    assert said in done.err


def test_before_anything_was_applied(asof: Asof, shop: Path) -> None:
    done = asof("--project", shop, "lineage", "sales.amount", "--downstream")
    assert done.code == 0
    assert "view/spend.amount_sum_7d" in done.out
    assert "Table versions" not in done.out
