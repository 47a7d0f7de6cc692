"""Real Redis servers, started from their program."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """A server on a port of its own, which keeps what it has over a kill."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        ports = ["--port", "0", "--tls-port"] if "--tls-cert-file" in options else ["--port"]
        self._options = [*ports, str(self.port), *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisServer:
        """Give it back when it accepts connections."""
        always = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--logfile", "log"]
        command = [PROGRAM, *always, *self._options]
        self._process = subprocess.Popen(command, cwd=self.folder)
        while not accepts(self.port):
            assert self._process.poll() is None, (self.folder / "log").read_text()
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def redis_program(require: Callable[[str, object], None]) -> None:
    require("a Redis server (apt install redis-server)", PROGRAM)


@pytest.fixture(scope="session")
def redis_server(redis_program: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for the whole session: keep to `redis_url`."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def redis_cluster(redis_program: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A cluster of one server, which refuses at once what has keys of two hash slots."""
    import redis

    server = RedisServer(tmp_path_factory.mktemp("cluster"), ["--cluster-enabled", "yes"]).start()
    with redis.Redis(port=server.port) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            pass
    yield server
    server.kill()


_prefixes = itertools.count()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An address under which the store is empty."""
    return f"{redis_server.url}?prefix=test{next(_prefixes)}"


@pytest.fixture
def cluster_url(redis_cluster: RedisServer) -> str:
    """The same of a cluster."""
    return f"{redis_cluster.url}?prefix=test{next(_prefixes)}"


@pytest.fixture
def start_redis(redis_program: None, tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts a server of the test's own, with options."""
    servers = []

    def start(*options: str) -> RedisServer:
        folder = tmp_path / f"redis{len(servers)}"
        folder.mkdir()
        servers.append(RedisServer(folder, options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.kill()
