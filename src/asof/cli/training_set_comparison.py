"""`asof training-set diff`: two versions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show
from asof.cli.training_set_version import name_at_version, rate

if TYPE_CHECKING:
    from asof.training_sets.comparison import ColumnComparison, Comparison

_MARKS = {"added": "+", "changed": "~", "removed": "-"}


@click.command(
    "diff",
    cls=Command,
    examples=["asof training-set diff churn@1 churn@2", "asof training-set diff churn churn_small --json"],
)
@click.argument("first", metavar="NAME[@VERSION]", type=name_at_version)
@click.argument("second", metavar="NAME[@VERSION]", type=name_at_version)
@click.pass_obj
def diff(asked: Invocation, first: tuple[str, int | None], second: tuple[str, int | None]) -> None:
    """Compare two versions: definitions, tables, rows, columns and how their values are distributed.

    Rows are told by their keys and cut-offs. Of each column the means, nulls and the population stability
    index (psi: 0.1 is a small shift, 0.25 a large one) are from what was kept when it was built.
    """
    with asked.open() as project:
        found = project.compare_training_sets(first, second)
    show(asked, _record(found), lambda: _print(found))


def _record(found: Comparison) -> dict[str, Any]:
    sides = {"first": _named(found.first), "second": _named(found.second)}
    return {"same": found.same, **asdict(found), **sides}


def _named(version: Any) -> str:
    return f"{version.name}@{version.version}"


def _print(found: Comparison) -> None:
    same = "the same rows" if found.same else "not the same rows"
    click.echo(f"{_named(found.first)} and {_named(found.second)}: {same}")
    _print_definitions(found)
    _print_pairs("Made from", found.inputs, found)
    _print_pairs("Parameters", found.parameters, found)
    _print_pairs("Rows", _rows(found), found)
    for title, names in (("Columns added", found.added), ("Columns removed", found.removed)):
        if names:
            click.echo(f"\n{title}\n  {', '.join(names)}")
    _print_columns(found)


def _print_definitions(found: Comparison) -> None:
    if found.definitions:
        click.echo("\nDefinitions")
    for change in found.definitions:
        click.echo(f"  {_MARKS[change.action]} {change.key}")
        for line in change.details:
            click.echo(f"      {line}")


def _rows(found: Comparison) -> dict[str, tuple[Any, Any]]:
    rates = tuple(rate(each) for each in found.label_rate)
    rows = {"rows": found.rows, **found.splits, "label rate": (rates[0], rates[1])}
    common = found.rows_in_common
    if common is None:
        return rows
    return {
        **rows,
        "in both": (common.both, common.both),
        "only here": (common.only_first, common.only_second),
    }


def _print_pairs(title: str, pairs: Mapping[str, tuple[Any, Any]], found: Comparison) -> None:
    if not pairs:
        return
    click.echo(f"\n{title}")
    rows = [(name, _text(one), _text(other)) for name, (one, other) in pairs.items()]
    first, second = _sides(found)
    print_table({"": "left", first: "right", second: "right"}, rows, indent=2)


def _sides(found: Comparison) -> tuple[str, str]:
    """What the two are called in headers, which must not be the same."""
    first, second = _named(found.first), _named(found.second)
    return first, second if first != second else f"{second} "


def _text(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return "-" if value is None else str(value)


def _print_columns(found: Comparison) -> None:
    unlike = [column for column in found.columns if column.differs]
    if not unlike:
        return
    click.echo("\nColumns that differ")
    headers = ("column", "type", "nulls", "mean", "psi")
    rows = sorted(unlike, key=lambda column: -(column.psi or 0.0))
    print_table(
        {name: "left" if name in ("column", "type") else "right" for name in headers},
        [_cells(column) for column in rows],
        indent=2,
    )


def _cells(column: ColumnComparison) -> tuple[str, ...]:
    means = tuple(number(mean) for mean in column.mean)
    nulls = tuple(rate(share) for share in column.nulls)
    psi = "-" if column.psi is None else f"{column.psi:.3f}"
    return column.name, _change(column.type), _change(nulls), _change(means), psi


def _change(pair: tuple[Any, ...]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} -> {pair[1]}"
