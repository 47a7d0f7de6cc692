"""Ten versions over ten weeks of late rows, corrections and changed definitions, all proven at the end."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from asof.project import Project

DEFINITIONS = """
from asof import *
import pyarrow.compute as pc

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={
        "order_id": Int64, "customer_id": Int64, "amount": Float64, "channel": String,
        "at": Timestamp, "loaded_at": Timestamp, "cancelled": Bool,
    },
    event_time="at", created="loaded_at", identity=["order_id"], retracted="cancelled",
    clean=[drop_where(col("amount") > 95)],
)


def rounded(rows):
    return rows.select([]).append_column("tens", pc.floor(pc.divide(rows["amount"], 10)))


spend = FeatureView(
    "spend", entity=customer, source=orders, ttl="90d",
    transform=Transform(rounded, inputs=["amount"], outputs={"tens": Float64}),
    features=[
        Sum("amount", over=["7d", "28d"]), Count(over="28d", by="channel", categories=["web"]), Mean("tens")],
)
quiet = Label("quiet", entity=customer, source=orders, at=every("7d"), horizon="7d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[spend], split=ByTime(test="14d", embargo="7d"))
again = TrainingSet("again", label=quiet, features=[spend], split=ByTime(test="14d", embargo="7d"))
"""

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
A_FEATURE = ('Mean("tens")]', 'Mean("tens"), Max("amount", over="14d")]')
A_WINDOW = ('over=["7d", "28d"]', 'over=["7d", "35d"]')
A_STEP = ('col("amount") > 95', 'col("amount") > 80')
A_HORIZON = ('horizon="7d"', 'horizon="14d"')
A_SAMPLE = ('"churn", label=quiet,', '"churn", label=quiet, sample=Balance(seed=3),')
CHANGES = {3: A_FEATURE, 4: A_WINDOW, 6: A_STEP, 7: A_HORIZON, 10: A_SAMPLE}
ROLLED_BACK = {8: 2}
"""By week, what the team changed, and which revision it went back to; in week 9 it went on from there."""


@dataclass(frozen=True)
class Week:
    """What was built in a week, and the moment at which it had been."""

    version: int
    fingerprint: str
    revision: int
    moment: datetime


def orders_of(week: int, draw: random.Random, numbers: Iterator[int]) -> Iterator[str]:
    """New orders, some late ones of weeks before, and corrections and cancellations of known ones."""
    loaded = MONDAY + timedelta(days=7 * week)
    for customer in range(1, 13):
        for _ in range(draw.choice([0, 0, 1, 3])):
            late = timedelta(days=draw.choice([0, 0, 0, 10, 17]))
            at = loaded - timedelta(hours=draw.randint(1, 7 * 24)) - late
            yield row(next(numbers), customer, draw, at, loaded, cancelled=False)
    for number in draw.sample(range(1, 20 * week), k=4 if week > 1 else 0):
        at = loaded - timedelta(days=draw.randint(8, 20))
        yield row(number, number % 12 + 1, draw, at, loaded, cancelled=draw.random() < 0.3)


def row(
    number: int, customer: int, draw: random.Random, at: datetime, loaded: datetime, *, cancelled: bool
) -> str:
    amount, channel = draw.randint(1, 100), draw.choice(["web", "shop"])
    return f"{number},{customer},{amount},{channel},{at:%FT%T},{loaded:%FT%T},{str(cancelled).lower()}"


def live(folder: Path, week: int, rows: Iterable[str]) -> Week:
    """A week: rows come in, the team changes its mind, or does not, and builds."""
    header = "order_id,customer_id,amount,channel,at,loaded_at,cancelled"
    (folder / f"orders-{week:02}.csv").write_text("\n".join([header, *rows]) + "\n")
    if week in CHANGES:
        file = folder / "definitions.py"
        file.write_text(file.read_text().replace(*CHANGES[week]))
    with Project.open(str(folder)) as project:
        if week in ROLLED_BACK:
            project.roll_back(ROLLED_BACK[week])
        elif week == 1 or week in CHANGES:
            project.apply(force=True)
        project.run()
        built = project.build_training_set("churn")
    assert built.new
    manifest = built.version.manifest
    assert all(manifest["split"].values())
    return Week(built.version.version, manifest["fingerprint"], manifest["revision"], datetime.now(UTC))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Week]]:
    """A project after ten weeks, and what was built in each."""
    folder = tmp_path_factory.mktemp("ten_weeks")
    (folder / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (folder / "definitions.py").write_text(DEFINITIONS)
    draw, numbers = random.Random(7), count(1)
    before = [row for week in range(-6, 1) for row in orders_of(week, draw, numbers)]
    weeks = [live(folder, 1, [*before, *orders_of(1, draw, numbers)])]
    return folder, weeks + [live(folder, week, orders_of(week, draw, numbers)) for week in range(2, 11)]


def test_every_week_made_another_version(lived: tuple[Path, list[Week]]) -> None:
    _, weeks = lived
    assert len({week.fingerprint for week in weeks}) == 10
    assert [week.revision for week in weeks] == [1, 1, 2, 3, 3, 4, 5, 6, 6, 7]


@pytest.mark.parametrize("engine", ["local", pytest.param("dask", marks=pytest.mark.slow)])
def test_all_hold_at_the_end(engine: str, lived: tuple[Path, list[Week]], require: Any) -> None:
    require("the extra 'dask'", engine == "local" or find_spec("distributed"))
    folder, weeks = lived
    with Project.open(str(folder), engine=engine) as project:
        done = [project.verify_training_set("churn", week.version) for week in weeks]
    assert [each.rebuilt.fingerprint for each in done] == [week.fingerprint for week in weeks]
    assert all(each.holds and each.engine == engine for each in done)


def test_each_week_can_be_built_as_it_was(lived: tuple[Path, list[Week]]) -> None:
    """`again` is defined as `churn` is, but for its name, and was never built in its time."""
    folder, weeks = lived
    with Project.open(str(folder)) as project:
        for week in weeks[:-1]:
            built = project.build_training_set("again", at=week.moment)
            assert built.new
            assert built.version.manifest["fingerprint"] == week.fingerprint
            assert built.version.manifest["revision"] == week.revision
        assert not project.build_training_set("churn", at=weeks[-1].moment).new
