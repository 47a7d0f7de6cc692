"""Killed workers, killed drivers, tasks that run twice: a version comes out whole, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.engines import disturbed
from tests.engines.disturbed import CASE, Disturbed, live

from asof.errors import AsofError
from asof.testing import kernels
from asof.testing.case import write
from asof.transforms.engines.engine import Engine
from asof.transforms.engines.local import LocalEngine

pytestmark = pytest.mark.slow
LOCAL = pytest.param("local_engine")
DASK = pytest.param("dask_engine", marks=pytest.mark.xdist_group("dask"))
SPARK = pytest.param("spark_engine", marks=pytest.mark.xdist_group("spark"))

Tables = dict[str, tuple[int, str]]


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(CASE, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The tables that come out where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write(CASE, folder)
    return live(folder, LocalEngine())


@pytest.mark.parametrize("engine", [DASK, SPARK], indirect=True)
def test_the_task_of_a_killed_worker_is_run_again(engine: Engine, tmp_path: Path) -> None:
    assert list(engine.map(partial(kernels.die_once, str(tmp_path)), range(20))) == list(range(20))
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("engine", [DASK, SPARK], indirect=True)
def test_a_task_that_kills_every_worker_is_given_up(engine: Engine) -> None:
    with pytest.raises(AsofError, match=r"Spark gave up|lost every worker"):
        list(engine.map(kernels.die_always, range(5)))
    assert list(engine.map(kernels.double, [4])) == [8]


@pytest.mark.parametrize("engine", [DASK, SPARK], indirect=True)
def test_a_worker_that_is_killed_after_writing_leaves_no_row_twice(
    engine: Engine, folder: Path, undisturbed: Tables
) -> None:
    dying = partial(kernels.die_before_the_answer, str(folder))
    assert live(folder, Disturbed(engine, dying)) == undisturbed
    assert (folder / "died").exists()


@pytest.mark.parametrize("engine", [LOCAL, DASK, SPARK], indirect=True)
def test_tasks_that_run_twice_leave_no_row_twice(engine: Engine, folder: Path, undisturbed: Tables) -> None:
    assert live(folder, Disturbed(engine, kernels.twice)) == undisturbed


@pytest.mark.parametrize("results", [0, 4, 9])
@pytest.mark.parametrize("name", ["local", "dask", "spark"])
def test_a_killed_driver_leaves_whole_versions_that_are_gone_on_from(
    name: str, results: int, folder: Path, undisturbed: Tables, present: Callable[[str], None]
) -> None:
    present(name)
    killed = subprocess.run(
        [sys.executable, disturbed.__file__, name, folder, str(results)], capture_output=True, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert live(folder, LocalEngine()) == undisturbed
