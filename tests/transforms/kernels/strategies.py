"""Labels and rows to break the promises with: few keys, few moments, many coincidences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from asof.features.durations import Duration
from asof.testing import oracle
from asof.testing.oracle import Row

HOUR = 3_600 * 10**9
START = int(datetime(2024, 3, 30, 12, tzinfo=UTC).timestamp()) * 10**9
"""Half a day before Europe's clocks go forward."""

KEYS: list[dict[str, pa.DataType]] = [
    {"customer": pa.int64()},
    {"customer": pa.string()},
    {"day": pa.date32()},
    {"customer": pa.string(), "shop": pa.int32()},
    {"shop": pa.int8(), "day": pa.date32(), "customer": pa.int64()},
]
VALUES = {
    "amount": pa.int64(),
    "price": pa.decimal128(10, 2),
    "wealth": pa.decimal128(38, 3),
    "weight": pa.float64(),
    "share": pa.float32(),
    "country": pa.string(),
    "paid": pa.bool_(),
    "raw": pa.binary(),
    "born": pa.date32(),
    "seen": pa.timestamp("us", "UTC"),
}
_POOLS: dict[pa.DataType, Sequence[Any]] = {
    pa.int8(): (1, 2),
    pa.int32(): (1, 2),
    pa.int64(): (-3, 1, 2, 10**6),
    pa.string(): ("", "a", "b"),
    pa.binary(): (b"", b"\x00", b"\xff"),
    pa.bool_(): (True, False),
    pa.date32(): (date(1969, 12, 31), date(2024, 2, 29)),
    pa.float64(): (-1.5, 0.0, 0.25, 3.0, 1024.0),
    pa.float32(): (-1.5, 0.0, 0.25),
    pa.decimal128(10, 2): (Decimal("-0.01"), Decimal("0.10"), Decimal("99999999.99")),
    pa.decimal128(38, 3): (Decimal("-7.125"), Decimal("12345678901234567890123456.789")),
    pa.timestamp("us", "UTC"): (datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(1950, 1, 1, tzinfo=UTC)),
}
DURATIONS = [Duration(1), Duration(1_500), Duration(HOUR), Duration(4 * HOUR), Duration(24 * HOUR)]


@dataclass(frozen=True)
class Case:
    """Labels and rows, as dicts and as tables."""

    keys: list[str]
    labels: list[Row]
    rows: list[Row]
    label_table: pa.Table
    row_table: pa.Table


durations = st.sampled_from(DURATIONS)


@st.composite
def cases(draw: st.DrawFn, *, most_rows: int = 14, most_labels: int = 6) -> Case:
    """Any case: created times, revisions and retractions, or none; sorted rows or not."""
    keys = draw(st.sampled_from(KEYS))
    cutoff_unit, row_unit = draw(_units), draw(_units)
    kind = draw(st.sampled_from(["plain", "created", "identity"]))
    rows = draw(st.lists(_rows(keys, row_unit, kind), max_size=most_rows))
    for row, sequence in zip(rows, draw(st.permutations(range(len(rows)))), strict=True):
        row["_sequence"] = sequence
    if kind == "identity":
        rows = oracle.revised(rows, ["fact"], "retracted")
    if draw(st.booleans()):
        rows.sort(key=lambda row: laid_out(row, keys))
    labels = draw(st.lists(_labels(keys, cutoff_unit), max_size=most_labels))
    zone = draw(st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns"]))
    cutoff = {"cutoff": pa.timestamp(cutoff_unit, zone)}
    return Case(
        list(keys),
        labels,
        rows,
        table(labels, draw(_widened(keys)) | cutoff),
        table(rows, keys | VALUES | system_columns(kind, row_unit)),
    )


def system_columns(kind: str, unit: str = "us") -> dict[str, pa.DataType]:
    instant = pa.timestamp(unit, "UTC")
    names = ["_event_time"]
    names += ["_known_from"] if kind != "plain" else []
    names += ["_known_until"] if kind == "identity" else []
    return dict.fromkeys(names, instant) | {"_sequence": pa.int64()}


def table(rows: Sequence[Row], types: Mapping[str, pa.DataType]) -> pa.Table:
    """A table of dicts in which instants are nanoseconds since 1970."""
    return pa.table({name: _column([row[name] for row in rows], type) for name, type in types.items()})


def laid_out(row: Row, keys: Mapping[str, pa.DataType]) -> list[tuple[bool, Any]]:
    """Sorts rows as laid-out tables are, those without a key last."""
    order = [*keys, "_event_time", "_known_from", "_sequence"]
    return [(row.get(name) is None, row.get(name) or type(row.get(name))()) for name in order if name in row]


def _column(values: list[Any], type: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type) and all(value is None or isinstance(value, int) for value in values):
        per_unit = 1 if type.unit == "ns" else 1_000
        return pa.array([None if v is None else v // per_unit for v in values], pa.int64()).cast(type)
    return pa.array(values, type)


_units = st.sampled_from(["us", "ns"])


def _instants(unit: str) -> st.SearchStrategy[int]:
    smallest = 1 if unit == "ns" else 1_000
    hours, jitter = st.sampled_from([0, 0, 1, 2, 5, 24]), st.sampled_from([0, 0, 1, 2])
    return st.builds(lambda hour, off: START + hour * HOUR + off * smallest, hours, jitter)


def _values(type: pa.DataType) -> st.SearchStrategy[Any]:
    return st.sampled_from([*_POOLS[type], *_POOLS[type], None])


def _keys(type: pa.DataType) -> st.SearchStrategy[Any]:
    return st.sampled_from([*_POOLS[type][:1] * 8, *_POOLS[type], None])


def _labels(keys: Mapping[str, pa.DataType], unit: str) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(
        {key: _keys(type) for key, type in keys.items()} | {"cutoff": _instants(unit)}
    )


def _rows(keys: Mapping[str, pa.DataType], unit: str, kind: str) -> st.SearchStrategy[Row]:
    columns = {key: _keys(type) for key, type in keys.items()}
    columns |= {name: _values(type) for name, type in VALUES.items()}
    columns["_event_time"] = _instants(unit)
    if kind != "plain":
        columns["_known_from"] = _instants(unit)
    if kind == "identity":
        columns["fact"] = st.sampled_from([1, 1, 2, None])
        columns["retracted"] = st.sampled_from([False, False, False, True])
    return st.fixed_dictionaries(columns)


def _widened(keys: Mapping[str, pa.DataType]) -> st.SearchStrategy[dict[str, pa.DataType]]:
    """The keys' types as another table may have them: wider integers, large strings."""
    wider = {key: _WIDER.get(type, type) for key, type in keys.items()}
    return st.sampled_from([dict(keys), wider])


_WIDER = {pa.int8(): pa.int64(), pa.int32(): pa.int64(), pa.string(): pa.large_string()}
