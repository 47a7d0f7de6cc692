"""How the values of the standard lists are spelled."""

from __future__ import annotations

from functools import cache

from asof.features.cleaning.lists.countries import COUNTRIES
from asof.features.cleaning.lists.currencies import CURRENCIES
from asof.features.cleaning.lists.us_states import US_STATES

_LISTS = {
    "country": (COUNTRIES, 0),
    "country_alpha_3": (COUNTRIES, 1),
    "country_name": (COUNTRIES, 2),
    "us_state": (US_STATES, 0),
    "us_state_name": (US_STATES, 1),
    "currency": (CURRENCIES, 0),
}


@cache
def spellings(standard: str) -> tuple[tuple[str, str], ...]:
    """Each spelling of a value of a standard list, with the value.

    >>> dict(spellings("country"))["Holland"], dict(spellings("country_name"))["NLD"]
    ('NL', 'Netherlands')
    """
    table, wanted = _LISTS[standard]
    rows = [(code, *names) for code, names in table.items()]
    return tuple((name, row[wanted]) for row in rows for name in row)


def values(standard: str) -> tuple[str, ...]:
    """The values of a standard list."""
    return tuple(dict.fromkeys(value for _, value in spellings(standard)))
