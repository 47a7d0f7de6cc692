"""The corpus: small projects with every rule in them, and the rows that follow from the rules by hand."""

from __future__ import annotations

from asof.testing.case import Case

POINT_IN_TIME = Case(
    "point_in_time",
    definitions="""
shop = Entity("shop", keys={"country": String, "number": Int64})
keys = {"country": String, "number": Int64}

prices = Source(
    "prices",
    reader=Files("prices.csv"),
    schema={**keys, "price": Int64, "at": Timestamp, "seen": Timestamp},
    event_time="at",
    created="seen",
)
questions = Source(
    "questions", reader=Files("questions.csv"), schema={**keys, "at": Timestamp}, event_time="at"
)

price = FeatureView("price", entity=shop, source=prices, features=["price"])
fresh = FeatureView("fresh", entity=shop, source=prices, features=["price"], ttl="10d")
again = Label(
    "again", entity=shop, source=questions, at=each_event(), horizon="1s", outcome=Count() > 0
)

plain = TrainingSet("plain", label=again, features=[price, fresh])
strict = TrainingSet("strict", label=again, features=[price], strict=True)
hindsight = TrainingSet("hindsight", label=again, features=[price], known_at="ignore")
""",
    files={
        # 11 became known after 12 did; 13 as late as 11, and was ingested after it.
        "prices.csv": """\
country,number,price,at,seen
FR,1,10,2024-01-01,2024-01-01
FR,1,11,2024-01-05,2024-01-10
FR,1,12,2024-01-05,2024-01-07
FR,1,13,2024-01-05,2024-01-10
DE,1,20,2024-01-02,2024-01-02
,1,99,2024-01-02,2024-01-02
DE,,98,2024-01-02,2024-01-02
""",
        "questions.csv": """\
country,number,at
FR,1,2024-01-12
FR,1,2024-01-01
FR,1,2024-01-06
DE,1,2024-01-01T23:59:59.999999
FR,1,2024-01-08
FR,1,2024-01-15
FR,1,2024-01-15T00:00:00.000001
DE,1,2024-01-02
IT,7,2024-01-05
,1,2024-01-05
FR,2,2024-02-01
""",
    },
    expected={
        "plain": {
            "cutoff": [
                "2024-01-01T00:00:00",
                "2024-01-01T23:59:59.999999",
                "2024-01-02T00:00:00",
                "2024-01-05T00:00:00",
                "2024-01-06T00:00:00",
                "2024-01-08T00:00:00",
                "2024-01-12T00:00:00",
                "2024-01-15T00:00:00",
                "2024-01-15T00:00:00.000001",
            ],
            "country": ["FR", "DE", "DE", "IT", "FR", "FR", "FR", "FR", "FR"],
            "price__price": [10, None, 20, None, 10, 12, 13, 13, 13],
            "fresh__price": [10, None, 20, None, 10, 12, 13, 13, None],
            "again": [False, True, False, False, False, False, False, True, False],
        },
        "strict": {"price__price": [None, None, None, None, 10, 12, 13, 13, 13]},
        "hindsight": {"price__price": [10, None, 20, None, 13, 13, 13, 13, 13]},
    },
)

WINDOWS = Case(
    "windows",
    definitions="""
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
        }
    },
)

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

CASES = (POINT_IN_TIME, WINDOWS, LABELS, TRANSFORMS)
