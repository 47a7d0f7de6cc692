"""Labels: what is to be predicted, and at which cut-offs it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.aggregates import Aggregate
from asof.features.definition import assign, check_name, check_type, definition
from asof.features.durations import ZERO, Duration
from asof.features.entity import Entity
from asof.features.expressions import CONDITIONS, Call, Expr, Literal, walk
from asof.features.source import Source
from asof.features.types import Bool, DType, Float64
from asof.features.view import check_keys

MONDAY = 4 * 86_400 * 10**9
"""Monday, 5 January 1970, 00:00 UTC, in nanoseconds since 1970: a cut-off of every grid."""


@definition
class Every:
    """Cut-offs on a grid with a fixed step, counted from Monday, 5 January 1970, 00:00 UTC."""

    step: Duration

    def __init__(self, step: str | timedelta | Duration) -> None:
        assign(self, step=Duration.positive(step, "every"))

    def last(self, until: int) -> int:
        """The last cut-off at `until` or before; both in ns since 1970, UTC."""
        return until - (until - MONDAY) % self.step.ns


def every(step: str | timedelta | Duration) -> Every:
    """Cut-offs at each `step`; every("7d") is each Monday at 00:00 UTC."""
    return Every(step)


@definition
class EachEvent:
    """Cut-offs at the event times of the rows of `source`, or of the label's own where that is None."""

    source: Source | None

    def __init__(self, source: Source | None = None) -> None:
        if source is not None:
            check_type("each_event", "source", source, Source)
        assign(self, source=source)

    def last(self, until: int) -> int:
        """The last moment at which a cut-off can be, no later than `until`."""
        return until


def each_event(source: Source | None = None) -> EachEvent:
    """Cut-offs at each event of `source` (by default the label's): given in a table, as applications are."""
    return EachEvent(source)


@definition
class Label:
    """An outcome for each entity and cut-off, computed from what happens after the cut-off.

    At a cut-off `t` the outcome sees the rows of `source` with
    `t + gap < e <= t + gap + horizon`, through aggregates without windows: `Count() == 0`.
    A label whose horizon ends later than the source is known to be complete for is immature and
    left out. With `at=every(...)` an entity is asked about at `t` if it has a row in `source` at `t`
    or before, or, with `active_within`, within that length of time before `t`; with
    `at=each_event()` once at each time of its rows, with `at=each_event(table)` for each row there.
    """

    name: str
    entity: Entity
    source: Source
    at: Every | EachEvent
    horizon: Duration
    gap: Duration
    outcome: Expr
    active_within: Duration | None

    def __init__(
        self,
        name: str,
        *,
        entity: Entity,
        source: Source,
        at: Every | EachEvent,
        horizon: str | timedelta | Duration,
        outcome: Expr,
        gap: str | timedelta | Duration = ZERO,
        active_within: str | timedelta | Duration | None = None,
    ) -> None:
        check_name("Label", name)
        owner = f"Label {name!r}"
        assign(
            self,
            name=name,
            entity=check_type(owner, "entity", entity, Entity),
            source=check_type(owner, "source", source, Source),
            at=_check_at(owner, entity, at),
            horizon=Duration.positive(horizon, f"{owner}: horizon"),
            gap=Duration.of(gap, f"{owner}: gap"),
            outcome=check_type(owner, "outcome", outcome, Expr),
            active_within=None
            if active_within is None
            else Duration.positive(active_within, f"{owner}: active_within"),
        )
        if active_within is not None and isinstance(at, EachEvent):
            raise DefinitionError(f"{owner}: active_within goes with every(...), not with each_event(...)")
        if source.event_time is None:
            raise DefinitionError(
                f"{owner}: source {source.name!r} has no event_time, so nothing in it happens after a cut-off"
            )
        check_keys(owner, entity, source)
        _check_outcome(owner, self)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The aggregates in the outcome, each once, in the order of their appearance."""
        return tuple(dict.fromkeys(_aggregates(self.outcome)))

    @property
    def cutoff_source(self) -> Source | None:
        """The source whose events are the cut-offs; None where they are on a grid."""
        return (self.at.source or self.source) if isinstance(self.at, EachEvent) else None

    def last_mature(self, complete_until: int) -> int:
        """The last cut-off whose horizon the source is complete for; both in ns since 1970, UTC."""
        return self.at.last(complete_until - self.gap.ns - self.horizon.ns)

    @property
    def dtype(self) -> DType:
        """The type of the outcome."""
        if isinstance(self.outcome, Call):
            return Bool if self.outcome.operator in CONDITIONS else Float64
        aggregate = self.aggregates[0]
        return aggregate.expand(self.source.columns)[0].dtype


def _aggregates(outcome: Expr) -> Iterator[Aggregate]:
    return (part for part in walk(outcome) if isinstance(part, Aggregate))


def _check_at(owner: str, entity: Entity, at: object) -> Every | EachEvent:
    if isinstance(at, EachEvent):
        if at.source is not None:
            check_keys(f"{owner}: each_event", entity, at.source)
        return at
    return check_type(owner, "at", at, Every)


def _check_outcome(owner: str, label: Label) -> None:
    for part in walk(label.outcome):
        if not isinstance(part, Aggregate | Call | Literal):
            raise DefinitionError(
                f"{owner}: outcome has {part!r} outside an aggregate; "
                "write it inside one, as in Max('amount') > 100"
            )
    if not label.aggregates:
        raise DefinitionError(f"{owner}: outcome {label.outcome!r} has no aggregate, as in Count() == 0")
    for aggregate in label.aggregates:
        if not aggregate.is_plain:
            raise DefinitionError(
                f"{owner}: {aggregate!r}: leave out over, offset and by, "
                "an outcome is one number over the label's gap and horizon"
            )
        aggregate.check(owner, label.source.columns)
