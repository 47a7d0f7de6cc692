"""Functions in definitions: what they are told apart by, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import cloudpickle
import pytest

from asof.errors import DefinitionError
from asof.features.describe import definition_hash, describe
from asof.features.function import Function
from asof.features.graph import Definitions
from asof.features.transform import Transform
from asof.features.view import FeatureView
from asof.loading import load_definitions

HEAD = """
from asof import *
import re
import pyarrow as pa
import pyarrow.compute as pc

customer = Entity("customer", keys={"customer_id": Int64})
people = Source(
    "people",
    reader=Files("people.csv"),
    schema={"customer_id": Int64, "name": String, "age": Int64, "at": Timestamp},
    event_time="at",
)
"""
PERSON = """
@feature_view(entity=customer, source=people, inputs=["age"], outputs={"old": Bool})
def person(rows):
    return pa.table({"old": pc.greater(rows["age"], LIMIT)})
"""

CACHED = "from functools import cache\n@cache\n"
WRAPPED = """
from functools import wraps
def more(function):
    @wraps(function)
    def wrapper(rows):
        return function(rows) + {}
    return wrapper
@more
def LIMIT(rows):
    return rows
"""
MADE = """
def make(k):
    def made(rows):
        return rows + k
    return made
one, two = make({}), make({})
def LIMIT(rows):
    return one(two(rows))
"""

Load = Callable[..., Definitions]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads definitions from the text of one file, or of several of one package."""

    def loaded(text: str = "", **files: str) -> Definitions:
        if files:
            folder = tmp_path / "features"
            folder.mkdir(exist_ok=True)
            for name, content in files.items():
                (folder / f"{name}.py").write_text(HEAD + content)
            return load_definitions(folder)
        (tmp_path / "definitions.py").write_text(HEAD + text)
        return load_definitions(tmp_path / "definitions.py")

    return loaded


def function(definitions: Definitions, view: str = "person") -> Function:
    transform = definitions.views[view].transform
    assert transform is not None
    return transform.function


def table_of(definitions: Definitions) -> str:
    return next(node.definition for node in definitions.tables if node.name == "views/person")


def test_a_function_becomes_a_view(load: Load) -> None:
    view = load("LIMIT = 65" + PERSON).views["person"]
    assert view.features == ("old",)
    assert view.name == "person"
    assert "transform=Transform(function=person, inputs=['age'], outputs={'old': Bool}" in repr(view)


def test_the_decorator_makes_what_the_value_says(load: Load) -> None:
    written = """
    def person(rows):
        return pa.table({"old": pc.greater(rows["age"], 65)})

    view = FeatureView(
        "person",
        entity=customer,
        source=people,
        features=["old"],
        transform=Transform(person, inputs=["age"], outputs={"old": Bool}),
    )
    """
    assert load(dedent(written)).hash == load(PERSON.replace("LIMIT", "65")).hash


def test_description_says_what_the_function_says(load: Load) -> None:
    view = load("LIMIT = 65" + PERSON).views["person"]
    assert describe(view)["transform"] == {
        "kind": "Transform",
        "function": {
            "kind": "Function",
            "name": "person",
            "source": 'def person(rows):\n    return pa.table({"old": pc.greater(rows["age"], LIMIT)})',
            "uses": [["LIMIT", "65"], ["pa", "module pyarrow"], ["pc", "module pyarrow.compute"]],
        },
        "inputs": ["age"],
        "outputs": [["old", "bool"]],
        "frame": "arrow",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 65", "LIMIT = 66"),
        ("LIMIT = (1, {'a': [2]})", "LIMIT = (1, {'a': [3]})"),
        ("LIMIT = re.compile('a')", "LIMIT = re.compile('b')"),
        ("def LIMIT(): return 1", "def LIMIT(): return 2"),
        ("from math import floor as LIMIT", "from math import ceil as LIMIT"),
        ("BASE = 1\ndef LIMIT(): return BASE", "BASE = 2\ndef LIMIT(): return BASE"),
        ("class LIMIT:\n    x = 1", "class LIMIT:\n    x = 2"),
        ("B = 1\nclass LIMIT:\n    def f(self): return B", "B = 2\nclass LIMIT:\n    def f(self): return B"),
        (WRAPPED.format(1), WRAPPED.format(2)),
        (MADE.format(1, 2), MADE.format(1, 3)),
        (MADE.format(1, 2), MADE.format(2, 1)),
        (f"{CACHED}def LIMIT(): 1", f"{CACHED}def LIMIT(): 2"),
    ],
)
def test_what_a_function_uses_counts(load: Load, before: str, after: str) -> None:
    assert table_of(load(before + PERSON)) != table_of(load(after + PERSON))


def test_what_it_says_counts_and_nothing_else(load: Load) -> None:
    base = load("LIMIT = 65" + PERSON)
    assert table_of(load("LIMIT = 65" + PERSON.replace("greater", "less"))) != table_of(base)
    assert table_of(load("OTHER = 1\nLIMIT = 65" + PERSON)) == table_of(base)
    assert load("LIMIT = 65" + PERSON).hash == base.hash


