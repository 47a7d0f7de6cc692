"""Point-in-time joins: created times, ties, ttl, strict cut-offs, hindsight."""

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
