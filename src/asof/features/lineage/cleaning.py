"""What cleaning steps read and write: the columns after each, in terms of those of the raw table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from asof.features.cleaning import (
    Age,
    Dedupe,
    Derive,
    DropColumns,
    DropWhere,
    FillPrevious,
    FillStatistic,
    OneHot,
    Rename,
    Split,
    Step,
)
from asof.features.expressions import columns_of
from asof.features.lineage.graph import Links, Node, linked, then, united
from asof.features.source import Source


@dataclass(frozen=True)
class Cleaned:
    """What each column of rows on their way to a clean table depends on, and which rows there are."""

    columns: Mapping[str, Links]
    rows: Links

    def of(self, *names: str) -> Links:
        """What columns depend on; one that is not there yet may come from any."""
        everything = united(self.columns.values())
        return united(self.columns.get(name, everything) for name in names)

    def with_columns(self, columns: Mapping[str, Links]) -> Cleaned:
        """With columns added, or in place of those that are there."""
        return replace(self, columns={**self.columns, **columns})

    def with_rows(self, names: Iterable[str], by: str) -> Cleaned:
        """With rows that are there by the values of columns."""
        return replace(self, rows=self.rows | then(self.of(*names), "filter", by))


def cleaned(source: Source) -> Cleaned:
    """What the columns and rows of a source's clean table depend on."""
    raw = f"raw/{source.name}"
    state = Cleaned(
        {name: linked([Node(raw, name)], "identity") for name in source.schema},
        linked([Node(raw)], "identity"),
    )
    for step in source.clean:
        state = _after(state, step, source)
    return _expected(_timed(state, source), source)


def _after(state: Cleaned, step: Step, source: Source) -> Cleaned:
    match step:
        case Rename(pairs):
            names = dict(pairs)
            return replace(
                state, columns={names.get(name, name): links for name, links in state.columns.items()}
            )
        case DropColumns(columns):
            kept = {name: links for name, links in state.columns.items() if name not in columns}
            return replace(state, columns=kept)
        case DropWhere(condition):
            return state.with_rows(columns_of(condition), f"drop_where({condition!r})")
        case Dedupe(columns, keep, by):
            latest = [by] if by else _times(source) if keep == "latest" else []
            return state.with_rows([*columns, *latest], "dedupe")
    return _quarantining(state, step).with_columns(_written(state, step, source))


def _written(state: Cleaned, step: Step, source: Source) -> Mapping[str, Links]:
    """The columns that a step writes, each with what it then depends on."""
    match step:
        case Derive(name, _, expression):
            return {name: then(state.of(*columns_of(expression)), "transformation", f"derive {name}")}
        case OneHot(column):
            return {name: then(state.of(column), "transformation", "one_hot") for name in step.names}
        case Split(column, into):
            return {name: then(state.of(column), "transformation", "split") for name in into}
        case Age(column, name):
            return {name: then(state.of(column, *_times(source)), "transformation", "age")}
        case FillPrevious(column, by):
            return {column: _from_previous(state, column, by, source)}
        case FillStatistic(column, _, by):
            return {column: _from_version(state, step, column, by, source)}
    changed = [str(step.column)] if hasattr(step, "column") else list(state.columns)
    return dict.fromkeys(changed, then(state.of(*changed), "transformation", _name(step)))


def _from_previous(state: Cleaned, column: str, by: tuple[str, ...], source: Source) -> Links:
    name = "fill_previous"
    return (
        then(state.of(column), "transformation", name)
        | then(state.of(*by), "join", name)
        | then(state.of(*_times(source)), "sort", name)
        | then(state.rows, "filter", name)
    )


def _from_version(
    state: Cleaned, step: FillStatistic, column: str, by: tuple[str, ...], source: Source
) -> Links:
    """Of the version of the clean table before, whose columns are as all steps leave them."""
    clean = f"clean/{source.name}"
    return (
        then(state.of(column), "transformation", step.what)
        | linked([Node(clean, column)], "aggregation", step.what)
        | linked([Node(clean, name) for name in by], "group_by", step.what)
        | then(state.of(*by), "join", step.what)
        | linked([Node(clean)], "filter", step.what)
    )


def _quarantining(state: Cleaned, step: Step) -> Cleaned:
    """A step that sends what it can't read to quarantine."""
    if getattr(step, "on_fail", None) != "quarantine":
        return state
    return state.with_rows([step.column], f"{_name(step)}, quarantine")  # type: ignore[attr-defined]


def _timed(state: Cleaned, source: Source) -> Cleaned:
    """A row without the times that tell its place goes to quarantine."""
    return state.with_rows(_times(source), "quarantine")


def _expected(state: Cleaned, source: Source) -> Cleaned:
    """Rules that send rows to quarantine, by the row's own values."""
    for rule in source.expect:
        if rule.on_fail == "quarantine":
            state = state.with_rows(rule.columns, f"{rule.kind}, quarantine")
    return state


def _times(source: Source) -> list[str]:
    return [name for name in (source.event_time, source.created) if name is not None]


def _name(step: Step) -> str:
    """A step as it is written: `ParseDate` is parse_date, a `Respell` the way that it goes."""
    if hasattr(step, "way"):
        return str(step.way)
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in type(step).__name__).lstrip("_")
