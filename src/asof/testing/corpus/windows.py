"""Aggregates over windows, of facts that are corrected and taken back."""

from __future__ import annotations

from asof.testing.case import Case

WINDOWS = Case(
    "windows",
    definitions="""
import pyarrow.compute as pc

customer = Entity("customer", keys={"customer": Int64})

sales = Source(
    "sales",
    reader=Files("sales.csv"),
    schema={
        "sale": String,
        "customer": Int64,
        "amount": Decimal(10, 2),
        "weight": Float64,
        "channel": String,
        "at": Timestamp,
        "seen": Timestamp,
        "void": Bool,
    },
    event_time="at",
    created="seen",
    identity=["sale"],
    retracted="void",
)
questions = Source(
    "questions",
    reader=Files("questions.csv"),
    schema={"customer": Int64, "at": Timestamp},
    event_time="at",
)



@aggregate_function(
    inputs=["amount", "at"], outputs={"swing": Decimal(12, 2), "hours": Float64}, over="7d"
)
def path(events, cutoff):
    amounts = events["amount"].to_pylist()
    ages = pc.subtract(cutoff, events["at"]).cast("int64").to_pylist()
    return {
        "swing": sum(abs(after - before) for before, after in zip(amounts, amounts[1:])),
        "hours": sum(ages) / 3_600_000_000,
    }


spent = FeatureView(
    "spent",
    entity=customer,
    source=sales,
    features=[
        Count(over=["1d", "7d"]),
        Count(over="7d", offset="1d"),
        Count(over="7d", where=col("channel") == "web", name="web"),
        CountDistinct("channel", over="7d"),
        Sum("amount", over=["1d", "7d"]),
        Sum("weight", over="7d"),
        Mean("amount", over="7d"),
        Min("amount", over="7d"),
        Max("weight", over="7d"),
        Std("weight", over="7d"),
        First("channel", over="7d"),
        Last("channel"),
        DaysSinceLast(),
        Ratio(Sum("amount"), Count(), name="each", over="7d"),
        Sum("amount", by="channel", over="7d"),
        Count("weight", by="channel", over="7d"),
        path,
    ],
)
asked = Label(
    "asked", entity=customer, source=questions, at=each_event(), horizon="1s", outcome=Count() > 0
)
everything = TrainingSet("everything", label=asked, features=[spent])
""",
    files={
        # A is corrected on the 4th, B void from the 6th on. 0.1 + 0.2 + 0.3 must be the nearest float.
        "sales.csv": """\
sale,customer,amount,weight,channel,at,seen,void
A,1,10.00,0.1,web,2024-01-01,2024-01-01,false
A,1,8.00,0.1,shop,2024-01-01,2024-01-04,false
B,1,5.50,0.2,web,2024-01-02,2024-01-02,false
B,1,5.50,0.2,web,2024-01-02,2024-01-06,true
C,1,1.25,0.3,,2024-01-03,2024-01-03,false
D,1,0.01,,web,2024-01-03,2024-01-03,false
E,2,7.00,1e16,web,2024-01-01,2024-01-01,false
F,2,7.00,1,web,2024-01-01,2024-01-01,false
G,2,7.00,-1e16,web,2024-01-01,2024-01-01,false
""",
        "questions.csv": """\
customer,at
1,2024-01-03T12:00:00
1,2024-01-05
1,2024-01-07T12:00:00
1,2024-01-08
2,2024-01-03
3,2024-01-03
4,2024-02-01
""",
    },
    expected={
        "everything": {
            "customer": [2, 3, 1, 1, 1, 1],
            "spent__count_1d": [0, 0, 2, 0, 0, 0],
            "spent__count_7d": [3, 0, 4, 4, 3, 2],
            "spent__count_7d_ago_1d": [3, 0, 2, 4, 3, 3],
            "spent__web_7d": [3, 0, 3, 2, 1, 1],
            "spent__channel_count_distinct_7d": [1, 0, 1, 2, 2, 1],
            "spent__amount_sum_1d": [None, None, "1.26", None, None, None],
            "spent__amount_sum_7d": ["21.00", None, "16.76", "14.76", "9.26", "1.26"],
            "spent__weight_sum_7d": [1.0, None, 0.6, 0.6, 0.4, 0.3],
            "spent__amount_mean_7d": [7.0, None, 4.19, 3.69, 9.26 / 3, 0.63],
            "spent__amount_min_7d": ["7.00", None, "0.01", "0.01", "0.01", "0.01"],
            "spent__weight_max_7d": [1e16, None, 0.3, 0.3, 0.3, 0.3],
            "spent__channel_first_7d": ["web", None, "web", "shop", "shop", "web"],
            "spent__channel_last": ["web", None, "web", "web", "web", "web"],
            "spent__days_since_last": [2.0, None, 0.5, 2.0, 4.5, 5.0],
            "spent__each_7d": [7.0, None, 4.19, 3.69, 9.26 / 3, 0.63],
            "spent__amount_sum_by_channel_7d": [
                [("web", "21.00")],
                None,
                [("web", "15.51")],
                [("shop", "8.00"), ("web", "5.51")],
                [("shop", "8.00"), ("web", "0.01")],
                [("web", "0.01")],
            ],
            "spent__weight_count_by_channel_7d": [
                [("web", 3)],
                None,
                [("web", 2)],
                [("shop", 1), ("web", 1)],
                [("shop", 1)],
                None,
            ],
            "spent__path_swing_7d": ["0.00", None, "9.99", "7.99", "7.99", "1.24"],
            "spent__path_hours_7d": [144.0, None, 120.0, 264.0, 372.0, 240.0],
        }
    },
)
