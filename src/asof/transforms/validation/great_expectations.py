"""Great Expectations itself: for what Asof does not compute, and its result objects."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from asof.errors import DefinitionError, MissingExtra
from asof.features.expectations import Expectation
from asof.features.expectations.arguments import as_json
from asof.transforms.validation.outcomes import Outcome


def of_great_expectations(given: Expectation, rows: pa.RecordBatchReader) -> Outcome:
    """What Great Expectations finds of the rows, all of which it holds in memory, in pandas.

    MissingExtra where it is not installed, DefinitionError where it can't judge them.
    """
    found = _batch_definition().get_batch({"dataframe": rows.read_all().to_pandas()}).validate(_own(given))
    document = found.to_json_dict()
    if document["exception_info"].get("raised_exception"):
        raise DefinitionError(f"{given.kind}: {document['exception_info']['exception_message']}")
    return Outcome(given, bool(document["success"]), document["result"])


def validation_result(outcome: Mapping[str, Any]) -> Any:
    """An outcome, given as JSON data, as Great Expectations' `ExpectationValidationResult`."""
    _imported()
    from great_expectations.core import expectationValidationResultSchema

    return expectationValidationResultSchema.load(outcome)


def suite_validation_result(outcome: Mapping[str, Any]) -> Any:
    """A source's outcomes, given as JSON data, as its `ExpectationSuiteValidationResult`."""
    _imported()
    from great_expectations.core import ExpectationSuiteValidationResult

    results = [validation_result(each) for each in outcome["results"]]
    return ExpectationSuiteValidationResult(**{**outcome, "results": results})


def _imported() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import great_expectations
    except ImportError:
        raise MissingExtra("an expectation that Great Expectations judges", "validation") from None
    return great_expectations


@cache
def _batch_definition() -> Any:
    """Whole data frames, in a context that is kept in memory."""
    context = _imported().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("asof").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("rows")


def _own(given: Expectation) -> Any:
    """The expectation as an object of Great Expectations."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kwargs: Any = as_json(given.arguments)
    return ExpectationConfiguration(type=given.kind, kwargs=kwargs).to_domain_obj()
