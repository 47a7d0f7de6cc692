"""Row-wise expressions: what is written with `col("quantity") > 0`, compiled to SQL by the engines.

Operators build expressions, `==` too:

>>> (col("x") > 1) & ~col("y").is_null()
((x > 1) and (not (y is null)))

So that definitions which hold expressions can still be compared, the truth of `a == b` for two
expressions is whether they are the same one. A comparison with a plain value has none:

>>> bool(col("x") == col("x")), bool(col("x") == col("y"))
(True, False)
>>> col("x") == 1 and col("y") == 2
Traceback (most recent call last):
TypeError: (x = 1) has a value for each row; combine with & | ~, not and/or/not
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from asof.errors import DefinitionError

Scalar = None | bool | int | float | str | bytes | date | datetime | Decimal

INFIX = {
    "eq": "=",
    "ne": "<>",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "and": "and",
    "or": "or",
}
CONDITIONS = frozenset(
    {"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "is_null", "is_in", "matches"}
)
"""The operators that answer true or false."""


class Expr:
    """Anything that has a value for each row."""

    def __eq__(self, other: object) -> Call:  # type: ignore[override]
        return _call("eq", self, other)

    def __ne__(self, other: object) -> Call:  # type: ignore[override]
        return _call("ne", self, other)

    def __lt__(self, other: object) -> Call:
        return _call("lt", self, other)

    def __le__(self, other: object) -> Call:
        return _call("le", self, other)

    def __gt__(self, other: object) -> Call:
        return _call("gt", self, other)

    def __ge__(self, other: object) -> Call:
        return _call("ge", self, other)

    def __add__(self, other: object) -> Call:
        return _call("add", self, other)

    def __sub__(self, other: object) -> Call:
        return _call("sub", self, other)

    def __mul__(self, other: object) -> Call:
        return _call("mul", self, other)

    def __truediv__(self, other: object) -> Call:
        return _call("div", self, other)

    def __radd__(self, other: object) -> Call:
        return _call("add", other, self)

    def __rsub__(self, other: object) -> Call:
        return _call("sub", other, self)

    def __rmul__(self, other: object) -> Call:
        return _call("mul", other, self)

    def __rtruediv__(self, other: object) -> Call:
        return _call("div", other, self)

    def __and__(self, other: object) -> Call:
        return _call("and", self, other)

    def __or__(self, other: object) -> Call:
        return _call("or", self, other)

    def __invert__(self) -> Call:
        return _call("not", self)

    def __hash__(self) -> int:
        return hash((type(self).__name__, *self._parts()))

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has a value for each row; combine with & | ~, not and/or/not")

    def is_null(self) -> Call:
        """True where the value is null."""
        return _call("is_null", self)

    def is_in(self, values: Iterable[Scalar]) -> Call:
        """True where the value is one of `values`."""
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
            raise DefinitionError(f"is_in needs a list of values, as in is_in(['a', 'b']), got {values!r}")
        return _call("is_in", self, *(sorted(values, key=repr) if isinstance(values, Set) else values))

    def same_as(self, other: object) -> bool:
        """Whether `other` is the same expression, written the same way."""
        if not isinstance(other, Expr) or type(self) is not type(other):
            return False
        mine, theirs = self._parts(), other._parts()
        return len(mine) == len(theirs) and all(_same(a, b) for a, b in zip(mine, theirs, strict=True))

    def children(self) -> tuple[Expr, ...]:
        return ()

    def _parts(self) -> tuple[object, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]


def same_fields(self: object, other: object) -> bool:
    """`__eq__` of a dataclass with expressions in its fields, which are equal where they are the same."""
    if type(self) is not type(other):
        return NotImplemented
    names = (field.name for field in fields(self))  # type: ignore[arg-type]
    return all(_same(getattr(self, name), getattr(other, name)) for name in names)


def _same(a: object, b: object) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Expr):
        return a.same_as(b)
    return type(a) is type(b) and a == b


@dataclass(frozen=True, eq=False, repr=False)
class Column(Expr):
    """The value of a column."""

    name: str

    def __repr__(self) -> str:
        plain = self.name.isidentifier() and self.name != "null" and not keyword.iskeyword(self.name)
        return self.name if plain else f"col({self.name!r})"


@dataclass(frozen=True, eq=False, repr=False)
class Literal(Expr):
    """One value, the same for every row."""

    value: Scalar

    def __repr__(self) -> str:
        return "null" if self.value is None else repr(self.value)


@dataclass(frozen=True, eq=False, repr=False)
class Call(Expr):
    """An operator applied to expressions."""

    operator: str
    arguments: tuple[Expr, ...]

    def __repr__(self) -> str:
        inside = [repr(argument) for argument in self.arguments]
        match self.operator:
            case "not":
                return f"(not {inside[0]})"
            case "is_null":
                return f"({inside[0]} is null)"
            case "is_in":
                return f"({inside[0]} in ({', '.join(inside[1:])}))"
            case "matches":
                return f"matches({', '.join(inside)})"
        return f"({inside[0]} {INFIX[self.operator]} {inside[1]})"

    def __bool__(self) -> bool:
        left, *rest = self.arguments
        if self.operator in ("eq", "ne") and isinstance(left, Literal) == isinstance(rest[0], Literal):
            return left.same_as(rest[0]) is (self.operator == "eq")
        return super().__bool__()

    def children(self) -> tuple[Expr, ...]:
        return self.arguments


@dataclass(frozen=True, eq=False, repr=False)
class Sql(Expr):
    """An expression written in SQL, DuckDB's dialect."""

    text: str

    def __repr__(self) -> str:
        return f"sql({self.text!r})"


