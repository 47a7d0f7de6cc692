"""Transforms: functions in Python that compute columns, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_each, check_type, check_unique, definition
from asof.features.function import Function
from asof.features.types import DType, Schema, check_columns

FRAMES = ("arrow", "narwhals")
"""What a function is given: a `pyarrow.Table`, or a narwhals `DataFrame` over one."""


@definition
class Transform:
    """A function that gives, for each row of a table, the columns in `outputs`.

    It is called with a table of the columns `inputs`, of all columns where they are None, and returns
    one of just the outputs, with as many rows in the same order. A row's outputs depend on that
    row alone: the function is called with any number of rows, even none, in any grouping.
    """

    function: Function
    inputs: tuple[str, ...] | None
    outputs: Schema
    frame: str

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        outputs: Mapping[str, DType | str],
        inputs: Iterable[str] | None = None,
        frame: str = "arrow",
    ) -> None:
        told = Function.of("Transform", function)
        owner = f"Transform {told.name!r}"
        check_type(owner, "outputs", outputs, Mapping)  # type: ignore[type-abstract]
        if not outputs:
            raise DefinitionError(f"{owner}: outputs is empty; name the columns, as in {{'size': Float64}}")
        if frame not in FRAMES:
            raise DefinitionError(f"{owner}: frame {frame!r}; {choices(str(frame), FRAMES)}")
        assign(
            self,
            function=told,
            inputs=None if inputs is None else check_each(owner, "inputs", inputs, (str,)),
            outputs=check_columns(owner, Schema(outputs)),
            frame=frame,
        )
        check_unique(owner, "inputs", self.inputs or ())

    def after(self, owner: str, columns: Schema, keys: Iterable[str] = ()) -> Schema:
        """`columns` with the outputs; DefinitionError where an input is missing or an output is a key."""
        for name in self.inputs or ():
            columns.require(owner, f"input of {self.function.name!r}", name)
        for name in keys:
            if name in self.outputs:
                raise DefinitionError(f"{owner}: output {name!r} would replace a key; give another name")
        return check_columns(owner, columns | self.outputs)
