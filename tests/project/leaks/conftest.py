"""A club whose members order now and then, in which leaks are planted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from asof.leaks.finding import Finding, Leaks
from asof.project import Project

MEMBERS = 300
WEEKS = 26
HORIZON = timedelta(days=14)
START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday

DEFINITIONS = """
from asof import *

member = Entity("member", keys={"member_id": Int64})
orders = Source(
    "orders",
    reader=Files("data/orders-*.csv"),
    schema={"member_id": Int64, "amount": Float64, "at": Timestamp},
    event_time="at",
)
spend = FeatureView(
    "spend",
    entity=member,
    source=orders,
    features=[Sum("amount", over=["14d", "28d"]), Count(over=["14d", "28d"]), DaysSinceLast(), "amount"],
)
quiet = Label(
    "quiet", entity=member, source=orders, at=every("7d"), horizon="14d", outcome=Count() == 0
)
SPLIT = ByTime(test="28d", embargo="14d")
"""


class Order(NamedTuple):
    member: int
    amount: float
    at: datetime


def lines(header: str, rows: Iterable[Iterable[object]]) -> str:
    """A CSV file; null is nothing."""
    cells = (",".join("" if value is None else _cell(value) for value in row) for row in rows)
    return "\n".join([header, *cells, ""])


def _cell(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@pytest.fixture(scope="session")
def orders() -> list[Order]:
    """Half a year of orders."""
    return drawn(1)


@pytest.fixture(scope="session")
def other_orders() -> Callable[[int], str]:
    """Others of the same kind, as a file, the same for the same seed."""
    return lambda seed: lines("member_id,amount,at", drawn(seed))


def drawn(seed: int) -> list[Order]:
    """Some members order often and others hardly ever, in spells."""
    draw, found = random.Random(seed), []
    for member in range(MEMBERS):
        at, pace = START, draw.uniform(2, 40)
        while (at := at + timedelta(days=draw.expovariate(1 / pace))) < START + timedelta(weeks=WEEKS):
            found.append(Order(member, round(draw.uniform(1, 90), 2), at.replace(microsecond=0)))
            pace = draw.uniform(2, 40) if draw.random() < 0.3 else pace
    return found


@pytest.fixture(scope="session")
def cutoffs(orders: list[Order]) -> list[tuple[int, datetime]]:
    """Each member at each Monday."""
    return [(member, START + timedelta(weeks=week)) for member in range(MEMBERS) for week in range(WEEKS)]


@pytest.fixture(scope="session")
def total(orders: list[Order]) -> Callable[[int, datetime, datetime], float | None]:
    """The sum of a member's orders after one moment and up to another; None of none."""
    of_member: dict[int, list[Order]] = {}
    for order in orders:
        of_member.setdefault(order.member, []).append(order)

    def total(member: int, after: datetime, until: datetime) -> float | None:
        amounts = [order.amount for order in of_member.get(member, []) if after < order.at <= until]
        return sum(amounts) if amounts else None

    return total


Club = Callable[..., Path]


@pytest.fixture
def club(tmp_path: Path, orders: list[Order]) -> Club:
    """Makes the project with more definitions and files, and runs it."""

    def make(
        definitions: str, files: Mapping[str, str] | None = None, settings: str = "", run: bool = True
    ) -> Path:
        folder = tmp_path / "club"
        (folder / "data").mkdir(parents=True)
        (folder / "asof.toml").write_text(f'name = "club"\ndefinitions = "definitions.py"\n{settings}\n')
        (folder / "definitions.py").write_text(DEFINITIONS + dedent(definitions))
        given = {"orders-1.csv": lines("member_id,amount,at", orders), **(files or {})}
        for name, content in given.items():
            (folder / "data" / name).write_text(content)
        if run:
            with Project.open(str(folder)) as project:
                project.apply()
                project.run()
        return folder

    return make


@pytest.fixture
def leaks_in(club: Club) -> Callable[..., Leaks]:
    """What the checks find in the training set `churn` of the project with more definitions and files."""

    def found(definitions: str, files: Mapping[str, str] | None = None) -> Leaks:
        with Project.open(str(club(definitions, files))) as project:
            return project.check_leaks("churn")

    return found


@pytest.fixture(scope="session")
def by_check() -> Callable[[Leaks], dict[str, set[str]]]:
    """What was found by which check."""

    def grouped(leaks: Leaks) -> dict[str, set[str]]:
        checks = {finding.check for finding in leaks.findings}
        return {check: {name for each in _of(leaks, check) for name in each.what} for check in checks}

    return grouped


def _of(leaks: Leaks, check: str) -> list[Finding]:
    return [finding for finding in leaks.findings if finding.check == check]
