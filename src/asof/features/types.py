"""Column types, and schemas made of them."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from asof.errors import DefinitionError, choices


@dataclass(frozen=True)
class DType:
    """The type of a column. `name` is what JSON, the catalogue and messages say."""

    name: str

    def __repr__(self) -> str:
        if self.is_list:
            return f"List({self.element!r})"
        if self.is_map:
            return f"Map({self.key!r}, {self.element!r})"
        return _SPELLED.get(self.name, self.name.capitalize())

    @property
    def is_integer(self) -> bool:
        return self.name.startswith("int")

    @property
    def is_float(self) -> bool:
        return self.name.startswith("float")

    @property
    def is_decimal(self) -> bool:
        return self.name.startswith("decimal")

    @property
    def is_numeric(self) -> bool:
        return self.is_integer or self.is_float or self.is_decimal

    @property
    def is_timestamp(self) -> bool:
        return self.name.startswith("timestamp")

    @property
    def is_list(self) -> bool:
        return self.name.startswith("list")

    @property
    def is_map(self) -> bool:
        return self.name.startswith("map")

    @property
    def key(self) -> DType:
        """The type of the keys of a map."""
        return DType(self.name.removeprefix("map(").partition(",")[0])

    @property
    def element(self) -> DType:
        """The type of the values in a list or map."""
        inside = self.name.partition("(")[2].removesuffix(")")
        return DType(inside.partition(",")[2] if self.is_map else inside)

    @property
    def scale(self) -> int:
        """Digits after the point: of a decimal as declared, 0 of any other type."""
        return int(self.name.rstrip(")").split(",")[1]) if self.is_decimal else 0

    def takes(self, value: object) -> bool:
        """Whether a plain value is of this kind: any number but NaN of a numeric type, None of each.

        A date or timestamp is also taken as text. No plain value is a list or map.
        """
        if value is None or isinstance(value, bool):
            return value is None or self == Bool
        kinds = _NUMBER if self.is_numeric else _VALUES.get(self.name, ())
        return isinstance(value, kinds) and value == value


Int8, Int16, Int32, Int64 = (DType(f"int{bits}") for bits in (8, 16, 32, 64))
Float32, Float64 = DType("float32"), DType("float64")
String, Bytes, Bool, Date = DType("string"), DType("bytes"), DType("bool"), DType("date")
Timestamp = DType("timestamp")
"""An instant in UTC, in microseconds."""
TimestampNs = DType("timestamp_ns")
"""An instant in UTC, in nanoseconds (years 1678 to 2261)."""


def Decimal(precision: int, scale: int) -> DType:
    """An exact decimal number of at most `precision` digits, `scale` of them after the point."""
    if not (1 <= precision <= 38 and 0 <= scale <= precision):
        raise DefinitionError(
            f"Decimal({precision}, {scale}): precision is 1 to 38, scale 0 to the precision"
        )
    return DType(f"decimal({precision},{scale})")


def List(element: DType) -> DType:
    """A list of values of one type, none of them null; what LastN and TopK give."""
    if element.is_list or element.is_map:
        raise DefinitionError(f"List({element!r}): a list holds single values, not lists or maps")
    return DType(f"list({element.name})")


def Map(key: DType, value: DType) -> DType:
    """Values by text or whole numbers, in the order of these, none null; what aggregates by category give."""
    if not (key == String or key.is_integer):
        raise DefinitionError(f"Map({key!r}, {value!r}): keys are text or whole numbers")
    if value.is_list or value.is_map:
        raise DefinitionError(f"Map({key!r}, {value!r}): a map holds single values, not lists or maps")
    return DType(f"map({key.name},{value.name})")


_NAMED = {
    "Int8": Int8,
    "Int16": Int16,
    "Int32": Int32,
    "Int64": Int64,
    "Float32": Float32,
    "Float64": Float64,
    "String": String,
    "Bytes": Bytes,
    "Bool": Bool,
    "Date": Date,
    "Timestamp": Timestamp,
    "TimestampNs": TimestampNs,
}
_NUMBER = (int, float, decimal.Decimal)
_VALUES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bytes": (bytes,),
    "bool": (bool,),
    "date": (datetime.date, str),
    "timestamp": (datetime.date, str),
    "timestamp_ns": (datetime.date, str),
}
_SPELLED = {dtype.name: spelling for spelling, dtype in _NAMED.items()}
_LIST = re.compile(r"[Ll]ist\((.+)\)")
_MAP = re.compile(r"[Mm]ap\(([^,]+), ?(.+)\)")
_DECIMAL = re.compile(r"[Dd]ecimal\((\d+),\s*(\d+)\)")


def dtype(given: object) -> DType:
    """The type that is given as a `DType` or by its name.

    >>> dtype("int64")
    Int64
    >>> dtype("decimal(10,2)")
    Decimal(10,2)
    """
    if isinstance(given, DType):
        return given
    if isinstance(given, str):
        if match := _LIST.fullmatch(given):
            return List(dtype(match[1]))
        if match := _MAP.fullmatch(given):
            return Map(dtype(match[1]), dtype(match[2]))
        if match := _DECIMAL.fullmatch(given):
            return Decimal(int(match[1]), int(match[2]))
        if given in _SPELLED or given in _NAMED:
            return _NAMED[_SPELLED.get(given, given)]
    raise DefinitionError(f"{given!r} is not a column type; {choices(str(given), _NAMED)}, Decimal(p, s)")


class Schema(Mapping[str, DType]):
    """Named columns with their types, in order; immutable and hashable."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Mapping[str, DType | str]) -> None:
        self._columns = {_column_name(name): dtype(given) for name, given in columns.items()}

    def __getitem__(self, name: str) -> DType:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __hash__(self) -> int:
        return hash(tuple(self._columns.items()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return list(self._columns.items()) == list(other._columns.items())

    def __repr__(self) -> str:
        return repr(self._columns)

    def __or__(self, other: Mapping[str, DType]) -> Schema:
        return Schema({**self._columns, **other})

    def require(self, owner: str, what: str, name: object) -> DType:
        """The type of column `name`; DefinitionError for `owner` where there is none."""
        if not isinstance(name, str) or name not in self._columns:
            raise DefinitionError(f"{owner}: {what} {name!r} is not a column; {choices(str(name), self)}")
        return self._columns[name]


def _column_name(given: object) -> str:
    if isinstance(given, str) and given:
        return given
    raise DefinitionError(f"column name {given!r} must be text that is not empty")


def check_columns(owner: str, columns: Schema) -> Schema:
    """`columns`, whose names must not be Asof's own, nor differ in case alone, which SQL ignores."""
    folded: dict[str, str] = {}
    for column in columns:
        if column.startswith("_"):
            raise DefinitionError(f"{owner}: column {column!r}: names that start with _ are Asof's own")
        other = folded.setdefault(column.casefold(), column)
        if other != column:
            raise DefinitionError(
                f"{owner}: columns {other!r} and {column!r} differ in case alone; rename one"
            )
    return columns
