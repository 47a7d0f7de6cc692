"""Names of data types, and the Arrow types that they stand for.

A name is what definitions, manifests and online stores write down: "int64", "timestamp",
"decimal(10,2)". Every name has one Arrow type; the other way round, the layouts that Arrow has for
one kind of value (`string`, `large_string`, `string_view`, dictionaries of it) share a name.
"""

from __future__ import annotations

import re

import pyarrow as pa

from asof.errors import DataError, DefinitionError, choices

NAMED: dict[str, pa.DataType] = {
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "bytes": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ns": pa.timestamp("ns", "UTC"),
}
_NAMES = {arrow: name for name, arrow in NAMED.items()}
_DECIMAL = re.compile(r"decimal\((\d+), ?(-?\d+)\)")
_LIST = re.compile(r"list\((.+)\)")
_MAP = re.compile(r"map\(([^,]+),(.+)\)")
# An unsigned integer goes to the narrowest signed one that holds all of its values.
_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a data type's name; DefinitionError when there is no such name.

    >>> arrow_type("timestamp")
    TimestampType(timestamp[us, tz=UTC])
    >>> arrow_type("decimal(10,2)")
    Decimal128Type(decimal128(10, 2))
    """
    if name in NAMED:
        return NAMED[name]
    if decimal := _DECIMAL.fullmatch(name):
        return _decimal(int(decimal[1]), int(decimal[2]))
    if element := _LIST.fullmatch(name):
        return pa.list_(arrow_type(element[1]))
    if entry := _MAP.fullmatch(name):
        return pa.map_(arrow_type(entry[1]), arrow_type(entry[2]))
    raise DefinitionError(f"no data type {name!r}; {choices(name, [*NAMED, 'decimal(p,s)'])}")


def type_name(arrow: pa.DataType) -> str:
    """The name of an Arrow type, after `canonical`; DataError when it has none.

    >>> type_name(pa.large_string())
    'string'
    """
    kind = canonical(arrow)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind):
        return f"list({type_name(kind.value_type)})"
    if pa.types.is_map(kind):
        return f"map({type_name(kind.key_type)},{type_name(kind.item_type)})"
    return _NAMES[kind]


def canonical(arrow: pa.DataType) -> pa.DataType:
    """The one Arrow type that Asof keeps values of this type in.

    Dictionaries, views and large layouts become plain; times become UTC, in microseconds unless
    they are nanoseconds; unsigned integers become the next wider signed one. DataError for a type
    that tables can't hold, and for times without a zone.

    >>> canonical(pa.dictionary(pa.int32(), pa.string_view()))
    DataType(string)
    """
    if arrow in _NAMES:
        return arrow
    if pa.types.is_dictionary(arrow):
        return canonical(arrow.value_type)
    if pa.types.is_timestamp(arrow):
        return _utc(arrow)
    if pa.types.is_decimal(arrow):
        return _decimal(arrow.precision, arrow.scale)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return pa.list_(canonical(arrow.value_type))
    if pa.types.is_map(arrow):
        return pa.map_(canonical(arrow.key_type), canonical(arrow.item_type))
    return _plain(arrow)


def canonical_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with every type `canonical`, naming the column that can't be."""
    return pa.schema([field.with_type(_of_column(field)) for field in schema])


def _of_column(field: pa.Field) -> pa.DataType:
    try:
        return canonical(field.type)
    except DataError as error:
        raise DataError(f"column {field.name!r}: {error}") from None


def _plain(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow):
        return pa.string()
    if pa.types.is_large_binary(arrow) or pa.types.is_binary_view(arrow):
        return pa.binary()
    if pa.types.is_fixed_size_binary(arrow):
        return pa.binary()
    if pa.types.is_date64(arrow):
        return pa.date32()
    if arrow in _WIDER:
        return _WIDER[arrow]
    raise DataError(f"tables can't hold {arrow}; {choices(str(arrow), [*NAMED, 'decimal(p,s)'])}")


def _utc(arrow: pa.DataType) -> pa.DataType:
    if arrow.tz is None:
        raise DataError(f"{arrow} has no time zone; give it one (times are kept in UTC)")
    return NAMED["timestamp_ns" if arrow.unit == "ns" else "timestamp"]


def _decimal(precision: int, scale: int) -> pa.DataType:
    if not (0 < precision <= 38 and 0 <= scale <= precision):
        raise DataError(f"no decimal({precision},{scale}): precision is 1-38, scale 0-precision")
    return pa.decimal128(precision, scale)
