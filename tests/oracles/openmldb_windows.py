"""ROWS_RANGE: aggregates over a window at each row's instant.

A row of the main table is a label. Its instant is its time in milliseconds plus its place in order of
arrival as nanoseconds, so that of two rows of one time the later sees the earlier; rows of a union come
before those of the main table. A bound of a frame lies half a millisecond to this side or that of a time.

    ROWS_RANGE BETWEEN a PRECEDING AND b PRECEDING    from half before t - a to half after t - b
    ... a OPEN PRECEDING, b OPEN PRECEDING            from half after t - a, to half before t - b
    ... AND CURRENT ROW                               to the row's instant
    EXCLUDE CURRENT_ROW                               strict cut-offs
    EXCLUDE CURRENT_TIME, INSTANCE_NOT_IN_WINDOW      the row joins its history by a row-wise expression
    lag(x, n)                                         x as of right before the instant, n times over
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from tests.oracles.openmldb_expressions import Rows, by_sql, computed
from tests.oracles.openmldb_sql import Bound, Frame, Inexpressible
from tests.oracles.openmldb_views import INSTANT, MS, as_key, features, times_of

from asof.features.aggregates import Aggregate, Count, Max, Mean, Min, Sum
from asof.features.durations import Duration

HALF = MS // 2
_NEVER = -(2**62)
ONE_MORE = "case when itself is null then 0 else 1 end"
WITH_ITSELF = {
    Count: f"count + {ONE_MORE}",
    Sum: "coalesce(sum + itself, sum, itself)",
    Min: "least(coalesce(min, itself), coalesce(itself, min))",
    Max: "greatest(coalesce(max, itself), coalesce(itself, max))",
    Mean: f"coalesce(sum + itself, sum, itself) / nullif(count + {ONE_MORE}, 0)",
}


class Window:
    """A frame over rows, of which the last, as many as `mains`, are the labels."""

    def __init__(self, events: Rows, mains: int, frame: Frame, requests: bool, places: bool) -> None:
        self.mains, self.frame = mains, frame
        self.keys = [as_key(computed(events, key)) for key in frame.keys] or [_ones(events.table.num_rows)]
        if any(key[len(key) - mains :].null_count for key in self.keys):
            raise Inexpressible("null keys that match each other")
        self.instants = _arrivals(times_of(events, frame.order))
        if requests and self.out_of_order():
            raise Inexpressible("requests made before earlier rows arrived")
        if frame.end.before is None or frame.end.before < 0:
            raise Inexpressible("a frame that ends after the row")
        self.alone = "instance_not_in_window" in frame.attributes
        self.start, self.end = frame.start, frame.end
        self.lead = HALF if "current_time" in frame.attributes else 0
        self.strict = False
        if frame.counts:
            self.count(by_place=places)
        elif frame.maxsize is not None:
            self.check_size(frame.maxsize, "a frame cut to its newest rows")
        now = not frame.end.before and not frame.end.open
        self.strict = "current_row" in frame.attributes and now
        self.itself = (self.alone or bool(self.lead)) and now and not self.strict

    def aggregate(self, kind: type[Aggregate], values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not self.itself:
            return self.over(kind, values, self.end, self.lead)
        if kind not in WITH_ITSELF:
            raise Inexpressible(
                "the row itself beside its history, in an aggregate that can't be put together"
            )
        parts = {"sum": Sum, "count": Count} if kind is Mean else {kind.function: kind}
        history = {name: self.over(part, values, self.end, self.lead) for name, part in parts.items()}
        return by_sql(WITH_ITSELF[kind], pa.table(history | {"itself": values[len(values) - self.mains :]}))

    def over(
        self, kind: type[Aggregate], values: pa.ChunkedArray, end: Bound, lead: int = 0
    ) -> pa.ChunkedArray:
        """The aggregate for each row of the main table, over the frame up to `end`, at least `lead` back."""
        offset = max(_back(end, closed=-1 if end.before else 0), lead)
        window = None if self.start.before is None else Duration(_back(self.start, closed=1) - offset)
        members = len(values) - self.mains if self.alone else len(values)
        keys = self.columns()
        rows = pa.table(keys | {"value": values, "_event_time": pa.array(self.instants, INSTANT)})[:members]
        labels = pa.table(keys | {"cutoff": pa.array(self.instants, INSTANT)})[len(values) - self.mains :]
        feature = kind("value", over=window, offset=Duration(offset), name="feature")
        return features(labels, rows, list(keys), [feature], strict=self.strict).column(0)

    def before(self, values: pa.ChunkedArray, number: int) -> pa.ChunkedArray:
        """The value so many rows before: as many joins, each strictly before what the last one found."""
        keys, members = self.columns(), len(values) - self.mains if self.alone else len(values)
        instants = pa.array(self.instants, pa.int64())
        known = {"value": values, "instant": instants, "_event_time": instants.cast(INSTANT)}
        seen = pa.table(keys | known)[:members]
        labels = pa.table(keys | {"cutoff": pc.subtract(instants, self.lead)})[len(values) - self.mains :]
        for _ in range(number):
            cutoffs = labels.set_column(len(keys), "cutoff", labels["cutoff"].cast(INSTANT))
            found = features(cutoffs, seen, list(keys), ["value", "instant"], strict=True)
            labels = labels.set_column(len(keys), "cutoff", pc.fill_null(found["instant"], _NEVER))
        return found["value"]

    def columns(self) -> dict[str, pa.ChunkedArray]:
        return {f"key{i}": key for i, key in enumerate(self.keys)}

    def count(self, *, by_place: bool) -> None:
        """Take a frame of so many rows as all rows, where there are no more, or as one of places."""
        if by_place and self.lead:
            raise Inexpressible("times and places in one frame")
        if by_place:
            self.instants = self.places()
        elif self.end.before:
            raise Inexpressible("a frame that counts rows")
        else:
            self.start = Bound(None)
            self.check_size(_rows_in(self.frame.start), "a frame that counts rows")

    def check_size(self, most: int | None, reason: str) -> None:
        """Inexpressible for `reason` where more than `most` rows are in the window as told by time."""
        sizes = self.over(Count, _ones(len(self.instants)), Bound(0))
        if most is not None and sizes.length() and pc.max(sizes).as_py() + self.alone > most:
            raise Inexpressible(reason)

    def out_of_order(self) -> bool:
        labels = self.order()[len(self.instants) - self.mains :]
        return any(a[0] == b[0] and a[1] > b[1] for i, a in enumerate(labels) for b in labels[i:])

    def places(self) -> list[int]:
        """For each row how many rows of its key there are up to it, as milliseconds.

        A row that is not among them itself stands right before the next one.
        """
        order = self.order()
        members = order[: len(order) - self.mains] if self.alone else order
        up_to = [sum(key == other and then <= now for other, then in members) for key, now in order]
        return [MS * place + (MS - 1) * (i >= len(members)) for i, place in enumerate(up_to)]

    def order(self) -> list[tuple[tuple[object, ...], int]]:
        return list(
            zip(zip(*(key.to_pylist() for key in self.keys), strict=True), self.instants, strict=True)
        )


def _arrivals(times: Sequence[int]) -> list[int]:
    return [MS * time + place for place, time in enumerate(times)]


def _back(bound: Bound, *, closed: int) -> int:
    """How many nanoseconds back a bound lies; `closed` is the side on which its time is taken in."""
    assert bound.before is not None
    side = -(closed or -1) if bound.open else closed
    return MS * bound.before + HALF * side


def _rows_in(start: Bound) -> int | None:
    return None if start.before is None else start.before + (not start.open)


def _ones(number: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([1] * number, pa.int64())])
