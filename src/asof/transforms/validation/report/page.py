"""The page: for each source its expectations, what came of them, and its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any

from asof.transforms.statistics import ColumnStatistics, Statistics
from asof.transforms.validation.described import arguments, found, words
from asof.transforms.validation.outcomes import Outcome
from asof.transforms.validation.report.charts import frequent_html, histogram_svg, percent
from asof.transforms.validation.report.histograms import histogram, most_frequent, spelled

_MARKS = {"met": "✓", "warn": "!", "fail": "✕"}
_EXAMPLES = 5


@dataclass(frozen=True)
class Section:
    """A source: its table's version, when that was committed, its outcomes and its statistics."""

    source: str
    rows: int
    version: int
    committed_at: datetime
    outcomes: Sequence[Outcome]
    statistics: Statistics

    def count(self, state: str) -> int:
        return sum(_state(outcome) == state for outcome in self.outcomes)


def page(project: str, made_at: datetime, sections: Sequence[Section]) -> str:
    """The whole document; it refers to nothing outside itself."""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    body = (
        "".join(map(_section, sections)) or '<p class="none">There is no table to hold against anything.</p>'
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(project)}: validation</title><style>{style}</style></head><body><main>"
        f"{_header(project, made_at, sections)}{body}</main></body></html>\n"
    )


def _header(project: str, made_at: datetime, sections: Sequence[Section]) -> str:
    failing, warning = (sum(section.count(state) for section in sections) for state in ("fail", "warn"))
    total = sum(len(section.outcomes) for section in sections)
    state = "fail" if failing else "warn" if warning else "met"
    said = {
        "fail": f"{failing} of {total} expectations fail",
        "warn": f"{warning} of {total} expectations warn",
        "met": f"All {total} expectations are met" if total else "Nothing is expected",
    }[state]
    contents = "".join(map(_link, sections)) if len(sections) > 1 else ""
    return (
        f'<header><p class="kind">Validation</p><h1>{escape(project)}</h1>'
        f'<p class="verdict {state}"><b>{_MARKS[state]}</b>{said}</p>'
        f'<p class="when">{made_at:%-d %B %Y, %H:%M} UTC</p>'
        f"{f'<nav>{contents}</nav>' if contents else ''}</header>"
    )


def _link(section: Section) -> str:
    worst = next((state for state in ("fail", "warn") if section.count(state)), "met")
    name = escape(section.source)
    return f'<a href="#{name}" class="{worst}"><b>{_MARKS[worst]}</b>{name}</a>'


def _section(section: Section) -> str:
    name = escape(section.source)
    return (
        f'<section id="{name}"><div class="title"><h2>{name}</h2><p>{section.rows:,} rows · '
        f"version {section.version} · {section.committed_at:%-d %b %Y, %H:%M} UTC</p></div>"
        f"{_bar(section)}{_expectations(section)}{_columns(section)}</section>"
    )


def _bar(section: Section) -> str:
    """How many expectations are met, warn and fail, as one bar."""
    total = len(section.outcomes)
    parts = [(state, section.count(state)) for state in ("met", "warn", "fail")]
    inside = "".join(f'<i class="{state}" style="width:{n / total:.2%}"></i>' for state, n in parts if n)
    return f'<div class="summary">{inside}</div>' if total else ""


