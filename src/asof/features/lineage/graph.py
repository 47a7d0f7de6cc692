"""The graph of columns: what each is made of, and what else its values depend on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

DIRECT = ("identity", "transformation", "aggregation")
INDIRECT = ("join", "group_by", "filter", "sort", "window", "conditional")
"""How a value depends on others, in the words of OpenLineage; indirect: without being made of them."""


@dataclass(frozen=True, order=True, slots=True)
class Node:
    """A column of a dataset, or, with no column, which rows the dataset has.

    Datasets are "source/orders", "raw/orders", "clean/orders", "view/spend", "label/churned",
    "request/basket", "on_demand/basket", "training_set/churn", "service/model" and "online/views"; and
    "table/sales.orders of postgresql://host", which a source's query reads.
    """

    dataset: str
    column: str = ""

    def __str__(self) -> str:
        return f"{self.dataset}.{self.column}" if self.column else f"rows of {self.dataset}"


@dataclass(frozen=True, order=True, slots=True)
class Link:
    """What something depends on: how (one of `DIRECT` or `INDIRECT`), and `by` what, as "sum over 7d"."""

    node: Node
    how: str
    by: str = ""


Links = frozenset[Link]


@dataclass(frozen=True, order=True, slots=True)
class Edge:
    """`target` depends on `source`; `how` and `by` as of `Link`."""

    source: Node
    target: Node
    how: str
    by: str

    @property
    def direct(self) -> bool:
        """Whether values are made of those of the source."""
        return self.how in DIRECT


class Graph:
    """Nodes with what each depends on."""

    def __init__(self, links: Mapping[Node, Links]) -> None:
        self.nodes = frozenset(links).union(link.node for found in links.values() for link in found)
        self.edges = tuple(
            sorted(
                Edge(link.node, target, link.how, link.by)
                for target, found in links.items()
                for link in found
                if link.node != target
            )
        )

    @cached_property
    def _into(self) -> Mapping[Node, list[Edge]]:
        return _grouped((edge.target, edge) for edge in self.edges)

    @cached_property
    def _out_of(self) -> Mapping[Node, list[Edge]]:
        return _grouped((edge.source, edge) for edge in self.edges)

    def upstream(self, nodes: Iterable[Node]) -> tuple[Edge, ...]:
        """All edges on the ways to the nodes."""
        return _reached(nodes, self._into, lambda edge: edge.source)

    def downstream(self, nodes: Iterable[Node]) -> tuple[Edge, ...]:
        """All edges on the ways from the nodes."""
        return _reached(nodes, self._out_of, lambda edge: edge.target)

    def columns(self, dataset: str) -> tuple[Node, ...]:
        """The columns of a dataset, by name."""
        return tuple(sorted(node for node in self.nodes if node.dataset == dataset and node.column))


def dataset_of(table: str) -> str:
    """The dataset whose rows a table has.

    >>> dataset_of("views/spend"), dataset_of("clean/orders")
    ('view/spend', 'clean/orders')
    """
    kind, _, name = table.partition("/")
    kinds = {"views": "view", "labels": "label", "cutoffs": "label", "training_sets": "training_set"}
    return f"{kinds.get(kind, kind)}/{name}"


def then(links: Iterable[Link], how: str, by: str = "") -> Links:
    """Links to what is made, `how` and `by` what, of something that has `links`.

    >>> then({Link(Node("raw/x", "a"), "transformation", "trim")}, "filter", "dedupe")
    frozenset({Link(node=Node(dataset='raw/x', column='a'), how='filter', by='trim, dedupe')})
    """
    return frozenset(Link(link.node, _farther(link.how, how), _joined(link.by, by)) for link in links)


def linked(nodes: Iterable[Node], how: str, by: str = "") -> Links:
    """Links to nodes, all alike."""
    return frozenset(Link(node, how, by) for node in nodes)


def united(links: Iterable[Links]) -> Links:
    """All links in one set."""
    return frozenset[Link]().union(*links)


def _farther(first: str, second: str) -> str:
    """How a value depends by way of another: indirectly if once so, else by what changes it most."""
    if first in INDIRECT or second in INDIRECT:
        return first if first in INDIRECT else second
    return max(first, second, key=DIRECT.index)


def _joined(first: str, second: str) -> str:
    return ", ".join(dict.fromkeys(part for part in (first, second) if part))


def _grouped(pairs: Iterable[tuple[Node, Edge]]) -> Mapping[Node, list[Edge]]:
    groups: dict[Node, list[Edge]] = defaultdict(list)
    for node, edge in pairs:
        groups[node].append(edge)
    return groups


def _reached(
    nodes: Iterable[Node], edges: Mapping[Node, list[Edge]], end: Callable[[Edge], Node]
) -> tuple[Edge, ...]:
    seen = set(nodes)
    waiting, found = list(seen), set[Edge]()
    while waiting:
        for edge in edges.get(waiting.pop(), ()):
            found.add(edge)
            if end(edge) not in seen:
                seen.add(end(edge))
                waiting.append(end(edge))
    return tuple(sorted(found))
