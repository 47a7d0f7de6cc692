"""Where packages come from is the business of each machine: no file says it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "docs", "benchmarks", "notebooks", ".ci")
TEXT = {".cfg", ".ini", ".ipynb", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}
IDENTIFIERS = {"openlineage.io", "www.apache.org", "www.w3.org"}  # of schemas and licences: names, not places
HOSTS = {"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "github.com", *IDENTIFIERS}
OPTION = re.compile("--(extra-)?index" "-url|--find" "-links|--trusted" "-host")  # fmt: skip


def text_files() -> list[Path]:
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in top + below if path.suffix in TEXT and "__pycache__" not in path.parts]


def hosts(text: str) -> set[str]:
    found = re.findall(r"https?://([^\s/:\"'`)>\]{}]+)", text)
    return {host for host in found if not host.endswith((".example", "example.com"))}


@pytest.mark.parametrize("path", text_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_address_of_a_registry(path: Path) -> None:
    text = path.read_text(errors="replace")
    assert hosts(text) <= HOSTS
    assert not OPTION.search(text)


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.!+]+", line)] == []
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names))