def _expectations(section: Section) -> str:
    if not section.outcomes:
        return '<p class="none">Nothing is expected of this source.</p>'
    order = ("fail", "warn", "met")
    outcomes = sorted(section.outcomes, key=lambda outcome: order.index(_state(outcome)))
    rows = "".join(map(_expectation, outcomes))
    return (
        '<table><thead><tr><th></th><th>expectation</th><th>found</th><th class="level">if broken</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _expectation(outcome: Outcome) -> str:
    rule, state = outcome.expectation, _state(outcome)
    about = "".join(f"<code>{escape(name)}</code> " for name in rule.columns)
    return (
        f'<tr class="{state}"><td class="mark">{_MARKS[state]}</td><td>{about}{escape(words(rule))}'
        f"{_arguments(outcome)}</td><td>{escape(_found(outcome))}{_share(outcome)}{_examples(outcome)}</td>"
        f'<td class="level">{rule.on_fail}</td></tr>'
    )


def _arguments(outcome: Outcome) -> str:
    given = arguments(outcome.expectation)
    told = " · ".join(f"{name.replace('_', ' ')} {_argument(value)}" for name, value in given)
    return f'<div class="arguments">{escape(told)}</div>' if told else ""


def _argument(value: Any) -> str:
    match value:
        case Mapping():
            return ", ".join(f"{name.replace('_', ' ')} {_argument(item)}" for name, item in value.items())
        case (low, high) if any(bound is None for bound in value):
            return f"{'' if low is None else spelled(low)} to {'' if high is None else spelled(high)}".strip()
        case tuple():
            return ", ".join(map(_argument, value))
    return spelled(value)


def _found(outcome: Outcome) -> str:
    observed, rows = outcome.result.get("observed_value"), outcome.result.get("element_count")
    if observed is not None:
        return _observed(observed)
    if outcome.success and not outcome.result.get("unexpected_count"):
        return "" if rows is None else f"none of {rows:,} rows"
    return found(outcome)


def _observed(value: Any) -> str:
    match value:
        case {"quantiles": shares, "values": values}:
            return ", ".join(f"{percent(q)}: {spelled(v)}" for q, v in zip(shares, values, strict=True))
        case dict():
            return ", ".join(f"{name} {spelled(item)}" for name, item in value.items())
        case list():
            return ", ".join(map(spelled, value[:_EXAMPLES])) + (" …" if len(value) > _EXAMPLES else "")
    return spelled(value)


def _share(outcome: Outcome) -> str:
    broken = outcome.result.get("unexpected_percent")
    if not broken:
        return ""
    track = f'<span class="track"><i style="width:{min(broken, 100):.3f}%"></i></span>'
    return f' <span class="share">{track}{percent(broken / 100)}</span>'


def _examples(outcome: Outcome) -> str:
    values = outcome.result.get("partial_unexpected_list") or []
    shown = list(dict.fromkeys("null" if value is None else _example(value) for value in values))
    chips = "".join(f"<q>{escape(value)}</q>" for value in shown[:_EXAMPLES])
    return f'<div class="examples">{chips}</div>' if chips else ""


def _example(value: Any) -> str:
    return " | ".join(map(spelled, value)) if isinstance(value, list) else spelled(value)


def _columns(section: Section) -> str:
    shown = {name: column for name, column in section.statistics.items() if not name.startswith("_")}
    cards = "".join(_card(name, column) for name, column in shown.items())
    return f'<h3>Columns</h3><div class="columns">{cards}</div>'


def _card(name: str, column: ColumnStatistics) -> str:
    drawn, common = histogram(column), most_frequent(column)
    chart = histogram_svg(drawn) if drawn else frequent_html(common)
    facts = "".join(f"<div><dt>{label}</dt><dd>{escape(value)}</dd></div>" for label, value in _facts(column))
    return (
        f"<article><h4>{escape(name)} <span>{escape(column.type)}</span></h4>"
        f"{chart or '<p class=none>no values</p>'}<dl>{facts}</dl></article>"
    )


def _facts(column: ColumnStatistics) -> list[tuple[str, str]]:
    rows = column.values + column.nulls
    facts = [("null", percent(column.nulls / rows) if rows else "-")]
    if column.different is not None:
        exact = column.frequent is not None and column.frequent.complete
        facts.append(("distinct", f"{'' if exact else '≈ '}{column.different:,}"))
    if column.mean is not None and column.type != "bool":
        facts += [("mean", spelled(float(column.mean))), ("std", spelled(column.std or 0.0))]
    return facts


def _state(outcome: Outcome) -> str:
    return "met" if outcome.success else "fail" if outcome.fails else "warn"
