"""Numbers, quantities and dates out of text in SQL."""

from __future__ import annotations

from asof.features.cleaning import ParseDate, ParseNumber, ParseQuantity
from asof.features.cleaning.lists.currencies import CURRENCIES
from asof.features.cleaning.units import factors
from asof.features.types import DType
from asof.storage.arrow_types import arrow_type
from asof.transforms.cleaning.stages.stage import Stage, column, let, squeezed, text, type_of, unread
from asof.transforms.expressions import sql_type

_GROUPED = r"(?:\d{{1,3}}(?:[{marks}' ]\d{{2,3}})*[{marks}' ]\d{{3}}|\d+)"
_PARTS = ("opened", "before", "inside", "whole", "fraction", "power", "percent", "after", "closed")
_LEAST_YEAR = 1000
"""A year in four digits; what the engine reads from fewer is a year of two digits, not one so long ago."""


def number(step: ParseNumber) -> Stage:
    """Text as a number; what is written plainly, as most is, is read the quick way."""
    plain, quickly = _plain_number(step)
    is_plain = f"regexp_full_match({column(step.column)}, {plain})"
    value = f"CASE WHEN {is_plain} THEN {quickly} ELSE {_number(step)} END"
    return _read(step.column, value, step.on_fail)


def _plain_number(step: ParseNumber) -> tuple[str, str]:
    """The pattern of plain numbers, and the value of one."""
    other = "," if step.decimal == "." else "."
    digits = "*" if step.dtype.is_float else f"{{0,{step.dtype.scale}}}"
    fraction = "" if step.dtype.is_integer else rf"([{step.decimal}]\d{digits})?"
    pattern = rf"-?[$€£]?(\d{{1,15}}|\d{{1,3}}([{other}]\d{{3}}){{1,4}}){fraction}"
    type = sql_type(arrow_type(step.dtype.name))
    bare = f"translate({column(step.column)}, '{step.decimal}{other}$€£', '.')"
    return text(pattern), f"CAST(TRY_CAST({bare} AS {type}) AS {type_of(step.dtype)})"


def _number(step: ParseNumber) -> str:
    """Signs and parentheses, groups of digits, a currency, per cent."""
    currency = rf"(?:\p{{L}}{{0,2}}\p{{Sc}}|{'|'.join(CURRENCIES)}|[Kk]r\.?|Kč|zł|Ft|Rs\.?)?"
    digits = rf"({_grouped(step.decimal)})?(?:[{step.decimal}](\d*))?"
    power = r"(?:[eE]([+-]?\d{1,3}))?" if step.dtype.is_float else "()"
    pattern = rf"^(\()? ?([+-])? ?{currency} ?([+-])? ?{digits}{power} ?(%)? ?{currency} ?([+-])? ?(\))?$"
    parts = f"regexp_extract({_clear(step.column)}, {text(pattern)}, [{', '.join(map(text, _PARTS))}])"
    return let("m", parts, f"CASE WHEN {_IS_NUMBER} THEN {_value(step.dtype)} END")


def quantity(step: ParseQuantity) -> Stage:
    """Text as a number of units, in another unit of the same dimension."""
    pattern = rf"[+-]? ?({_grouped(step.decimal)})?([{step.decimal}]\d*)? ?[\p{{L}} .]+"
    digits = f"regexp_replace(regexp_extract(t, '^[^\\p{{L}}]+'), '[^0-9{step.decimal}+-]', '', 'g')"
    unit = r"replace(replace(lower(regexp_extract(t, '\p{L}.*$')), '.', ''), ' ', '')"
    worth = " ".join(
        f"WHEN {text(name)} THEN {factor!r}::DOUBLE" for name, factor in factors(step.unit).items()
    )
    size = f"TRY_CAST(replace({digits}, '{step.decimal}', '.') AS DOUBLE) * CASE {unit} {worth} END"
    value = let("t", _clear(step.column), f"CASE WHEN regexp_full_match(t, {text(pattern)}) THEN {size} END")
    return _read(step.column, value, step.on_fail)


def moment(step: ParseDate, timezone: str) -> Stage:
    """Text as a date or time, in the first format that fits."""
    given = squeezed(column(step.column))
    fits = [_in_format(given, format) for format in step.formats]
    local = f"coalesce({', '.join(fits)})"
    value = f"CAST({local} AS DATE)" if step.dtype.name == "date" else _in_utc(local, timezone)
    return _read(step.column, value, step.on_fail)


def _read(name: str, value: str, on_fail: str) -> Stage:
    return Stage({name: value}, unread=unread(name), refuses=on_fail == "quarantine")


def _clear(name: str) -> str:
    """The text with plain spaces, minus signs and apostrophes."""
    return f"translate({squeezed(column(name))}, '−–’', '--''')"


def _grouped(decimal: str) -> str:
    return _GROUPED.format(marks="," if decimal == "." else ".")


_SIGNS = "(m.before || m.inside || m.after)"
_IS_NUMBER = (
    f"m.whole || m.fraction <> '' AND (m.opened = '') = (m.closed = '') AND length({_SIGNS}) <= 1 "
    f"AND (m.opened = '' OR {_SIGNS} = '')"
)
_MINUS = f"CASE WHEN m.opened <> '' OR {_SIGNS} = '-' THEN '-' ELSE '' END"
_WHOLE = r"regexp_replace(m.whole, '\D', '', 'g')"


def _value(dtype: DType) -> str:
    """The number whose parts are in `m`, where the type holds it exactly."""
    whole = f"CASE WHEN m.percent = '' THEN '' ELSE '00' END || {_WHOLE}"
    shift = "CASE WHEN m.percent = '' THEN 0 ELSE 2 END"
    return let("w", whole, let("s", shift, _shifted(dtype)))


def _shifted(dtype: DType) -> str:
    """The number with `s` digits of the whole part `w` moved behind the point."""
    whole, fraction = "left(w, length(w) - s)", "rtrim(right(w, s) || m.fraction, '0')"
    written = f"{_MINUS} || '0' || {whole} || '.' || {fraction} || '0'"
    if dtype.is_float:
        return let(
            "x", f"TRY_CAST({written} || 'e' || {_POWER} AS DOUBLE)", "CASE WHEN isfinite(x) THEN x END"
        )
    read = f"CAST(TRY_CAST({written} AS {sql_type(arrow_type(dtype.name))}) AS {type_of(dtype)})"
    return f"CASE WHEN length({fraction}) <= {dtype.scale} THEN {read} END"


_POWER = "CASE WHEN m.power = '' THEN '0' ELSE m.power END"


def _in_format(given: str, format: str) -> str:
    local = f"try_strptime({given}, {text(format)})"
    return let("d", local, f"CASE WHEN year(d) >= {_LEAST_YEAR} THEN d END") if "%Y" in format else local


def _in_utc(local: str, timezone: str) -> str:
    """Local times as instants; null where clocks skip one, the first where they are there twice."""
    if timezone == "UTC":
        return f"CAST({local} AS TIMESTAMPTZ)"
    zone = text(timezone)
    earlier = " ".join(
        f"WHEN (u - INTERVAL {minutes} MINUTE) AT TIME ZONE {zone} = d THEN u - INTERVAL {minutes} MINUTE"
        for minutes in (120, 60, 30)
    )
    chosen = f"CASE {earlier} WHEN u AT TIME ZONE {zone} = d THEN u END"
    return let("d", local, let("u", f"d AT TIME ZONE {zone}", chosen))
