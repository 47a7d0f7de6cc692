"""What every test may ask for."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from importlib.util import find_spec

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


@pytest.fixture(scope="session")
def google(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks the protocol of Google Cloud Storage."""
    from tests.ingest.cloud_stores import google_server, has_go

    require("Go, to build fake-gcs-server", has_go())
    require("gcsfs", find_spec("gcsfs"))
    with (
        pytest.MonkeyPatch.context() as patched,
        google_server(tmp_path_factory.mktemp("google")) as address,
    ):
        # Else it asks for each bucket's kind over gRPC, which the server does not speak.
        patched.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        yield address


@pytest.fixture(scope="session")
def azure(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks the protocol of Azure Blob Storage."""
    from tests.ingest.cloud_stores import azure_server, has_node

    require("Node and npm, to run Azurite", has_node())
    require("adlfs", find_spec("adlfs"))
    with azure_server(tmp_path_factory.mktemp("azure")) as address:
        yield address


@pytest.fixture(scope="session")
def mariadb_server(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The SQLAlchemy URL of a server of MariaDB."""
    require("PyMySQL", find_spec("pymysql"))
    from tests.ingest.mariadb import has_mariadb, mariadb_server

    require("a server of MariaDB (apt install mariadb-server)", has_mariadb())
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


@pytest.fixture
def mariadb(mariadb_server: str) -> Iterator[str]:
    """The SQLAlchemy URL of an empty MariaDB database of this test's own."""
    from tests.ingest.mariadb import new_database

    with new_database(mariadb_server) as url:
        yield url
