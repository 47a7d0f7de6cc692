"""The wire of Feast's feature server (0.67): what its clients send, and what they expect back.

It differs from Feast's own server where that is wrong: a value past its ttl is OUTSIDE_MAX_AGE, an entity
without a row NOT_FOUND, and a request that can't be answered is never a failure of the server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from asof.errors import AsofError, Conflict, DataError, DefinitionError, NotFound, choices
from asof.features.view import SEPARATOR
from asof.serving.access import Forbidden, Unauthorized
from asof.serving.instants import to_text
from asof.serving.services import ServedService
from asof.serving.vectors import Vectors
from asof.serving.wire import KeyValue, NotJson, RequestValue
from asof.storage.online.store import Unavailable

Column = dict[str, Any]

_EPOCH = "1970-01-01T00:00:00Z"
_STATUSES = {
    "present": "PRESENT",
    "null": "NULL_VALUE",
    "not_found": "NOT_FOUND",
    "expired": "OUTSIDE_MAX_AGE",
}
_ERRORS: Mapping[type[AsofError], tuple[int, str]] = {
    Unauthorized: (401, "FeastError"),
    Forbidden: (403, "FeastPermissionError"),
    NotFound: (404, "FeastObjectNotFoundException"),
    Conflict: (503, "FeastError"),
    Unavailable: (503, "FeastError"),
    NotJson: (400, "FeastError"),
}


class Asked(msgspec.Struct):
    """The body of `POST /get-online-features`: columns of entity keys (and of what comes with a request)."""

    entities: dict[str, list[KeyValue | RequestValue]]
    features: list[str] | None = None
    feature_service: str | None = None
    full_feature_names: bool = False
    include_feature_view_version_metadata: bool = False

    @property
    def of(self) -> str | tuple[str, ...]:
        """The service that is asked, or the names `view__feature` of the features."""
        if (self.features is None) == (self.feature_service is None):
            raise DefinitionError('give one of "features", as in ["view:feature"], and "feature_service"')
        if self.features is None:
            return self.feature_service or ""
        return tuple(_name(reference) for reference in self.features)

    def rows(
        self, service: ServedService, entities: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The keys and the request of each row; `entities` maps the names of entities to their only keys.

        DataError where columns differ in length, DefinitionError for one that the service knows nothing of.
        """
        lengths = {len(values) for values in self.entities.values()}
        if len(lengths) != 1:
            raise DataError(f"the columns of entities have {_listed(lengths) or 'no'} rows; give all as many")
        names = [_known(name, service, entities) for name in self.entities]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*self.entities.values(), strict=True)]
        keys = [{name: row[name] for name in row if name not in service.request} for row in rows]
        return keys, [{name: row[name] for name in row if name in service.request} for row in rows]


class Pushed(msgspec.Struct):
    """The body of `POST /push`: columns of rows, each value as it was written."""

    push_source_name: str
    df: dict[str, list[msgspec.Raw]]

    def rows(self) -> list[dict[str, msgspec.Raw]]:
        """The rows, by column; DataError where columns differ in length."""
        lengths = {len(values) for values in self.df.values()}
        if len(lengths) > 1:
            raise DataError(f"the columns of df have {_listed(lengths)} values; give all as many")
        return [dict(zip(self.df, row, strict=True)) for row in zip(*self.df.values(), strict=True)]


def answer(vectors: Vectors, asked: Asked) -> dict[str, Any]:
    """The answer to `POST /get-online-features`: a column for each key, then for each feature.

    DefinitionError where two features have one name; then ask for full names.
    """
    names = vectors.names if asked.full_feature_names else _short(vectors.names)
    metadata: dict[str, Any] = {"feature_names": [*vectors.key_types, *names]}
    if asked.include_feature_view_version_metadata:
        views = dict.fromkeys(name.partition(SEPARATOR)[0] for name in vectors.names)
        metadata["feature_view_metadata"] = [{"name": view} for view in views]
    return {"results": [*_keys(vectors), *_features(vectors)], "metadata": metadata}


def problem(error: AsofError) -> tuple[int, str]:
    """The status of an error, and the JSON text that tells it."""
    status, name = next(
        (_ERRORS[kind] for kind in type(error).__mro__ if kind in _ERRORS), (422, "FeastError")
    )
    told = {"module": "feast.errors", "class": name, "message": str(error)}
    return status, msgspec.json.encode(told).decode()


def _name(reference: str) -> str:
    view, colon, feature = reference.partition(":")
    if not colon or not view or not feature:
        raise DefinitionError(f"feature {reference!r}: write it as view:feature")
    return f"{view}{SEPARATOR}{feature}"


def _known(name: str, service: ServedService, entities: Mapping[str, str]) -> str:
    column = name if name in service.keys else entities.get(name, name)
    if column not in service.keys and column not in service.request:
        raise DefinitionError(
            f"{service.owner} has no key {name!r}; {choices(name, [*service.keys, *service.request])}"
        )
    return column


def _listed(lengths: Collection[int]) -> str:
    return " and ".join(map(str, sorted(lengths)))


def _short(names: Iterable[str]) -> list[str]:
    """Names without those of their views."""
    short: dict[str, str] = {}
    for name in names:
        feature = name.partition(SEPARATOR)[2]
        if feature in short:
            raise DefinitionError(
                f'{short[feature]} and {name} are both named {feature!r}; ask with "full_feature_names": true'
            )
        short[feature] = name
    return list(short)


def _keys(vectors: Vectors) -> Iterable[Column]:
    rows = len(vectors)
    for values, dtype in zip(
        _columns(vectors.keys, vectors.key_types), vectors.key_types.values(), strict=True
    ):
        yield _column(values, dtype, ["PRESENT"] * rows, [_EPOCH] * rows)


def _features(vectors: Vectors) -> Iterable[Column]:
    columns = (
        _columns(part, vectors.features) for part in (vectors.rows, vectors.statuses, vectors.event_times)
    )
    for (values, statuses, times), dtype in zip(
        zip(*columns, strict=True), vectors.features.values(), strict=True
    ):
        yield _column(
            values,
            dtype,
            [_STATUSES[status] for status in statuses],
            [_EPOCH if time is None else to_text(time) for time in times],
        )


def _columns(rows: Sequence[tuple[Any, ...]], names: Collection[str]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * len(names)


def _column(values: Sequence[Any], dtype: str, statuses: list[str], times: list[str]) -> Column:
    write = _WRITTEN.get(dtype.partition("(")[0])
    written = [value if value is None or write is None else write(value) for value in values]
    return {"values": written, "statuses": statuses, "event_timestamps": times}


def _number(value: Any) -> float | str:
    """A float as Feast writes it: those that JSON doesn't have as text."""
    number = float(value)
    if math.isfinite(number):
        return number
    return "Infinity" if number > 0 else "-Infinity"


def _midnight(value: Any) -> str:
    """A date as Feast has it, which has times only."""
    return f"{value.isoformat()}T00:00:00Z"


_WRITTEN: Mapping[str, Callable[[Any], Any]] = {
    "float32": _number,
    "float64": _number,
    "decimal": _number,
    "date": _midnight,
}
