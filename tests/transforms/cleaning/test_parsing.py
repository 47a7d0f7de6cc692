"""Numbers, quantities and dates in text: what is read is what plain Python reads, the rest is counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.features.cleaning import parse_date, parse_number, parse_quantity
from asof.features.cleaning.units import UNITS
from asof.features.types import Bool, Int8, Int64, String, Timestamp
from asof.features.types import Decimal as DecimalType
from asof.transforms.cleaning.clean import Cleaned

Clean = Callable[..., Cleaned]

NUMBERS = {
    "1,234.50": "1234.50",
    "(12)": "-12",
    "(1,000.5)": "-1000.5",
    "5%": "0.05",
    "(5 %)": "-0.05",
    "$ 3": "3",
    "-$3": "-3",
    "$-3": "-3",
    "US$1.5": "1.5",
    "1 200 EUR": "1200",
    "12.5 kr": "12.5",
    "12-": "-12",
    "−7": "-7",
    "+7": "7",
    "1'000": "1000",
    "1’000": "1000",
    "12,34,567": "1234567",
    " \u00a01\u202f000\u00a0": "1000",
    ".5": "0.5",
    "5.": "5",
    "007": "7",
    "150%": "1.5",
}
NO_NUMBERS = [
    "-",
    "abc",
    "1,23",
    "1.2.3",
    "(-3)",
    "(3",
    "3)",
    "--3",
    "-3-",
    "12 oz",
    "1,2345",
    "%",
    "$",
    "nan",
    "inf",
]


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_numbers_as_people_write_them(cleaned: Clean, text: str, number: str) -> None:
    as_float = cleaned({"x": (String, [text])}, parse_number("x")).rows["x"].to_pylist()
    as_decimal = cleaned({"x": (String, [text])}, parse_number("x", DecimalType(12, 3))).rows["x"].to_pylist()
    assert as_float == [float(number)]
    assert as_decimal == [Decimal(number)]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_counted(cleaned: Clean, text: str) -> None:
    made = cleaned({"x": (String, [text, "1", None, "  "])}, parse_number("x"))
    assert made.rows["x"].to_pylist() == [None, 1.0, None, None]
    [count] = made.steps
    assert (count.nulled, count.changed, count.unread) == (1, 1, ((text, 1),))


def test_the_other_decimal_mark(cleaned: Clean) -> None:
    made = cleaned({"x": (String, ["1.234,5", "1 234,5", "0,5", "1,234.5"])}, parse_number("x", decimal=","))
    assert made.rows["x"].to_pylist() == [1234.5, 1234.5, 0.5, None]


def test_a_number_is_read_exactly_or_not_at_all(cleaned: Clean) -> None:
    texts = ["127", "128", "-128", "1.0", "1.5", "1e2", "700%"]
    assert cleaned({"x": (String, texts)}, parse_number("x", Int8)).rows["x"].to_pylist() == [
        127, None, -128, 1, None, None, 7,
    ]  # fmt: skip
    texts = ["1.25", "1.250", "1.255", "99999.99", "123456.00", "12.5%", "1.234%"]
    made = cleaned({"x": (String, texts)}, parse_number("x", DecimalType(7, 2)))
    assert made.rows["x"].to_pylist() == [
        Decimal("1.25"), Decimal("1.25"), None, Decimal("99999.99"), None, None, None,
    ]  # fmt: skip
    texts = ["1e3", "1E-3", "1e999", "9007199254740993"]
    assert cleaned({"x": (String, texts)}, parse_number("x")).rows["x"].to_pylist() == [
        1000.0, 0.001, None, 9007199254740992.0,
    ]  # fmt: skip


def test_a_row_that_can_not_be_read_goes_to_quarantine(cleaned: Clean) -> None:
    columns = {"x": (String, ["1", "one", "", "one"]), "gone": (String, ["a", "b", "c", "d"])}
    made = cleaned(columns, parse_number("x", Int64, on_fail="quarantine"))
    assert made.rows["_sequence"].to_pylist() == [0, 2]
    assert [(row["_sequence"], row["column"], row["reason"]) for row in made.rejected.to_pylist()] == [
        (at, "x", "x: parse_number('x', Int64) can't read 'one'") for at in (1, 3)
    ]
    assert '"x":"one"' in made.rejected["raw"][0].as_py()
    [count] = made.steps
    assert (count.quarantined, count.nulled, count.dropped, count.unread) == (2, 0, 0, (("one", 2),))


def test_a_row_that_takes_a_fact_back_is_never_refused(cleaned: Clean) -> None:
    columns = {
        "x": (String, ["one", "one"]),
        "gone": (Bool, [True, False]),
        "at": (Timestamp, [1, 2]),
    }
    given = {"event_time": "at", "created": "at", "identity": ["at"], "retracted": "gone"}
    made = cleaned(columns, parse_number("x", on_fail="quarantine"), **given)
    assert (made.rows["_sequence"].to_pylist(), made.rows["x"].to_pylist()) == ([0], [None])
    assert made.rejected["_sequence"].to_pylist() == [1]
    assert (made.steps[0].nulled, made.steps[0].quarantined) == (1, 1)


def plain_number(text: str) -> float | None:
    """The oracle: signs and parentheses off, a currency off, groups checked, then Python's own float."""
    text = " ".join(text.split())
    inside = re.fullmatch(r"\((.*)\)", text)
    signs = re.findall(r"[+-]", re.sub(r"[eE][+-]", "", text))
    bare = re.sub(r"(?<![eE])[+-]|[()]|\$|EUR", "", text).replace(" ", " ").strip()
    percent = bare.endswith("%")
    bare = bare.removesuffix("%").strip()
    well_formed = re.fullmatch(r"\d{1,3}((,\d{2,3})*,\d{3})?(\.\d*)?|\d+(\.\d*)?|\.\d+", bare)
    if not well_formed or len(signs) > 1 or (inside and signs):
        return None
    exact = Fraction(bare.replace(",", "").rstrip(".") or "0") / (100 if percent else 1)
    return float(-exact if inside or "-" in signs else exact)


