"""What must come out of a case, from its files and definitions by the oracle alone: no kernel, no SQL.

Of cleaning it knows what the cases need: `KEPT` says in Python which rows their steps and rules keep.
"""

from __future__ import annotations

import csv
import io
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatch
from typing import Any

import pyarrow as pa

from asof.features.aggregates import Aggregate, FunctionFeature, WindowFeature
from asof.features.durations import Duration
from asof.features.expressions import Call, Column, Expr, Literal
from asof.features.label import Every, Label, each_event
from asof.features.readers.files import Files
from asof.features.source import Source
from asof.features.training_set import TrainingSet
from asof.features.types import DType, Schema
from asof.features.view import SEPARATOR, Attribute, FeatureView, expand
from asof.storage.arrow_types import arrow_type
from asof.testing import oracle
from asof.testing.case import Case
from asof.testing.oracle import Row

KEPT: Mapping[str, Callable[[Row], bool]] = {"visits": lambda row: 0 < row["pages"] <= 100}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def expected_rows(case: Case, wanted: TrainingSet) -> list[Row]:
    """The rows of a training set without a split and on-demand views, by cut-off and then keys."""
    label, rules = wanted.label, {"strict": wanted.strict, "known_at": wanted.known_at}
    happened = _rows(case, label.source)
    complete_until = max(row["_event_time"] for row in happened)
    facts = {view.name: _facts(view.source, _rows(case, view.source)) for view in wanted.views}
    happened = _facts(label.source, happened)
    rows = []
    for asked in _mature(case, label, happened, complete_until, wanted.known_at):
        row = {**asked, "cutoff": _moment(asked["cutoff"]), label.name: _outcome(label, asked, happened)}
        for view in wanted.views:
            row |= _features(view, asked, facts[view.name], rules)
        rows.append(row)
    return rows


def _mature(
    case: Case, label: Label, happened: Sequence[Row], complete_until: int, known_at: str
) -> list[Row]:
    """The keys and cut-offs that are asked about, but for those whose outcome is still open."""
    last = complete_until - label.gap.ns - label.horizon.ns
    if isinstance(label.at, Every):
        active = label.active_within.ns if label.active_within else None
        step, keys = label.at.step.ns, list(label.entity.keys)
        return oracle.asked(happened, keys, step=step, until=last, active=active, known_at=known_at)
    return [row for row in _asked_at_events(case, label) if row["cutoff"] <= last]


def _asked_at_events(case: Case, label: Label) -> list[Row]:
    keys, source = list(label.entity.keys), label.cutoff_source
    assert source is not None
    events = [row for row in _facts(source, _rows(case, source)) if row.get("_known_until") is None]
    asked = [{**{key: row[key] for key in keys}, "cutoff": row["_event_time"]} for row in events]
    asked = [row for row in asked if all(row[key] is not None for key in keys)]
    if label.at == each_event():
        asked = [row for place, row in enumerate(asked) if row not in asked[:place]]
    return sorted(asked, key=lambda row: (row["cutoff"], *(row[key] for key in keys)))


def _outcome(label: Label, asked: Row, happened: Sequence[Row]) -> Any:
    keys = list(label.entity.keys)
    seen = oracle.followed(asked, happened, keys, gap=label.gap.ns, horizon=label.horizon.ns)
    values = {
        repr(part): _aggregated(part.expand(label.source.columns)[0], seen, asked["cutoff"])
        for part in label.aggregates
    }
    return _value(label.outcome, values)


def _features(view: FeatureView, asked: Row, facts: Sequence[Row], rules: Mapping[str, Any]) -> Row:
    keys, columns = list(view.entity.keys), view.columns({})

    def seen(window: Duration | None, offset: Duration) -> list[Row]:
        length = window.ns if window else None
        return oracle.covered(asked, facts, keys, window=length, offset=offset.ns, **rules)

    def value(feature: Attribute | WindowFeature | FunctionFeature) -> Any:
        match feature:
            case Attribute():
                ttl = view.ttl.ns if view.ttl else None
                return (oracle.held(asked, facts, keys, ttl=ttl, **rules) or {}).get(feature.name)
            case WindowFeature():
                return _aggregated(feature, seen(feature.window, feature.offset), asked["cutoff"])
            case FunctionFeature():
                return _returned(feature, seen(feature.window, feature.of.offset), asked["cutoff"], columns)

    return {f"{view.name}{SEPARATOR}{feature.name}": value(feature) for feature in expand(view, columns)}


