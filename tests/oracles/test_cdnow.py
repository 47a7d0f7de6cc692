"""A published customer base: frequency, recency, age and mean repeat value of CDNOW's 2,357 customers.

Fader and Hardie count purchases of one day once, and only repeats:

    first_day   First("day") of the customer, as it was known at each purchase: another view, by `enrich`
    repeat      day > first_day
    x           CountDistinct("day", where=repeat)
    t_x, T      (Last("day") - First("day")) / 7, (cut-off - First("day")) / 7, in weeks
    zbar        Sum("value", where=repeat) / x, 0 without repeats
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa
from tests.oracles.folder import read_csv, read_lines

from asof.features.aggregates import CountDistinct, First, Last, Sum
from asof.features.entity import Entity
from asof.features.expressions import col
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Date, Int32, Timestamp
from asof.features.types import Decimal as DecimalType
from asof.features.view import FeatureView
from asof.transforms.features_at import features_at
from asof.transforms.view_rows import Enriching, enrich

END = date(1997, 9, 30)

CUSTOMER = Entity("customer", keys={"customer": Int32})
PURCHASES = Source(
    "purchases",
    reader=Files("cdnow_sample_raw.txt", format="csv"),
    schema={"customer": Int32, "day": Date, "value": DecimalType(10, 2), "at": Timestamp},
    event_time="at",
)
FIRST = FeatureView("start", entity=CUSTOMER, source=PURCHASES, features=[First("day")])
REPEAT = col("day") > col("start__day_first")
BEHAVIOUR = FeatureView(
    "behaviour",
    entity=CUSTOMER,
    source=PURCHASES,
    enrich=[FIRST],
    features=[
        CountDistinct("day", where=REPEAT, name="repeats"),
        First("day"),
        Last("day"),
        Sum("value", where=REPEAT, name="repeat_value"),
    ],
)


def test_each_customer_is_as_published():
    expected = read_csv("cdnow_rfm_expected.csv")
    assert len(expected) == 2357
    rows = enrich(purchases(), [Enriching(FIRST, FIRST.columns({}), purchases())])
    labels = pa.table(
        {
            "customer": pa.array([int(row["ID"]) for row in expected], pa.int32()),
            "cutoff": pa.array([midnight(END)] * len(expected), pa.timestamp("us", "UTC")),
        }
    )
    found = features_at(labels, rows, BEHAVIOUR, BEHAVIOUR.columns({}))
    assert [list(published(features)) for features in found.to_pylist()] == [
        [row["x"], row["t_x"], row["T"], row["zbar"]] for row in expected
    ]


def purchases() -> pa.Table:
    fields = [line.split() for line in read_lines("cdnow_sample_raw.txt")]
    days = [datetime.strptime(day, "%Y%m%d").date() for _, _, day, _, _ in fields]
    return pa.table(
        {
            "customer": pa.array([int(customer) for _, customer, _, _, _ in fields], pa.int32()),
            "day": pa.array(days),
            "value": pa.array([Decimal(value) for _, _, _, _, value in fields], pa.decimal128(10, 2)),
            "_event_time": pa.array(map(midnight, days), pa.timestamp("us", "UTC")),
            "_sequence": pa.array(range(len(fields)), pa.int64()),
        }
    )


def published(features: dict[str, Any]) -> Iterator[str]:
    """A customer's figures as they are printed."""
    repeats, first, last = features["repeats"], features["day_first"], features["day_last"]
    yield str(repeats)
    yield printed(Decimal((last - first).days) / 7)
    yield printed(Decimal((END - first).days) / 7)
    yield printed(features["repeat_value"] / repeats if repeats else Decimal(0))


def printed(number: Decimal) -> str:
    return str(number.quantize(Decimal("0.01"), ROUND_HALF_UP))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
