"""An expectation: a kind, its arguments, and what happens where it is not met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asof.errors import DefinitionError, choices
from asof.features.expectations.arguments import Arguments
from asof.features.expectations.kinds import BOUNDS, COMPILED, CONDITIONAL, FOREIGN, Kind
from asof.features.expressions import same_fields
from asof.features.types import DType, Schema, String

if TYPE_CHECKING:
    from asof.features.source import Source

ON_FAIL = ("fail", "quarantine", "warn")
_BOUNDED = tuple(name for name, kind in COMPILED.items() if "min_value" in kind.allows)


@dataclass(frozen=True)
class Expectation:
    """What must hold of rows, or of a table as a whole.

    `kind` is its name in Great Expectations, `arguments` are those that it has there. `on_fail`: "fail"
    ends the run and publishes nothing, "quarantine" moves the row to the source's quarantine table,
    "warn" is told in the run record. `refers_to` is the source whose values it asks for.
    """

    kind: str
    arguments: Arguments
    on_fail: str
    refers_to: Source | None = field(default=None, compare=False, repr=False)

    __eq__ = same_fields

    def __post_init__(self) -> None:
        _check_kind(self)
        _check_arguments(self)
        _check_mostly(self)
        _check_on_fail(self)

    def __repr__(self) -> str:
        inside = [f"{name}={value!r}" for name, value in self.arguments.items()]
        return f"{self.kind}({', '.join([*inside, f'on_fail={self.on_fail!r}'])})"

    @property
    def compiled(self) -> bool:
        """Whether Asof holds it against rows itself, without Great Expectations."""
        return self.kind in COMPILED and not any(name in self.arguments for name in CONDITIONAL)

    @property
    def row_wise(self) -> bool:
        """Whether each row meets it or not, whatever the others are."""
        return self.compiled and COMPILED[self.kind].row_wise

    @property
    def mostly(self) -> float:
        """The share of rows that must meet it."""
        return float(self.arguments.get("mostly", 1.0))  # type: ignore[arg-type]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is about."""
        named = [self.arguments.get(name) for name in ("column", "column_A", "column_B", "column_list")]
        listed = [name if isinstance(name, tuple) else (name,) for name in named if name is not None]
        return tuple(name for names in listed for name in names)

    def check(self, owner: str, columns: Schema) -> None:
        """Hold it against the columns of a source; DefinitionError where it does not fit."""
        if not self.compiled or not COMPILED[self.kind].columns:
            return
        kind = COMPILED[self.kind]
        for name in self.columns:
            dtype = columns.require(owner, "expected column", name)
            _check_type(owner, self, name, dtype, kind)
            for value in _held_against(self, kind):
                if not dtype.takes(value):
                    raise DefinitionError(
                        f"{owner}: {self.kind} can't be held against {value!r}: {name!r} is {dtype!r}"
                    )
        if self.refers_to is not None:
            _check_reference(owner, self, columns, self.refers_to)


def expect(kind: str, *, on_fail: str = "fail", **arguments: object) -> Expectation:
    """An expectation by its name in Great Expectations, with the arguments that it has there.

    >>> expect("expect_column_mean_to_be_between", column="amount", min_value=1, on_fail="warn")
    expect_column_mean_to_be_between(column='amount', min_value=1, on_fail='warn')
    """
    return Expectation(kind, Arguments(arguments), on_fail)


def _check_kind(given: Expectation) -> None:
    if given.kind not in COMPILED and given.kind not in FOREIGN:
        known = choices(str(given.kind), (*COMPILED, *FOREIGN))
        raise DefinitionError(f"{given.kind!r} is not an expectation; {known}")


def _check_arguments(given: Expectation) -> None:
    if not given.compiled:
        return
    kind = COMPILED[given.kind]
    for name in given.arguments:
        if name not in kind.parameters:
            raise DefinitionError(f"{given.kind} takes no {name!r}; {choices(name, kind.parameters)}")
    missing = [name for name in kind.needs if name not in given.arguments]
    if missing:
        raise DefinitionError(
            f"{given.kind} needs {', '.join(missing)}; it takes {', '.join(kind.parameters)}"
        )
    for name in kind.columns:
        _check_column_names(given, name)
    if given.kind in _BOUNDED:
        _check_bounds(given)


def _check_column_names(given: Expectation, parameter: str) -> None:
    names, several = given.arguments[parameter], parameter == "column_list"
    if isinstance(names, tuple) is not several or not all(isinstance(name, str) for name in given.columns):
        wanted = "a list of columns" if several else "the name of a column"
        raise DefinitionError(f"{given.kind}: {parameter} must be {wanted}, got {names!r}")


def _check_bounds(given: Expectation) -> None:
    low, high = (given.arguments.get(name) for name in BOUNDS)
    if low is None and high is None:
        raise DefinitionError(f"{given.kind} needs a min_value or a max_value")
    if low is not None and high is not None and type(low) is type(high) and low > high:  # type: ignore[operator]
        raise DefinitionError(f"{given.kind}: min_value {low!r} is greater than max_value {high!r}")


def _check_mostly(given: Expectation) -> None:
    mostly = given.arguments.get("mostly", 1.0)
    if not isinstance(mostly, int | float) or isinstance(mostly, bool) or not 0 <= mostly <= 1:
        raise DefinitionError(f"{given.kind}: mostly={mostly!r} must be a share from 0 to 1")


def _check_on_fail(given: Expectation) -> None:
    if given.on_fail not in ON_FAIL:
        raise DefinitionError(
            f"{given.kind} of {_told(given)}: on_fail={given.on_fail!r} is unknown; "
            f"{choices(str(given.on_fail), ON_FAIL)}"
        )
    if given.on_fail == "quarantine":
        if not given.row_wise:
            raise DefinitionError(
                f"{given.kind} of {_told(given)}: on_fail='quarantine' is for what single rows break; "
                "give 'fail' or 'warn'"
            )
        if "mostly" in given.arguments:
            raise DefinitionError(
                f"{given.kind} of {_told(given)}: mostly= goes with on_fail='fail' or 'warn'; "
                "'quarantine' takes every row that breaks it"
            )


def _told(given: Expectation) -> str:
    return ", ".join(map(repr, given.columns)) or "the table"


def _check_type(owner: str, given: Expectation, name: str, dtype: DType, kind: Kind) -> None:
    fits = {"any": not dtype.is_list, "text": dtype == String, "number": dtype.is_numeric}
    if not fits[kind.takes]:
        wanted = {"any": "single values", "text": "String", "number": "numbers"}[kind.takes]
        raise DefinitionError(f"{owner}: {given.kind} is for {wanted}; {name!r} is {dtype!r}")


def _held_against(given: Expectation, kind: Kind) -> Iterator[object]:
    for name in kind.values:
        value = given.arguments.get(name)
        yield from value if isinstance(value, tuple) else (value,)


def _check_reference(owner: str, given: Expectation, columns: Schema, source: Source) -> None:
    [name], wanted = given.columns, given.arguments["source_column"]
    theirs = source.columns.require(f"{owner}: Source {source.name!r}", "column", wanted)
    if columns[name] != theirs:
        raise DefinitionError(
            f"{owner}: {name!r} is {columns[name]!r}, {wanted!r} of source {source.name!r} is {theirs!r}; "
            "they must be of one type"
        )
