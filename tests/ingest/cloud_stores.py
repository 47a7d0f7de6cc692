"""Servers that speak the protocols of Google Cloud Storage and of Azure, started from their programs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

FAKE_GCS_SERVER = "github.com/fsouza/fake-gcs-server@v1.47.0"  # the last that Go 1.19 builds
AZURITE = "azurite@3.35.0"
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The only account that Azurite has, and its key, which anybody knows."""


def has_go() -> bool:
    return shutil.which("go") is not None


def has_node() -> bool:
    return shutil.which("npm") is not None and shutil.which("node") is not None


@contextmanager
def google_server(folder: Path) -> Iterator[str]:
    """The address of a fake-gcs-server, which Go fetches and builds."""
    subprocess.run(["go", "install", FAKE_GCS_SERVER], env=os.environ | {"GOBIN": str(folder)}, check=True)
    host, port = "127.0.0.1", _free_port()
    where = ["-scheme", "http", "-host", host, "-port", str(port), "-public-host", f"{host}:{port}"]
    command = [str(folder / "fake-gcs-server"), *where, "-backend", "memory", "-log-level", "error"]
    with _serving(command, folder, port):
        yield f"http://{host}:{port}"


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """The address of an Azurite, which npm fetches and Node runs."""
    quiet = ["--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *quiet, AZURITE], check=True)
    host, port = "127.0.0.1", _free_port()
    where = ["--blobHost", host, "--blobPort", str(port), "--inMemoryPersistence"]
    program = folder / "node_modules/azurite/dist/src/blob/main.js"
    command = ["node", str(program), *where, "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with _serving(command, folder, port):
        yield f"http://{host}:{port}"


def azure_connection(address: str) -> str:
    """A connection string of Azure's to an Azurite."""
    parts: Mapping[str, str] = {
        "DefaultEndpointsProtocol": "http",
        "AccountName": AZURE_ACCOUNT,
        "AccountKey": AZURE_KEY,
        "BlobEndpoint": f"{address}/{AZURE_ACCOUNT}",
    }
    return ";".join(f"{name}={value}" for name, value in parts.items())


@contextmanager
def _serving(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        while not _accepts(port):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