def test_the_order_of_a_set_does_not_count(load: Load) -> None:
    one, other = "LIMIT = {'a', 'b', 'c', 'd'}", "LIMIT = {'d', 'c', 'b', 'a'}"
    assert table_of(load(one + PERSON)) == table_of(load(other + PERSON))


def test_code_of_another_file_counts_wherever_the_folder_stands(load: Load, tmp_path: Path) -> None:
    views = "from .limits import LIMIT" + PERSON
    one = load(limits="BASE = 1\ndef LIMIT():\n    return BASE", views=views)
    text = "def LIMIT():\n    return BASE\n"
    assert dict(function(one).uses) == {
        "LIMIT": text,
        "LIMIT.BASE": "1",
        "pa": "module pyarrow",
        "pc": "module pyarrow.compute",
    }
    other = load(limits="BASE = 2\ndef LIMIT():\n    return BASE", views=views)
    assert one.hash != other.hash
    (tmp_path / "features").rename(tmp_path / "moved")
    assert load_definitions(tmp_path / "moved").hash == other.hash


def test_an_edit_within_a_second_is_not_missed(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    for limit in (65, 66):
        loaded = load(limits=f"LIMIT = {limit}", views="from .limits import LIMIT" + PERSON)
        assert function(loaded).call.__globals__["LIMIT"] == limit


def test_equal_after_a_journey(load: Load) -> None:
    view = load("LIMIT = 65" + PERSON).views["person"]
    sent = cloudpickle.loads(cloudpickle.dumps(view))
    assert isinstance(sent, FeatureView)
    assert (sent, hash(sent), definition_hash(sent)) == (view, hash(view), definition_hash(view))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LIMIT = pa.array([1])", ["'person' uses 'LIMIT'", "make it inside"]),
        ("", ["'person' uses 'LIMIT'", "isn't there yet", "write it above"]),
        ("LIMIT = customer", ["'person' uses 'LIMIT'", "Entity"]),
        ("from random import random as LIMIT", ["'person' uses 'LIMIT'", "make it inside"]),
    ],
)
def test_what_can_not_be_told_is_refused(load: Load, text: str, words: list[str]) -> None:
    with pytest.raises(DefinitionError) as error:
        load(text + PERSON)
    for word in words:
        assert word in str(error.value)


def rows_and_more(rows: Any, more: Any) -> Any:
    return rows


def same(rows: Any) -> Any:
    return rows


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Transform(lambda rows: rows, outputs={"x": "int64"}),
            ["must be a function written with def"],
        ),
        (lambda: Transform(len, outputs={"x": "int64"}), ["must be a function written with def"]),
        (lambda: Transform(rows_and_more, outputs={"x": "int64"}), ["must take one argument", "rows, more"]),
        (lambda: Transform(same, outputs={}), ["outputs is empty"]),
        (lambda: Transform(same, outputs={"_x": "int64"}), ["'_x'", "Asof's own"]),
        (lambda: Transform(same, outputs={"x": "int6"}), ["'int6' is not a column type"]),
        (
            lambda: Transform(same, outputs={"x": "int64"}, frame="pandas"),
            ["frame 'pandas'", "arrow, narwhals"],
        ),
        (lambda: Transform(same, outputs={"x": "int64"}, inputs=["a", "a"]), ["two inputs are named 'a'"]),
        (lambda: Transform(same, output={"x": "int64"}), ["takes no 'output'", "did you mean 'outputs'"]),
    ],
)
def test_a_wrong_transform(make: Callable[[], object], words: list[str]) -> None:
    with pytest.raises(DefinitionError) as error:
        make()
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"inputs": '["agee"]'}, ["input of 'person' 'agee' is not a column", "did you mean 'age'"]),
        ({"outputs": '{"customer_id": Int64}'}, ["'customer_id' would replace a key"]),
        ({"outputs": '{"Age": Int64}'}, ["'age' and 'Age' differ in case alone"]),
        (
            {"outputs": '{"old": Bool}, features=["odl"]'},
            ["feature 'odl' is not a column", "did you mean 'old'"],
        ),
    ],
)
def test_a_view_that_does_not_fit(load: Load, given: dict[str, str], words: list[str]) -> None:
    arguments = {"inputs": '["age"]', "outputs": '{"old": Bool}'} | given
    text = ", ".join(f"{name}={value}" for name, value in arguments.items())
    with pytest.raises(DefinitionError) as error:
        load(f"@feature_view(entity=customer, source=people, {text})\ndef person(rows):\n    return rows\n")
    for word in words:
        assert word in str(error.value)


def test_a_method_is_dedented(load: Load) -> None:
    inside = indent(PERSON.replace("LIMIT", "65"), "    ")
    assert (
        function(load(f"if True:\n{inside}")).source == function(load(PERSON.replace("LIMIT", "65"))).source
    )
