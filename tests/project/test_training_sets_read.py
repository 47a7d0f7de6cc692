"""A training set in the form that each library takes, and as files."""

from __future__ import annotations

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

import asof
from asof.project import Project
from asof.storage.fingerprint import fingerprint
from asof.training_sets import export as exporting
from asof.training_sets import shuffling
from asof.training_sets.data import TrainingData
from asof.training_sets.export import export

TEXTS = ["", "null", "a,b", 'say "hi"', "two\nlines", " spaced ", "naïve", "'"]


@pytest.fixture(scope="module")
def data(make_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """A training set with awkward texts, nulls, and fractions."""
    folder = make_shop(tmp_path_factory.mktemp("read") / "shop")
    draw = random.Random(7)
    quoted = ['"' + text.replace('"', '""') + '"' for text in TEXTS]
    days = [f"2024-0{1 + row % 3}-{1 + row % 28:02}" for row in range(400)]
    lines = [
        f"{row % 40},{draw.choice(quoted)},{draw.randrange(1, 10**6) / 100:.2f},{day}"
        for row, day in enumerate(days)
    ]
    (folder / "data/orders-01.csv").write_text(
        "\n".join(
            [
                "customer_id,sku,amount,at",
                *(f"{line}T{row % 24:02}:00:00" for row, line in enumerate(lines)),
                "",
            ]
        )
    )
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
        return project.training_data("churn")


def of_split(data: TrainingData, split: str | None) -> TrainingData:
    return TrainingData(data.version, data.table, split)


def test_what_columns_are(data: TrainingData) -> None:
    assert data.identity == ["customer_id", "cutoff"]
    assert data.label == "quiet"
    assert data.features[0] == "spend__amount_sum_7d"
    assert data.features[-1] == "person__city"
    assert [*data.identity, data.label, "split", *data.features] == data.arrow().column_names


def test_splits_are_parts_of_the_whole(data: TrainingData) -> None:
    train, test = of_split(data, "train"), of_split(data, "test")
    assert set(train.arrow()["split"].to_pylist()) == {"train"}
    assert train.rows == train.arrow().num_rows > 0
    assert train.rows + test.rows == data.rows == data.arrow().num_rows
    with pytest.raises(asof.NotFound, match="did you mean 'train'"):
        of_split(data, "trian")


def test_data_frames_hold_the_same(data: TrainingData) -> None:
    rows = data.arrow()
    frame = data.pandas()
    assert fingerprint(pa.Table.from_pandas(frame, preserve_index=False)) == fingerprint(rows)
    assert fingerprint(data.polars().to_arrow().cast(rows.schema)) == fingerprint(rows)


def test_numbers(data: TrainingData) -> None:
    rows, numbers = data.arrow(), data.numpy(["spend__amount_sum_7d", "spend__count_7d"])
    wanted = [None if value is None else float(value) for value in rows["spend__amount_sum_7d"].to_pylist()]
    found = [None if np.isnan(value) else value for value in numbers.features[:, 0]]
    assert found == [pytest.approx(value) for value in wanted]
    assert None in wanted
    assert numbers.labels.tolist() == [float(value) for value in rows["quiet"].to_pylist()]
    assert numbers.weights is None
    assert data.numpy().features.shape[1] == len(data.features) - 2
    with pytest.raises(asof.DefinitionError, match="'spend__sku_last' is string, not numbers"):
        data.numpy(["spend__sku_last"])


@pytest.mark.parametrize("size", [1, 17, 10_000])
def test_batches_are_the_rows(data: TrainingData, size: int) -> None:
    batches = list(data.batches(size))
    assert {batch.num_rows for batch in batches[:-1]} <= {size}
    assert sum(batch.num_rows for batch in batches) == data.rows
    assert fingerprint(pa.concat_tables(batches)) == data.version.manifest["fingerprint"]


@pytest.mark.parametrize("at_once", [7, 30, 64])
def test_a_shuffle_in_pieces_is_the_shuffle_at_once(
    data: TrainingData, at_once: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = pa.concat_tables(data.batches(10, seed=3))
    monkeypatch.setattr(shuffling, "ROWS_AT_ONCE", at_once)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert pa.concat_tables(data.batches(10, seed=3)) == whole
    abandoned = data.batches(10, seed=3)
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
    assert fingerprint(whole) == data.version.manifest["fingerprint"]


def test_a_shuffle_mixes_and_depends_on_the_seed(data: TrainingData) -> None:
    one, same, other = (pa.concat_tables(data.batches(64, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    places = {identity: place for place, identity in enumerate(rows_of(data.arrow()))}
    moved = [places[identity] for identity in rows_of(one)]
    assert abs(np.corrcoef(moved, range(len(moved)))[0, 1]) < 0.25


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(table["customer_id"].to_pylist(), table["cutoff"].to_pylist(), strict=True))


def test_a_hugging_face_dataset(
    data: TrainingData, require: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("the package 'datasets'", find_spec("datasets"))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    found = data.dataset()
    rows = data.arrow()
    assert found.column_names == rows.column_names
    assert found["customer_id"][:] == rows["customer_id"].to_pylist()


def read(path: Path, schema: pa.Schema) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix == ".arrow":
        with pa.ipc.open_file(path) as file:
            return file.read_all()
    convert = pa.csv.ConvertOptions(
        column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    return pa.csv.read_csv(path, parse_options=parse, convert_options=convert)


@pytest.mark.parametrize("format", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize("split", [None, "train"])
def test_an_export_is_exact(data: TrainingData, format: str, split: str | None, tmp_path: Path) -> None:
    path, wanted = tmp_path / f"churn.{format}", of_split(data, split)
    path.write_text("what was there before")
    assert export(wanted, path) == wanted.rows
    rows = wanted.arrow()
    assert read(path, rows.schema).schema.names == rows.schema.names
    assert fingerprint(read(path, rows.schema).cast(rows.schema)) == fingerprint(rows)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_failed_export_leaves_what_was_there(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "churn.csv"
    path.write_text("what was there before")
    monkeypatch.setattr(exporting, "_ROWS_PER_BATCH", 8)
    batches = TrainingData.batches

    def failing(self: TrainingData, size: int) -> Any:
        yield next(batches(self, size))
        raise OSError("disk full")

    monkeypatch.setattr(TrainingData, "batches", failing)
    with pytest.raises(OSError, match="disk full"):
        export(data, path)
    assert path.read_text() == "what was there before"
    assert [each.name for each in tmp_path.iterdir()] == ["churn.csv"]


def test_what_can_not_be_exported_is_said(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(asof.DefinitionError, match="allowed: arrow, csv, parquet"):
        export(data, tmp_path / "churn.xlsx")
    with pytest.raises(asof.NotFound, match="no folder"):
        export(data, tmp_path / "nowhere/churn.csv")
