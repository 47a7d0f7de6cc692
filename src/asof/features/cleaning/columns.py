"""Steps that add, name and leave columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asof.errors import DefinitionError
from asof.features.cleaning.step import Step, check_new, checked_columns
from asof.features.definition import check_each, check_name, check_type, check_unique
from asof.features.expressions import Scalar, same_fields
from asof.features.types import Int8, Int64, Schema, check_columns


@dataclass(frozen=True)
class OneHot(Step):
    """Add a column for each category of `column`: 1 in the rows that have its value, else 0.

    `categories` are pairs of what the new column is called and the value; `other` is the name of the
    column for the values of none of them.
    """

    column: str
    categories: tuple[tuple[str, Scalar], ...]
    other: str | None

    __eq__ = same_fields

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are added."""
        return (*(name for name, _ in self.categories), *([self.other] if self.other else []))

    def after(self, owner: str, columns: Schema) -> Schema:
        dtype = columns.require(owner, "one_hot column", self.column)
        for _, value in self.categories:
            if not dtype.takes(value):
                raise DefinitionError(
                    f"{owner}: category {value!r} is no value of {self.column!r}, which is {dtype!r}"
                )
        check_new(owner, "one_hot", self.names, columns)
        return columns | dict.fromkeys(self.names, Int8)


@dataclass(frozen=True)
class Age(Step):
    """Add the column `name`: the whole years from the date in `column` to the row's event time, in UTC."""

    column: str
    name: str

    def after(self, owner: str, columns: Schema) -> Schema:
        dtype = columns.require(owner, "age column", self.column)
        if not (dtype.is_timestamp or dtype.name == "date"):
            raise DefinitionError(f"{owner}: age needs dates, {self.column!r} is {dtype!r}; see parse_date")
        check_new(owner, "age", [self.name], columns)
        return columns | {self.name: Int64}


@dataclass(frozen=True)
class Rename(Step):
    """Give columns other names; pairs of the old and the new one."""

    pairs: tuple[tuple[str, str], ...]

    def after(self, owner: str, columns: Schema) -> Schema:
        for old, _ in self.pairs:
            columns.require(owner, "rename column", old)
        names = dict(self.pairs)
        check_new(owner, "rename", names.values(), Schema({c: columns[c] for c in columns if c not in names}))
        return check_columns(owner, Schema({names.get(name, name): dtype for name, dtype in columns.items()}))


@dataclass(frozen=True)
class DropColumns(Step):
    """Leave columns out."""

    columns: tuple[str, ...]

    def after(self, owner: str, columns: Schema) -> Schema:
        for name in self.columns:
            columns.require(owner, "drop_columns column", name)
        return Schema({name: dtype for name, dtype in columns.items() if name not in self.columns})


def one_hot(
    column: str, categories: Iterable[Scalar] | Mapping[str, Scalar], other: str | None = None
) -> OneHot:
    """Add an Int8 column for each category: 1 in the rows that have its value, else 0, also of null.

    `one_hot("channel", ["web", "shop"])` adds `channel_web` and `channel_shop`. The list is frozen: a new
    value in the data never adds a column. `other="other"` adds `channel_other` for the values that are
    not listed; without it they are 0 everywhere, and the run record says which they were. A value that
    can't be part of a name is given one: `{"phone": "By phone"}`.
    """
    owner = f"one_hot({column!r})"
    check_type("one_hot", "column", column, str)
    named = categories if isinstance(categories, Mapping) else _by_value(owner, categories)
    if not named:
        raise DefinitionError(f"{owner} needs categories, as one_hot('channel', ['web', 'shop'])")
    for name in [*named, *([] if other is None else [other])]:
        _check_part(owner, name)
    pairs = tuple((f"{column}_{name}", value) for name, value in named.items())
    made = OneHot(column, pairs, None if other is None else f"{column}_{other}")
    check_unique(owner, "columns", made.names)
    return made


def age(column: str, name: str = "age") -> Age:
    """Add the age in whole years at the event time of each row, of who was born at the date in `column`.

    A birthday counts from its day on, that of 29 February from 1 March in other years; days are those of
    UTC. Null where the date is null or after the event.
    """
    return Age(check_type("age", "column", column, str), check_name("age", name))


def rename(columns: Mapping[str, str]) -> Rename:
    """Give columns other names: `rename({"Customer ID": "customer_id"})`."""
    given = check_type("rename", "columns", columns, Mapping)  # type: ignore[type-abstract]
    for old, new in given.items():
        check_type("rename", "column", old, str)
        check_name("rename", new)
    check_unique("rename", "columns", given.values())
    return Rename(tuple(given.items()))


def drop_columns(*columns: str) -> DropColumns:
    """Leave columns out, as those that others were made of."""
    return DropColumns(checked_columns("drop_columns", columns, "drop_columns('raw_price')"))


def _by_value(owner: str, categories: object) -> dict[str, Scalar]:
    return {str(value): value for value in check_each(owner, "categories", categories, (object,))}


def _check_part(owner: str, name: object) -> None:
    if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)):
        proposed = "_".join(re.findall(r"[a-z0-9]+", str(name).lower())) or "other"
        raise DefinitionError(
            f"{owner}: category {name!r} can't be part of a column's name; give it one of lower-case words "
            f"joined by _, as in {{{proposed!r}: {name!r}}}"
        )
