"""Short names for what is expected of a table: alone, beside other tables, beside its last versions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asof.errors import DefinitionError, choices
from asof.features.definition import check_type
from asof.features.durations import Duration
from asof.features.expectations.arguments import Arguments
from asof.features.expectations.expectation import Expectation

if TYPE_CHECKING:
    from asof.features.source import Source

AGAINST = ("now", "last")


def row_count(low: int | None = None, high: int | None = None, *, on_fail: str = "fail") -> Expectation:
    """Expect a number of rows from `low` to `high`, both included."""
    return _bounded("expect_table_row_count_to_be_between", low, high, on_fail)


def growth(low: float | None = None, high: float | None = None, *, on_fail: str = "fail") -> Expectation:
    """Expect `low` to `high` times as many rows as the version before has; 1 is as many."""
    return _bounded("expect_table_row_count_growth_to_be_between", low, high, on_fail)


def volume(
    low: float | None = None, high: float | None = None, *, versions: int = 7, on_fail: str = "fail"
) -> Expectation:
    """Expect `low` to `high` times as many new rows as the last `versions` brought on average."""
    check_type("volume", "versions", versions, int)
    if versions < 1:
        raise DefinitionError(f"volume: versions={versions} must be 1 or more")
    kind = "expect_table_new_row_count_ratio_to_be_between"
    return _bounded(kind, low, high, on_fail, versions=versions)


def fresh(within: Duration | timedelta | str, *, against: str = "now", on_fail: str = "fail") -> Expectation:
    """Expect the latest event time to be at most `within` before now.

    With `against="last"`: at most that long after the latest event time of the version before, so that
    there is no gap.
    """
    if against not in AGAINST:
        raise DefinitionError(f"fresh: against={against!r} is unknown; {choices(str(against), AGAINST)}")
    arguments = {"within": str(Duration.positive(within, "fresh within")), "against": against}
    return Expectation("expect_table_event_times_to_be_fresh", Arguments(arguments), on_fail)


def stable(
    column: str, *, psi: float | None = None, ks: float | None = None, on_fail: str = "fail"
) -> Expectation:
    """Expect the new rows' values to be distributed as those of the version before.

    `psi` is the greatest population stability index allowed (0.1 is a small shift, 0.25 a large one),
    `ks` the greatest distance of Kolmogorov and Smirnov, which is for numbers and times.
    """
    check_type("stable", "column", column, str)
    limits: dict[str, Any] = {name: limit for name, limit in (("psi", psi), ("ks", ks)) if limit is not None}
    if not limits:
        raise DefinitionError(f"stable({column!r}) needs psi or ks, as in stable({column!r}, psi=0.2)")
    for name, limit in limits.items():
        if not isinstance(limit, int | float) or limit <= 0:
            raise DefinitionError(f"stable({column!r}): {name}={limit!r} must be greater than 0")
    arguments = Arguments({"column": column, **limits})
    return Expectation("expect_column_distribution_to_be_stable", arguments, on_fail)


def references(
    column: str, source: Source, to: str | None = None, *, mostly: float = 1.0, on_fail: str = "fail"
) -> Expectation:
    """Expect every value to be one of those in a column of another source: `to`, or that of the same name."""
    from asof.features.source import Source

    check_type("references", "column", column, str)
    check_type("references", "source", source, Source)
    share = {} if mostly == 1.0 else {"mostly": mostly}
    arguments = {"column": column, "source": source.name, "source_column": to or column, **share}
    return Expectation("expect_column_values_to_be_in_source", Arguments(arguments), on_fail, source)


def _bounded(
    kind: str, low: float | None, high: float | None, on_fail: str, **arguments: object
) -> Expectation:
    bounds = {name: bound for name, bound in (("min_value", low), ("max_value", high)) if bound is not None}
    return Expectation(kind, Arguments({**bounds, **arguments}), on_fail)
