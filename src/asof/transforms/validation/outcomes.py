"""What came of an expectation, in the words of Great Expectations' results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asof.features.expectations import Expectation
from asof.features.expectations.arguments import as_json
from asof.transforms.validation.comparable import comparable, plain
from asof.transforms.validation.counts import EXAMPLES, Count

_SEVERITY = {"fail": "critical", "quarantine": "warning", "warn": "warning"}
_NO_EXCEPTION = {"raised_exception": False, "exception_traceback": None, "exception_message": None}


@dataclass(frozen=True)
class Outcome:
    """Whether an expectation is met, and `result`, which has what Great Expectations has there.

    `first` is the first row that breaks it as JSON text, where it is about single rows.
    """

    expectation: Expectation
    success: bool
    result: Mapping[str, Any]
    first: str | None = None

    @property
    def fails(self) -> bool:
        """Whether nothing may be published."""
        return not self.success and self.expectation.on_fail == "fail"

    def to_json(self) -> dict[str, Any]:
        """The outcome as `ExpectationValidationResult.to_json_dict` of Great Expectations gives it.

        `on_fail` is in the metadata of the expectation.
        """
        return {
            "success": self.success,
            "expectation_config": {
                "type": self.expectation.kind,
                "kwargs": as_json(self.expectation.arguments),
                "meta": {"on_fail": self.expectation.on_fail},
                "severity": _SEVERITY[self.expectation.on_fail],
            },
            "result": dict(self.result),
            "meta": {},
            "exception_info": _NO_EXCEPTION,
        }


def of_count(given: Expectation, count: Count) -> Outcome:
    """The outcome of an expectation that single rows meet or break."""
    judged = count.elements - count.missing
    success = not judged or (judged - count.unexpected) / judged >= given.mostly
    percent, total = _percent(count.unexpected, judged), _percent(count.unexpected, count.elements)
    result: dict[str, Any] = {
        "element_count": count.elements,
        "unexpected_count": count.unexpected,
        "unexpected_percent": percent,
        "partial_unexpected_list": list(count.examples),
    }
    if not given.kind.endswith("_be_null"):
        result |= {
            "missing_count": count.missing,
            "missing_percent": _percent(count.missing, count.elements),
            "unexpected_percent_total": total,
            "unexpected_percent_nonmissing": percent,
        }
    return Outcome(given, success, result, count.first)


def of_figure(given: Expectation, observed: Any, type: str = "") -> Outcome:
    """The outcome of an expectation that a figure lies between bounds; no figure breaks it.

    `type` names that of the figure where bounds may be given in another: of times as text.
    """
    if observed is None or observed != observed:
        return Outcome(given, False, {"observed_value": None})
    return Outcome(given, _lies_between(given, observed, type), {"observed_value": plain(observed)})


def statistics_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many were met, as Great Expectations has it for a suite."""
    met = sum(outcome.success for outcome in outcomes)
    return {
        "evaluated_expectations": len(outcomes),
        "successful_expectations": met,
        "unsuccessful_expectations": len(outcomes) - met,
        "success_percent": _percent(met, len(outcomes)),
    }


def suite_result(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All outcomes of a source as Great Expectations' `ExpectationSuiteValidationResult.to_json_dict`."""
    return {
        "success": all(outcome.success for outcome in outcomes),
        "results": [outcome.to_json() for outcome in outcomes],
        "suite_name": name,
        "suite_parameters": {},
        "statistics": statistics_of(outcomes),
        "meta": {},
        "id": None,
    }


def listed(values: Sequence[Any]) -> list[Any]:
    """As many values as are shown of those that break an expectation."""
    return list(values[:EXAMPLES])


def _percent(part: int, whole: int) -> float | None:
    return part / whole * 100 if whole else None


def _lies_between(given: Expectation, observed: Any, type: str) -> bool:
    low, high = (comparable(given.arguments.get(name), type) for name in ("min_value", "max_value"))
    strict_min, strict_max = (bool(given.arguments.get(name)) for name in ("strict_min", "strict_max"))
    above = low is None or (observed > low if strict_min else observed >= low)
    below = high is None or (observed < high if strict_max else observed <= high)
    return above and below
