"""The promises on time, written down slowly and plainly over lists of dicts.

An instant is an int: nanoseconds since 1970. A row has its key columns, `_event_time`, `_sequence`, and
where the source says so `_known_from` and `_known_until` (None: still true).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Context, localcontext
from fractions import Fraction
from typing import Any

Row = dict[str, Any]

DAY = 86_400 * 10**9
MONDAY = 4 * DAY


def revised(rows: Sequence[Row], identity: Sequence[str], retracted: str) -> list[Row]:
    """The rows that are no retractions, each with the time from which a later revision counts."""
    kept = []
    for row in rows:
        later = [other for other in rows if _same_fact(row, other, identity) and _age(row) < _age(other)]
        until = min(later, key=_age)["_known_from"] if later else None
        if not row[retracted]:
            kept.append({**row, "_known_until": until})
    return kept


def known(row: Row, t: int, known_at: str) -> bool:
    """Whether the row counts at `t`, as far as that depends on when it was believed."""
    if known_at == "ignore":
        return row.get("_known_until") is None
    since, until = row.get("_known_from"), row.get("_known_until")
    return (since is None or since <= t) and (until is None or t < until)


def happened(row: Row, t: int, strict: bool) -> bool:
    """Whether the row's event is no later than `t`, or before it where cut-offs are strict."""
    return row["_event_time"] < t if strict else row["_event_time"] <= t


def held(
    label: Row,
    rows: Sequence[Row],
    keys: Sequence[str],
    *,
    ttl: int | None = None,
    strict: bool = False,
    known_at: str = "respect",
) -> Row | None:
    """P1: the row that held at the label's cut-off."""
    t = label["cutoff"]
    candidates = [
        row
        for row in rows
        if matches(label, row, keys)
        and happened(row, t, strict)
        and known(row, t, known_at)
        and (ttl is None or row["_event_time"] >= t - ttl)
    ]
    return max(candidates, key=_place) if candidates else None


def covered(
    label: Row,
    rows: Sequence[Row],
    keys: Sequence[str],
    *,
    window: int | None,
    offset: int = 0,
    strict: bool = False,
    known_at: str = "respect",
) -> list[Row]:
    """P2: the rows in the window at the label's cut-off, in order."""
    t = label["cutoff"]
    inside = [
        row
        for row in rows
        if matches(label, row, keys)
        and happened(row, t - offset, strict)
        and known(row, t, known_at)
        and (window is None or t - offset - window < row["_event_time"])
    ]
    return sorted(inside, key=_place)


def followed(label: Row, rows: Sequence[Row], keys: Sequence[str], *, gap: int, horizon: int) -> list[Row]:
    """P3: the rows that an outcome is computed from, in order."""
    start = label["cutoff"] + gap
    inside = [
        row
        for row in rows
        if matches(label, row, keys)
        and start < row["_event_time"] <= start + horizon
        and known(row, start, "ignore")
    ]
    return sorted(inside, key=_place)


def asked(
    rows: Sequence[Row],
    keys: Sequence[str],
    *,
    step: int,
    until: int,
    active: int | None,
    known_at: str = "respect",
) -> list[Row]:
    """The entities and cut-offs of a population up to `until`, by cut-off and then keys."""
    entities = sorted({tuple(row[key] for key in keys) for row in rows if _has_key(row, keys)})
    return [
        {**dict(zip(keys, entity, strict=True)), "cutoff": t}
        for t in _grid(rows, step, until)
        for entity in entities
        if any(
            tuple(row[key] for key in keys) == entity
            and row["_event_time"] <= t
            and known(row, t, known_at)
            and (active is None or t - active < row["_event_time"])
            for row in rows
        )
    ]


def aggregated(
    rows: Sequence[Row], function: str, column: str | None, t: int, most: int | None = None
) -> Any:
    """The aggregate of covered rows, in order, at the cut-off `t`; of `most` values where it is a list."""
    if column is not None:
        rows = [row for row in rows if row[column] is not None]
    values = [row[column] if column else row for row in rows]
    if function == "count":
        return len(values)
    if function == "count_distinct":
        return len(set(values))
    if not values or (function == "std" and len(values) < 2):
        return None
    if function == "days_since_last":
        days, rest = divmod(t - rows[-1]["_event_time"], DAY)
        return days + rest / DAY
    if function == "last_n":
        return values[::-1][:most]
    if function == "top_k":
        return sorted(set(values), key=lambda value: (-values.count(value), value))[:most]
    return _OF_VALUES[function](values)


def total(values: Sequence[Any]) -> Any:
    """Exact; of floats the float nearest to that."""
    if isinstance(values[0], float):
        return math.fsum(values)
    with localcontext(Context(prec=100)):
        return sum(values, start=values[0] * 0)


def matches(label: Row, row: Row, keys: Sequence[str]) -> bool:
    """Whether a row has the keys of a label; a null matches nothing."""
    return _has_key(label, keys) and all(label[key] == row[key] for key in keys)


def _mean(values: Sequence[Any]) -> float:
    return float(total(values)) / len(values)


def _std(values: Sequence[Any]) -> float:
    n, exact = len(values), [Fraction(float(value)) for value in values]
    numerator = n * sum(value * value for value in exact) - sum(exact) ** 2
    return math.sqrt(float(numerator) / (n * (n - 1)))


_OF_VALUES: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": total,
    "mean": _mean,
    "std": _std,
    "min": min,
    "max": max,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}


def _grid(rows: Sequence[Row], step: int, until: int) -> Iterator[int]:
    earliest = min((row["_event_time"] for row in rows), default=until + 1)
    t = MONDAY + (earliest - MONDAY) // step * step
    while t <= until:
        yield t
        t += step


def _has_key(row: Row, keys: Sequence[str]) -> bool:
    return all(row[key] is not None for key in keys)


def _same_fact(row: Row, other: Row, identity: Sequence[str]) -> bool:
    return all(row[name] is not None and row[name] == other[name] for name in identity)


def _age(row: Row) -> tuple[int, int]:
    return row["_known_from"], row["_sequence"]


def _place(row: Row) -> tuple[int, int, int]:
    return row["_event_time"], row.get("_known_from", 0), row["_sequence"]
