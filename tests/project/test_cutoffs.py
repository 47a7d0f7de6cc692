"""Cut-offs at events: the label's own, or those of a table of questions."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import asof

DEFINITIONS = """
from asof import *

customer = Entity("customer", keys={"customer_id": Int64})
orders = Source(
    "orders",
    reader=Files("data/orders.csv"),
    schema={"customer_id": Int64, "amount": Int64, "at": Timestamp},
    event_time="at",
)
applications = Source(
    "applications",
    reader=Files("data/applications.csv"),
    schema={"customer_id": Int64, "applied_at": Timestamp},
    event_time="applied_at",
)
spend = FeatureView("spend", entity=customer, source=orders, features=[Count(), Sum("amount", over="10d")])
again = Label(
    "again", entity=customer, source=orders, at=each_event(), horizon="5d", outcome=Count() > 0
)
bought = Label(
    "bought", entity=customer, source=orders, at=each_event(applications), horizon="5d", outcome=Sum("amount")
)
repeats = TrainingSet("repeats", label=again, features=[spend], strict=True)
sales = TrainingSet("sales", label=bought, features=[spend])
"""
ORDERS = """\
customer_id,amount,at
1,10,2024-01-01T00:00:00
1,20,2024-01-03T00:00:00
1,30,2024-01-03T00:00:00
2,40,2024-01-04T00:00:00
2,50,2024-01-20T00:00:00
"""
APPLICATIONS = """\
customer_id,applied_at
1,2024-01-02T00:00:00
2,2024-01-15T12:00:00
2,2024-01-19T00:00:00
3,2024-01-05T00:00:00
3,2024-01-05T00:00:00
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "asof.toml").write_text('name = "shop"\ndefinitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(dedent(DEFINITIONS))
    (tmp_path / "data/orders.csv").write_text(ORDERS)
    (tmp_path / "data/applications.csv").write_text(APPLICATIONS)
    return tmp_path


def built(shop: Path, name: str) -> tuple[list[tuple[object, ...]], int]:
    with asof.open(str(shop)) as project:
        project.apply()
        project.run()
        labels = project.build_training_set(name).version.manifest["labels"]
        rows = project.read_training_set(name).to_pylist()
    return [(row["customer_id"], row["cutoff"].day, *list(row.values())[2:]) for row in rows], labels[
        "immature"
    ]


def test_the_labels_own_events_are_cut_offs(shop: Path) -> None:
    """Once for each entity and time; strict features don't see the event itself."""
    rows, immature = built(shop, "repeats")
    assert rows == [(1, 1, True, 0, None), (1, 3, False, 1, 10), (2, 4, False, 0, None)]
    assert immature == 1


def test_cut_offs_are_given_in_a_table(shop: Path) -> None:
    rows, immature = built(shop, "sales")
    assert rows == [(1, 2, 50, 1, 10), (3, 5, None, 0, None), (3, 5, None, 0, None)]
    assert immature == 2


def test_active_within_goes_with_a_grid(shop: Path) -> None:
    path = shop / "definitions.py"
    path.write_text(path.read_text().replace("at=each_event(),", 'at=each_event(), active_within="3d",'))
    with (
        asof.open(str(shop)) as project,
        pytest.raises(asof.DefinitionError, match="active_within goes with"),
    ):
        project.plan()
