"""What a source brings beyond its schema: left out, taken in, set aside, or the end of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.errors import DataError
from asof.features.contract import Contract
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Bool, DType, Int64, String
from asof.ingest.batch import Batch
from asof.ingest.connector import open_connector
from asof.ingest.place import Place
from asof.ingest.schema.contract import Known, held
from asof.ingest.schema.inference import inferred, wider
from asof.ingest.schema.inferred import infer
from asof.storage.quarantine import REJECTED

NOTHING = Known()
TYPES = ["bool", "int64", "float64", "date", "timestamp", "timestamp_ns", "string"]


def source(pattern: str = "*.csv", schema: dict[str, DType] | None = None, **contract: str) -> Source:
    return Source(
        "orders",
        reader=Files(pattern),
        schema=schema or {"id": Int64, "name": String},
        known_since="2020-01-01",
        contract=Contract(**contract),
    )


def batches(root: Path, of: Source) -> list[Batch]:
    return list(open_connector(of, Place(str(root))).batches(None))


def taken(root: Path, of: Source, known: Known = NOTHING) -> tuple[pa.Table, list[dict[str, Any]], Known]:
    """The rows that are taken, those that are set aside, and what is known then."""
    judged, known = held(batches(root, of), of, known)
    rows = pa.concat_tables([batch.rows for batch in judged], promote_options="default")
    aside = pa.concat_tables([batch.rejected for batch in judged])
    return rows, aside.to_pylist(), known


def text(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", None], "int64"),
        (["9223372036854775807"], "int64"),
        (["9223372036854775808"], "string"),
        (["007", "1"], "string"),
        (["1", "2.50", "1e3"], "float64"),
        (["true", "FALSE"], "bool"),
        (["true", "1"], "string"),
        (["2024-02-29", "2024-03-01"], "date"),
        (["2024-02-30"], "string"),
        (["2024-02-29", "2024-02-29T10:00"], "timestamp"),
        (["2024-02-29 10:00:00.5+02:00"], "timestamp"),
        (["2024-02-29T10:00:00.123456789Z"], "timestamp_ns"),
        (["2024-02-29", "1"], "string"),
        (["a"], "string"),
        ([None], None),
        ([], None),
    ],
    ids=str,
)
def test_inference(values: list[str | None], expected: str | None) -> None:
    assert inferred(text(*values)) == expected


@given(
    st.lists(st.sampled_from(["1", "2.5", "true", "2024-01-01", "2024-01-01T00:00", "x", None])), st.data()
)
def test_inference_does_not_depend_on_how_rows_are_cut(values: list[str | None], data: st.DataObject) -> None:
    of = source(new_columns="evolve")
    rows = pa.table({"id": pa.nulls(len(values), pa.int64()), "name": text(*values), "new": text(*values)})
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)))))
    known = Known()
    for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        known = known.after(rows.slice(start, end - start), of)
    assert known == Known().after(rows, of) or not values
    assert known.columns["new"] == inferred(rows["new"])


@given(st.sampled_from(TYPES), st.sampled_from(TYPES), st.sampled_from(TYPES))
def test_widening_is_a_join(one: str, two: str, three: str) -> None:
    assert wider(one, two) == wider(two, one)
    assert wider(wider(one, two), three) == wider(one, wider(two, three))
    assert wider(one, one) == one


@pytest.mark.parametrize("file", ["csv", "jsonl", "parquet", "arrow", "arrows", "avro"])
def test_new_columns_are_left_out_by_default_and_remembered(tmp_path: Path, file: str) -> None:
    written_as(tmp_path / f"a.{file}", [{"id": 1, "note": "x", "name": "mug"}])
    rows, aside, known = taken(tmp_path, source(f"*.{file}"))
    assert (rows.to_pylist(), aside) == ([{"id": 1, "name": "mug"}], [])
    assert known == Known(ignored=frozenset({"note"}))
    assert Known.of(known.described()) == known


def written_as(file: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows)
    match file.suffix:
        case ".csv":
            pa.csv.write_csv(table, file)
        case ".jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case ".parquet":
            pa.parquet.write_table(table, file)
        case ".arrow" | ".arrows" as suffix:
            opened = pa.ipc.new_file if suffix == ".arrow" else pa.ipc.new_stream
            with opened(str(file), table.schema) as writer:
                writer.write_table(table)
        case ".avro":
            fields = [
                {"name": name, "type": "long" if isinstance(value, int) else "string"}
                for name, value in rows[0].items()
            ]
            with file.open("wb") as out:
                fastavro.writer(out, {"type": "record", "name": "row", "fields": fields}, rows)


@pytest.mark.parametrize("file", ["csv", "jsonl", "parquet"])
def test_new_columns_join_as_text_with_a_type(tmp_path: Path, file: str) -> None:
    rows = pa.table({"id": [1, 2], "name": ["mug", None], "n": [7, None], "part": [0.5, 1.0]})
    if file == "parquet":
        pa.parquet.write_table(rows, tmp_path / "a.parquet")
    elif file == "csv":
        (tmp_path / "a.csv").write_text("id,name,n,part\n1,mug,7,0.5\n2,,,1.0\n")
    else:
        (tmp_path / "a.jsonl").write_text('{"id":1,"name":"mug","n":7,"part":0.5}\n{"id":2,"part":1.0}\n')
    found, aside, known = taken(tmp_path, source(f"*.{file}", new_columns="evolve"))
    assert found.to_pylist() == [
        {"id": 1, "name": "mug", "n": "7", "part": "0.5"},
        {"id": 2, "name": None, "n": None, "part": "1.0"},
    ]
    assert (aside, dict(known.columns)) == ([], {"n": "int64", "part": "float64"})


def test_a_new_column_freezes_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name,note\n1,mug,\n2,cup,blue\n")
    with pytest.raises(DataError, match=r"a\.csv: line 3: note: is no column of the schema"):
        batches(tmp_path, source(new_columns="freeze"))


def test_rows_with_a_new_column_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name,note\n1,mug,\n2,cup,blue\n")
    rows, [aside], _ = taken(tmp_path, source(new_columns="discard"))
    assert rows["id"].to_pylist() == [1]
    assert (aside["raw"], aside["column"], aside["line"]) == ("2,cup,blue", "note", 3)


def test_a_changed_type_freezes_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,mug\ntwo,cup\n")
    with pytest.raises(DataError, match=r"a\.csv: line 3: id: 'two' is not an int64"):
        batches(tmp_path, source(types="freeze"))


def test_a_value_of_another_type_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,mug\ntwo,cup\n")
    rows, aside, known = taken(tmp_path, source(types="evolve"))
    assert rows.to_pylist() == [
        {"id": 1, "name": "mug", "id__given": None},
        {"id": None, "name": "cup", "id__given": "two"},
    ]
    assert (aside, dict(known.columns)) == ([], {"id__given": "string"})


def test_a_new_column_whose_kind_changes_freezes_the_run(tmp_path: Path) -> None:
    of = source(new_columns="evolve", types="freeze")
    (tmp_path / "a.csv").write_text("id,name,note\n1,mug,5\n2,cup,5.5\n")
    _, _, known = taken(tmp_path, of)
    (tmp_path / "a.csv").write_text("id,name,note\n3,mug,\n4,cup,blue\n")
    with pytest.raises(DataError, match=r"a\.csv, line 3: note: 'blue' is string, .* before are float64"):
        taken(tmp_path, of, known)


@pytest.mark.parametrize("policy", ["evolve", "discard", "freeze"])
def test_new_nulls(tmp_path: Path, policy: str) -> None:
    of = source(new_nulls=policy)
    (tmp_path / "a.csv").write_text("id,name\n1,\n2,cup\n")
    rows, aside, known = taken(tmp_path, of)
    assert (rows.num_rows, aside) == (2, [])
    (tmp_path / "a.csv").write_text("id,name\n3,\n,pot\n")
    if policy == "freeze":
        with pytest.raises(DataError, match=r"'orders': a\.csv, line 3: id: is null, where 2 rows before"):
            taken(tmp_path, of, known)
        return
    rows, aside, _ = taken(tmp_path, of, known)
    assert rows["id"].to_pylist() == ([3, None] if policy == "evolve" else [3])
    assert [row["line"] for row in aside] == ([] if policy == "evolve" else [3])


def test_a_retraction_may_be_null_but_for_its_key() -> None:
    of = Source(
        "facts",
        reader=Files("*.csv"),
        schema={"id": Int64, "at": "timestamp", "gone": Bool},
        event_time="at",
        created="at",
        identity=["id"],
        retracted="gone",
        contract=Contract(new_nulls="discard"),
    )
    times = pa.nulls(2, pa.timestamp("us", "UTC"))
    rows = pa.table({"id": [1, 2], "at": times, "gone": [True, False]})
    aside = REJECTED.empty_table()
    [batch], _ = held([Batch(rows, aside, {"n": 1}, "f", 2)], of, Known(rows=5))
    assert batch.rows["id"].to_pylist() == [1]


def test_columns_that_can_not_be_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name,x,x\n1,mug,1,2\n")
    with pytest.raises(DataError, match=r"a\.csv: has column 'x' 2 times"):
        batches(tmp_path, source(new_columns="evolve"))


def test_a_schema_is_inferred_whatever_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name,at\n1,mug,2024-01-01T00:00\n")
    (tmp_path / "b.csv").write_text("id,name,at,paid\n1.5,7,2024-01-01,true\n")
    found = infer(source(), Place(str(tmp_path)))
    assert found.columns == {"id": "float64", "name": "string", "at": "timestamp", "paid": "bool"}
    assert found.rows == 2
