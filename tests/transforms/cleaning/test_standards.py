"""Text brought to the values of a list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asof.errors import DefinitionError
from asof.features.cleaning import normalise
from asof.features.cleaning.lists.countries import COUNTRIES
from asof.features.cleaning.lists.spellings import spellings, values
from asof.features.cleaning.lists.us_states import US_STATES
from asof.features.cleaning.standards import STANDARDS
from asof.features.types import String
from asof.transforms.cleaning.clean import Cleaned

Clean = Callable[..., Cleaned]


@pytest.mark.parametrize(
    ("standard", "texts", "expected"),
    [
        (
            "country",
            ["UK", "gbr", " Great  Britain", "côte d’ivoire", "COTE D'IVOIRE", "U.S.A.", "Éire"],
            ["GB", "GB", "GB", "CI", "CI", "US", "IE"],
        ),
        ("country_alpha_3", ["de", "Turkey", "Trinidad and Tobago"], ["DEU", "TUR", "TTO"]),
        ("country_name", ["DE", "Korea, Republic of"], ["Germany", "South Korea"]),
        ("us_state", ["calif.", "New  York", "d.c.", "pr"], ["CA", "NY", "DC", "PR"]),
        ("us_state_name", ["TX", "Ohio"], ["Texas", "Ohio"]),
        ("currency", ["$", "usd", "Euros", "£", "zł", "DEM"], ["USD", "USD", "EUR", "GBP", "PLN", "DEM"]),
    ],
)
def test_spellings_in_use(cleaned: Clean, standard: str, texts: list[str], expected: list[str]) -> None:
    assert cleaned({"x": (String, texts)}, normalise("x", standard)).rows["x"].to_pylist() == expected


@pytest.mark.parametrize("standard", STANDARDS)
def test_each_spelling_means_its_value(cleaned: Clean, standard: str) -> None:
    texts = [text for text, _ in spellings(standard)]
    made = cleaned({"x": (String, texts)}, normalise("x", standard))
    assert made.rows["x"].to_pylist() == [value for _, value in spellings(standard)]


def test_the_lists_are_whole() -> None:
    assert len(COUNTRIES) == len(set(values("country_alpha_3"))) == len(set(values("country_name"))) == 249
    assert len(US_STATES) == 50 + 1 + 5
    assert all(len(code) == 3 and code.isupper() for code in values("currency"))


def test_what_matches_nothing_is_reported(cleaned: Clean) -> None:
    texts = ["Narnia", "UK", None, " ", "Narnia", "Mordor"]
    made = cleaned({"x": (String, texts)}, normalise("x", "country"))
    assert made.rows["x"].to_pylist() == [None, "GB", None, None, None, None]
    [count] = made.steps
    assert (count.nulled, count.unread) == (3, (("Narnia", 2), ("Mordor", 1)))


def test_a_list_of_ones_own(cleaned: Clean) -> None:
    step = normalise("x", ["London", "Leeds"], {"LDN": "London"}, on_fail="quarantine")
    made = cleaned({"x": (String, ["lon-don", "LEEDS", "ldn", "York"])}, step)
    assert made.rows["x"].to_pylist() == ["London", "Leeds", "London"]
    assert made.rejected["reason"].to_pylist() == ["x: normalise('x', 2 values) can't read 'York'"]


def test_aliases_go_with_a_standard(cleaned: Clean) -> None:
    made = cleaned({"x": (String, ["Blighty", "FR"])}, normalise("x", "country", {"blighty": "GB"}))
    assert made.rows["x"].to_pylist() == ["GB", "FR"]
    with pytest.raises(DefinitionError, match="alias 'blighty' means 'UK'"):
        normalise("x", "country", {"blighty": "UK"})
