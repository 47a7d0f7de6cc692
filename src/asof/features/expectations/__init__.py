"""Expectations: what must hold of a source's rows, and what happens where it does not."""

from asof.features.expectations.expectation import Expectation, expect
from asof.features.expectations.rows import between, greater, matches, not_null, one_of, unique
from asof.features.expectations.suites import of_suite
from asof.features.expectations.tables import fresh, growth, references, row_count, stable, volume

__all__ = [
    "Expectation",
    "between",
    "expect",
    "fresh",
    "greater",
    "growth",
    "matches",
    "not_null",
    "of_suite",
    "one_of",
    "references",
    "row_count",
    "stable",
    "unique",
    "volume",
]
