"""What a person at a terminal of 80 columns sees."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asof = Callable[..., Any]
Terminal = Callable[..., str]

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


@pytest.fixture
def terminal(environment: dict[str, str]) -> Terminal:
    """Runs `asof` on a terminal of 80 columns and gives all that it wrote to it."""

    def run(*arguments: object, **variables: str) -> str:
        here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command = [sys.executable, "-m", "asof", *map(str, arguments)]
        unset = {"NO_COLOR", "COLUMNS", "FORCE_COLOR"}
        cleared = {name: value for name, value in environment.items() if name not in unset}
        with subprocess.Popen(
            command,
            env={**cleared, "TERM": "xterm-256color", **variables},
            stdin=there,
            stdout=there,
            stderr=there,
        ):
            os.close(there)
            written = read_all(here)
        os.close(here)
        return written.decode().replace("\r\n", "\n")

    return run


def read_all(descriptor: int) -> bytes:
    """What is written to a terminal until nobody has it open any more."""
    written = b""
    while True:
        try:
            more = os.read(descriptor, 65536)
        except OSError:
            return written
        if not more:
            return written
        written += more


def lines(written: str) -> list[str]:
    """What can be read on the terminal, without what was written over."""
    plain = (line.rpartition("\r")[2] for line in written.split("\n"))
    return [text for line in plain if (text := ESCAPE.sub("", line).rstrip())]


@pytest.mark.slow
def test_a_run_shows_a_table_of_steps(asof: Asof, shop: Path, terminal: Terminal) -> None:
    asof("apply", "--project", shop)
    seen = lines(terminal("--project", shop, "run"))
    assert seen[0].split() == ["step", "read", "written", "quarantined", "dropped", "took"]
    assert re.fullmatch(r"ingest sales +7 +6 +1 +0 +\d+\.\ds", seen[1])
    assert seen[-1] == "Rows in quarantine: 2; see why with: asof quarantine"
    assert max(map(len, seen)) <= 80


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["tables"], ["training-set", "show", "churn"]],
    ids=" ".join,
)
def test_tables_fit(command: list[str], built: Path, terminal: Terminal) -> None:
    assert max(map(len, lines(terminal("--project", built, *command)))) <= 80


def test_colours_can_be_switched_off(terminal: Terminal, tmp_path: Path) -> None:
    assert COLOUR.search(terminal("--project", tmp_path, "tables"))
    assert not COLOUR.search(terminal("--project", tmp_path, "tables", NO_COLOR="1"))
