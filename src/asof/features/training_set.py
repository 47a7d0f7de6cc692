"""Training sets: a label with the features that were known at each of its cut-offs."""

from __future__ import annotations

from collections.abc import Iterable

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, check_name, check_type, definition
from asof.features.label import Label
from asof.features.sampling import Balance, Sample, check_sample
from asof.features.service import (
    Feature,
    check_features,
    check_request,
    on_demand_of,
    request_of,
    stored_features,
)
from asof.features.source import Source
from asof.features.splits import ByEntity, ByTime, Splits, check_split
from asof.features.types import DType, Schema
from asof.features.view import FeatureView, views_of

KNOWN_AT = ("respect", "ignore")
"""Whether a row counts from its created time on, or as if it had always been known."""


@definition
class TrainingSet:
    """For each row of `label`, the `features` as they were at its cut-off.

    What on-demand views need of a request is taken from the rows that are the label's cut-offs.
    `strict` cut-offs see only what happened before them (`e < t`), not at the same instant.
    `split` is by time, by entity, or by both: then a row is for the test (for training) where it is by both.
    `sample` says which of the rows for training are kept, by default all.
    With known_at="ignore" they also see what became known only after them; "respect" is the rule.
    """

    name: str
    label: Label
    features: tuple[Feature, ...]
    split: ByTime | ByEntity | Splits | None
    strict: bool
    known_at: str
    sample: Sample | Balance | None

    def __init__(
        self,
        name: str,
        *,
        label: Label,
        features: Iterable[Feature],
        split: ByTime | ByEntity | Iterable[ByTime | ByEntity] | None = None,
        strict: bool = False,
        known_at: str = "respect",
        sample: Sample | Balance | None = None,
    ) -> None:
        check_name("TrainingSet", name)
        owner = f"TrainingSet {name!r}"
        assign(
            self,
            name=name,
            label=check_type(owner, "label", label, Label),
            features=check_features(owner, features),
            split=check_split(owner, split),
            strict=check_type(owner, "strict", strict, bool),
            known_at=_check_known_at(owner, known_at),
            sample=check_sample(owner, sample, label),
        )
        _check_own_columns(owner, self)
        for view in self.views:
            _check_joins(owner, view, label)
        check_request(owner, self.features, label.entity.keys)
        _check_given(owner, self)

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """The feature views that are read, for features of their own or for on-demand ones."""
        return views_of(stored_features(self.features))

    @property
    def splits(self) -> Splits:
        """The rules of the split; none where rows are not split."""
        return self.split if isinstance(self.split, tuple) else (self.split,) if self.split else ()

    @property
    def request(self) -> Schema:
        """The columns of the label's cut-offs that online come with a request."""
        return request_of(self.features)


def _check_known_at(owner: str, known_at: str) -> str:
    if known_at not in KNOWN_AT:
        raise DefinitionError(f"{owner}: known_at {known_at!r}; {choices(str(known_at), KNOWN_AT)}")
    return known_at


def _check_own_columns(owner: str, wanted: TrainingSet) -> None:
    """DefinitionError where a key or the label is called as a column that is added."""
    added = {"cutoff"} | ({"split"} if wanted.splits else set()) | ({"weight"} if wanted.sample else set())
    for name in (*wanted.label.entity.keys, wanted.label.name):
        if name in added:
            raise DefinitionError(f"{owner}: it has a column {name!r} of its own; rename the key or label")


def _check_given(owner: str, wanted: TrainingSet) -> None:
    """DefinitionError where the cut-offs don't have the columns that come with a request."""
    label = wanted.label
    for view in on_demand_of(wanted.features):
        for name, dtype in view.request.items():
            needs = f"{owner}: {view.name!r} needs {name!r} ({dtype!r}) of each request"
            if label.cutoff_source is None:
                raise DefinitionError(
                    f"{needs}, which cut-offs on a grid do not have; give cut-offs in a table that has it, "
                    f"as in at=each_event(applications), or ask get_historical"
                )
            if name == label.name:
                raise DefinitionError(f"{needs}, label {label.name!r} has that name too; rename one")
            _check_column(needs, label.cutoff_source, name, dtype)


def _check_column(needs: str, source: Source, name: str, dtype: DType) -> None:
    found = source.columns.get(name)
    if found is None:
        raise DefinitionError(
            f"{needs}, which source {source.name!r} of the cut-offs does not have; "
            f"{choices(name, source.columns)}"
        )
    if found != dtype:
        raise DefinitionError(f"{needs}, in source {source.name!r} it is {found!r}; give both one type")


def _check_joins(owner: str, view: FeatureView, label: Label) -> None:
    for key, dtype in view.entity.keys.items():
        keyed = f"{owner}: view {view.name!r} is keyed by {key!r} ({dtype!r})"
        found = label.entity.keys.get(key)
        if found is None:
            raise DefinitionError(f"{keyed}, label {label.name!r} is not; {choices(key, label.entity.keys)}")
        if found != dtype:
            raise DefinitionError(f"{keyed}, in label {label.name!r} it is {found!r}; give both one type")
