"""What a lookup gives: one row of feature values for each of the keys, with their status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from asof.errors import DataError
from asof.storage.online.rows import arrow_column

Status = Literal["present", "null", "not_found", "expired"]
Row = tuple[tuple[Any, ...], tuple[Any, ...], tuple[int | None, ...]]
"""Of one entity: the features' values, their statuses and their event times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Features by key, in the order in which the keys were given.

    `features` and `key_types` map names to dtype names. `keys`, `rows`, `statuses` and `event_times`
    have one tuple for each key: of its parts, and of each feature's value, status and event time.
    Event times are in nanoseconds since 1970-01-01 UTC, None where there is no row. `as_of` is the
    time, also in ns, up to which the published data speaks (of several views the earliest).

    An on-demand feature has no row, and so no event time.

    A value is "present"; or "null", where the row has none; or "expired", where the row is older than
    the view's ttl, and then None; or "not_found", where the entity has no row, and then what the
    feature is of no events: 0 for counts, None for all others.
    """

    service: str
    features: Mapping[str, str]
    key_types: Mapping[str, str]
    keys: list[tuple[Any, ...]]
    rows: list[tuple[Any, ...]]
    statuses: list[tuple[Status, ...]]
    event_times: list[tuple[int | None, ...]]
    as_of: int

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of the values."""
        return tuple(self.features)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """For each key a mapping of its parts and of its features' values, by name."""
        names = (*self.key_types, *self.features)
        pairs = zip(self.keys, self.rows, strict=True)
        return [dict(zip(names, (*key, *row), strict=True)) for key, row in pairs]

    def one(self) -> dict[str, Any]:
        """The features of the only key, by name; DataError unless there is just one."""
        if len(self.rows) != 1:
            raise DataError(f"one() is for one key, these are {len(self.rows)}: use to_dicts()")
        return dict(zip(self.features, self.rows[0], strict=True))

    def to_arrow(self) -> pa.Table:
        """A table of the key columns and the features, in the types in which they are published."""
        keys = _columns(self.keys, self.key_types)
        return pa.table([*keys, *_columns(self.rows, self.features)], names=[*self.key_types, *self.features])


def _columns(rows: Sequence[tuple[Any, ...]], types: Mapping[str, str]) -> list[pa.Array]:
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    return [arrow_column(column, dtype) for column, dtype in zip(columns, types.values(), strict=True)]
