"""An aggregate for each category of events: `Sum("amount", by="channel", categories=["web", "shop"])`.

Without `categories` it is one feature, a map of all that there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from asof.errors import DefinitionError
from asof.features.aggregates.window_feature import WindowFeature
from asof.features.definition import check_each, check_type
from asof.features.expressions import Column, Scalar
from asof.features.types import DType, Map, Schema, String

Category = tuple[str, Scalar]
"""How the category is called in names of features, and the value that its events have."""
Categories = Iterable[Scalar] | Mapping[str, Scalar]

_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def checked_categories(owner: str, by: object, given: Categories | None) -> tuple[Category, ...]:
    """The categories by name. A list names each by its value, a mapping gives values by name."""
    if by is not None:
        check_type(owner, "by", by, str)
    if given is None:
        return ()
    if by is None:
        raise DefinitionError(f"{owner}: categories go with by, as in by='channel', categories=['web']")
    named = (
        given
        if isinstance(given, Mapping)
        else {str(v): v for v in check_each(owner, "categories", given, (object,))}
    )
    if not named:
        raise DefinitionError(
            f"{owner}: categories is empty; list the values of {by!r} to have a feature for"
        )
    for name, value in named.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise DefinitionError(
                f"{owner}: category {name!r} can't be part of a name; give it one of lower-case words joined "
                f"by _, as in categories={{{_proposed(name)!r}: {value!r}}}"
            )
        if value is None:
            raise DefinitionError(
                f"{owner}: category {name!r} is None; use where=col({by!r}).is_null() for it"
            )
    return tuple(named.items())


def check_by(owner: str, dtype: DType, by: str, categories: tuple[Category, ...]) -> None:
    """DefinitionError where the column `by` can't have the value of a category, or can't be keys of a map."""
    if not categories and not (dtype == String or dtype.is_integer):
        raise DefinitionError(
            f"{owner}: by={by!r}, which is {dtype!r}: keys of a map are text or whole numbers; "
            "give categories=[...] to have a feature for each"
        )
    for _, value in categories:
        if not dtype.takes(value):
            raise DefinitionError(f"{owner}: category {value!r} is no value of {by!r}, which is {dtype!r}")


def by_category(
    feature: WindowFeature, by: str | None, categories: tuple[Category, ...], columns: Schema
) -> list[WindowFeature]:
    """The feature for the events of each category alone, or as a map; itself where there is no `by`."""
    if by is None:
        return [feature]
    if not categories:
        return [replace(feature, by=by, dtype=Map(columns[by], feature.dtype))]
    of_category = {name: Column(by) == value for name, value in categories}
    return [
        replace(
            feature,
            name=f"{feature.name}_{name}",
            where=condition if feature.where is None else condition & feature.where,
        )
        for name, condition in of_category.items()
    ]


def _proposed(name: object) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", str(name).lower())) or "other"