@given(
    sign=st.sampled_from(["", "-", "+"]),
    currency=st.sampled_from(["", "$", "EUR ", "$ "]),
    digits=st.from_regex(r"([0-9]{1,6}|[0-9]{1,3}(,[0-9]{2,3}){1,2})(\.[0-9]{0,4})?", fullmatch=True),
    after=st.sampled_from(["", "%", " %"]),
    form=st.sampled_from(["{}", "({})", " {} "]),
)
def test_numbers_equal_those_of_plain_python(
    cleaned: Clean, sign: str, currency: str, digits: str, after: str, form: str
) -> None:
    text = form.format(f"{sign}{currency}{digits}{after}")
    [number] = cleaned({"x": (String, [text])}, parse_number("x")).rows["x"].to_pylist()
    assert number == plain_number(text)


@settings(max_examples=30)
@given(st.lists(st.none() | st.text(max_size=8), max_size=20))
def test_any_text_is_read_or_counted(cleaned: Clean, texts: list[str | None]) -> None:
    for step in (parse_number("x"), parse_quantity("x", "g"), parse_date("x", ["%d/%m/%Y"])):
        made = cleaned({"x": (String, texts)}, step)
        [count] = made.steps
        blank = sum(value is None or not re.sub(r"[\s\x00\u2028\u2029]", "", value) for value in texts)
        there = made.rows.num_rows - made.rows["x"].null_count
        assert there == count.changed
        assert there + count.nulled <= len(texts)
        assert there + count.nulled + blank >= len(texts)


