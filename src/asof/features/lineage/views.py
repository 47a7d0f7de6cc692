"""From clean tables to the features of views, and to those that are computed with a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asof.features.aggregates import FunctionFeature, WindowFeature
from asof.features.entity import Entity
from asof.features.expressions import Expr, columns_of
from asof.features.lineage.graph import Links, Node, linked, then, united
from asof.features.on_demand import OnDemandFeatureView
from asof.features.source import Source
from asof.features.transform import Transform
from asof.features.view import SEPARATOR, Attribute, FeatureView, expand, feature_types

Columns = Mapping[str, Links]
Single = Attribute | WindowFeature | FunctionFeature


def view_links(view: FeatureView, views: Mapping[str, FeatureView]) -> dict[Node, Links]:
    """What each feature of a view depends on."""
    columns, rows = row_columns(view, views), facts(view.source, view.entity)
    features = expand(view, view.columns(dict(views)))
    return {
        Node(f"view/{view.name}", feature.name): feature_links(feature, columns, view.source) | rows
        for feature in features
    }


def row_columns(view: FeatureView, views: Mapping[str, FeatureView]) -> Columns:
    """What the columns of the rows that the features are computed from depend on."""
    columns = {**clean_columns(view.source), **_enriched(view, views)}
    for step in view.derive:
        read = united(columns[name] for name in columns_of(step.expression))
        columns[step.name] = then(read, "transformation", f"derive {step.name}")
    if view.transform is not None:
        columns.update(_transformed(view.transform, columns))
    return columns


def clean_columns(source: Source) -> dict[str, Links]:
    """The columns of a clean table."""
    return {name: linked([Node(f"clean/{source.name}", name)], "identity") for name in source.columns}


def facts(source: Source, entity: Entity) -> Links:
    """What decides which rows of a clean table an entity has at a moment."""
    clean = f"clean/{source.name}"
    times = [name for name in (source.event_time, source.created) if name is not None]
    revised = [*source.identity, *([source.retracted] if source.retracted else [])]
    return (
        linked([Node(clean)], "filter")
        | linked([Node(clean, name) for name in entity.keys], "group_by", f"entity {entity.name}")
        | linked([Node(clean, name) for name in times], "window", "as of")
        | linked([Node(clean, name) for name in revised], "filter", "revisions")
    )


def feature_links(feature: Single, columns: Columns, source: Source) -> Links:
    """What the value of one feature is made of, and which rows it takes."""
    match feature:
        case Attribute(name):
            return columns[name]
        case FunctionFeature(of=of):
            given = united(columns[name] for name in of.inputs)
            return then(given, "aggregation", f"function {of.function.name}") | _where(of.where, columns)
    return _window_links(feature, columns, source)


def _window_links(feature: WindowFeature, columns: Columns, source: Source) -> Links:
    over = f" over {feature.window}" if feature.window else ""
    by, own = f"{feature.function}{over}", [name for name in (feature.column, feature.by) if name]
    read = [columns[name] for name in own]
    if feature.function == "days_since_last" and source.event_time:
        read.append(columns[source.event_time])
    parts = united(feature_links(part, columns, source) for part in feature.parts)
    return then(united([*read, parts]), "aggregation", by) | _where(feature.where, columns)


def _where(condition: Expr | None, columns: Columns) -> Links:
    if condition is None:
        return frozenset()
    return then(united(columns[name] for name in columns_of(condition)), "filter", f"where {condition!r}")


def _enriched(view: FeatureView, views: Mapping[str, FeatureView]) -> dict[str, Links]:
    """The features of other views, as they were at the row's event time."""
    found: dict[str, Links] = {}
    for other in view.enriching(dict(views)):
        clean, by = f"clean/{view.source.name}", f"enrich with {other.name}"
        keys = [*other.entity.keys, *([view.source.event_time] if view.source.event_time else [])]
        joined = linked([Node(clean, name) for name in keys], "join", by)
        for feature in expand(other, other.columns(dict(views))):
            node = Node(f"view/{other.name}", feature.name)
            found[f"{other.name}{SEPARATOR}{feature.name}"] = linked([node], "identity", by) | joined
    return found


def _transformed(transform: Transform, columns: Columns) -> dict[str, Links]:
    """Every output of a function may depend on every column that it is given."""
    given = united(columns[name] for name in (transform.inputs or columns))
    by = f"function {transform.function.name}"
    return dict.fromkeys(transform.outputs, then(given, "transformation", by))


def on_demand_links(view: OnDemandFeatureView, views: Mapping[str, FeatureView]) -> dict[Node, Links]:
    """What the features depend on that are computed with a request."""
    columns: dict[str, Links] = {
        name: linked([Node(f"request/{view.name}", name)], "identity") for name in view.request
    }
    for item in view.features:
        columns.update(_features(feature_types(item, dict(views))))
    outputs = _transformed(view.transform, columns)
    return {Node(f"on_demand/{view.name}", name): links for name, links in outputs.items()}


def _features(names: Iterable[str]) -> dict[str, Links]:
    return {name: linked([feature_node(name)], "identity") for name in names}


def feature_node(name: str, kind: str = "view") -> Node:
    """The feature that is called `view__feature` in training sets and services.

    >>> feature_node("spend__amount_sum_7d")
    Node(dataset='view/spend', column='amount_sum_7d')
    """
    view, _, feature = name.partition(SEPARATOR)
    return Node(f"{kind}/{view}", feature)
