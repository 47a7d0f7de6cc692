"""Wrong entities, sources, readers, steps, rules: what was written, what is allowed, what is near."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asof.errors import AsofError, DefinitionError
from asof.features.cleaning import dedupe, derive, drop_where, fill, keep_where, replace, trim
from asof.features.entity import Entity
from asof.features.expectations import between, matches, not_null, one_of
from asof.features.expressions import Expr, col, sql
from asof.features.readers import Files
from asof.features.source import Source
from asof.features.types import Decimal, Float64, Int64, Schema, String, dtype

SCHEMA = {
    "customer_id": "int64",
    "country": "string",
    "amount": "float64",
    "items": "int64",
    "open": "bool",
    "day": "date",
    "purchased_at": "timestamp",
    "loaded_at": "timestamp_ns",
}
COLUMNS = "Allowed: amount, country, customer_id, day, items, loaded_at, open, purchased_at"


def source(**given: object) -> Source:
    fields = {"reader": Files("data/*.csv"), "schema": SCHEMA, "event_time": "purchased_at"}
    return Source("purchases", **{name: value for name, value in (fields | given).items() if value != ()})


def cleaned(*steps: object) -> Source:
    return source(clean=list(steps))


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "unknown argument": (
        lambda: source(evnt_time="purchased_at"),
        ["Source takes no 'evnt_time'", "did you mean 'event_time'?", "Allowed: clean, contract,"],
    ),
    "missing argument": (
        lambda: Source("purchases"),
        ["Source: missing a required", "'reader'", "it takes name, reader, schema, event_time"],
    ),
    "too many arguments": (
        lambda: Entity("customer", {"id": Int64}),
        ["Entity: too many positional arguments", "it takes name, keys"],
    ),
    "capital letters in a name": (
        lambda: Entity("My Customer", keys={"id": Int64}),
        ["Entity name 'My Customer'", "lower-case words joined by _", "as 'my_customer'"],
    ),
    "double underscore in a name": (
        lambda: Source("web__purchases", reader=Files("x.csv"), schema=SCHEMA),
        ["Source name 'web__purchases'", "as 'web_purchases'"],
    ),
    "underscore in front of a name": (lambda: Entity("_customer", keys={"id": Int64}), ["as 'customer'"]),
    "underscore at the end of a name": (lambda: Entity("customer_", keys={"id": Int64}), ["as 'customer'"]),
    "digit in front of a name": (lambda: Entity("1st_one", keys={"id": Int64}), ["'1st_one'", "as 'st_one'"]),
    "line end in a name": (lambda: Entity("customer\n", keys={"id": Int64}), ["as 'customer'"]),
    "name that is no text": (lambda: Entity(5, keys={"id": Int64}), ["Entity name 5 must be"]),
    "entity without keys": (
        lambda: Entity("customer", keys={}),
        ["at least one key", "{'customer_id': Int64}"],
    ),
    "keys that are no mapping": (
        lambda: Entity("customer", keys=["id"]),
        ["Entity 'customer': keys must be of type Mapping, got list ['id']"],
    ),
    "key of a type that has no exact equality": (
        lambda: Entity("customer", keys={"amount": Float64}),
        ["key 'amount' is Float64", "int64, string, date"],
    ),
    "reserved key": (
        lambda: Entity("customer", keys={"_id": Int64}),
        ["'_id'", "start with _ are Asof's own"],
    ),
    "column name that is no text": (lambda: source(schema={5: Int64}), ["column name 5 must be text"]),
    "empty column name": (lambda: source(schema={"": Int64}), ["column name '' must be text"]),
    "unknown type": (
        lambda: source(schema=SCHEMA | {"amount": "flot64"}),
        [
            "'flot64' is not a column type",
            "did you mean 'Float64'?",
            "Allowed: Bool, Bytes,",
            "Decimal(p, s)",
        ],
    ),
    "type of another library": (lambda: source(schema={"x": int}), ["<class 'int'> is not a column type"]),
    "decimal out of range": (
        lambda: dtype("decimal(39,2)"),
        ["Decimal(39, 2)", "precision is 1 to 38, scale 0 to the precision"],
    ),
    "decimal with too many digits after the point": (lambda: Decimal(4, 5), ["Decimal(4, 5)"]),
    "empty schema": (
        lambda: source(schema={}),
        ["Source 'purchases': schema is empty", "{'amount': Float64}"],
    ),
    "reserved column": (
        lambda: source(schema=SCHEMA | {"_sequence": Int64}),
        ["Source 'purchases': column '_sequence'", "names that start with _ are Asof's own"],
    ),
    "reader that is none": (
        lambda: source(reader="data/*.csv"),
        ["Source 'purchases': reader must be of type Reader, got str 'data/*.csv'"],
    ),
    "unknown format": (
        lambda: Files("data/*", format="parqet"),
        ["Files('data/*'): format 'parqet'", "did you mean 'parquet'?", "Allowed: csv, json, parquet, tsv"],
    ),
    "format that is no text": (
        lambda: Files("x.csv", format=["csv"]),
        ["format must be of type str, got list"],
    ),
    "format that can't be told": (
        lambda: Files("data/*.xlsx"),
        ["Files('data/*.xlsx'): the suffix does not tell the format", "csv, tsv, json, parquet"],
    ),
    "null texts that are one text": (
        lambda: Files("x.csv", nulls="NA"),
        ["nulls must be a list, got str 'NA'"],
    ),
    "pattern that is no text": (lambda: Files(5), ["Files: pattern must be of type str, got int 5"]),
    "no time at all": (
        lambda: source(event_time=()),
        ["Source 'purchases': give either event_time", "or known_since"],
    ),
    "both times": (
        lambda: source(known_since="2024-01-01"),
        ["Source 'purchases': give either event_time", "or known_since"],
    ),
    "unknown event time": (
        lambda: source(event_time="purchase_at"),
        ["event_time 'purchase_at' is not a column", "did you mean 'purchased_at'?", COLUMNS],
    ),
    "event time that is no name": (
        lambda: source(event_time=5),
        ["event_time 5 is not a column", COLUMNS[1:]],
    ),
    "event time that is several": (
        lambda: source(event_time=["purchased_at"]),
        ["event_time ['purchased_at'] is not a column"],
    ),
    "event time that is no timestamp": (
        lambda: source(event_time="day"),
        ["event_time 'day' is Date", "must be a Timestamp"],
    ),
    "created that is no timestamp": (
        lambda: source(created="items"),
        ["created 'items' is Int64", "must be a Timestamp"],
    ),
    "known_since that is no time": (
        lambda: source(event_time=(), known_since="last year"),
        ["known_since 'last year' is not a time", "as in '2024-01-01'"],
    ),
    "unknown identity": (
        lambda: source(identity=["costumer_id"], created="loaded_at"),
        ["identity 'costumer_id' is not a column", "did you mean 'customer_id'?"],
    ),
    "identity that is one text": (
        lambda: source(identity="customer_id", created="loaded_at"),
        ["identity must be a list, got str 'customer_id'"],
    ),
    "identity without order": (
        lambda: source(identity={"customer_id", "day"}, created="loaded_at"),
        ["identity must be a list, got set"],
    ),
    "identity without created": (
        lambda: source(identity=["customer_id"]),
        ["Source 'purchases': identity needs created"],
    ),
    "retracted without identity": (lambda: source(retracted="open"), ["retracted needs identity"]),
    "retracted that is no bool": (
        lambda: source(identity=["customer_id"], created="loaded_at", retracted="items"),
        ["retracted 'items' is Int64", "must be a Bool"],
    ),
    "unknown retracted": (
        lambda: source(identity=["customer_id"], created="loaded_at", retracted="opened"),
        ["retracted 'opened' is not a column", "did you mean 'open'?"],
    ),
    "unknown time zone": (
        lambda: source(timezone="Europe/Pari"),
        ["timezone 'Europe/Pari' is unknown", "did you mean 'Europe/Paris'?", "'UTC' or 'Europe/Paris'"],
    ),
    "time zone that is a folder": (lambda: source(timezone="Europe"), ["timezone 'Europe' is unknown"]),
    "time zone that leaves its folder": (lambda: source(timezone="../UTC"), ["timezone '../UTC' is unknown"]),
    "time zone that is no text": (lambda: source(timezone=2), ["timezone 2 is unknown"]),
    "one step instead of a list": (
        lambda: source(clean=trim("country")),
        ["clean must be a list, got Trim Trim(column='country')"],
    ),
    "step that is none": (
        lambda: cleaned(not_null("country")),
        [
            "each of clean must be of type Fill or Replace or Trim or DropWhere or Dedupe or Derive",
            "Expectation",
        ],
    ),
    "unknown column to fill": (
        lambda: cleaned(fill("contry", "")),
        ["Source 'purchases': fill column 'contry' is not a column", "did you mean 'country'?", COLUMNS],
    ),
    "value to fill that does not fit": (
        lambda: cleaned(fill("amount", "none")),
        ["fill 'amount' with 'none'", "the column is Float64"],
    ),
    "fraction to fill a whole number": (lambda: cleaned(fill("items", 0.5)), ["with 0.5", "is Int64"]),
    "truth to fill a number": (lambda: cleaned(fill("items", True)), ["with True", "is Int64"]),
    "list to fill": (lambda: cleaned(fill("country", ["a"])), ["with ['a']", "is String"]),
    "not-a-number to fill": (lambda: cleaned(fill("amount", float("nan"))), ["with nan", "is Float64"]),
    "unknown column to replace in": (
        lambda: cleaned(replace("contry", {"a": "b"})),
        ["replace column 'contry' is not a column", "did you mean 'country'?"],
    ),
    "value to replace that can't be there": (
        lambda: cleaned(replace("items", {"one": 1})),
        ["replace 'one' in 'items'", "is Int64"],
    ),
    "replacement that does not fit": (
        lambda: cleaned(replace("items", {1: "one"})),
        ["replace 'items' with 'one'", "is Int64"],
    ),
    "replace without mapping": (
        lambda: replace("country", [("a", "b")]),
        ["replace: mapping must be of type Mapping, got list"],
    ),
    "unknown column to trim": (lambda: cleaned(trim("contry")), ["trim column 'contry'", "'country'?"]),
    "trim of a number": (lambda: cleaned(trim("items")), ["trim needs text", "'items' is Int64"]),
    "column that is no text": (lambda: trim(5), ["trim: column must be of type str, got int 5"]),
    "unknown column in a filter": (
        lambda: cleaned(drop_where(col("amuont") > 1)),
        ["column in drop_where 'amuont' is not a column", "did you mean 'amount'?", COLUMNS],
    ),
    "unknown column in a filter that keeps": (
        lambda: cleaned(keep_where(col("amuont") > 1)),
        ["'amuont' is not a column", "did you mean 'amount'?"],
    ),
    "unknown column in SQL": (
        lambda: cleaned(drop_where(sql("lower(contry) = 'fr'"))),
        ["'contry' is not a column", "did you mean 'country'?"],
    ),
    "column that is derived later": (
        lambda: cleaned(drop_where(col("total") > 1), derive("total", Float64, col("amount") * 2)),
        ["column in drop_where 'total' is not a column"],
    ),
    "unknown column to dedupe by": (
        lambda: cleaned(dedupe("customer_id", "dya")),
        ["dedupe column 'dya' is not a column", "did you mean 'day'?"],
    ),
    "nothing to dedupe by": (lambda: dedupe(), ["dedupe() needs the columns", "dedupe('invoice', 'line')"]),
    "unknown column to derive from": (
        lambda: cleaned(derive("total", Float64, col("amuont") * col("items"))),
        ["column in derive 'total' 'amuont' is not a column", "did you mean 'amount'?"],
    ),
    "derive of an unknown type": (
        lambda: derive("x", "int46", 1),
        ["'int46' is not", "did you mean 'Int64'?"],
    ),
    "derive of a reserved name": (
        lambda: derive("_total", Float64, 1),
        ["derive name '_total'", "as 'total'"],
    ),
    "derive that replaces the event time by text": (
        lambda: cleaned(derive("purchased_at", String, "x")),
        ["event_time 'purchased_at' is String", "must be a Timestamp"],
    ),
    "one rule instead of a list": (lambda: source(expect=not_null("day")), ["expect must be a list"]),
    "unknown column in a rule": (
        lambda: source(expect=[not_null("contry")]),
        ["Source 'purchases': expected column 'contry' is not a column", "did you mean 'country'?", COLUMNS],
    ),
    "unknown consequence": (
        lambda: not_null("country", on_fail="quarantined"),
        ["'country': on_fail='quarantined'", "did you mean 'quarantine'?", "Allowed: fail, quarantine, warn"],
    ),
    "rule without bounds": (lambda: between("amount"), ["between('amount') needs a low or a high bound"]),
    "bound that does not fit": (
        lambda: source(expect=[between("amount", "a", "z")]),
        ["expected ((amount >= 'a') and (amount <= 'z'))", "'amount' is Float64"],
    ),
    "set that does not fit": (
        lambda: source(expect=[one_of("country", ["FR", 1])]),
        ["can't be held against 1", "'country' is String"],
    ),
    "set that is one text": (lambda: one_of("country", "FR"), ["is_in needs a list of values", "got 'FR'"]),
    "pattern for a number": (
        lambda: source(expect=[matches("items", "^1")]),
        ["matches(items, '^1')", "'items' is Int64"],
    ),
    "pattern of a rule that is no text": (
        lambda: matches("country", 1),
        ["matches: pattern must be of type str"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_is_wrong_and_what_is_allowed(case: str) -> None:
    make, fragments = WRONG[case]
    with pytest.raises(DefinitionError) as error:
        make()
    message = str(error.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert len(message.splitlines()) <= 2


def test_it_is_a_value_error_too() -> None:
    with pytest.raises(ValueError) as error:
        Entity("customer", keys={})
    assert isinstance(error.value, AsofError)


@pytest.mark.parametrize(
    ("pattern", "format"),
    [
        ("data/*.csv", "csv"),
        ("data/2024-*.csv.gz", "csv"),
        ("data/*.csv*", "csv"),
        ("s3://bucket/x.tsv.zst", "tsv"),
        ("x.jsonl", "json"),
        ("x.ndjson.gz", "json"),
        ("x.json", "json"),
        ("part-*.snappy.parquet", "parquet"),
        ("EXPORT.CSV", "csv"),
    ],
)
def test_the_suffix_tells_the_format(pattern: str, format: str) -> None:
    assert Files(pattern).format == format
    assert Files(pattern, format="tsv").format == "tsv"


@pytest.mark.parametrize(
    ("given", "name"),
    [(Int64, "int64"), ("int64", "int64"), ("Int64", "int64"), ("TimestampNs", "timestamp_ns")]
    + [(spelled, "decimal(10,2)") for spelled in (Decimal(10, 2), "decimal(10, 2)", "Decimal(10,2)")],
)
def test_a_type_is_given_by_value_or_name(given: object, name: str) -> None:
    assert dtype(given).name == name
    assert dtype(repr(dtype(given))) == dtype(given)


def test_a_schema_is_a_mapping_in_order() -> None:
    schema = Schema({"b": Int64, "a": "string"})
    assert list(schema.items()) == [("b", Int64), ("a", String)]
    assert schema == Schema({"b": "int64", "a": String})
    assert schema != Schema({"a": String, "b": Int64})
    assert schema != {"b": Int64, "a": String}
    assert (schema | {"c": Float64})["c"] == Float64
    assert len({schema, Schema(dict(schema))}) == 1


def test_steps_apply_in_order_to_the_columns() -> None:
    made = cleaned(
        derive("total", Float64, col("amount") * col("items")),
        drop_where(col("total") > 1_000),
        derive("country", "int64", sql("length(country)")),
    )
    assert made.columns == Schema(SCHEMA) | {"total": Float64, "country": Int64}
    assert made.schema == Schema(SCHEMA)


@pytest.mark.parametrize(
    "condition", [col("amount") > 0, col("open"), ~col("open"), sql("amount > 0"), col("day").is_null()]
)
def test_a_filter_is_any_condition(condition: Expr) -> None:
    cleaned(drop_where(condition), keep_where(condition))


def test_columns_that_differ_in_case_alone() -> None:
    with pytest.raises(DefinitionError, match="'a' and 'A' differ in case alone"):
        Source("s", reader=Files("x.csv"), schema={"a": Int64, "A": Int64}, known_since="2024-01-01")
