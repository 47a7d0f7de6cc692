"""Expressions: operators build them, truth compares them, and only one row's columns stand in them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from asof.errors import DefinitionError
from asof.features.aggregates import Count, Max, Ratio, Sum
from asof.features.cleaning import derive, drop_where, keep_where
from asof.features.expressions import Expr, Literal, col, columns_of, sql
from asof.features.types import Float64

SRC = Path(__file__).resolve().parents[2] / "src"
X, Y = col("x"), col("y")


@pytest.mark.parametrize(
    ("built", "printed"),
    [
        (X == 1, "(x = 1)"),
        (X != "a", "(x <> 'a')"),
        (X < 1.5, "(x < 1.5)"),
        (X <= Y, "(x <= y)"),
        (X > 1, "(x > 1)"),
        (date(2024, 1, 1) <= X, "(x >= datetime.date(2024, 1, 1))"),
        (X + 1 - Y, "((x + 1) - y)"),
        (X * 2 / Y, "((x * 2) / y)"),
        (1 - X, "(1 - x)"),
        (1 + X, "(1 + x)"),
        (2 * X, "(2 * x)"),
        (1 / X, "(1 / x)"),
        ((X > 1) & ~(Y == 2) | X.is_null(), "(((x > 1) and (not (y = 2))) or (x is null))"),
        (X == None, "(x = null)"),  # noqa: E711
        (X.is_in(["b", "a"]), "(x in ('b', 'a'))"),
        (sql("upper(x)") == "A", "(sql('upper(x)') = 'A')"),
        (Count() == 0, "(Count() = 0)"),
    ],
)
def test_operators_build_expressions(built: Expr, printed: str) -> None:
    assert repr(built) == printed


@pytest.mark.parametrize("make", [lambda: X, lambda: X > 1, lambda: Sum("x", over="7d", where=Y > 0)])
def test_written_the_same_way_is_the_same(make: Callable[[], Expr]) -> None:
    assert make() == make()
    assert bool(make() != make()) is False
    assert make().same_as(make())
    assert hash(make()) == hash(make())
    assert len({make(), make()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (X, Y),
        (X > 1, X > 2),
        (X > -1, X > -2),
        (X > 1, X >= 1),
        (X == 1, X == True),  # noqa: E712
        (X == 1, X == 1.0),
        (X == "1", X == 1),
        (X.is_in([1]), X.is_in([1, 2])),
        (sql("x"), X),
        (sql("x"), sql("x ")),
        (Count(), Count("x")),
        (Sum("x"), Max("x")),
        (Sum("x", over="7d"), Sum("x", over="8d")),
        (Sum("x", where=Y > 0), Sum("x")),
        (Sum("x", where=Y > -1), Sum("x", where=Y > -2)),
        (Ratio(Sum("x"), Count(), name="r"), Ratio(Sum("x"), Count("x"), name="r")),
    ],
)
def test_written_another_way_is_another(one: Expr, other: Expr) -> None:
    assert one != other
    assert not one.same_as(other)
    assert len({one, other}) == 2
    assert repr(one) != repr(other)


def test_names_are_never_printed_as_values_are() -> None:
    for name, value in (("1", 1), ("'web'", "web"), ("null", None), ("True", True)):
        assert repr(col(name)) != repr(Literal(value))
    assert repr(col("Gross Sales")) == "col('Gross Sales')"
    assert repr(col("class")) == "col('class')"


@pytest.mark.parametrize(
    "written",
    [
        lambda: X and Y,
        lambda: X or Y,
        lambda: not X,
        lambda: X > 1 and Y > 2,
        lambda: X > 1 or Y > 2,
        lambda: X == "web" and Y > 0,
        lambda: X != "web" or Y > 0,
        lambda: 1 < X < 5,
        lambda: X if X.is_null() else Y,
        lambda: Count() == 0 and Sum("x") > 1,
    ],
)
def test_and_or_not_say_what_to_write(written: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"has a value for each row; combine with & \| ~, not and/or/not"):
        written()


def test_the_values_of_a_set_are_in_one_order_in_every_process() -> None:
    assert repr(X.is_in({"b", "a", "c"})) == "(x in ('a', 'b', 'c'))"
    code = "from asof.features.expressions import col; print(col('x').is_in({'b', 'a', 'c', 'd'}))"
    printed = {
        subprocess.run(
            [sys.executable, "-S", "-c", code],
            env={"PYTHONPATH": str(SRC), "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


@pytest.mark.parametrize("given", ["web", b"web", {"web": 1}, 5, None])
def test_is_in_needs_a_list(given: object) -> None:
    with pytest.raises(
        DefinitionError, match=r"is_in needs a list of values, as in is_in\(\['a', 'b'\]\), got"
    ):
        X.is_in(given)


@pytest.mark.parametrize("given", [[1], {"a": 1}, object, len])
def test_only_plain_values_stand_in_an_expression(given: object) -> None:
    with pytest.raises(
        DefinitionError, match=r"\((list|dict|type|builtin_function_or_method)\) can't stand in"
    ):
        given < X  # noqa: B015


def test_a_column_is_named_by_text() -> None:
    with pytest.raises(DefinitionError, match="col needs the name of a column, got int 5"):
        col(5)
    with pytest.raises(DefinitionError, match=r"sql needs text, as in .*, got int 5"):
        sql(5)


@pytest.mark.parametrize(
    ("expr", "columns"),
    [
        (X, {"x"}),
        ((X > 1) & (Y.is_in([col("z")])), {"x", "y", "z"}),
        (sql("case when a > 1 then b end"), {"a", "b"}),
        (sql("try_cast(regexp_extract(size, '([0-9.]+) *OZ', 1) as double)") > X, {"size", "x"}),
        (sql("t - interval 1 day"), {"t"}),
        (sql("t at time zone 'Europe/Paris'"), {"t"}),
        (sql("1"), set()),
    ],
)
def test_the_columns_that_are_read(expr: Expr, columns: set[str]) -> None:
    assert columns_of(expr) == columns


@pytest.mark.parametrize("text", ["", "x >", "x, y", "(x", "'x"])
def test_sql_that_can_not_be_read(text: str) -> None:
    with pytest.raises(DefinitionError) as error:
        sql(text)
    assert str(error.value).startswith(f"sql({text!r}) can't be read: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "(select max(x) from t)",
        "x in (select 1)",
        "sum(x)",
        "count(*)",
        "lag(x) over (order by y)",
        "unnest(x)",
        "drop table x",
        "x; y",
        "copy x to 'y'",
        "attach 'x'",
        "set x = 1",
        "*",
        "x as y",
    ],
)
def test_sql_of_more_than_a_row(text: str) -> None:
    with pytest.raises(DefinitionError) as error:
        sql(text)
    assert f"sql({text!r}): only row-wise expressions here" in str(error.value)


@pytest.mark.parametrize(
    "use",
    [
        lambda: drop_where(Count() == 0),
        lambda: keep_where(Sum("x") > 1),
        lambda: derive("z", Float64, X / Sum("x")),
        lambda: Sum("x", where=Count() > 1),
    ],
)
def test_an_aggregate_has_no_place_in_a_row(use: Callable[[], object]) -> None:
    with pytest.raises(DefinitionError, match=r"is over many rows; allowed: col\(\), sql\(\) and values"):
        use()


@pytest.mark.parametrize("use", [drop_where, keep_where, lambda given: Sum("x", where=given)])
@pytest.mark.parametrize("given", [X + 1, Literal(5), Literal("web")])
def test_a_condition_is_true_or_false(use: Callable[[Expr], object], given: Expr) -> None:
    with pytest.raises(DefinitionError, match=r"is not true or false, as col\('amount'\) > 0 is"):
        use(given)


@pytest.mark.parametrize("use", [drop_where, keep_where, lambda given: Sum("x", where=given)])
@pytest.mark.parametrize("given", ["x > 1", True, 0])
def test_a_condition_is_an_expression(use: Callable[[object], object], given: object) -> None:
    with pytest.raises(DefinitionError, match=r"needs an expression, as in col\('amount'\) > 0, got"):
        use(given)
