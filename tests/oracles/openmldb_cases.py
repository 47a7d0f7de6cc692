"""OpenMLDB's cases as tables: inputs, and the rows that are expected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from tests.oracles.openmldb_sql import Inexpressible

TYPES = {
    **dict.fromkeys(("smallint", "int16", "i16"), pa.int16()),
    **dict.fromkeys(("int", "int32", "i32"), pa.int32()),
    **dict.fromkeys(("bigint", "int64", "i64", "timestamp"), pa.int64()),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
}
"""A timestamp stays the number of milliseconds that OpenMLDB takes it for."""
_PAIR = re.compile(r"(\w+)\s*[:\s]\s*(\w+)")


LEFT_OUT = "rows, requests, deletions or other parts of the case that the file leaves out"


@dataclass(frozen=True)
class Case:
    """One case; `tables` by name, in the order given.

    `requests` is whether its rows are expected of requests too, each made before later rows arrived.
    """

    sql: str
    requests: bool
    tables: dict[str, pa.Table]
    columns: list[str]
    expected: list[list[Any]] | None


def read_cases(lines: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The cases by their file and number; the second of one number has a mark after it."""
    cases: dict[str, dict[str, Any]] = {}
    for line in lines:
        given = json.loads(line)
        id = f"{given['file'].removeprefix('cases/').split('.')[0]}#{given['id']}"
        cases[f"{id}'" if id in cases else id] = given
    return cases


def case(given: dict[str, Any]) -> Case:
    """A case as it stands in the file; Inexpressible where its inputs are not there."""
    names = [one.get("name") or f"table{i}" for i, one in enumerate(given["inputs"])]
    if len(set(names)) < len(names):
        raise Inexpressible("two tables of one name, in two databases")
    sql = re.sub(r"\{(\d+)\}", lambda match: names[int(match[1])], given["sql"])
    sql = re.sub(r"d\[0\](?= BETWEEN)", "ROWS_RANGE", sql)
    if "d[" in sql:
        raise Inexpressible(LEFT_OUT)
    tables = {name: _table(one) for name, one in zip(names, given["inputs"], strict=True)}
    columns, rows = _columns(given["expect"]), _rows(given["expect"])
    types = [TYPES[type] for _, type in columns] if columns else None
    expected = [
        [_value(value, type) for value, type in zip(row, types or row, strict=False)] for row in rows or []
    ]
    late = "request-unsupport" not in re.split(r"[, ]+", given["mode"] or "")
    names = [name for name, _ in columns or []]
    return Case(sql, late, tables, names, None if rows is None else expected)


def _table(given: dict[str, Any]) -> pa.Table:
    columns, rows = _columns(given), _rows(given)
    if columns is None or rows is None:
        raise Inexpressible(LEFT_OUT)
    values = [[_value(row[i], TYPES[type]) for row in rows] for i, (_, type) in enumerate(columns)]
    return pa.table(
        [pa.array(column, TYPES[type]) for column, (_, type) in zip(values, columns, strict=True)],
        names=[name for name, _ in columns],
    )


def _columns(given: dict[str, Any]) -> list[tuple[str, str]] | None:
    if "columns" in given:
        return [(name, type.lower()) for name, type in (one.rsplit(maxsplit=1) for one in given["columns"])]
    if "schema" in given:
        return [(name, type.lower()) for name, type in _PAIR.findall(given["schema"])]
    return None


def _rows(given: dict[str, Any]) -> Sequence[Sequence[Any]] | None:
    if given.get("rows") is not None:
        return given["rows"]
    if "data" in given:
        return [re.split(r"\s*,\s*", line.strip()) for line in given["data"].splitlines() if line.strip()]
    return None


def _value(given: Any, type: Any) -> Any:
    if given is None or (isinstance(given, str) and given.upper() == "NULL"):
        return None
    return _READ[type](given) if isinstance(type, pa.DataType) else given


def _whole(given: Any) -> int:
    return int(str(given).rstrip("L"))


_READ: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.float32(): float,
    pa.float64(): float,
    pa.string(): str,
    pa.bool_(): lambda given: str(given).lower() == "true",
    pa.date32(): lambda given: date(*map(int, given.split("-"))),
} | dict.fromkeys((pa.int16(), pa.int32(), pa.int64()), _whole)
