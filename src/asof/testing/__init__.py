"""Conformance suites: test classes that an engine, a connector or an online store of one's own subclasses.

They need pytest and hypothesis: `pip install 'asof[testing]'`. A team's engine is held to the same
results as those that come with Asof:

    from asof.testing import EngineTests

    @pytest.fixture(scope="module")
    def our_engine():
        with OurEngine() as engine:
            yield engine

    class TestOurEngine(EngineTests):
        @pytest.fixture
        def engine(self, our_engine):
            return our_engine
"""

from asof.testing.connector_tests import ConnectorTests
from asof.testing.engine_tests import EngineTests
from asof.testing.online_store_tests import OnlineStoreTests

__all__ = ["ConnectorTests", "EngineTests", "OnlineStoreTests"]
