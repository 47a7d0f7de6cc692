"""Features of requests, which a training set takes from the rows that are its cut-offs."""

from __future__ import annotations

from asof.testing.case import Case

REQUESTS = Case(
    "requests",
    definitions="""
import pyarrow as pa
import pyarrow.compute as pc

customer = Entity("customer", keys={"customer": Int64})
sales = Source(
    "sales",
    reader=Files("sales.csv"),
    schema={"customer": Int64, "amount": Float64, "at": Timestamp},
    event_time="at",
)
baskets = Source(
    "baskets",
    reader=Files("baskets.csv"),
    schema={"customer": Int64, "total": Float64, "at": Timestamp},
    event_time="at",
)
spent = FeatureView("spent", entity=customer, source=sales, features=[Mean("amount", over="7d")])


@on_demand_feature_view(
    request={"total": Float64}, features=[spent], outputs={"times_usual": Float64}
)
def basket(rows):
    return pa.table({"times_usual": pc.divide(rows["total"], rows["spent__amount_mean_7d"])})


paid = Label("paid", entity=customer, source=sales, at=each_event(baskets), horizon="1d", outcome=Count())
tills = TrainingSet("tills", label=paid, features=[basket])
""",
    files={
        # At noon of the 3rd customer 1 has two baskets. That of the 9th is not mature.
        "sales.csv": """\
customer,amount,at
1,2,2024-01-01
1,4,2024-01-03
1,4,2024-01-03T18:00:00
2,8,2024-01-09
""",
        "baskets.csv": """\
customer,total,at
1,3,2024-01-02
1,6,2024-01-03T12:00:00
1,,2024-01-03T12:00:00
2,5,2024-01-03T12:00:00
2,16,2024-01-09
""",
    },
    expected={
        "tills": {
            "customer": [1, 1, 1, 2],
            "paid": [1, 1, 1, 0],
            "basket__times_usual": [1.5, 2.0, None, None],
        }
    },
)
