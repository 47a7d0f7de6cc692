"""The graph of all columns that a project's definitions tell of."""

from __future__ import annotations

from collections.abc import Mapping

from asof.features.graph import Definitions
from asof.features.lineage.graph import Graph, Links, Node
from asof.features.lineage.sources import Origins, source_links
from asof.features.lineage.training import label_links, online_links, service_links, training_set_links
from asof.features.lineage.views import on_demand_links, view_links


def graph_of(definitions: Definitions, origins: Mapping[str, Origins] = {}) -> Graph:
    """What every column depends on; `origins` are those of sources, by name, as of queries."""
    views, links = definitions.views, dict[Node, Links]()
    for source in definitions.sources.values():
        links.update(source_links(source, origins.get(source.name, {})))
    for view in views.values():
        links.update(view_links(view, views))
    for computed in definitions.on_demand.values():
        links.update(on_demand_links(computed, views))
    for label in definitions.labels.values():
        links.update(label_links(label, definitions.cutoff_columns(label)))
    for wanted in definitions.training_sets.values():
        links.update(training_set_links(wanted, views))
    for service in definitions.services.values():
        links.update(service_links(service, views))
    return Graph(links | online_links(definitions))
