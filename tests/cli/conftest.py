"""A small real project, and the command line to work on it."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from asof.cli.main import main

SETTINGS = 'name = "shop"\n\n[profiles.other]\nstorage = "other"\n'
DEFINITIONS = """
from asof import (
    ByTime, Count, Entity, FeatureService, FeatureView, Files, Float64, Int64, Label, Source, String,
    Sum, Timestamp, TrainingSet, between, every,
)

customer = Entity("customer", keys={"customer_id": Int64})

sales = Source(
    "sales",
    reader=Files("data/*.csv"),
    schema={"customer_id": Int64, "amount": Float64, "channel": String, "sold_at": Timestamp},
    event_time="sold_at",
    expect=[between("amount", low=0, on_fail="quarantine")],
)

spend = FeatureView(
    "spend",
    entity=customer,
    source=sales,
    features=["channel", Count(over="7d", name="orders"), Sum("amount", over="7d")],
)

quiet = Label("quiet", entity=customer, source=sales, at=every("7d"), horizon="7d", outcome=Count() == 0)

churn = TrainingSet("churn", label=quiet, features=[spend], split=ByTime(test="7d"))

model = FeatureService("model", features=[spend])
"""
JANUARY = """customer_id,amount,channel,sold_at
1,10.5,web,2024-01-01T10:00:00
2,20,shop,2024-01-02T10:00:00
1,7.25,shop,2024-01-09T10:00:00
3,5,web,2024-01-10T10:00:00
oops,5,web,2024-01-10T11:00:00
2,-1,web,2024-01-16T10:00:00
1,3,web,2024-01-30T10:00:00
"""
FEBRUARY = """customer_id,amount,channel,sold_at
3,4,shop,2024-02-01T10:00:00
"""


class Done(NamedTuple):
    """How a command ended and what it printed."""

    code: object
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Asof = Callable[..., Done]


def call(*arguments: object) -> Done:
    """Run `asof` with arguments, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["asof", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return Done(ended.value.code, out.getvalue(), err.getvalue())


def write_shop(folder: Path) -> Path:
    files = {
        "asof.toml": SETTINGS,
        "features/shop.py": DEFINITIONS,
        "data/2024-01.csv": JANUARY,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def asof() -> Asof:
    return call


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of which nothing has been applied yet."""
    return write_shop(tmp_path / "shop")


@pytest.fixture
def february() -> str:
    """What the next file of sales has in it."""
    return FEBRUARY


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied and run, with a training set; for tests that only read."""
    folder = write_shop(tmp_path_factory.mktemp("built") / "shop")
    for command in (["apply"], ["run"], ["training-set", "build", "churn"]):
        done = call("--project", folder, *command)
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment for `python -m asof` in a process of its own."""
    source = Path(__file__).resolve().parents[2] / "src"
    return {**os.environ, "PYTHONPATH": str(source), "PYTHONWARNINGS": "error"}
