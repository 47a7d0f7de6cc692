"""A team's functions, row by row."""

from __future__ import annotations

from asof.testing.case import Case

TRANSFORMS = Case(
    "transforms",
    definitions="""
import pyarrow.compute as pc

RATES = {"EUR": 1.0, "SEK": 0.0875}

account = Entity("account", keys={"account": String})
payments = Source(
    "payments",
    reader=Files("payments.csv"),
    schema={"account": String, "amount": Float64, "currency": String, "at": Timestamp},
    event_time="at",
)


def rate(currency):
    return RATES.get(currency)


@feature_view(
    entity=account,
    source=payments,
    inputs=["amount", "currency"],
    outputs={"euros": Float64, "large": Bool},
    features=["large", Sum("euros", over="7d")],
)
def paid(rows):
    rates = [rate(currency) for currency in rows["currency"].to_pylist()]
    euros = pc.multiply(rows["amount"], pc.cast(rates, "float64"))
    return rows.select([]).append_column("euros", euros).append_column("large", pc.greater(euros, 10.0))


again = Label("again", entity=account, source=payments, at=each_event(), horizon="7d", outcome=Count())
payers = TrainingSet("payers", label=again, features=[paid])
""",
    files={
        "payments.csv": """\
account,amount,currency,at
a,8,EUR,2024-01-01
a,160,SEK,2024-01-02
b,1,USD,2024-01-02
a,3,EUR,2024-01-09
c,1,EUR,2024-02-01
""",
    },
    expected={
        "payers": {
            "account": ["a", "a", "b", "a"],
            "again": [1, 1, 0, 0],
            "paid__large": [False, True, None, False],
            "paid__euros_sum_7d": [8.0, 22.0, None, 3.0],
        }
    },
)
