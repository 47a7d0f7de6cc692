"""The engines under test. Clusters start slowly: each is started once, and those of Spark share a JVM."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from asof.errors import NotFound
from asof.transforms.engines.dask import DaskEngine
from asof.transforms.engines.java import java_home
from asof.transforms.engines.local import LocalEngine
from asof.transforms.engines.spark import SparkEngine

Require = Callable[[str, object], None]


@pytest.fixture(scope="session")
def local_engine() -> LocalEngine:
    return LocalEngine()


@pytest.fixture(scope="session")
def present(require: Require) -> Callable[[str], None]:
    """Skips where the engine of that name can't run."""

    def check(name: str) -> None:
        if name == "dask":
            require("the extra 'dask'", find_spec("distributed"))
        if name == "spark":
            require("the extra 'spark'", find_spec("pyspark"))
            require("Java 17 or later (on Debian: openjdk-17-jre-headless)", _has_java())

    return check


@pytest.fixture(scope="session")
def dask_engine(present: Callable[[str], None]) -> Iterator[DaskEngine]:
    """An engine with a cluster of processes on this machine."""
    present("dask")
    with DaskEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def spark_engine(
    present: Callable[[str], None], connect_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkEngine]:
    """An engine with a session of its own on two threads, which serves Spark Connect too."""
    present("spark")
    folder = tmp_path_factory.mktemp("spark-conf")
    (folder / "spark-defaults.conf").write_text(
        "spark.plugins org.apache.spark.sql.connect.SparkConnectPlugin\n"
        f"spark.connect.grpc.binding.port {connect_port}\n"
        "spark.connect.grpc.binding.address 127.0.0.1\n"
    )
    with SparkEngine("local[2]") as engine:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPARK_CONF_DIR", str(folder))
            list(engine.map(str, [0]))
        yield engine


@pytest.fixture(scope="session")
def connect_engine(spark_engine: SparkEngine, connect_port: int) -> Iterator[SparkEngine]:
    """An engine that is a client of that session, through Spark Connect."""
    with SparkEngine(remote=f"sc://127.0.0.1:{connect_port}") as engine:
        yield engine


@pytest.fixture(scope="session")
def connect_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _has_java() -> bool:
    with TemporaryDirectory() as scratch:
        try:
            return bool(java_home(Path(scratch)))
        except NotFound:
            return False
