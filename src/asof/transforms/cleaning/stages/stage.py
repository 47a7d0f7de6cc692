"""A cleaning step in SQL: what it makes of a row `r`, and what of it is to be counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asof.features.expressions import Literal, Scalar
from asof.features.types import DType
from asof.storage.arrow_types import arrow_type
from asof.transforms.expressions import sql_type, to_sql

WHITE = r"'[\s\v\p{Z}]+'"


@dataclass(frozen=True)
class Stage:
    """What a step makes of a row; all SQL is over the columns of `r`.

    `sets` are the values of the columns that it writes. `given` are other rows that it is joined with.
    The values are `_v0`, `_v1`, ... in the SQL that comes after them: `unread` is the text that could not be
    read (null elsewhere), and `unfilled` whether a null was left.
    Rows for which `drops` is true go; those with unread text are refused where `refuses`. `renames` maps
    new names of columns to old ones.
    """

    sets: Mapping[str, str] = field(default_factory=dict)
    given: str = ""
    drops: str = ""
    unread: str = ""
    unfilled: str = ""
    refuses: bool = False
    renames: Mapping[str, str] = field(default_factory=dict)


def quoted(name: str) -> str:
    """A name as SQL writes it.

    >>> quoted("price")
    '"price"'
    """
    return '"' + name.replace('"', '""') + '"'


def column(name: str) -> str:
    """A column of the row."""
    return f"r.{quoted(name)}"


def text(value: str) -> str:
    """A text as SQL writes it."""
    return to_sql(Literal(value))


def type_of(dtype: DType) -> str:
    """The SQL type that a column has between steps: whole numbers are in 64 bits there."""
    return "BIGINT" if dtype.is_integer else sql_type(arrow_type(dtype.name))


def constant(value: Scalar, dtype: DType) -> str:
    """A value in the type of a column."""
    return f"CAST({to_sql(Literal(value))} AS {type_of(dtype)})"


def let(name: str, value: str, body: str) -> str:
    """`body`, in which `name` stands for `value`, computed once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def squeezed(given: str) -> str:
    """Text without white space around it, single spaces inside; null where there is nothing else."""
    return f"nullif(trim(regexp_replace({given}, {WHITE}, ' ', 'g')), '')"


def unread(name: str) -> str:
    """The text of a column of which nothing came, though it is not blank."""
    given = column(name)
    return f"CASE WHEN _v0 IS NULL THEN CASE WHEN {squeezed(given)} IS NOT NULL THEN {given} END END"
