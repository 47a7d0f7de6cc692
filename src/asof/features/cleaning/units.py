"""Units of measurement: what each is worth in the base unit of its dimension.

Mass in grams, volume in litres, length in metres, time in seconds, data in bytes. Pounds, ounces, feet
and so on are the international ones, measures of volume are those of the United States; kB, MB and so
on are powers of 1000, KiB, MiB and so on of 1024. Names are read in any case, without dots.
"""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType

from asof.errors import DefinitionError, choices

_POUND, _GALLON, _INCH = Fraction("453.59237"), Fraction("3.785411784"), Fraction("0.0254")

_NAMED: dict[str, dict[str, Fraction | int]] = {
    "mass": {
        "mg milligram milligrams": Fraction(1, 1000),
        "g gr gram grams gramme grammes": 1,
        "kg kgs kilo kilos kilogram kilograms": 1000,
        "t tonne tonnes": 1_000_000,
        "oz ounce ounces": _POUND / 16,
        "lb lbs pound pounds": _POUND,
        "st stone stones": _POUND * 14,
    },
    "volume": {
        "ml millilitre millilitres milliliter milliliters cc": Fraction(1, 1000),
        "cl centilitre centilitres centiliter centiliters": Fraction(1, 100),
        "dl decilitre decilitres deciliter deciliters": Fraction(1, 10),
        "l litre litres liter liters ltr": 1,
        "tsp teaspoon teaspoons": _GALLON / 768,
        "tbsp tablespoon tablespoons": _GALLON / 256,
        "floz fluidounce fluidounces": _GALLON / 128,
        "cup cups": _GALLON / 16,
        "pt pint pints": _GALLON / 8,
        "qt quart quarts": _GALLON / 4,
        "gal gallon gallons": _GALLON,
    },
    "length": {
        "mm millimetre millimetres millimeter millimeters": Fraction(1, 1000),
        "cm centimetre centimetres centimeter centimeters": Fraction(1, 100),
        "m metre metres meter meters": 1,
        "km kilometre kilometres kilometer kilometers": 1000,
        "in inch inches": _INCH,
        "ft foot feet": _INCH * 12,
        "yd yard yards": _INCH * 36,
        "mi mile miles": _INCH * 63_360,
    },
    "time": {
        "ms millisecond milliseconds": Fraction(1, 1000),
        "s sec secs second seconds": 1,
        "min mins minute minutes": 60,
        "h hr hrs hour hours": 3600,
        "d day days": 86_400,
        "w wk wks week weeks": 604_800,
    },
    "data": {
        "b byte bytes": 1,
        **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgtp", start=1)},
        **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtp", start=1)},
    },
}

UNITS = MappingProxyType(
    {
        name: (dimension, Fraction(worth))
        for dimension, units in _NAMED.items()
        for names, worth in units.items()
        for name in names.split()
    }
)
"""Each name of a unit, folded as by `folded`, with its dimension and what it is worth."""


def folded(unit: str) -> str:
    """The name of a unit as it is looked up.

    >>> folded("Fl. Oz.")
    'floz'
    """
    return unit.lower().replace(".", "").replace(" ", "")


def checked_unit(owner: str, unit: object) -> str:
    """The name of a unit, which must be known."""
    name = folded(str(unit))
    if name not in UNITS:
        raise DefinitionError(f"{owner}: unit {unit!r} is unknown; {choices(name, UNITS)}")
    return name


def factors(unit: str) -> dict[str, float]:
    """How many of `unit` one of each unit of its dimension is, as the nearest float.

    >>> factors("g")["kg"], factors("min")["h"]
    (1000.0, 60.0)
    """
    dimension, worth = UNITS[unit]
    return {name: float(other / worth) for name, (of, other) in UNITS.items() if of == dimension}
