"""Planted: what is on both sides of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from asof.leaks.finding import Leaks
from asof.transforms import training_job
from asof.transforms.splits import Split

LeaksIn = Callable[..., Leaks]
ByCheck = Callable[[Leaks], dict[str, set[str]]]


def churn(split: str, label: str = "quiet") -> str:
    return f'churn = TrainingSet("churn", label={label}, features=[spend], split={split})'


@pytest.mark.parametrize(
    "split",
    ['ByTime(test="28d", embargo="14d")', "ByEntity(test=0.3)", 'ByTime(test="28d", embargo="30d")'],
)
def test_splits_without_leaks(leaks_in: LeaksIn, split: str) -> None:
    assert leaks_in(churn(split)).findings == []


@pytest.mark.parametrize(("embargo", "gap"), [("0s", "0s"), ("7d", "7d")])
def test_a_horizon_that_reaches_over(leaks_in: LeaksIn, by_check: ByCheck, embargo: str, gap: str) -> None:
    label = f"""
asked = Label(
    "asked", entity=member, source=orders, at=every("7d"), gap="{gap}", horizon="14d", outcome=Count() > 1
)
"""
    found = leaks_in(label + churn(f'ByTime(test="28d", embargo="{embargo}")', "asked"))
    assert by_check(found) == {"embargo": {"train"}}
    (finding,) = found.findings
    assert 0 < finding.rows < finding.of
    assert f'embargo="{"14d" if gap == "0s" else "21d"}"' in finding.change
    assert {example["split"] for example in finding.examples} == {"train"}


def drawn_row_by_row(rows: pa.Table, rules: object, keys: Sequence[str], last: int) -> Split:
    """A split that looks at nothing; each row comes twice."""
    sides = np.where(np.arange(rows.num_rows) % 2, "test", "train")
    return Split(pa.array(sides.tolist()), {"train": 0, "test": 0})


def test_the_same_entity_and_time_on_both_sides(
    leaks_in: LeaksIn, by_check: ByCheck, monkeypatch: pytest.MonkeyPatch, orders: list[Any]
) -> None:
    """Applications that were sent twice, and a split that is drawn row by row."""
    monkeypatch.setattr(training_job, "split", drawn_row_by_row)
    definitions = """
applications = Source(
    "applications",
    reader=Files("data/applications.csv"),
    schema={"member_id": Int64, "at": Timestamp},
    event_time="at",
)
asked = Label(
    "asked", entity=member, source=orders, at=each_event(applications), horizon="14d", outcome=Count() > 1
)
"""
    lines = [f"{order.member},{order.at.isoformat()}" for order in orders[::7] for _ in range(2)]
    files = {"applications.csv": "\n".join(["member_id,at", *lines, ""])}
    found = leaks_in(definitions + churn("ByEntity(test=0.3)", "asked"), files)
    assert by_check(found)["overlap"] == {"test"}
    (finding,) = (each for each in found.findings if each.check == "overlap")
    assert finding.rows == finding.of
    assert finding.examples


@pytest.mark.parametrize("twins", [0.0, 0.15, 1.0])
def test_entities_that_are_there_twice(
    leaks_in: LeaksIn, by_check: ByCheck, orders: list[Any], twins: float
) -> None:
    again = [order._replace(member=order.member + 10_000) for order in orders if order.member < 300 * twins]
    lines = [f"{member},{amount},{_text(at)}" for member, amount, at in [*orders, *again]]
    files = {"orders-1.csv": "\n".join(["member_id,amount,at", *lines, ""])}
    found = leaks_in(churn("ByEntity(test=0.3)"), files)
    assert by_check(found) == ({"duplicates": {"test"}} if twins else {})


def _text(at: datetime) -> str:
    return at.isoformat()
