"""From what a source reads to its clean table."""

from __future__ import annotations

from collections.abc import Mapping

from asof.features.lineage.cleaning import cleaned
from asof.features.lineage.graph import Links, Node, linked
from asof.features.source import Source

Origins = Mapping[str, Links]
"""What the columns of a source come from outside, by name; under "" what decides which rows there are."""


def source_links(source: Source, origins: Origins) -> dict[Node, Links]:
    """What the columns and rows of the source, its raw and its clean table depend on."""
    outside, raw, clean = (f"{stage}/{source.name}" for stage in ("source", "raw", "clean"))
    read = {name: Node(outside, name) for name in source.schema}
    found = cleaned(source)
    return {
        **{node: origins.get(name, frozenset()) for name, node in read.items()},
        Node(outside): origins.get("", frozenset()),
        **{Node(raw, name): linked([node], "identity", "ingest") for name, node in read.items()},
        Node(raw): linked([Node(outside)], "identity", "ingest")
        | linked(read.values(), "filter", "what can't be read is quarantined"),
        **{Node(clean, name): links for name, links in found.columns.items()},
        Node(clean): found.rows,
    }
