"""Wrong entities, sources, readers, steps, rules: what was written, what is allowed, what is near."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asof.errors import AsofError, DefinitionError
from asof.features.cleaning import (
    age,
    clip,
    dedupe,
    derive,
    drop_columns,
    drop_nulls,
    drop_where,
    fill,
    fill_mean,
    fill_median,
    fill_previous,
    keep_where,
    lower,
    normalise,
    one_hot,
    parse_date,
    parse_number,
    parse_quantity,
    rename,
    replace,
    split,
    trim,
)
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
        ["Files('data/*'): format 'parqet'", "did you mean 'parquet'? Allowed: arrow, avro, csv, json"],
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
    "pattern that is no text": (lambda: Files(5), ["Files: patterns must be a list, got int 5"]),
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
            "Source 'purchases': each of clean must be a cleaning step, as trim('country')",
            "got Expectation",
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
    "nothing to dedupe by": (lambda: dedupe(), ["dedupe() needs columns, as dedupe('invoice', 'line')"]),
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
    "two steps that dedupe": (
        lambda: cleaned(dedupe("customer_id"), dedupe("day")),
        ["Source 'purchases': two dedupe steps", "name in one step"],
    ),
    "keep of dedupe": (
        lambda: dedupe("day", keep="lates"),
        ["dedupe: keep='lates' is unknown", "did you mean 'latest'?", "Allowed: first, latest"],
    ),
    "order of dedupe without latest": (
        lambda: dedupe("day", by="items"),
        ["dedupe: by='items'", "needs keep='latest'"],
    ),
    "unknown order of dedupe": (
        lambda: cleaned(dedupe("day", keep="latest", by="item")),
        ["dedupe by 'item' is not a column", "did you mean 'items'?"],
    ),
    "column to dedupe by that is left out later": (
        lambda: cleaned(dedupe("day"), drop_columns("day")),
        ["after all steps: dedupe column 'day' is not a column", "allowed: amount"],
    ),
    "previous value without a key": (
        lambda: fill_previous("amount", by=[]),
        ["fill_previous('amount') needs the key", "by=['sku']"],
    ),
    "key of a previous value that is one text": (
        lambda: fill_previous("amount", by="country"),
        ["fill_previous: by must be a list, got str 'country'"],
    ),
    "key that has no exact equality": (
        lambda: cleaned(fill_previous("country", by=["amount"])),
        ["fill_previous by 'amount', which is Float64", "whole numbers, text"],
    ),
    "previous value by the column itself": (
        lambda: fill_previous("country", by=["country"]),
        ["by=['country'] has the column that is to be filled"],
    ),
    "previous value before there are times": (
        lambda: source(
            event_time="at",
            schema=SCHEMA | {"at": "string"},
            clean=[fill_previous("amount", by=["country"]), parse_date("at", ["%Y-%m-%d"], "timestamp")],
        ),
        ["fill_previous of 'amount' needs the time 'at', which is String before it", "put the step"],
    ),
    "mean of whole numbers": (
        lambda: cleaned(fill_mean("items")),
        ["fill_mean needs numbers with fractions, 'items' is Int64", "derive('items', Float64"],
    ),
    "unknown group of a median": (
        lambda: cleaned(fill_median("amount", by=["contry"])),
        ["fill_median by 'contry' is not a column", "did you mean 'country'?"],
    ),
    "group whose type changes later": (
        lambda: cleaned(
            fill_mean("amount", by=["country"]), derive("country", Int64, sql("length(country)"))
        ),
        ["after all steps: fill_mean takes 'country' from the clean table, where it is Int64, not String"],
    ),
    "bounds that are none": (lambda: clip("amount"), ["clip('amount') needs a low or a high bound"]),
    "bounds the wrong way round": (lambda: clip("amount", 5, 1), ["low 5 is above high 1"]),
    "bounds of text": (lambda: cleaned(clip("country", "a")), ["clip needs numbers or times, 'country' is"]),
    "bound of another type": (
        lambda: cleaned(clip("items", 0.5)),
        ["clip 'items' with 0.5: the column is Int64"],
    ),
    "case of a number": (lambda: cleaned(lower("items")), ["lower needs text, 'items' is Int64"]),
    "split into one": (
        lambda: split("country", into=["a"], on=","),
        ["split('country') needs two columns or more", "into=['first', 'last']"],
    ),
    "split into a column that is there": (
        lambda: cleaned(split("country", into=["day", "rest"], on=" ")),
        ["split would replace the column 'day'", "give another name"],
    ),
    "number of an odd type": (
        lambda: parse_number("country", "date"),
        ["parse_number('country'): type Date can't be", "allowed: Int, Float64, Decimal"],
    ),
    "number out of a number": (lambda: cleaned(parse_number("items")), ["parse_number needs text, 'items'"]),
    "odd decimal mark": (
        lambda: parse_number("country", decimal=";"),
        ["decimal=';' is unknown", "allowed: ,, ."],
    ),
    "odd end of a failure": (
        lambda: parse_number("country", on_fail="quarantined"),
        ["on_fail='quarantined' is unknown", "did you mean 'quarantine'?", "Allowed: null, quarantine"],
    ),
    "unknown unit": (
        lambda: parse_quantity("country", "gramm"),
        ["parse_quantity('country'): unit 'gramm' is unknown", "did you mean 'gramme'?"],
    ),
    "formats that are one text": (
        lambda: parse_date("country", "%d/%m/%Y"),
        ["formats must be a list, got str '%d/%m/%Y'"],
    ),
    "unknown directive": (
        lambda: parse_date("country", ["%d/%m/%Q"]),
        ["parse_date('country'): %Q in '%d/%m/%Q' is unknown", "allowed: %a"],
    ),
    "format without a year": (
        lambda: parse_date("country", ["%d/%m"]),
        ["'%d/%m' has no year, month and day"],
    ),
    "date of an odd type": (
        lambda: parse_date("country", ["%d/%m/%Y"], "string"),
        ["type String can't be; allowed: Date, Timestamp"],
    ),
    "unknown standard": (
        lambda: normalise("country", "countries"),
        ["no standard is named 'countries'", "did you mean 'country'?", "currency, us_state"],
    ),
    "empty standard": (lambda: normalise("country", []), ["the list is empty", "['London', 'Leeds']"]),
    "alias of nothing": (
        lambda: normalise("country", ["London", "Leeds"], {"ldn": "Londn"}),
        ["alias 'ldn' means 'Londn'", "did you mean 'London'?"],
    ),
    "alias of two": (
        lambda: normalise("country", ["London", "Leeds"], {"london": "Leeds"}),
        ["'london' means both 'London' and 'Leeds'"],
    ),
    "no categories": (lambda: one_hot("country", []), ["one_hot('country') needs categories"]),
    "category that is no name": (
        lambda: one_hot("country", ["New Zealand"]),
        ["category 'New Zealand' can't be part of a column's name", "{'new_zealand': 'New Zealand'}"],
    ),
    "category of another type": (
        lambda: cleaned(one_hot("items", ["web"])),
        ["category 'web' is no value of 'items', which is Int64"],
    ),
    "age of a number": (lambda: cleaned(age("items")), ["age needs dates, 'items' is Int64", "parse_date"]),
    "new name that is there": (
        lambda: cleaned(rename({"country": "day"})),
        ["rename would replace the column 'day'"],
    ),
    "unknown column to rename": (
        lambda: cleaned(rename({"contry": "land"})),
        ["rename column 'contry' is not a column", "did you mean 'country'?"],
    ),
    "nothing to drop": (lambda: drop_nulls(), ["drop_nulls() needs columns, as drop_nulls('price', 'sku')"]),
    "column of the event time that is left out": (
        lambda: cleaned(drop_columns("purchased_at")),
        ["event_time 'purchased_at' is not a column"],
    ),
    "columns that differ in case alone after cleaning": (
        lambda: source(schema=SCHEMA | {"Day": "date"}, clean=[]),
        ["'day' and 'Day' differ in case alone"],
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
        ["expect_column_values_to_be_between can't be held against 'a'", "'amount' is Float64"],
    ),
    "set that does not fit": (
        lambda: source(expect=[one_of("country", ["FR", 1])]),
        ["can't be held against 1", "'country' is String"],
    ),
    "set that is one text": (lambda: one_of("country", "FR"), ["one_of needs a list of values", "got 'FR'"]),
    "pattern for a number": (
        lambda: source(expect=[matches("items", "^1")]),
        ["expect_column_values_to_match_regex is for String", "'items' is Int64"],
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
