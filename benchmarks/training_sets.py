"""A training set built, and then verified: built again from the same table versions, and compared.

    python benchmarks/training_sets.py --customers 200_000 --weeks 52

Every customer is asked about each week; two views with windows, seven features. The leak checks of the
build are looked at apart, since verifying has none.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from child import in_child, peak

from asof.project import Project

WEEK = 7 * 86_400 * 10**6
T = TypeVar("T")
START = 1_704_067_200 * 10**6  # a Monday
EVENTS_EACH = 15
SETTINGS = 'name = "shop"\ndefinitions = "definitions.py"\nleaks = "{leaks}"\n'
DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Files("orders.parquet"),
    schema={"customer_id": Int64, "amount": Decimal(12, 2), "channel": String, "at": Timestamp},
    event_time="at",
)
spend = FeatureView(
    "spend", entity=customer, source=orders,
    features=[Sum("amount", over=["7d", "30d"]), Count(over=["7d", "30d"])],
)
habits = FeatureView(
    "habits", entity=customer, source=orders, features=[Last("channel"), Max("amount"), DaysSinceLast()],
)
quiet = Label("quiet", entity=customer, source=orders, at=every("7d"), horizon="14d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[spend, habits])
"""


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of processors, and the most memory so far, in bytes."""

    clock: float
    processor: float
    peak: int


def prepare(folder: Path, customers: int, weeks: int) -> None:
    """Orders at random over all weeks; each customer's first is in the first week."""
    random = np.random.default_rng(1)
    events = customers * EVENTS_EACH
    ids = np.concatenate([np.arange(customers), random.integers(0, customers, events - customers)])
    spans = np.where(np.arange(events) < customers, WEEK, weeks * WEEK)
    rows = pa.table(
        {
            "customer_id": ids,
            "amount": pa.array(np.round(random.gamma(2, 20, events), 2)).cast(pa.decimal128(12, 2)),
            "channel": np.array(["web", "shop", "phone"])[random.integers(0, 3, events)],
            "at": pa.array(START + (random.random(events) * spans).astype(np.int64)).cast(pa.timestamp("us")),
        }
    )
    pq.write_table(rows, folder / "orders.parquet")
    (folder / "definitions.py").write_text(DEFINITIONS)


def run(folder: str) -> None:
    with Project.open(folder) as project:
        project.apply()
        project.run()


def build(folder: str, leaks: str) -> tuple[Cost, int]:
    """What building costs, and how many rows there are."""
    (Path(folder) / "asof.toml").write_text(SETTINGS.format(leaks=leaks))
    with Project.open(folder) as project:
        cost, built = timed(lambda: project.build_training_set("churn"))
        assert built.new
        return cost, built.version.manifest["rows"]


def verify(folder: str) -> Cost:
    with Project.open(folder) as project:
        cost, verification = timed(lambda: project.verify_training_set("churn"))
        assert verification.holds
        return cost


def timed(call: Callable[[], T]) -> tuple[Cost, T]:
    clock, processor = time.perf_counter(), time.process_time()
    found = call()
    return Cost(time.perf_counter() - clock, time.process_time() - processor, peak()), found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--customers", type=int, default=200_000)
    arguments.add_argument("--weeks", type=int, default=52)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        costs = {}
        for leaks in ("warn", "ignore"):
            folder = Path(place, leaks)
            folder.mkdir()
            (folder / "asof.toml").write_text(SETTINGS.format(leaks=leaks))
            prepare(folder, given.customers, given.weeks)
            in_child(run, str(folder))
            costs[f"build, leaks = {leaks!r}"], rows = in_child(build, str(folder), leaks)
        costs["verify"] = in_child(verify, str(folder))
        print_costs(costs, rows)


def print_costs(costs: dict[str, Cost], rows: int) -> None:
    print(f"{rows:,} rows")
    least = costs["build, leaks = 'ignore'"]
    for name, cost in costs.items():
        ratio = f"{cost.clock / least.clock:5.2f} x  (processor {cost.processor / least.processor:.2f} x)"
        print(f"{name:24} {cost.clock:6.2f} s  {ratio}  {cost.peak >> 20:,} MB")


if __name__ == "__main__":
    main()