def _aggregated(feature: WindowFeature, seen: Sequence[Row], cutoff: int) -> Any:
    if feature.parts:
        above, below = (_aggregated(part, seen, cutoff) for part in feature.parts)
        return None if above is None or not below else float(above) / float(below)
    if feature.by is not None:
        return _by_category(feature, feature.by, seen, cutoff)
    rows = [row for row in seen if feature.where is None or _value(feature.where, row)]
    return oracle.aggregated(rows, feature.function, feature.column, cutoff, feature.most)


def _by_category(feature: WindowFeature, by: str, seen: Sequence[Row], cutoff: int) -> Any:
    """The categories that there are with their values, as Arrow gives a map; None of nothing."""
    plain = replace(feature, by=None)
    found = [
        (category, _aggregated(plain, [row for row in seen if row[by] == category], cutoff))
        for category in sorted({row[by] for row in seen} - {None})
    ]
    absent = (None, 0) if feature.function.startswith("count") else (None,)
    return [(category, value) for category, value in found if value not in absent] or None


def _returned(feature: FunctionFeature, seen: Sequence[Row], cutoff: int, columns: Schema) -> Any:
    function = feature.of
    rows = [row for row in seen if function.where is None or _value(function.where, row)]
    if not rows:
        return None
    events = pa.table(
        {
            name: pa.array([row[name] for row in rows], arrow_type(columns[name].name))
            for name in function.inputs
        }
    )
    moment = pa.scalar(cutoff // 1_000).cast(pa.timestamp("us", "UTC"))
    given = function.function.call(events, *([moment] if function.takes_cutoff else []))
    return given[feature.output] if isinstance(function.outputs, Schema) else given


def _value(expr: Expr, values: Mapping[str, Any]) -> Any:
    """The value of an expression over columns, or over aggregates by their text."""
    match expr:
        case Literal(value):
            return value
        case Column(name):
            return values[name]
        case Aggregate():
            return values[repr(expr)]
        case Call(name, arguments):
            given = [_value(argument, values) for argument in arguments]
            return None if None in given else getattr(operator, name)(*given)
    raise NotImplementedError(f"{expr!r} in a case")


def _facts(source: Source, rows: Sequence[Row]) -> list[Row]:
    """Rows with the time until which each is believed; of sources without revisions as they are."""
    if not source.identity:
        return list(rows)
    assert source.retracted is not None
    return oracle.revised(rows, source.identity, source.retracted)


def _rows(case: Case, source: Source) -> list[Row]:
    """The rows of a source that are kept, with their times in ns since 1970."""
    assert isinstance(source.reader, Files)
    patterns = source.reader.patterns
    names = sorted(name for name in case.files if any(fnmatch(name, pattern) for pattern in patterns))
    read = [texts for name in names for texts in csv.DictReader(io.StringIO(case.files[name]))]
    rows = [_row(source, texts, sequence) for sequence, texts in enumerate(read)]
    return [row for row in rows if KEPT.get(source.name, bool)(row)]


def _row(source: Source, texts: Mapping[str, str], sequence: int) -> Row:
    row: Row = {name: _parsed(texts[name], dtype) for name, dtype in source.schema.items()}
    times = {"_event_time": source.event_time, "_known_from": source.created}
    row |= {name: _ns(row[column]) for name, column in times.items() if column is not None}
    return {**row, "_sequence": sequence}


def _parsed(text: str, dtype: DType) -> Any:
    if text == "":
        return None
    if dtype.is_decimal:
        return Decimal(text)
    return _PARSERS[dtype.name](text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _moment(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1_000)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "int64": int,
    "float64": float,
    "string": str,
    "bool": lambda text: text == "true",
    "timestamp": _time,
}
