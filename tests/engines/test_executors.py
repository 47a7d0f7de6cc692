"""A Spark cluster of processes on two addresses: a killed executor, and a slow one that is speculated on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.engines import executors
from tests.engines.disturbed import CASE, live

from asof.testing.case import write
from asof.transforms.engines.java import java_home
from asof.transforms.engines.local import LocalEngine

Tables = dict[str, tuple[int, str]]

ROOT = Path(__file__).parents[2]
SETTINGS = """
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.ui.enabled false
spark.executor.memory 512m
spark.executorEnv.PYTHONPATH {path}
spark.speculation true
spark.speculation.interval 100ms
spark.speculation.quantile 0.5
spark.speculation.minTaskRuntime 100ms
spark.speculation.efficiency.enabled false
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's"),
]


class Cluster:
    """A master and workers with a core each; a task is speculated on at another address only."""

    def __init__(self, folder: Path, port: int) -> None:
        self.master = f"spark://127.0.0.1:{port}"
        (folder / "conf").mkdir()
        path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
        (folder / "conf/spark-defaults.conf").write_text(SETTINGS.format(path=path))
        (folder / "java").mkdir()
        self.environment = {
            **os.environ,
            "JAVA_HOME": str(java_home(folder / "java")),
            "SPARK_HOME": str(_package("pyspark")),
            "SPARK_CONF_DIR": str(folder / "conf"),
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": path,
        }

    @contextmanager
    def process(self, of: str, *arguments: str | Path) -> Iterator[None]:
        """One of the cluster's processes."""
        spark = _package("pyspark") / "bin/spark-class"
        command = [spark, f"org.apache.spark.deploy.{of}", "--webui-port", "0", *arguments]
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as started:
            try:
                yield
            finally:
                started.terminate()

    def run(self, folder: Path, how: str) -> None:
        """Bring a project up to date on the cluster."""
        command = [sys.executable, executors.__file__, folder, self.master, how]
        done = subprocess.run(command, capture_output=True, env=self.environment, timeout=240)
        assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def cluster(present: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    present("spark")
    folder = tmp_path_factory.mktemp("cluster")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    cluster = Cluster(folder, port)
    with ExitStack() as running:
        running.enter_context(cluster.process("master.Master", "--host", "127.0.0.1", "--port", str(port)))
        _wait_for("127.0.0.1", port)
        for host in ("127.0.0.1", "127.0.0.2"):
            place = ["--host", host, "--work-dir", folder / host, "--cores", "1", "--memory", "1g"]
            running.enter_context(cluster.process("worker.Worker", *place, cluster.master))
        yield cluster


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


def test_the_tasks_of_a_killed_executor_are_run_by_another(
    cluster: Cluster, folder: Path, undisturbed: Tables
) -> None:
    cluster.run(folder, "killed")
    assert (folder.parent / "disturbed").exists()
    assert live(folder, LocalEngine()) == undisturbed


def test_a_task_that_is_speculated_on_leaves_one_whole_version(
    cluster: Cluster, folder: Path, undisturbed: Tables
) -> None:
    """The first attempt has written its files and never answers: what counts is from another one."""
    cluster.run(folder, "slow")
    assert (folder.parent / "disturbed").exists()
    assert not (folder.parent / "late").exists()
    assert live(folder, LocalEngine()) == undisturbed


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _wait_for(host: str, port: int, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection((host, port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
