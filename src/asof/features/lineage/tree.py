"""Lineage as a tree in text: what a column depends on, and what depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from asof.features.lineage.graph import Edge, Node

Ways = Mapping[Node, Mapping[Node, str]]
"""From each node those that it leads to, and how."""


def tree(of: Sequence[Node], edges: Sequence[Edge], *, upstream: bool) -> Iterator[str]:
    """The lines of the trees of `of` along edges; what was shown before is not shown again."""
    start, end = ("target", "source") if upstream else ("source", "target")
    ways, shown = _ways(edges, start, end), set[Node]()
    for node in of:
        if node in ways:
            shown.add(node)
            yield f"{node} {'depends on' if upstream else 'is used by'}"
            yield from _below(node, ways, shown, "")


def _below(node: Node, ways: Ways, shown: set[Node], indent: str) -> Iterator[str]:
    reached = ways.get(node, {})
    for place, (other, how) in enumerate(reached.items(), start=1):
        last, again = place == len(reached), other in shown and other in ways
        yield f"{indent}{'└─' if last else '├─'} {other}{how}{' (see above)' if again else ''}"
        if not again:
            shown.add(other)
            yield from _below(other, ways, shown, indent + ("   " if last else "│  "))


def _ways(edges: Sequence[Edge], start: str, end: str) -> Ways:
    """The ways along edges, those first by which values are made."""
    between: dict[Node, dict[Node, list[Edge]]] = {}
    for edge in sorted(edges, key=lambda edge: not edge.direct):
        between.setdefault(getattr(edge, start), {}).setdefault(getattr(edge, end), []).append(edge)
    return {node: {other: _told(found) for other, found in to.items()} for node, to in between.items()}


def _told(edges: Sequence[Edge]) -> str:
    """How values depend: by what they are made, or why they depend without being made."""
    told = dict.fromkeys(_word(edge) for edge in edges)
    shown = ", ".join(word for word in told if word)
    return f"  [{shown}]" if shown else ""


def _word(edge: Edge) -> str:
    if edge.direct:
        return edge.by or ("" if edge.how == "identity" else edge.how)
    return f"{edge.how.replace('_', ' ')}: {edge.by}" if edge.by else edge.how.replace("_", " ")
