"""What is done with a training set once it is built, by commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asof = Callable[..., Any]


def test_a_version_that_holds(asof: Asof, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built)
    done = asof("training-set", "verify", "churn@1")
    assert done.code == 0
    assert done.out.startswith("churn@1 holds: built again on engine local, it is the same to the bit\n")
    found = asof("training-set", "verify", "churn", "--json").json
    assert found["holds"]
    assert found["recorded"] == found["stored"] == found["rebuilt"]


def test_a_version_that_does_not_hold(asof: Asof, shop: Path) -> None:
    for command in (["apply"], ["run"], ["training-set", "build", "churn"]):
        asof("--project", shop, *command)
    [file] = (shop / "store/training_sets/churn").glob("*.parquet")
    file.write_bytes(b"PAR1 nothing PAR1")
    done = asof("--project", shop, "training-set", "verify", "churn")
    assert done.code == 1
    assert done.out.startswith("churn@1 does not hold: its files can't be read (")
    assert "in its files" in done.out
    assert not asof("--project", shop, "training-set", "verify", "churn", "--json").json["holds"]


def test_two_versions_side_by_side(asof: Asof, shop: Path, february: str) -> None:
    for command in (["apply"], ["run"], ["training-set", "build", "churn"]):
        asof("--project", shop, *command)
    (shop / "data/2024-02.csv").write_text(february)
    definitions = shop / "features/shop.py"
    definitions.write_text(definitions.read_text().replace('horizon="7d"', 'horizon="14d"'))
    for command in (["apply"], ["run"], ["training-set", "build", "churn"]):
        assert asof("--project", shop, *command).code == 0
    new = asof("--project", shop, "training-set", "show", "churn", "--json").json["version"]
    done = asof("--project", shop, "training-set", "diff", "churn@1", "churn")
    assert done.code == 0
    assert done.out.startswith(f"churn@1 and churn@{new}: not the same rows\n")
    assert "  ~ label/quiet\n      horizon: 7d -> 14d\n" in done.out
    found = asof("--project", shop, "training-set", "diff", "churn@1", "churn", "--json").json
    assert found["inputs"]["raw/sales"][0] < found["inputs"]["raw/sales"][1]
    assert not found["same"]
    assert asof("--project", shop, "training-set", "diff", "churn", "churn", "--json").json["same"]


def test_a_training_set_as_a_file(asof: Asof, built: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    done = asof("--project", built, "training-set", "export", "churn@1", path, "--split", "train")
    assert done.code == 0
    assert done.out.endswith(f"rows of churn@1 to {path}\n")
    assert path.read_text().startswith('"customer_id","cutoff","quiet","split",')
    wrong = asof("--project", built, "training-set", "export", "churn", tmp_path / "train")
    assert wrong.code == 1
    assert "allowed: arrow, csv, parquet" in wrong.err


def test_a_card(asof: Asof, built: Path) -> None:
    done = asof("--project", built, "training-set", "card", "churn")
    assert done.code == 0
    assert done.out.startswith("# churn@1\n")
    assert asof("--project", built, "training-set", "card", "churn", "--html").out.startswith(
        "<!doctype html>"
    )
    assert asof("--project", built, "training-set", "card", "churn", "--json").json["title"] == "churn@1"
