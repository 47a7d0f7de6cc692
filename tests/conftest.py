"""What every test may ask for."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import hypothesis
import pytest

hypothesis.settings.register_profile("asof", deadline=None)
hypothesis.settings.load_profile("asof")

Require = Callable[[str, object], None]


@pytest.fixture(scope="session")
def require() -> Require:
    """Skip a test unless `present` is true, naming what was missing.

    Where everything must be there (ASOF_REQUIRE_ALL=1, as in CI) the test fails instead.
    """

    def check(what: str, present: object) -> None:
        if present:
            return
        if os.environ.get("ASOF_REQUIRE_ALL") == "1":
            pytest.fail(f"missing, though ASOF_REQUIRE_ALL=1: {what}", pytrace=False)
        pytest.skip(f"missing: {what}")

    return check


@pytest.fixture
def postgres(require: Require) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database of this test's own."""
    server = os.environ.get("ASOF_TEST_POSTGRES")
    require("a PostgreSQL server (ASOF_TEST_POSTGRES=postgresql+psycopg://...)", server)
    import sqlalchemy

    name = f"asof_{uuid.uuid4().hex}"
    url = sqlalchemy.make_url(server)
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
