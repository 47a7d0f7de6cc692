"""Lineage as a flowchart of Mermaid: a box for each dataset, dotted arrows for what only decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby

from asof.features.lineage.graph import Edge, Node


def flowchart(nodes: Sequence[Node], edges: Sequence[Edge], asked: Sequence[Node]) -> str:
    """The text of the chart of sorted nodes and edges; those that were asked about have a bold frame."""
    names = {node: f"n{number}" for number, node in enumerate(nodes)}
    parts = (_boxes(names), _arrows(names, edges), _marks(names, asked))
    return "\n".join(["flowchart LR", *chain.from_iterable(parts)])


def _boxes(nodes: Mapping[Node, str]) -> Iterator[str]:
    for number, (dataset, columns) in enumerate(groupby(nodes, key=lambda node: node.dataset)):
        yield f"    subgraph d{number}[{_quoted(dataset)}]"
        yield from (f"        {nodes[node]}[{_quoted(node.column or '(rows)')}]" for node in columns)
        yield "    end"


def _arrows(nodes: Mapping[Node, str], edges: Sequence[Edge]) -> Iterator[str]:
    """One arrow between two columns, however many ways there are."""
    for (source, target), found in groupby(edges, key=lambda edge: (edge.source, edge.target)):
        arrow = "-->" if any(edge.direct for edge in found) else "-.->"
        yield f"    {nodes[source]} {arrow} {nodes[target]}"


def _marks(nodes: Mapping[Node, str], asked: Sequence[Node]) -> Iterator[str]:
    yield "    classDef asked stroke-width:3px"
    yield f"    class {','.join(nodes[node] for node in asked)} asked"


def _quoted(text: str) -> str:
    """A text as a label; quotes and what would be markup are written as entities."""
    entities = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "`": "#96;"}
    return '"' + "".join(entities.get(letter, letter) for letter in text) + '"'
