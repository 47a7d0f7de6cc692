"""LAST JOIN: the attributes of the row that holds at a cut-off.

... LAST JOIN r ORDER BY r.o ON l.k = r.k AND l.t >= r.o    the key k, the cut-off t
... AND l.t > r.o                                           strict
... without a bound on r.o                                  the cut-off after all rows
... AND l.x > 1                                             labels that fail have no key
... AND r.x > 1                                             rows that fail are left out
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp
from tests.oracles.openmldb_expressions import Rows, computed
from tests.oracles.openmldb_sql import Inexpressible, Join
from tests.oracles.openmldb_views import INSTANT, MS, as_key, features, times_of


def last_join(left: Rows, right: Rows, join: Join) -> Rows:
    """The rows of `left` with, beside each, the last of `right` that fits."""
    if join.kind != "last":
        raise Inexpressible("LEFT JOIN, which may repeat rows")
    if join.descending:
        raise Inexpressible("the first row instead of the last")
    on = _On(left, right, join)
    keys = {f"key{i}": as_key(key) for i, (key, _) in enumerate(on.keys)}
    matched = {f"key{i}": as_key(key) for i, (_, key) in enumerate(on.keys)}
    if any(keys[name].null_count and matched[name].null_count for name in keys):
        raise Inexpressible("null keys that match each other")
    times = times_of(right, join.order)
    after = max(times, default=0) + 1
    cutoffs = on.cutoff.to_pylist() if on.cutoff else [after] * left.table.num_rows
    fits = [t is not None and f for t, f in zip(cutoffs, on.left_fits, strict=True)]
    if join.order is None and _several(matched):
        raise Inexpressible("a join without an order, for which any row will do")
    first = next(iter(keys))
    keys[first] = pc.if_else(pa.array(fits, pa.bool_()), keys[first], pa.scalar(None, keys[first].type))
    labels = pa.table(keys | {"cutoff": pa.array([MS * (t or 0) for t in cutoffs], INSTANT)})
    rows = pa.table(matched | {"_event_time": pa.array([MS * t for t in times], INSTANT)})
    for name in right.table.column_names:
        rows = rows.append_column(name, right.table[name])
    rows = rows.filter(pa.array(on.right_fits, pa.bool_()))
    found = features(labels, rows, list(keys), right.table.column_names, strict=on.strict)
    return left.beside(Rows(found, right.names))


def _several(keys: dict[str, pa.ChunkedArray]) -> bool:
    """Whether rows share their keys."""
    return pa.table(keys).group_by(list(keys)).aggregate([]).num_rows < len(next(iter(keys.values())))


class _On:
    """A join's condition: `keys` of both sides, the cut-off, and which rows of a side may match at all."""

    def __init__(self, left: Rows, right: Rows, join: Join) -> None:
        self.left, self.right, self.order = left, right, join.order
        self.keys: list[tuple[pa.ChunkedArray, pa.ChunkedArray]] = []
        self.cutoff: pa.ChunkedArray | None = None
        self.strict = False
        self.left_fits, self.right_fits = [True] * left.table.num_rows, [True] * right.table.num_rows
        for part in join.on.flatten() if isinstance(join.on, exp.And) else [join.on]:
            self.add(part.unnest())
        if not self.keys:
            raise Inexpressible("a join without a key")

    def add(self, part: exp.Expression) -> None:
        sides = self.sides(part)
        if sides == {"left"}:
            self.left_fits = _both(self.left_fits, computed(self.left, part))
        elif sides == {"right"}:
            self.right_fits = _both(self.right_fits, computed(self.right, part))
        else:
            self.compare(part)

    def compare(self, part: exp.Expression) -> None:
        a, b = (part.this, part.expression) if isinstance(part, exp.Binary) else (part, part)
        if self.sides(a) == {"right"} and self.sides(b) == {"left"}:
            flipped = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}
            return self.compare(flipped.get(type(part), type(part))(this=b, expression=a))
        apart = self.sides(a) == {"left"} and self.sides(b) == {"right"}
        if apart and isinstance(part, exp.EQ):
            self.keys.append((computed(self.left, a), computed(self.right, b)))
        elif apart and isinstance(part, exp.GT | exp.GTE) and self.is_order(b) and self.cutoff is None:
            self.cutoff, self.strict = computed(self.left, a), isinstance(part, exp.GT)
        else:
            raise Inexpressible("a condition between two rows that is neither a key nor the time")

    def is_order(self, side: exp.Expression) -> bool:
        return (
            isinstance(side, exp.Column)
            and self.order is not None
            and (self.right.place(side) == self.right.place(self.order))
        )

    def sides(self, part: exp.Expression) -> set[str]:
        return {self.side(column) for column in part.find_all(exp.Column)}

    def side(self, column: exp.Column) -> str:
        return "left" if self.left.has(column) or not self.right.has(column) else "right"


def _both(fits: Sequence[bool], condition: pa.ChunkedArray) -> list[bool]:
    return [fit and bool(holds) for fit, holds in zip(fits, condition.to_pylist(), strict=True)]
