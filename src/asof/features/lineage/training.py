"""From features and labels to training sets, and to what services answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asof.features.graph import Definitions
from asof.features.label import Label
from asof.features.lineage.graph import Links, Node, linked, then, united
from asof.features.lineage.views import Columns, clean_columns, facts, feature_links, feature_node
from asof.features.on_demand import CUTOFF
from asof.features.service import Feature, FeatureService, feature_columns, on_demand_of
from asof.features.source import Source
from asof.features.splits import ByTime
from asof.features.training_set import TrainingSet
from asof.features.view import SEPARATOR, FeatureView

AS_OF = Node("online/views", "as_of")
"""The moment that all published features are of."""


def label_links(label: Label, request: Iterable[str]) -> dict[Node, Links]:
    """What the keys, cut-offs, outcomes and rows of a label depend on; `request`: columns at cut-offs."""
    dataset, at = f"label/{label.name}", label.cutoff_source or label.source
    given = clean_columns(at)
    rows = facts(at, label.entity) | facts(label.source, label.entity)
    return {
        **{Node(dataset, name): given[name] for name in (*label.entity.keys, *request)},
        Node(dataset, CUTOFF): _cutoff(label, at),
        Node(dataset, label.name): outcome_links(label, clean_columns(label.source))
        | facts(label.source, label.entity),
        Node(dataset): then(rows, "filter", "who is asked, and when"),
    }


def _cutoff(label: Label, at: Source) -> Links:
    if label.cutoff_source is None or at.event_time is None:
        return facts(at, label.entity)
    return linked([Node(f"clean/{at.name}", at.event_time)], "identity", "each event")


def outcome_links(label: Label, columns: Columns) -> Links:
    """What the outcome is made of, by what the columns of its events depend on."""
    single = (each for part in label.aggregates for each in part.expand(label.source.columns))
    found = united(feature_links(feature, columns, label.source) for feature in single)
    return then(found, "aggregation", "outcome")


def training_set_links(wanted: TrainingSet, views: Mapping[str, FeatureView]) -> dict[Node, Links]:
    """What the columns and rows of a training set depend on."""
    dataset, label = f"training_set/{wanted.name}", f"label/{wanted.label.name}"
    keys = [*wanted.label.entity.keys, CUTOFF]
    joined = linked([Node(label, name) for name in keys], "join", "point in time")
    own = [*keys, *wanted.request, wanted.label.name]
    features = _features(wanted.features, views)
    asked = linked([Node(label, name) for name in wanted.request], "transformation", "request")
    computed = tuple(f"{view.name}{SEPARATOR}" for view in on_demand_of(wanted.features))
    return {
        **{Node(dataset, name): linked([Node(label, name)], "identity") for name in own},
        **{
            Node(dataset, name): links | joined | (asked if name.startswith(computed) else frozenset())
            for name, links in features.items()
        },
        **_added(wanted, dataset, label),
    }


def _added(wanted: TrainingSet, dataset: str, label: str) -> dict[Node, Links]:
    """The columns that a training set has of its own, and its rows."""
    keys = [Node(label, name) for name in wanted.label.entity.keys]
    cutoff, outcome, rows = Node(label, CUTOFF), Node(label, wanted.label.name), Node(label)
    by_time = any(isinstance(rule, ByTime) for rule in wanted.splits)
    split = linked([cutoff, rows] if by_time else [], "conditional", "split")
    if len(wanted.splits) > by_time:
        split |= linked(keys, "conditional", "split")
    drawn: Links = frozenset()
    if wanted.sample is not None:
        drawn = linked([*keys, cutoff, outcome, rows], "filter", type(wanted.sample).__name__) | split
    added = {Node(dataset): linked([rows], "identity") | drawn | then(split, "filter", "embargo")}
    if wanted.splits:
        added[Node(dataset, "split")] = split
    if wanted.sample is not None:
        added[Node(dataset, "weight")] = then(drawn, "conditional", "weight")
    return added


def service_links(service: FeatureService, views: Mapping[str, FeatureView]) -> dict[Node, Links]:
    """What the columns of a service's vectors depend on."""
    moment = linked([AS_OF], "window", "published as of")
    return {
        Node(f"service/{service.name}", name): links | moment
        for name, links in _features(service.features, views).items()
    }


def online_links(definitions: Definitions) -> dict[Node, Links]:
    """What the moment depends on that published features are of: the latest that their sources tell of."""
    views = {view.name: view for service in definitions.services.values() for view in service.views}
    moments = [facts(view.source, view.entity) for view in views.values()]
    return {AS_OF: then(united(moments), "window", "the latest moment")} if views else {}


def _features(features: Iterable[Feature], views: Mapping[str, FeatureView]) -> dict[str, Links]:
    features = tuple(features)
    computed = {view.name for view in on_demand_of(features)}
    return {
        name: linked([_node(name, computed)], "identity") for name in feature_columns(features, dict(views))
    }


def _node(name: str, computed: set[str]) -> Node:
    node = feature_node(name)
    on_demand = node.dataset.removeprefix("view/") in computed
    return feature_node(name, "on_demand") if on_demand else node