@settings(max_examples=25)
@given(
    given=st.lists(st.tuples(st.decimals(0, 10_000, places=3), st.sampled_from(sorted(UNITS)))),
    wanted=st.sampled_from(["g", "lb", "l", "m", "min", "mb"]),
)
def test_quantities_are_in_the_unit(cleaned: Clean, given: list[tuple[Decimal, str]], wanted: str) -> None:
    texts = [f"{number} {unit.upper()}." for number, unit in given]
    made = cleaned({"x": (String, texts)}, parse_quantity("x", wanted))
    dimension, base = UNITS[wanted]
    expected = [
        float(number) * float(UNITS[unit][1] / base) if UNITS[unit][0] == dimension else None
        for number, unit in given
    ]
    assert made.rows["x"].to_pylist() == expected


def test_quantities_as_people_write_them(cleaned: Clean) -> None:
    texts = ["12 oz", "1.5 lb", "1,000g", "3 fl. oz", "7", "oz", "-2 KG"]
    made = cleaned({"x": (String, texts)}, parse_quantity("x", "g"))
    found = made.rows["x"].to_pylist()
    assert found[:3] == pytest.approx([340.19427750, 680.388555, 1000])
    assert found[3:] == [None, None, None, -2000.0]
    assert made.steps[0].unread == (("3 fl. oz", 1), ("7", 1), ("oz", 1))


def test_dates_take_the_first_format_that_fits(cleaned: Clean) -> None:
    texts = ["31/12/2024", "31/12/24", "2024-02-30", "5 Jan 2024", "01/02/2024", "", "1/2/2024x"]
    made = cleaned({"x": (String, texts)}, parse_date("x", ["%d/%m/%Y", "%d/%m/%y", "%d %b %Y"]))
    assert made.rows["x"].to_pylist() == [
        date(2024, 12, 31), date(2024, 12, 31), None, date(2024, 1, 5), date(2024, 2, 1), None, None,
    ]  # fmt: skip
    assert made.rows.schema.field("x").type == "date32"


FORMATS = ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%y %I:%M %p", "%d %B %Y"]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)), st.sampled_from(FORMATS))
def test_times_equal_those_of_plain_python(cleaned: Clean, moment: datetime, format: str) -> None:
    text = moment.strftime(format)
    made = cleaned({"x": (String, [text])}, parse_date("x", [format], Timestamp))
    assert made.rows["x"].to_pylist() == [datetime.strptime(text, format).replace(tzinfo=UTC)]


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2025, 1, 1)),
    st.sampled_from(["Europe/Paris", "Australia/Lord_Howe"]),
)
def test_times_are_local_to_the_source(cleaned: Clean, moment: datetime, zone: str) -> None:
    local = moment.replace(microsecond=0)
    instant = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    skipped = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local
    step = parse_date("x", ["%Y-%m-%d %H:%M:%S"], Timestamp)
    made = cleaned({"x": (String, [f"{local}"])}, step, timezone=zone)
    assert made.rows["x"].to_pylist() == [None if skipped else instant]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-03-31 02:30", None),
        ("2024-10-27 02:30", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("2024-10-27 03:00", datetime(2024, 10, 27, 2, 0, tzinfo=UTC)),
    ],
)
def test_clocks_that_go_forth_and_back(cleaned: Clean, text: str, instant: datetime | None) -> None:
    step = parse_date("x", ["%Y-%m-%d %H:%M"], Timestamp)
    assert cleaned({"x": (String, [text])}, step, timezone="Europe/Paris").rows["x"].to_pylist() == [instant]


def test_a_parsed_date_can_be_the_event_time(cleaned: Clean) -> None:
    step = parse_date("at", ["%d.%m.%Y"], Timestamp)
    made = cleaned({"at": (String, ["1.2.2024", "soon"])}, step, event_time="at")
    assert made.rows["_event_time"].to_pylist() == [datetime(2024, 2, 1, tzinfo=UTC)]
    assert made.rejected["reason"].to_pylist() == ["at: event time missing"]
