"""From the columns of a query to those of the tables that it reads."""

from __future__ import annotations

import pytest

from asof import Files, Float64, Source, Sql
from asof.features.lineage.graph import Links
from asof.transforms.query_lineage import origins, tables_of

PLACE = "postgresql://shop:***@db.example/shop"


def source(query: str, *columns: str, address: str = "postgresql://shop:secret@db.example/shop") -> Source:
    reader = Sql(address, query=query, cursor=columns[0], key=[columns[0]])
    return Source("x", reader=reader, schema=dict.fromkeys(columns, Float64), known_since="2024-01-01")


def read(links: Links) -> set[str]:
    """The columns, as "table.column", and the tables whose rows count."""
    place = f" of {PLACE}"
    return {
        f"{link.node.dataset.removeprefix('table/').removesuffix(place)}.{link.node.column}".rstrip(".")
        for link in links
    }


WITH = """
    with sums as (select id, sum(x) as total from big.items where kind = 'a' group by id)
    select o.id, s.total * o.rate as amount, upper(c.name) as name, now() as moment
    from orders o join sums s on s.id = o.id left join customers c on c.id = o.customer
    where o.paid
"""


@pytest.mark.parametrize(
    ("query", "column", "expected"),
    [
        (WITH, "id", {"orders.id"}),
        (WITH, "amount", {"big.items.x", "orders.rate"}),
        (WITH, "name", {"customers.name"}),
        (WITH, "moment", set()),
        ("select a from x union all select b from y", "a", {"x.a", "y.b"}),
        ("select * from orders", "amount", {"orders.amount"}),
        ("select amount from orders join lines using (id)", "amount", {"orders.amount", "lines.amount"}),
        ("select (select max(t.v) from t) as greatest from o", "greatest", {"t.v"}),
        ("select *, a + o.b as c from o join p using (k)", "d", {"o.a", "p.a", "o.b", "o.d", "p.d"}),
    ],
)
def test_columns(query: str, column: str, expected: set[str]) -> None:
    assert read(origins(source(query, column))[column]) == expected


def test_rows() -> None:
    found = read(origins(source(WITH, "id"))[""])
    assert {"orders", "big.items", "customers"} <= found
    assert {"orders.paid", "orders.customer", "customers.id", "big.items.kind"} <= found
    assert "orders.rate" not in found
    both = read(origins(source("select amount from orders join lines using (id)", "amount"))[""])
    assert {"orders.id", "lines.id"} <= both


def test_what_is_no_query_has_no_origins() -> None:
    plain = Source("x", reader=Files("a.csv"), schema={"a": Float64}, known_since="2024-01-01")
    assert origins(plain) == {}
    assert origins(source("select from where", "a")) == {}


def test_tables() -> None:
    assert tables_of(Sql("sqlite:///a.db", table="orders", cursor="id")) == ["orders"]
    reader = source(WITH, "id").reader
    assert isinstance(reader, Sql)
    assert tables_of(reader) == ["big.items", "customers", "orders"]


@pytest.mark.parametrize("address", ["mssql+pyodbc://db.example/shop", "${DATABASE}", "duckdb:///a.duckdb"])
def test_other_databases(address: str) -> None:
    links = origins(source("select o.amount from orders o", "amount", address=address))["amount"]
    assert [link.node.column for link in links] == ["amount"]
