"""What a name means: `orders.amount`, `spend.amount_sum_7d`, `view/spend`, `churn`, `clean/orders`."""

from __future__ import annotations

from collections.abc import Iterable

from asof.errors import DefinitionError, NotFound, choices
from asof.features.describe import KINDS, key_of
from asof.features.entity import Entity
from asof.features.graph import Definitions
from asof.features.lineage.graph import Graph, Node, dataset_of
from asof.features.view import SEPARATOR

_KINDS = frozenset(KINDS.values())


def nodes_named(name: str, graph: Graph, definitions: Definitions) -> tuple[Node, ...]:
    """The columns that are meant: all of a definition or table, or one, `view__feature` too.

    NotFound with the nearest match for an unknown name; DefinitionError where several kinds have it.
    """
    owner, _, column = name.partition("." if "." in name else SEPARATOR)
    dataset = _dataset(owner, definitions)
    columns = [dataset, *_stages(dataset)]
    if not column:
        return graph.columns(dataset)
    for each in columns:
        if Node(each, column) in graph.nodes:
            return (Node(each, column),)
    known = (node.column for each in columns for node in graph.columns(each))
    raise NotFound(f"{dataset!r} has no column {column!r}; {choices(column, set(known))}")


def _stages(dataset: str) -> Iterable[str]:
    """Where else a source has columns: those that cleaning adds."""
    kind, _, name = dataset.partition("/")
    return [f"clean/{name}"] if kind == "source" else []


def _dataset(owner: str, definitions: Definitions) -> str:
    keys = _keys(definitions)
    if "/" in owner:
        wanted, known = dataset_of(owner), set(keys)
        found = [wanted] if wanted in known else []
    else:
        wanted, known = owner, {key.split("/")[1] for key in keys}
        found = [key for key in keys if key.endswith(f"/{owner}") and key.split("/")[0] in _KINDS]
    if len(found) > 1:
        raise DefinitionError(f"{owner!r} is the name of several definitions; give one of {', '.join(found)}")
    if not found:
        raise NotFound(f"nothing is named {owner!r}; {choices(wanted, known)}")
    return found[0]


def _keys(definitions: Definitions) -> list[str]:
    defined = [key_of(each) for each in definitions if not isinstance(each, Entity)]
    tables = [f"{stage}/{name}" for name in definitions.sources for stage in ("raw", "clean")]
    return sorted([*defined, *tables])
