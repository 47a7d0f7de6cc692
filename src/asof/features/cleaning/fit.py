"""What cleaning steps need of the source whose rows they clean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asof.errors import DefinitionError
from asof.features.cleaning.columns import Age
from asof.features.cleaning.history import FillPrevious, FillStatistic
from asof.features.cleaning.rows import Dedupe
from asof.features.cleaning.step import Step
from asof.features.types import Schema, check_columns


def check_fit(owner: str, steps: Sequence[Step], columns: Schema, times: Iterable[str]) -> None:
    """DefinitionError where a step lacks what it needs: `times` before it, or its columns after all steps.

    `times` are the columns of the source's event time and created time.
    """
    _check_one_dedupe(owner, steps)
    before: list[tuple[Step, Schema]] = []
    for step in steps:
        if isinstance(step, Age | FillPrevious):
            for name in times:
                _check_time(owner, step, name, columns)
        before.append((step, columns))
        columns = check_columns(owner, step.after(owner, columns))
    for step, given in before:
        if isinstance(step, Dedupe):
            step.after(f"{owner}, after all steps", columns)
        if isinstance(step, FillStatistic):
            _check_unchanged(f"{owner}, after all steps", step, given, columns)


def _check_time(owner: str, step: Age | FillPrevious, name: str, columns: Schema) -> None:
    if name not in columns or not columns[name].is_timestamp:
        what = "age" if isinstance(step, Age) else "fill_previous"
        found = f"is {columns[name]!r}" if name in columns else "is not there"
        raise DefinitionError(
            f"{owner}: {what} of {step.column!r} needs the time {name!r}, which {found} before it; "
            "put the step that makes it first"
        )


def _check_unchanged(owner: str, step: FillStatistic, given: Schema, left: Schema) -> None:
    for name in (step.column, *step.by):
        if left.require(owner, f"{step.what} column", name) != given[name]:
            raise DefinitionError(
                f"{owner}: {step.what} takes {name!r} from the clean table, where it is {left[name]!r}, not "
                f"{given[name]!r}; put the step that changes its type first"
            )


def _check_one_dedupe(owner: str, steps: Sequence[Step]) -> None:
    if sum(isinstance(step, Dedupe) for step in steps) > 1:
        raise DefinitionError(
            f"{owner}: two dedupe steps; rows can be held against each other once, so name in one step the "
            "columns that tell them apart"
        )
