"""What every engine must do: the suite that an engine of one's own subclasses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import pytest

from asof.errors import AsofError, DataError, MissingExtra
from asof.project import Project
from asof.testing import kernels
from asof.testing.bad_input import BAD_INPUTS, SHOP, BadInput
from asof.testing.case import Case, Outcome, as_plain_data, outcome, write
from asof.testing.corpus.cases import CASES
from asof.testing.expected import expected_rows
from asof.testing.generated import generated
from asof.transforms.engines.engine import Engine
from asof.transforms.engines.local import LocalEngine


class EngineTests:
    """Subclass it with a fixture `engine`; have it hand on one of a wider scope where starting takes long."""

    seeds: ClassVar[Sequence[int]] = (1, 2)
    """Of the generated cases."""

    @pytest.fixture
    def engine(self) -> Engine:
        """The engine under test."""
        raise NotImplementedError("give the test class a fixture 'engine'")

    def test_an_engine_has_a_name(self, engine: Engine) -> None:
        assert isinstance(engine.name, str)
        assert engine.name

    def test_no_tasks_give_no_results(self, engine: Engine) -> None:
        assert list(engine.map(kernels.double, [])) == []

    def test_one_task(self, engine: Engine) -> None:
        assert list(engine.map(kernels.double, [21])) == [42]

    def test_many_tasks_come_back_in_order(self, engine: Engine) -> None:
        numbers = range(500)
        assert list(engine.map(kernels.double, numbers)) == [2 * number for number in numbers]

    def test_tasks_that_end_in_another_order_come_back_in_order(self, engine: Engine) -> None:
        assert list(engine.map(kernels.slow_when_early, range(10))) == list(range(10))

    def test_results_may_be_arrow_tables(self, engine: Engine) -> None:
        results = list(engine.map(kernels.squares, [0, 3]))
        assert results[0].num_rows == 0
        assert results[1].to_pydict() == {"number": [0, 1, 2], "square": [0, 1, 4]}

    def test_a_kernel_may_be_partial(self, engine: Engine, tmp_path: Path) -> None:
        assert list(engine.map(partial(kernels.leave_a_mark, str(tmp_path)), range(5))) == list(range(5))
        assert {path.name for path in tmp_path.iterdir()} == {"0", "1", "2", "3", "4"}

    def test_nothing_runs_until_a_result_is_asked_for(self, engine: Engine, tmp_path: Path) -> None:
        results = engine.map(partial(kernels.leave_a_mark, str(tmp_path)), range(5))
        assert list(tmp_path.iterdir()) == []
        assert next(results) == 0

    def test_results_may_be_left(self, engine: Engine) -> None:
        results = engine.map(kernels.double, range(100))
        assert next(results) == 0
        del results
        assert list(engine.map(kernels.double, [1])) == [2]

    def test_an_error_for_people_arrives_as_itself(self, engine: Engine) -> None:
        results = engine.map(kernels.refuse, range(5))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(DataError) as raised:
            next(results)
        assert str(raised.value) == "number 3 is refused; give another"

    def test_a_missing_package_arrives_as_itself(self, engine: Engine) -> None:
        with pytest.raises(MissingExtra) as raised:
            list(engine.map(kernels.miss_a_package, [3]))
        assert str(raised.value) == "number 3 needs the extra 'spark': pip install 'asof[spark]'"

    def test_a_mistake_arrives_as_itself(self, engine: Engine) -> None:
        with pytest.raises(KeyError, match="3"):
            list(engine.map(kernels.stumble, range(5)))

    def test_an_error_that_cannot_be_sent_arrives_by_its_text(self, engine: Engine) -> None:
        with pytest.raises(Exception, match="number 3") as raised:
            list(engine.map(kernels.raise_what_cannot_be_sent, [3]))
        assert not isinstance(raised.value, AsofError)

    def test_an_engine_works_on_after_an_error(self, engine: Engine) -> None:
        with pytest.raises(DataError):
            list(engine.map(kernels.refuse, range(50)))
        assert list(engine.map(kernels.double, [1, 2])) == [2, 4]

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_corpus(self, engine: Engine, case: Case, tmp_path: Path) -> None:
        with small_tasks():
            found = outcome(case, engine, tmp_path)
        for name, columns in case.expected.items():
            expected = {column: list(values) for column, values in columns.items()}
            assert as_plain_data(found.rows[name].to_pylist(), list(columns)) == expected, name

    @pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.name)
    def test_bad_input(self, engine: Engine, bad: BadInput, tmp_path: Path) -> None:
        write(SHOP, tmp_path)
        with small_tasks(), Project.open(str(tmp_path), engine=LocalEngine()) as project:
            project.apply()
            project.run()
            before = views_and_sets(project)
        write(replace(SHOP, definitions=SHOP.definitions.replace(*bad.change)), tmp_path)
        with small_tasks(), Project.open(str(tmp_path), engine=engine) as project:
            project.apply()
            with pytest.raises(bad.error, match=bad.says):
                bad.do(project)
            assert views_and_sets(project) == before

    def test_generated_cases(self, engine: Engine, tmp_path: Path) -> None:
        for seed in self.seeds:
            for case in generated(seed):
                with small_tasks():
                    there = outcome(case, engine, tmp_path / f"there-{seed}" / case.name)
                assert_as_the_rules_say(case, there)
                assert_same(there, outcome(case, LocalEngine(), tmp_path / f"here-{seed}" / case.name))


def views_and_sets(project: Project) -> list[object]:
    """The versions of views and training sets that are there: all that bad input may have half written."""
    views = [version for version in project.tables() if version.table.startswith("views/")]
    return [*views, *project.training_sets()]


@contextmanager
def small_tasks() -> Iterator[None]:
    """Tables of a few rows are taken in several parts and buckets, as large ones are."""
    with (
        patch("asof.transforms.buckets.ROWS_PER_BUCKET", 3),
        patch("asof.transforms.buckets._MOST", 4),
        patch("asof.transforms.parts.ROWS_PER_PART", 200),
    ):
        yield


def assert_as_the_rules_say(case: Case, found: Outcome) -> None:
    """The rows of each training set are those that plain Python finds, slowly."""
    for name, wanted in found.definitions.training_sets.items():
        assert found.rows[name].to_pylist() == expected_rows(case, wanted), name


def assert_same(there: Outcome, here: Outcome) -> None:
    """Rows, fingerprints and the accounting of steps are equal."""
    for name, rows in here.rows.items():
        assert there.rows[name].equals(rows), name
    assert there.fingerprints == here.fingerprints
    assert there.accounting == here.accounting
