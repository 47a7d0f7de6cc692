"""Tables in memory as subjects of expectations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from asof.features.expectations import Expectation
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Bool, Date, Decimal, Float64, Int64, String, Timestamp
from asof.storage.arrow_types import arrow_type, type_name
from asof.transforms.statistics import statistics
from asof.transforms.validation.check import Subject, check
from asof.transforms.validation.counts import Count, counted
from asof.transforms.validation.outcomes import Outcome
from asof.transforms.validation.versions import Version

COLUMNS = {
    "n": Int64,
    "m": Int64,
    "x": Float64,
    "text": String,
    "price": Decimal(10, 2),
    "day": Date,
    "flag": Bool,
    "at": Timestamp,
}
NOW = datetime(2024, 6, 1, tzinfo=UTC)
Held = Callable[..., list[Outcome]]


def source(*rules: Expectation) -> Source:
    return Source("orders", reader=Files("orders.csv"), schema=COLUMNS, event_time="at", expect=rules)


def table(**columns: Sequence[object]) -> pa.Table:
    """Rows with all columns, those that are not given null; `_event_time` is `at`."""
    rows = len(next(iter(columns.values())))
    made = {
        name: pa.array(columns.get(name, [None] * rows), arrow_type(dtype.name), from_pandas=True)
        for name, dtype in COLUMNS.items()
    }
    return pa.table({**made, "_event_time": made["at"]})


def version(rows: pa.Table, rebuilt: int = 1) -> Version:
    return Version(rows.num_rows, rebuilt, statistics(rows))


def row_counts(rows: pa.Table, held: Source) -> dict[Expectation, Count]:
    rules = [rule for rule in held.expect if rule.row_wise]
    return dict(zip(rules, counted(rows, rules), strict=True))


def subject(
    rows: pa.Table,
    *rules: Expectation,
    past: Sequence[Version] = (),
    others: pa.Table | None = None,
    now: datetime = NOW,
) -> Subject:
    held = source(*rules)
    return Subject(
        source=held,
        version=version(rows),
        counts=row_counts(rows, held),
        read=lambda columns: rows.select(list(columns)).to_reader(),
        others=lambda _, column: others.select([column]).to_reader() if others else rows.to_reader(),
        past=past,
        now=now,
    )


@pytest.fixture(scope="session", name="table")
def _table() -> Callable[..., pa.Table]:
    return table


@pytest.fixture(scope="session")
def now() -> datetime:
    """The moment at which expectations are held against tables."""
    return NOW


@pytest.fixture(scope="session")
def held() -> Held:
    """The outcomes of expectations held against a table, and what else they are held against."""
    return lambda rows, *rules, **beside: check(subject(rows, *rules, **beside))


@pytest.fixture(scope="session")
def judged() -> Held:
    """As `held`, of a table with any columns."""

    def outcomes(rows: pa.Table, *rules: Expectation) -> list[Outcome]:
        columns = {name: type_name(rows.schema.field(name).type) for name in rows.column_names}
        made = Source("any", reader=Files("a.csv"), schema=columns, known_since="2024-01-01", expect=rules)
        return check(
            Subject(
                source=made,
                version=version(rows),
                counts=row_counts(rows, made),
                read=lambda names: rows.select(list(names)).to_reader(),
                others=lambda _, name: rows.select([name]).to_reader(),
                past=(),
                now=NOW,
            )
        )

    return outcomes
