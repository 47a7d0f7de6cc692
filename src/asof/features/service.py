"""Feature services: the features that one model asks for."""

from __future__ import annotations

from collections.abc import Iterable

from asof.errors import DefinitionError
from asof.features.definition import assign, check_each, check_name, check_unique, definition
from asof.features.types import DType
from asof.features.view import FeatureView, Selection


@definition
class FeatureService:
    """Features that are looked up together, from one or more views."""

    name: str
    features: tuple[FeatureView | Selection, ...]

    def __init__(self, name: str, *, features: Iterable[FeatureView | Selection]) -> None:
        check_name("FeatureService", name)
        owner = f"FeatureService {name!r}"
        assign(self, name=name, features=check_features(owner, features))
        keys: dict[str, DType] = {}
        for view in self.views:
            for key, dtype in view.entity.keys.items():
                if keys.setdefault(key, dtype) != dtype:
                    raise DefinitionError(
                        f"{owner}: key {key!r} is {dtype!r} in view {view.name!r} but {keys[key]!r} before it"
                    )

    @property
    def views(self) -> tuple[FeatureView, ...]:
        return views_of(self.features)


def check_features(owner: str, features: object) -> tuple[FeatureView | Selection, ...]:
    """Views and selections of views, each view once."""
    listed = check_each(owner, "features", features, (FeatureView, Selection))
    if not listed:
        raise DefinitionError(f"{owner} has no features; give it feature views")
    check_unique(owner, "views", (view.name for view in views_of(listed)))
    return listed


def views_of(features: Iterable[FeatureView | Selection]) -> tuple[FeatureView, ...]:
    """The views that features are taken from."""
    return tuple(item.view if isinstance(item, Selection) else item for item in features)
