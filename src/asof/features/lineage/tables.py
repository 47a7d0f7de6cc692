"""The same between the tables that are stored: which columns of its inputs each column is made from.

Nodes are here columns of tables, as `Node("views/spend", "amount")`, and of what a source reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asof.features.graph import Definitions, label_columns
from asof.features.label import Label
from asof.features.lineage.cleaning import cleaned
from asof.features.lineage.graph import Links, Node, linked, then, united
from asof.features.lineage.sources import source_links
from asof.features.lineage.training import outcome_links, training_set_links
from asof.features.lineage.views import clean_columns, facts, feature_links, on_demand_links, row_columns
from asof.features.on_demand import CUTOFF
from asof.features.service import on_demand_of
from asof.features.source import Source
from asof.features.training_set import TrainingSet
from asof.features.view import FeatureView, expand

TIME = "_event_time"
"""The event time of a row, in every table that is laid out."""


def table_links(table: str, definitions: Definitions) -> dict[str, Links]:
    """What each column of a table is made from and, under "", which rows it has; {} of an unknown one."""
    kind, _, name = table.partition("/")
    views = definitions.views
    match kind:
        case "raw" if name in definitions.sources:
            return _of(table, source_links(definitions.sources[name], {}))
        case "clean" if name in definitions.sources:
            found = cleaned(definitions.sources[name])
            return {**found.columns, "": found.rows}
        case "views" if name in views:
            return _view_table(views[name], definitions)
        case "labels" | "cutoffs" if name in definitions.labels:
            return _label_table(kind, definitions.labels[name], definitions)
        case "online" if name in views:
            keys = _identities(f"views/{name}", views[name].entity.keys)
            return keys | _stored_features(views[name], definitions)
        case "training_sets" if name in definitions.training_sets:
            return _training_set(definitions.training_sets[name], definitions)
    return {}


def _of(dataset: str, links: Mapping[Node, Links]) -> dict[str, Links]:
    return {node.column: found for node, found in links.items() if node.dataset == dataset}


def _view_table(view: FeatureView, definitions: Definitions) -> dict[str, Links]:
    columns = row_columns(view, definitions.views)
    stored = [*view.entity.keys, *definitions.columns_read(view)]
    features = _enriching(view, definitions)
    return {
        **{name: _by_way_of(columns[name], features) for name in stored},
        **_time(view.source),
        "": facts(view.source, view.entity),
    }


def _time(source: Source) -> dict[str, Links]:
    if source.event_time is None:
        return {}
    return {TIME: linked([Node(f"clean/{source.name}", source.event_time)], "identity")}


def _enriching(view: FeatureView, definitions: Definitions) -> dict[Node, Links]:
    """The features of the views that enrich a view, by what they are made of in their tables."""
    return {
        Node(f"view/{other.name}", name): links
        for other in view.enriching(dict(definitions.views))
        for name, links in _stored_features(other, definitions).items()
    }


def _by_way_of(links: Links, between: Mapping[Node, Links]) -> Links:
    """Links with what is between replaced by what that has links to."""
    return united(
        then(between[link.node], link.how, link.by) if link.node in between else frozenset({link})
        for link in links
    )


def _stored_features(view: FeatureView, definitions: Definitions) -> dict[str, Links]:
    """The features of a view, by what they are made of in its table."""
    table, keys = f"views/{view.name}", tuple(view.entity.keys)
    columns = _identities(table, [*keys, *definitions.columns_read(view)])
    if view.source.event_time:
        columns.setdefault(view.source.event_time, linked([Node(table, TIME)], "identity"))
    rows = linked([Node(table, key) for key in keys], "group_by", f"entity {view.entity.name}")
    rows |= linked([Node(table, TIME)], "window", "as of")
    features = expand(view, view.columns(dict(definitions.views)))
    return {each.name: feature_links(each, columns, view.source) | rows for each in features}


def _label_table(kind: str, label: Label, definitions: Definitions) -> dict[str, Links]:
    if kind == "labels":
        return _selected(label.source, label, label_columns(label))
    return _selected(label.cutoff_source or label.source, label, definitions.cutoff_columns(label))


def _selected(source: Source, label: Label, columns: tuple[str, ...]) -> dict[str, Links]:
    given = clean_columns(source)
    kept = {name: given[name] for name in (*label.entity.keys, *columns)}
    return {**kept, **_time(source), "": facts(source, label.entity)}


def _training_set(wanted: TrainingSet, definitions: Definitions) -> dict[str, Links]:
    between = _label_nodes(wanted.label, definitions)
    for view in wanted.views:
        features = _stored_features(view, definitions)
        between.update({Node(f"view/{view.name}", name): links for name, links in features.items()})
    for computed in on_demand_of(wanted.features):
        asked = {Node(f"request/{computed.name}", name): name for name in computed.request}
        label = f"label/{wanted.label.name}"
        between.update({node: between[Node(label, name)] for node, name in asked.items()})
        outputs = on_demand_links(computed, definitions.views)
        between.update({node: _by_way_of(links, between) for node, links in outputs.items()})
    made = training_set_links(wanted, definitions.views)
    return {node.column: _by_way_of(links, between) for node, links in made.items()}


def _label_nodes(label: Label, definitions: Definitions) -> dict[Node, Links]:
    """What is asked at cut-offs, by what it is made of in the tables of the label."""
    own, dataset = f"labels/{label.name}", f"label/{label.name}"
    at = own if label.cutoff_source is None else f"cutoffs/{label.name}"
    keys, time = [Node(at, key) for key in label.entity.keys], Node(at, TIME)
    given = _identities(at, [*label.entity.keys, *definitions.cutoff_columns(label)])
    columns = _identities(own, [*label.entity.keys, *label_columns(label)])
    columns.setdefault(str(label.source.event_time), linked([Node(own, TIME)], "identity"))
    return {
        **{Node(dataset, name): links for name, links in given.items()},
        Node(dataset, CUTOFF): linked([time], "identity" if label.cutoff_source else "window"),
        Node(dataset, label.name): outcome_links(label, columns) | linked([Node(own, TIME)], "window"),
        Node(dataset): linked([*keys, time], "filter", "who is asked, and when"),
    }


def _identities(table: str, names: Iterable[str]) -> dict[str, Links]:
    return {name: linked([Node(table, name)], "identity") for name in names}
