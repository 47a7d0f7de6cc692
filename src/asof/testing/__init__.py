"""Conformance suites: test classes that an engine of one's own subclasses. They need pytest.

A team's engine is held to the same results as those that come with Asof:

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

from asof.testing.engine_tests import EngineTests

__all__ = ["EngineTests"]
