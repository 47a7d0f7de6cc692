"""Spark sessions that Asof starts itself: quiet, and gone without a trace when they are closed."""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from asof.errors import AsofError, Conflict, DefinitionError, NotFound
from asof.transforms.engines.java import java_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL = "local[*]"
FAILURES = 4
CONNECT_PORT = 15002
CONNECT_TIMEOUT = 30
_ERROR = re.compile(r"[\w.]*(Exception|Error): ")
_THREADS = re.compile(r"local(\[[^,\]]+\])?")


@contextmanager
def started(master: str | None) -> Iterator[SparkSession]:
    """A session on `master`, with its Java process; this process's own, where there is one already."""
    active = _active(master)
    if active is not None:
        yield active
        return
    with tempfile.TemporaryDirectory(prefix="asof-java-") as scratch, tempfile.TemporaryFile() as log:
        session, gateway = _start(master or LOCAL, java_home(Path(scratch)), log)
        try:
            yield session
        finally:
            session.stop()
            _stop(gateway)


@contextmanager
def connected(remote: str) -> Iterator[Any]:
    """A session of the Spark Connect server at `remote` ("sc://host:15002"); it needs no Java here."""
    from pyspark.sql.connect.session import SparkSession

    _find(remote)
    session = SparkSession.builder.remote(remote).create()
    try:
        yield session
    finally:
        session.stop()


def reason(text: str) -> str:
    r"""The line of a Java or Python traceback that says what went wrong.

    >>> reason("Job aborted\n\tat java.base/x\nCaused by: java.io.IOException: disk full\n\tat java.base/y")
    'java.io.IOException: disk full'
    >>> reason("no traceback")
    'no traceback'
    """
    lines = [line.strip().removeprefix("Caused by: ") for line in text.strip().splitlines()]
    return next(filter(_ERROR.match, reversed(lines)), lines[0] if lines else "")[:300]


def configuration(master: str) -> dict[str, str]:
    """What a session is started with, over what SPARK_CONF_DIR says."""
    chosen = {
        "spark.master": _retrying(master),
        "spark.app.name": "asof",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        chosen |= {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
    return chosen


def _find(remote: str) -> None:
    """NotFound where nobody listens at `remote`: the client would go on trying for ten minutes."""
    address = urlsplit(remote)
    try:
        if address.scheme != "sc" or not address.hostname:
            raise ValueError("a host is missing")
        socket.create_connection((address.hostname, address.port or CONNECT_PORT), CONNECT_TIMEOUT).close()
    except ValueError as error:
        raise DefinitionError(f"remote {remote!r}: an address like sc://host:15002 ({error})") from error
    except OSError as error:
        raise NotFound(
            f"no Spark Connect server answers at {remote} ({error}); start one there with: "
            "start-connect-server.sh"
        ) from error


def _active(master: str | None) -> SparkSession | None:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    context = SparkContext._active_spark_context
    if context is None:
        return None
    if master is not None and _retrying(master) != _retrying(str(context.master)):
        raise Conflict(
            f"this process has a Spark session on {context.master} already, not on {master}; "
            "stop it, or leave the master out to use it"
        )
    return SparkSession.builder.getOrCreate()


def _retrying(master: str) -> str:
    """Spark gives up on a task at its first failure in threads of its own process unless told otherwise.

    >>> _retrying("local[*]"), _retrying("local"), _retrying("local[2,1]"), _retrying("k8s://host")
    ('local[*,4]', 'local[1,4]', 'local[2,1]', 'k8s://host')
    """
    match = _THREADS.fullmatch(master)
    return f"local[{(match[1] or '[1]')[1:-1]},{FAILURES}]" if match else master


def _start(master: str, java: Path, log: IO[bytes]) -> tuple[SparkSession, Any]:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    settings = SparkConf().setAll(list(configuration(master).items()))
    gateway = None
    with _environment(JAVA_HOME=str(java), PYSPARK_PYTHON=_python(master)):
        try:
            gateway = launch_gateway(settings, {"stderr": log})
            return SparkSession(SparkContext(conf=settings, gateway=gateway)), gateway
        except Exception as error:
            _stop(gateway)
            raise AsofError(f"Spark did not start on {master}: {_last_words(log, error)}") from error


def _stop(gateway: Any) -> None:
    """End the Java process, and have PySpark forget it so that it can start another one."""
    from pyspark import SparkContext

    if gateway is None:
        return
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


def _python(master: str) -> str:
    """The Python of the workers: on this machine the one that runs here."""
    return os.environ.get("PYSPARK_PYTHON") or (sys.executable if master.startswith("local") else "python3")


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _last_words(log: IO[bytes], error: Exception) -> str:
    """Why Java did not start: what it wrote last, or what Python saw."""
    log.seek(0)
    return reason(log.read().decode(errors="replace") or str(error))
