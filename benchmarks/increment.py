"""What a day costs: a full run of a project, then a run of one day more, and one that finds nothing to do.

    python benchmarks/increment.py --events 3_000_000 --days 100

Two views with windows, a label, and a service that publishes both; sources are CSV files, one a day.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from child import in_child

from asof.project import Project
from asof.storage.catalogue import Step

EVENTS, DAYS = 3_000_000, 100
CUSTOMERS, PRODUCTS = 100_000, 20_000
DAY = 86_400 * 10**6
START = 1_700_006_400 * 10**6
DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
product = Entity("product", keys={"product_id": Int64})
orders = Source(
    "orders",
    reader=Files("orders-*.csv"),
    schema={
        "customer_id": Int64,
        "product_id": Int64,
        "amount": Decimal(12, 2),
        "channel": String,
        "at": Timestamp,
    },
    event_time="at",
    clean=[fill("channel", "web")],
    expect=[between("amount", 0, 1_000_000, on_fail="quarantine")],
)
spend = FeatureView(
    "spend", entity=customer, source=orders,
    features=[Sum("amount", over=["7d", "30d"]), Count(over=["7d", "30d"]), Last("channel")],
)
sold = FeatureView(
    "sold", entity=product, source=orders,
    features=[Count(over=["1d", "7d"]), Mean("amount", over="7d"), Max("amount", over="7d")],
)
quiet = Label("quiet", entity=customer, source=orders, at=every("7d"), horizon="14d", outcome=Count() == 0)
churn = TrainingSet("churn", label=quiet, features=[spend])
model = FeatureService("model", features=[spend])
shelf = FeatureService("shelf", features=[sold])
"""


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of processors, of a run and of each of its steps (those by the clock)."""

    clock: float
    processor: float
    steps: dict[str, float]


def write_day(folder: Path, day: int, events: int, seed: int) -> None:
    """A day's orders, in order: some customers and products have far more than others, as in life."""
    random = np.random.default_rng((seed, day))
    at = np.sort(random.integers(START + day * DAY, START + (day + 1) * DAY, events))
    rows = pa.table(
        {
            "customer_id": random.choice(CUSTOMERS, events, p=_shares(CUSTOMERS)),
            "product_id": random.choice(PRODUCTS, events, p=_shares(PRODUCTS)),
            "amount": pa.array(np.round(random.gamma(2, 20, events), 2)).cast(pa.decimal128(12, 2)),
            "channel": np.array(["web", "shop", ""])[random.integers(0, 3, events)],
            "at": pa.array(at).cast(pa.timestamp("us")),
        }
    )
    csv.write_csv(rows, folder / f"orders-{day:03}.csv")


@cache
def _shares(count: int) -> np.ndarray:
    weights = np.random.default_rng(count).lognormal(0, 1.5, count)
    return weights / weights.sum()


def run(folder: str) -> Cost:
    """A run in this process."""
    steps: list[Step] = []
    with Project.open(folder) as project:
        clock, processor = time.perf_counter(), time.process_time()
        project.run(on_step=steps.append)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return Cost(clock, processor, {step.name: _seconds(step) for step in steps})


def _seconds(step: Step) -> float:
    assert step.finished_at is not None
    return (step.finished_at - step.started_at).total_seconds()


def measure(folder: str, events: int, days: int) -> tuple[Cost, list[Cost], Cost]:
    """Full, then day by day, then a run with nothing to do, all in this process."""
    for day in range(days):
        write_day(Path(folder), day, events // days, 0)
    with Project.open(folder) as project:
        project.apply()
    full, increments = run(folder), []
    for day in range(days, days + 3):
        write_day(Path(folder), day, events // days, 0)
        increments.append(run(folder))
    return full, increments, run(folder)


@contextmanager
def project() -> Iterator[Path]:
    """A folder with the project."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "asof.toml").write_text('definitions = "definitions.py"\n')
        (folder / "definitions.py").write_text(DEFINITIONS)
        yield folder


def main() -> None:
    """Print what each costs, and its ratio to the full run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--days", type=int, default=DAYS)
    given = parser.parse_args()
    with project() as folder:
        full, increments, idle = in_child(measure, str(folder), given.events, given.days)
    middle = sorted(increments, key=lambda cost: cost.clock)[len(increments) // 2]
    print(f"{given.events:,} events in {given.days} days, then a day more; seconds, and to the full run")
    _print("run, by the clock", full, middle, idle, lambda cost: cost.clock)
    _print("run, of processors", full, middle, idle, lambda cost: cost.processor)
    for step in full.steps:
        _print(step, full, middle, idle, lambda cost, step=step: cost.steps[step])  # type: ignore[misc]


def _print(what: str, full: Cost, day: Cost, idle: Cost, of: Callable[[Cost], float]) -> None:
    print(f"{what:<24}{of(full):>9.2f}{of(day):>9.3f}{of(day) / of(full):>8.1%}{of(idle):>9.3f}")


if __name__ == "__main__":
    main()
