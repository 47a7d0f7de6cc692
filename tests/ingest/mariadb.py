"""A server of MariaDB, started from its program."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import sqlalchemy as sa


def has_mariadb() -> bool:
    return _program() is not None and shutil.which("mariadb-install-db") is not None


@contextmanager
def mariadb_server(folder: Path) -> Iterator[str]:
    """The SQLAlchemy URL of a server that keeps what it has in a folder."""
    account = ["--user=root"] if os.geteuid() == 0 else []
    options = ["--no-defaults", f"--datadir={folder / 'data'}", *account]
    made = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    program = _program()
    assert program is not None
    port = _free_port()
    where = ["--bind-address=127.0.0.1", f"--port={port}", "--socket=socket"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *options, *where, "--innodb-flush-log-at-trx-commit=0"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"mysql+pymysql://root@127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database."""
    name = f"asof_{uuid.uuid4().hex}"
    url = sa.make_url(server)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()


def _program() -> str | None:
    return shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root").close()
    except pymysql.OperationalError:
        return False
    return True