def col(name: str) -> Column:
    """The value of the column `name`."""
    if not isinstance(name, str):
        raise DefinitionError(f"col needs the name of a column, got {type(name).__name__} {name!r}")
    return Column(name)


def sql(text: str) -> Sql:
    """A row-wise expression written in SQL, in DuckDB's dialect; checked when it is written.

    >>> sorted(columns_of(sql("upper(trim(brand)) || '-' || size")))
    ['brand', 'size']
    """
    if not isinstance(text, str):
        raise DefinitionError(
            f"sql needs text, as in sql('upper(brand)'), got {type(text).__name__} {text!r}"
        )
    _parsed_columns(text)
    return Sql(text)


def expression(given: object) -> Expr:
    """`given` as an expression: a plain value becomes a literal."""
    if isinstance(given, Expr):
        return given
    if isinstance(given, float | Decimal) and given != given:
        raise DefinitionError(
            f"{given!r} can't stand in an expression: it counts as null, ask with is_null()"
        )
    if given is None or isinstance(given, bool | int | float | str | bytes | date | datetime | Decimal):
        return Literal(given)
    raise DefinitionError(f"{given!r} ({type(given).__name__}) can't stand in an expression")


def check_row_wise(owner: str, given: object) -> Expr:
    """`given`, which must be an expression of the columns of one row."""
    if not isinstance(given, Expr):
        raise DefinitionError(
            f"{owner} needs an expression, as in col('amount') > 0, got {type(given).__name__} {given!r}"
        )
    for part in walk(given):
        if not isinstance(part, Column | Literal | Call | Sql):
            raise DefinitionError(f"{owner}: {part!r} is over many rows; allowed: col(), sql() and values")
    return given


def check_condition(owner: str, given: object) -> Expr:
    """`given`, which must be a row-wise expression that is true or false, or may be."""
    expr = check_row_wise(owner, given)
    computed = isinstance(expr, Call) and expr.operator not in CONDITIONS
    if computed or (isinstance(expr, Literal) and not isinstance(expr.value, bool)):
        raise DefinitionError(f"{owner}: {expr!r} is not true or false, as col('amount') > 0 is")
    return expr


def _call(operator: str, *arguments: object) -> Call:
    return Call(operator, tuple(expression(argument) for argument in arguments))


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything inside it, outermost first."""
    yield expr
    for child in expr.children():
        yield from walk(child)


def columns_of(expr: Expr) -> frozenset[str]:
    """The columns that an expression reads."""
    found: set[str] = set()
    for part in walk(expr):
        if isinstance(part, Column):
            found.add(part.name)
        elif isinstance(part, Sql):
            found |= _parsed_columns(part.text)
    return frozenset(found)


@lru_cache(maxsize=1024)
def _parsed_columns(text: str) -> frozenset[str]:
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_one(text, dialect="duckdb")
    except SqlglotError as error:
        raise DefinitionError(f"sql({text!r}) can't be read: {str(error).splitlines()[0]}") from error
    value = isinstance(tree, exp.Condition | exp.AtTimeZone | exp.Interval)
    if not value or tree.find(exp.Query, exp.AggFunc, exp.Window, exp.UDTF):
        raise DefinitionError(
            f"sql({text!r}): only row-wise expressions here, no statement, query, aggregate or window"
        )
    return frozenset(column.name for column in tree.find_all(exp.Column))
