"""The lineage of one thing: the part of the graph above it, below it, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asof.errors import DefinitionError, choices
from asof.features.lineage.graph import Edge, Graph, Node, dataset_of
from asof.features.lineage.mermaid import flowchart
from asof.features.lineage.tree import tree

DIRECTIONS = ("both", "downstream", "upstream")


@dataclass(frozen=True)
class Lineage:
    """What `of` depends on (`upstream`) and what depends on it (`downstream`), as edges of columns.

    `versions` are those of the tables that this is about: of a training set's version those in its
    manifest, otherwise those that count now.
    """

    of: tuple[Node, ...]
    upstream: tuple[Edge, ...]
    downstream: tuple[Edge, ...]
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, each once."""
        return tuple(sorted({*self.upstream, *self.downstream}))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All columns that are in it."""
        ends = {end for edge in self.edges for end in (edge.source, edge.target)}
        return tuple(sorted(ends | set(self.of)))

    @property
    def text(self) -> str:
        """Trees of what it depends on and of what depends on it."""
        up, down = tree(self.of, self.upstream, upstream=True), tree(self.of, self.downstream, upstream=False)
        return "\n".join([*up, *down])

    @property
    def mermaid(self) -> str:
        """A flowchart in Mermaid's language."""
        return flowchart(self.nodes, self.edges, self.of)

    def record(self) -> dict[str, Any]:
        """It as JSON data."""
        return {
            "of": [_node(node) for node in self.of],
            "nodes": [_node(node) for node in self.nodes],
            "edges": [_edge(edge) for edge in self.edges],
            "versions": dict(self.versions),
        }


def part(
    graph: Graph, of: tuple[Node, ...], direction: str = "both", versions: Mapping[str, int] = {}
) -> Lineage:
    """The part of a graph that some nodes are in."""
    if direction not in DIRECTIONS:
        raise DefinitionError(f"direction {direction!r} is unknown; {choices(direction, DIRECTIONS)}")
    up = graph.upstream(of) if direction != "downstream" else ()
    down = graph.downstream(of) if direction != "upstream" else ()
    datasets = {node.dataset for node in Lineage(of, up, down).nodes}
    told = {table: version for table, version in versions.items() if dataset_of(table) in datasets}
    return Lineage(of, up, down, told)


def _node(node: Node) -> dict[str, str | None]:
    return {"dataset": node.dataset, "column": node.column or None}


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": _node(edge.source),
        "target": _node(edge.target),
        "type": "DIRECT" if edge.direct else "INDIRECT",
        "subtype": edge.how.upper(),
        "by": edge.by,
    }
