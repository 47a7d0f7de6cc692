"""Facets: what OpenLineage tells of jobs, runs and datasets, each by a schema of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asof.features.lineage.graph import DIRECT, Link, Links
from asof.openlineage.naming import Dataset
from asof.version import __version__

PRODUCER = f"pkg:pypi/asof@{__version__}"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DatasourceDatasetFacet": "1-0-1",
    "ErrorMessageRunFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-4",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ParentRunFacet": "1-2-0",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
    "SourceCodeLocationJobFacet": "1-1-0",
}
"""The version of each facet's schema that is written here."""

Facet = dict[str, Any]


def facet(kind: str, **content: Any) -> Facet:
    """A facet of a kind, with what every facet has."""
    url = f"https://openlineage.io/spec/facets/{VERSIONS[kind]}/{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def schema(columns: Mapping[str, str]) -> Facet:
    """Columns with the names of their types."""
    fields = [{"name": name, "type": type} for name, type in columns.items()]
    return facet("SchemaDatasetFacet", fields=fields)


def data_source(dataset: Dataset) -> Facet:
    """Where the data is."""
    return facet("DatasourceDatasetFacet", name=dataset.namespace, uri=_uri(dataset.namespace))


def _uri(namespace: str) -> str:
    return namespace if ":" in namespace else f"{namespace}:"


def version(number: int) -> Facet:
    """The version of a table."""
    return facet("DatasetVersionDatasetFacet", datasetVersion=str(number))


def output_statistics(rows: int, size: int | None) -> Facet:
    """How many rows and, where that is known, bytes were written."""
    known = {} if size is None else {"size": size}
    return facet("OutputStatisticsOutputDatasetFacet", rowCount=rows, **known)


def assertions(outcomes: Iterable[Mapping[str, Any]]) -> Facet:
    """Outcomes of expectations, as Great Expectations writes them."""
    return facet("DataQualityAssertionsDatasetFacet", assertions=[_assertion(each) for each in outcomes])


def _assertion(outcome: Mapping[str, Any]) -> dict[str, Any]:
    config = outcome["expectation_config"]
    column = config["kwargs"].get("column")
    told = {"assertion": config["type"], "success": bool(outcome["success"])}
    return told | ({"column": column} if column else {})


def column_lineage(links: Mapping[str, Links], places: Mapping[str, Iterable[Dataset]]) -> Facet:
    """What each column is made from; `places` are the datasets by what the links call them.

    What decides which rows there are stands under `dataset`, as it does for all columns.
    """
    fields = {name: {"inputFields": _fields(found, places)} for name, found in links.items() if name}
    rows = _fields(links.get("", frozenset()), places)
    return facet("ColumnLineageDatasetFacet", fields=fields, dataset=rows)


def _fields(links: Links, places: Mapping[str, Iterable[Dataset]]) -> list[dict[str, Any]]:
    """The columns that there are links to, once each with all ways that they are used."""
    ways: dict[tuple[Dataset, str], list[Link]] = {}
    for link in sorted(link for link in links if link.node.column):
        for place in places.get(link.node.dataset, ()):
            ways.setdefault((place, link.node.column), []).append(link)
    return [
        {**place._asdict(), "field": column, "transformations": [_transformation(link) for link in found]}
        for (place, column), found in ways.items()
    ]


def _transformation(link: Link) -> dict[str, Any]:
    return {
        "type": "DIRECT" if link.how in DIRECT else "INDIRECT",
        "subtype": link.how.upper(),
        "description": link.by,
        "masking": False,
    }


def error(message: str) -> Facet:
    """What went wrong."""
    return facet("ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON")


def parent(job: Mapping[str, Any], run: str) -> Facet:
    """The run that a run is part of, and its job."""
    named = {"namespace": job["namespace"], "name": job["name"]}
    return facet("ParentRunFacet", run={"runId": run}, job=named)


def processing_engine(name: str) -> Facet:
    """Who computes: the engine, of this version of Asof."""
    versions = {"version": __version__, "openlineageAdapterVersion": __version__}
    return facet("ProcessingEngineRunFacet", name=name, **versions)


def job_type(*, streaming: bool, kind: str) -> Facet:
    """Whether a job ends by itself, and whether it is a run or a step of one."""
    processing = "STREAMING" if streaming else "BATCH"
    return facet("JobTypeJobFacet", processingType=processing, integration="ASOF", jobType=kind)


def source_code(url: str, path: str, revision: str) -> Facet:
    """Where the definitions are, in git."""
    return facet("SourceCodeLocationJobFacet", type="git", url=url, path=path, version=revision)
