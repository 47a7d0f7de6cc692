"""Cases of other feature stores: Feast, Featureform, Chronon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from tests.oracles.folder import FOLDER, read_json
from tests.transforms.kernels.strategies import system_columns, table

from asof.features.aggregates import Mean
from asof.features.durations import Duration
from asof.features.types import Int64, Schema
from asof.testing import oracle
from asof.transforms.kernels.point_in_time import attributes
from asof.transforms.kernels.timeline import Timeline
from asof.transforms.kernels.windows import aggregate

CUTOFF = {"cutoff": pa.timestamp("us", "UTC")}


def days(number: int) -> int:
    return number * oracle.DAY


def text_time(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def test_feast_backfills():
    """The greatest created time wins a tie, a later event wins over a later created time."""
    for case in read_json("feast_backfill.json")["cases"]:
        rows = [
            {"id": k, "trips": trips, "_event_time": days(e), "_known_from": days(c), "_sequence": i}
            for i, (k, trips, e, c) in enumerate(case["source"])
        ]
        row_table = table(rows, {"id": pa.int64(), "trips": pa.int64()} | system_columns("created"))
        labels = [{"id": k, "cutoff": days(t)} for k, t in case["entity"]]
        timeline = Timeline(table(labels, {"id": pa.int64()} | CUTOFF), row_table, ["id"])
        trips = attributes(timeline, row_table, ["trips"])["trips"].to_pylist()
        assert [[k, t, v] for (k, t), v in zip(case["entity"], trips, strict=True)] == case["expected"]


def test_featureform_training_set():
    """Late, absent, overwritten features, and timeless ones, which are facts since the first day."""
    case = read_json("featureform_training_set.json")
    labels = [{"k": k, "cutoff": days(t)} for k, _, t in case["labels"]]
    label_table = table(labels, {"k": pa.string()} | CUTOFF)
    columns = [_featureform_feature(feature["rows"], label_table) for feature in case["features"]]
    columns.append([value for _, value, _ in case["labels"]])
    assert sorted(map(repr, zip(*columns, strict=True))) == sorted(
        repr(tuple(row)) for row in case["expected"]
    )


def _featureform_feature(given: list[list[Any]], labels: pa.Table) -> list[Any]:
    type = pa.int64() if any(isinstance(value, int) for _, value, _ in given) else pa.string()
    rows = [
        {"k": k, "v": v, "_event_time": days(t or 0), "_sequence": i} for i, (k, v, t) in enumerate(given)
    ]
    row_table = table(rows, {"k": pa.string(), "v": type} | system_columns("plain"))
    return attributes(Timeline(labels, row_table, ["k"]), row_table, ["v"])["v"].to_pylist()


CHRONON = read_json("chronon_mutations.json")["cases"] if FOLDER.is_dir() else []


@pytest.mark.parametrize("case", CHRONON, ids=lambda case: case["id"])
def test_chronon_mutations(case):
    """Inserts, updates, key changes, deletes and late mutations, before each query's time."""
    rows = oracle.revised(_with_identities(case["facts"]), ["fact"], "retract")
    types = {"listing_id": pa.int64(), "rating": pa.int64()} | system_columns("identity")
    row_table = table(rows, types)
    queries = [
        {"listing_id": query["listing_id"], "cutoff": text_time(query["query_ts"])}
        for query in case["queries"]
    ]
    labels = table(queries, {"listing_id": pa.int64()} | CUTOFF)
    over = None if case["window_days"] is None else Duration(days(case["window_days"]))
    asked = Mean("rating", over=over).expand(Schema({"rating": Int64}))
    [means] = aggregate(Timeline(labels, row_table, ["listing_id"], strict=True), row_table, asked)
    assert means.to_pylist() == [query["expected_avg"] for query in case["queries"]]


def _with_identities(facts: list[dict[str, Any]]) -> list[oracle.Row]:
    """Each insert is a fact of its own; a retraction is a revision of the one that it cancels."""
    rows: list[oracle.Row] = []
    for i, fact in enumerate(facts):
        row = fact | {
            "_event_time": text_time(fact["ts"]),
            "_known_from": text_time(fact["known_at"]),
            "_sequence": i,
            "fact": i,
        }
        if fact["retract"]:
            row["fact"] = next(r["fact"] for r in reversed(rows) if _content(r) == _content(row))
        rows.append(row)
    return rows


def _content(row: oracle.Row) -> tuple[Any, ...]:
    return row["listing_id"], row["ts"], row["rating"]
