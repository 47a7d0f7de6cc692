"""Labels on a grid, of rows that are cleaned and held against rules."""

from __future__ import annotations

from asof.testing.case import Case

LABELS = Case(
    "labels",
    definitions="""
customer = Entity("customer", keys={"customer": Int64})
visits = Source(
    "visits",
    reader=Files("visits-*.csv"),
    schema={"customer": Int64, "pages": Int64, "at": Timestamp},
    event_time="at",
    clean=[drop_where(col("pages") == 0)],
    expect=[between("pages", 0, 100, on_fail="quarantine")],
)
seen = FeatureView("seen", entity=customer, source=visits, features=[Count(), Sum("pages", over="14d")])
quiet = Label(
    "quiet",
    entity=customer,
    source=visits,
    at=every("7d"),
    gap="1d",
    horizon="7d",
    active_within="14d",
    outcome=Count() == 0,
)
churn = TrainingSet("churn", label=quiet, features=[seen])
""",
    files={
        # 2024-01-01 is a Monday. The horizon of the cut-off of the 22nd is open; rows end on the 26th.
        "visits-1.csv": """\
customer,pages,at
1,3,2024-01-01T10:00:00
1,2,2024-01-09T00:00:00
2,5,2024-01-08T00:00:00
2,0,2024-01-10T00:00:00
2,-1,2024-01-11T00:00:00
""",
        "visits-2.csv": """\
customer,pages,at
2,4,2024-01-16T00:00:00
3,1,2024-01-16T00:00:00.000001
1,1,2024-01-26T00:00:00
""",
    },
    expected={
        "churn": {
            "cutoff": [
                "2024-01-08T00:00:00",
                "2024-01-08T00:00:00",
                "2024-01-15T00:00:00",
                "2024-01-15T00:00:00",
            ],
            "customer": [1, 2, 1, 2],
            "quiet": [True, False, True, True],
            "seen__count": [1, 1, 2, 1],
            "seen__pages_sum_14d": [3, 5, 5, 5],
        }
    },
)
