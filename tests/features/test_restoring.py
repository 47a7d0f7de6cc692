"""Definitions restored from what was written of them are the same, to the hash; nothing else is taken."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from asof.errors import AsofError, Conflict, DataError, DefinitionError
from asof.features.describe import KINDS, Json, key_of
from asof.features.entity import Entity
from asof.features.expectations import Expectation
from asof.features.expectations.kinds import COMPILED, FOREIGN
from asof.features.graph import Definitions
from asof.features.readers import Files
from asof.features.restoring import classes_under, restore
from asof.features.source import Source
from asof.features.transform import Transform
from asof.features.view import FeatureView
from asof.loading import load_definitions
from asof.templates.projects import TEMPLATES, make_project
from asof.testing.case import Case, write
from asof.testing.corpus.cases import CASES
from asof.testing.definitions import definitions, sources_of_every_rule

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DEFINED = re.compile(r'^```python title="([^"]+\.py)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FEW = settings(max_examples=100, suppress_health_check=list(HealthCheck))


def written(of: Definitions) -> dict[str, dict[str, Json]]:
    """What the catalogue gives back of definitions."""
    described: dict[str, dict[str, Json]] = json.loads(json.dumps(of.described))
    return described


def check(of: Definitions) -> None:
    again = restore(written(of), of)
    assert again.described == of.described
    assert again.hash == of.hash
    assert {repr(one) for one in again} == {repr(one) for one in of}
    assert again.tables == of.tables
    kept = {path: kind for one in again for path, kind in attributes(one, key_of(one))}
    assert kept == {path: kind for one in of for path, kind in attributes(one, key_of(one))}


def attributes(value: Any, path: str) -> list[tuple[str, type]]:
    """The class of everything in a value, by where it is, what is computed when asked for left out."""
    found = [(path, type(value))]
    if isinstance(value, tuple):
        return found + [each for at, item in enumerate(value) for each in attributes(item, f"{path}[{at}]")]
    if is_dataclass(value):
        path = f"{path}.{getattr(value, 'name', '')}"
        computed = {
            name for name in vars(value) if isinstance(getattr(type(value), name, None), cached_property)
        }
        for name in sorted(vars(value).keys() - computed):
            found += attributes(getattr(value, name), f"{path}.{name}")
    return found


@FEW
@given(definitions())
def test_whatever_is_defined(given: Definitions) -> None:
    check(given)


def kinds(data: Any) -> set[str]:
    """The names of the classes that JSON data is of."""
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    named = {str(data["kind"])} if isinstance(data, dict) and "kind" in data else set()
    return named.union(*map(kinds, inside))


def test_every_rule_of_a_source() -> None:
    check(Definitions(sources_of_every_rule()))


def test_there_is_no_kind_of_which_none_was_restored() -> None:
    """One that is added must be made by `asof.testing.definitions`, and so be restored by the tests above."""
    single = {kind for kind in classes_under(*KINDS) if not kind.__subclasses__()} - {Expectation}
    made = kinds(written(Definitions(sources_of_every_rule())))

    @settings(FEW, max_examples=300, database=None, derandomize=True)
    @given(definitions())
    def make(given: Definitions) -> None:
        made.update(kinds(written(given)))

    make()
    assert ({kind.__name__ for kind in single} | {*COMPILED, *FOREIGN}) - made == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_every_engine_must_get_right(case: Case, tmp_path: Path) -> None:
    write(case, tmp_path)
    check(load_definitions(tmp_path / "definitions.py"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates(template: str, tmp_path: Path) -> None:
    make_project(tmp_path / "shop", template)
    check(load_definitions(tmp_path / "shop" / "features"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_pages_define(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some of the files write others
    for number, (name, text) in enumerate(DEFINED.findall(page.read_text())):
        file = tmp_path / str(number) / Path(name).name
        file.parent.mkdir()
        file.write_text(text)
        with suppress(DefinitionError):  # of another page's file
            check(load_definitions(file))


def double(rows: Any) -> Any:
    return rows


def other(rows: Any) -> Any:
    return rows.slice(0)


def project(function: Any) -> Definitions:
    customer = Entity("customer", keys={"id": "int64"})
    orders = Source(
        "orders", reader=Files("x.csv"), schema={"id": "int64", "at": "timestamp"}, event_time="at"
    )
    transform = Transform(function, outputs={"twice": "int64"})
    plain = FeatureView("plain", entity=customer, source=orders, features=["at"])
    computed = FeatureView(
        "computed", entity=customer, source=orders, features=["twice"], transform=transform
    )
    return Definitions([plain, computed])


def test_a_function_is_that_of_the_code_where_it_says_the_same() -> None:
    view = restore(written(project(double)), project(double)).views["computed"]
    assert view.transform is not None
    assert view.transform.function.call is double


def test_a_function_that_says_otherwise_is_a_conflict() -> None:
    message = "function 'double' of view/computed is not in the code as it was then"
    with pytest.raises(Conflict, match=message):
        restore(written(project(double)), project(other))


def test_what_does_not_need_the_function_is_restored_all_the_same() -> None:
    then = written(project(double))
    assert set(restore(then, (), ["view/plain"]).described) == {
        "view/plain",
        "source/orders",
        "entity/customer",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("features", ["absent"]),
        ("features", "at"),
        ("features", [{"kind": "Popen", "args": "true"}]),
        ("features", [{"kind": "Trim", "column": "at"}]),
        ("features", [{"datetime": "2024-01-01"}]),
        ("derive", [{"kind": "Derive", "name": "x", "dtype": "int64", "expression": {"kind": "Literal"}}]),
        ("derive", [{"kind": "DropWhere", "condition": {"kind": "Literal", "value": {"date": "x"}}}]),
        ("enrich", ["view/plain"]),
        ("enrich", [{"kind": []}]),
        ("source", "source/nowhere"),
        ("source", "entity/customer"),
        ("ttl", 7),
        ("ttl", "__import__('os')"),
        ("transform", {"kind": "Function", "name": "system", "source": "import os", "uses": []}),
        ("unheard_of", 1),
    ],
)
def test_nothing_else_is_taken(field: str, value: Json) -> None:
    described = written(project(double))
    described["view/plain"][field] = value
    with pytest.raises(AsofError):
        restore(described, project(double))


def test_a_field_that_is_missing_was_written_by_another_version() -> None:
    described = written(project(double))
    del described["view/plain"]["ttl"]
    with pytest.raises(DataError, match="view/plain is not written as this version of Asof does"):
        restore(described, project(double))
