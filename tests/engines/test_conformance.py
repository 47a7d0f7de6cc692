"""All engines that come with Asof, held to the suite that they share."""

from __future__ import annotations

import pytest

from asof.testing import EngineTests
from asof.transforms.engines.dask import DaskEngine
from asof.transforms.engines.engine import Engine
from asof.transforms.engines.local import LocalEngine
from asof.transforms.engines.spark import SparkEngine


class TestLocal(EngineTests):
    @pytest.fixture
    def engine(self, local_engine: LocalEngine) -> Engine:
        return local_engine


@pytest.mark.xdist_group("dask")
class TestDask(EngineTests):
    @pytest.fixture
    def engine(self, dask_engine: DaskEngine) -> Engine:
        return dask_engine


@pytest.mark.xdist_group("spark")
class TestSpark(EngineTests):
    seeds = (1,)

    @pytest.fixture
    def engine(self, spark_engine: SparkEngine) -> Engine:
        return spark_engine


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
class TestSparkConnect(EngineTests):
    seeds = (1,)

    @pytest.fixture
    def engine(self, connect_engine: SparkEngine) -> Engine:
        return connect_engine
