"""Expectations of a table beside its last versions, and beside the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asof.features.durations import Duration
from asof.features.expectations import Expectation
from asof.transforms.shifts import shift_between
from asof.transforms.statistics import Statistics
from asof.transforms.validation.comparable import plain
from asof.transforms.validation.outcomes import Outcome, of_figure

FRESH = "expect_table_event_times_to_be_fresh"


@dataclass(frozen=True)
class Version:
    """A version of a table: its rows, in which version it was last built anew, and its statistics."""

    rows: int
    rebuilt: int
    statistics: Statistics


def of_growth(given: Expectation, now: Version, past: Sequence[Version]) -> Outcome:
    """How many times as many rows there are as in the version before; without one it is met."""
    if not past or not past[0].rows:
        return _nothing_before(given)
    return of_figure(given, now.rows / past[0].rows)


def of_volume(given: Expectation, now: Version, past: Sequence[Version]) -> Outcome:
    """How many times as many new rows there are as the last versions brought on average."""
    brought = [_new_rows(one, past[place + 1 : place + 2]) for place, one in enumerate(past)]
    last = brought[: int(given.arguments["versions"])]  # type: ignore[call-overload]
    if not sum(last):
        return _nothing_before(given)
    return of_figure(given, _new_rows(now, past[:1]) * len(last) / sum(last))


def of_freshness(given: Expectation, now: Version, past: Sequence[Version], clock: datetime) -> Outcome:
    """Whether the latest event time is not too long before now, or after that of the version before."""
    latest = _latest(now)
    before = _latest(past[0]) if past else None
    within = Duration.of(str(given.arguments["within"]))
    if given.arguments["against"] == "last":
        if before is None:
            return _nothing_before(given)
        met = latest is not None and _ns(latest - before) <= within.ns
    else:
        met = latest is not None and _ns(clock - latest) <= within.ns
    return Outcome(given, met, {"observed_value": plain(latest)})


def of_stability(given: Expectation, now: Version, past: Sequence[Version]) -> Outcome:
    """How far the distribution of the new rows' values is from that of the version before."""
    [name] = given.columns
    old = past[0].statistics.get(name) if past else None
    if old is None:
        return _nothing_before(given)
    grown = now.rebuilt == past[0].rebuilt
    shift = shift_between(old, now.statistics[name], grown=grown)
    if shift is None:
        return _nothing_before(given)
    found = {"psi": shift.psi, "ks": shift.ks}
    distances = {measure: found[measure] for measure in ("psi", "ks") if measure in given.arguments}
    met = all(distance <= given.arguments[measure] for measure, distance in distances.items())  # type: ignore[operator]
    return Outcome(given, met, {"observed_value": distances})


def _nothing_before(given: Expectation) -> Outcome:
    return Outcome(given, True, {"observed_value": None})


def _new_rows(now: Version, before: Sequence[Version]) -> int:
    """The rows that a version brought; all of them where it was built anew."""
    grown = [each.rows for each in before if each.rebuilt == now.rebuilt]
    return now.rows - sum(grown)


def _latest(version: Version) -> datetime | None:
    column = version.statistics.get("_event_time")
    if column is None or column.greatest is None:
        return None
    moment: datetime = column.value(column.greatest)
    return moment


def _ns(span: Any) -> int:
    return int(span.total_seconds() * 10**9)


BESIDE_VERSIONS: Mapping[str, Callable[[Expectation, Version, Sequence[Version]], Outcome]] = {
    "expect_table_row_count_growth_to_be_between": of_growth,
    "expect_table_new_row_count_ratio_to_be_between": of_volume,
    "expect_column_distribution_to_be_stable": of_stability,
}
