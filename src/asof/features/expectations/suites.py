"""Suites of Great Expectations as expectations: from its objects, or from its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asof.errors import DefinitionError
from asof.features.expectations.arguments import Arguments
from asof.features.expectations.expectation import Expectation

_OF_A_RUN = ("batch_id", "result_format", "catch_exceptions")
_ON_FAIL = {"critical": "fail", "warning": "warn", "info": "warn"}


def of_suite(suite: object, on_fail: str | None = None) -> list[Expectation]:
    """The expectations of a suite: an `ExpectationSuite`, several expectations, or JSON data of either.

    What happens where one is not met: `on_fail`, else "on_fail" in its own metadata, else as its
    severity says: a critical one fails, others warn.
    """
    return [_expectation(each, on_fail) for each in _configurations(suite)]


def _configurations(suite: object) -> Iterable[Mapping[str, Any]]:
    if hasattr(suite, "to_json_dict"):
        suite = suite.to_json_dict()
    if isinstance(suite, Mapping):
        suite = suite.get("expectations", [suite])
    if hasattr(suite, "configuration"):
        suite = [suite]
    if isinstance(suite, str) or not isinstance(suite, Iterable):
        raise DefinitionError(f"{suite!r} is not a suite of Great Expectations 1.x, nor its JSON")
    return [_configuration(each) for each in suite]


def _configuration(given: Any) -> Mapping[str, Any]:
    if hasattr(given, "configuration"):
        given = given.configuration.to_json_dict()
    if not isinstance(given, Mapping) or not isinstance(given.get("kwargs"), Mapping) or "type" not in given:
        raise DefinitionError(
            f"{given!r} is not an expectation of Great Expectations 1.x: it has a type and kwargs"
        )
    return given


def _expectation(given: Mapping[str, Any], on_fail: str | None) -> Expectation:
    kwargs = {
        name: value for name, value in given["kwargs"].items() if name not in _OF_A_RUN and value is not None
    }
    told = (given.get("meta") or {}).get("on_fail") or _ON_FAIL[given.get("severity") or "critical"]
    return Expectation(given["type"], Arguments(kwargs), on_fail or told)
