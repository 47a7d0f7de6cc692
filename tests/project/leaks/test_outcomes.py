"""Planted: features that tell the outcome, or are what happened in its window."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest

from asof.leaks.finding import Leaks

LeaksIn = Callable[..., Leaks]
ByCheck = Callable[[Leaks], dict[str, set[str]]]
Cutoffs = list[tuple[int, datetime]]
Total = Callable[[int, datetime, datetime], float | None]

NOTES = """
notes = Source(
    "notes",
    reader=Files("data/notes.csv"),
    schema={"member_id": Int64, "note": %s, "at": Timestamp},
    event_time="at",
)
noted = FeatureView("noted", entity=member, source=notes, features=["note"])
churn = TrainingSet("churn", label=quiet, features=[spend, noted], split=SPLIT)
"""


@pytest.fixture(scope="module")
def is_quiet(cutoffs: Cutoffs, total: Total) -> list[bool]:
    """The outcome at each cut-off."""
    from datetime import timedelta

    return [total(member, at, at + timedelta(days=14)) is None for member, at in cutoffs]


def notes(cutoffs: Cutoffs, values: list[object]) -> dict[str, str]:
    rows = (
        f"{member},{'' if value is None else value},{at.isoformat()}"
        for (member, at), value in zip(cutoffs, values, strict=True)
    )
    return {"notes.csv": "\n".join(["member_id,note,at", *rows, ""])}


def score(quiet: bool, draw: random.Random) -> object:
    return round((2.0 if quiet else 0.0) + draw.gauss(0, 0.3), 3)


def only_where_quiet(quiet: bool, draw: random.Random) -> object:
    return round(draw.random(), 3) if quiet else None


def only_where_not(quiet: bool, draw: random.Random) -> object:
    return None if quiet else draw.choice("abc")


def letter(quiet: bool, draw: random.Random) -> object:
    return draw.choice("ac" if quiet else "bd")


def in_the_middle(quiet: bool, draw: random.Random) -> object:
    return draw.randrange(40, 60) if quiet else draw.choice([draw.randrange(40), draw.randrange(60, 99)])


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (score, "Float64"),
        (only_where_quiet, "Float64"),
        (only_where_not, "String"),
        (letter, "String"),
        (in_the_middle, "Int64"),
    ],
)
def test_a_feature_that_tells_the_outcome(
    leaks_in: LeaksIn,
    by_check: ByCheck,
    cutoffs: Cutoffs,
    is_quiet: list[bool],
    planted: Callable[[bool, random.Random], object],
    kind: str,
) -> None:
    draw = random.Random(1)
    found = leaks_in(NOTES % kind, notes(cutoffs, [planted(quiet, draw) for quiet in is_quiet]))
    assert by_check(found) == {"prediction": {"noted__note"}}
    (finding,) = found.findings
    assert "'quiet'" in finding.why
    assert {"quiet", "noted__note"} <= set(finding.examples[0])


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_feature_that_tells_something(
    leaks_in: LeaksIn, cutoffs: Cutoffs, is_quiet: list[bool], share: float
) -> None:
    """One that is right more often than not, but not suspiciously often."""
    draw = random.Random(2)
    values: list[object] = [
        int(quiet if draw.random() < share else draw.random() < 0.5) for quiet in is_quiet
    ]
    assert leaks_in(NOTES % "Int64", notes(cutoffs, values)).findings == []


TOTALS = """
notes = Source(
    "notes",
    reader=Files("data/notes.csv"),
    schema={"member_id": Int64, "note": Float64, "at": Timestamp},
    event_time="at",
)
noted = FeatureView("noted", entity=member, source=notes, features=["note"])
spent = Label("spent", entity=member, source=orders, at=every("7d"), horizon="14d", outcome=Sum("amount"))
churn = TrainingSet("churn", label=%s, features=[spend, noted], split=SPLIT)
"""


@pytest.mark.parametrize("label", ["spent", "quiet"])
@pytest.mark.parametrize("leaks", [True, False])
def test_a_total_that_is_dated_at_its_start(
    leaks_in: LeaksIn, by_check: ByCheck, cutoffs: Cutoffs, total: Total, label: str, leaks: bool
) -> None:
    from datetime import timedelta

    fortnight = timedelta(days=14)
    values: list[object] = [
        total(member, at, at + fortnight) if leaks else total(member, at - fortnight, at)
        for member, at in cutoffs
    ]
    found = by_check(leaks_in(TOTALS % label, notes(cutoffs, values)))
    if not leaks:
        assert found == {}
    elif label == "spent":
        assert found["outcome"] == {"noted__note"}
    else:
        assert found["prediction"] == {"noted__note"}


@pytest.mark.parametrize("turned", [False, True])
def test_the_outcome_itself(
    leaks_in: LeaksIn, by_check: ByCheck, cutoffs: Cutoffs, is_quiet: list[bool], turned: bool
) -> None:
    values: list[object] = [str(quiet != turned).lower() for quiet in is_quiet]
    found = by_check(leaks_in(NOTES % "Bool", notes(cutoffs, values)))
    assert found == {"prediction": {"noted__note"}, "outcome": {"noted__note"}}


def test_few_rows_are_no_suspicion(leaks_in: LeaksIn, cutoffs: Cutoffs, is_quiet: list[bool]) -> None:
    """A feature that is right in all of twenty rows may be so by chance."""
    values: list[object] = [
        (int(quiet) if member < 20 and at == cutoffs[5][1] else None)
        for (member, at), quiet in zip(cutoffs, is_quiet, strict=True)
    ]
    files = notes(cutoffs, values)
    chosen = [
        f"{member},1.0,{at.isoformat()}" for (member, at) in cutoffs if member < 20 and at <= cutoffs[5][1]
    ]
    files["orders-1.csv"] = "\n".join(["member_id,amount,at", *chosen, ""])
    assert leaks_in(NOTES % "Int64", files).findings == []
