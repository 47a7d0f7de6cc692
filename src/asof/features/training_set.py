"""Training sets: a label with the features that were known at each of its cut-offs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_name, check_type, definition
from asof.features.durations import ZERO, Duration
from asof.features.label import Label
from asof.features.service import Feature, check_features, check_request, on_demand_of, stored_features
from asof.features.view import FeatureView, views_of

KNOWN_AT = ("respect", "ignore")
"""Whether a row counts from its created time on, or as if it had always been known."""


@definition
class ByTime:
    """Split by time: cut-offs in the last `test` of the set are for the test, earlier ones for training.

    Training cut-offs within `embargo` before the first test cut-off are left out and counted, so
    that no training label's horizon reaches into the test.
    """

    test: Duration
    embargo: Duration

    def __init__(
        self, *, test: str | timedelta | Duration, embargo: str | timedelta | Duration = ZERO
    ) -> None:
        assign(
            self,
            test=Duration.positive(test, "ByTime: test"),
            embargo=Duration.of(embargo, "ByTime: embargo"),
        )


@definition
class TrainingSet:
    """For each row of `label`, the `features` as they were at its cut-off.

    `strict` cut-offs see only what happened before them (`e < t`), not at the same instant.
    With known_at="ignore" they also see what became known only after them; "respect" is the rule.
    """

    name: str
    label: Label
    features: tuple[Feature, ...]
    split: ByTime | None
    strict: bool
    known_at: str

    def __init__(
        self,
        name: str,
        *,
        label: Label,
        features: Iterable[Feature],
        split: ByTime | None = None,
        strict: bool = False,
        known_at: str = "respect",
    ) -> None:
        check_name("TrainingSet", name)
        owner = f"TrainingSet {name!r}"
        if split is not None:
            check_type(owner, "split", split, ByTime)
        assign(
            self,
            name=name,
            label=check_type(owner, "label", label, Label),
            features=check_features(owner, features),
            split=split,
            strict=check_type(owner, "strict", strict, bool),
            known_at=_check_known_at(owner, known_at),
        )
        for view in self.views:
            _check_joins(owner, view, label)
        check_request(owner, self.features, label.entity.keys)
        _check_asked(owner, self)

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """The feature views that are read, for features of their own or for on-demand ones."""
        return views_of(stored_features(self.features))


def _check_known_at(owner: str, known_at: str) -> str:
    if known_at not in KNOWN_AT:
        raise DefinitionError(f"{owner}: known_at {known_at!r}; {choices(str(known_at), KNOWN_AT)}")
    return known_at


def _check_asked(owner: str, wanted: TrainingSet) -> None:
    for view in on_demand_of(wanted.features):
        for name in view.request:
            raise DefinitionError(
                f"{owner}: {view.name!r} needs {name!r} of each request, which label {wanted.label.name!r} "
                "does not have; ask for it with get_historical and labels that have that column"
            )


def _check_joins(owner: str, view: FeatureView, label: Label) -> None:
    for key, dtype in view.entity.keys.items():
        keyed = f"{owner}: view {view.name!r} is keyed by {key!r} ({dtype!r})"
        found = label.entity.keys.get(key)
        if found is None:
            raise DefinitionError(f"{keyed}, label {label.name!r} is not; {choices(key, label.entity.keys)}")
        if found != dtype:
            raise DefinitionError(f"{keyed}, in label {label.name!r} it is {found!r}; give both one type")
