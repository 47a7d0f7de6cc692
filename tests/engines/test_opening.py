"""Engines that can't be had say why."""

from __future__ import annotations

import socket
from collections.abc import Callable

import dask
import pytest

from asof.errors import Conflict, DefinitionError, MissingExtra, NotFound
from asof.testing import kernels
from asof.transforms.engines.dask import DaskEngine
from asof.transforms.engines.spark import SparkEngine


@pytest.fixture
def nobody() -> str:
    """A host and port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("name", ["dask", "spark"])
def test_without_its_packages_an_engine_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"asof.transforms.engines.{name}.find_spec", lambda package: None)
    with pytest.raises(MissingExtra, match=rf"the engine '{name}' needs the extra '{name}'"):
        {"dask": DaskEngine, "spark": SparkEngine}[name]()


def test_a_dask_scheduler_that_does_not_answer(nobody: str, present: Callable[[str], None]) -> None:
    present("dask")
    import distributed  # brings its own settings with it, which would be lost with the one below

    assert distributed
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.3s"}),
        DaskEngine(f"tcp://{nobody}") as engine,
        pytest.raises(NotFound, match=f"no Dask scheduler answers at tcp://{nobody}"),
    ):
        list(engine.map(kernels.double, [1]))


def test_a_dask_address_of_another_kind(present: Callable[[str], None]) -> None:
    present("dask")
    with (
        DaskEngine("k8s://host") as engine,
        pytest.raises(DefinitionError, match=r"scheduler 'k8s://host': an address like tcp://host:8786"),
    ):
        list(engine.map(kernels.double, [1]))


@pytest.mark.xdist_group("dask")
def test_dask_by_address(dask_engine: DaskEngine) -> None:
    list(dask_engine.map(kernels.double, [1]))
    with DaskEngine(dask_engine._client.scheduler.address) as engine:
        assert list(engine.map(kernels.double, [1, 2])) == [2, 4]
    assert list(dask_engine.map(kernels.double, [3])) == [6]


@pytest.mark.xdist_group("spark")
def test_a_session_that_is_there_is_used_and_kept(spark_engine: SparkEngine) -> None:
    with SparkEngine() as active, SparkEngine(session=spark_engine._session) as given:
        assert list(active.map(kernels.double, [2])) == list(given.map(kernels.double, [2])) == [4]
    assert list(spark_engine.map(kernels.double, [3])) == [6]


@pytest.mark.xdist_group("spark")
def test_a_session_on_another_master_is_not_taken_for_the_wanted_one(spark_engine: SparkEngine) -> None:
    with pytest.raises(
        Conflict, match=r"has a Spark session on local\[2,4\] already, not on spark://host:7077"
    ):
        list(SparkEngine("spark://host:7077").map(kernels.double, [1]))


def test_spark_takes_one_of_master_remote_and_session() -> None:
    with pytest.raises(DefinitionError, match="give one of master, remote and session"):
        SparkEngine("local[1]", remote="sc://host")


def test_a_connect_server_that_does_not_answer(nobody: str, present: Callable[[str], None]) -> None:
    present("spark")
    with (
        SparkEngine(remote=f"sc://{nobody}") as engine,
        pytest.raises(NotFound, match=f"no Spark Connect server answers at sc://{nobody}"),
    ):
        list(engine.map(kernels.double, [1]))
