"""Every code block of README.md and docs/ runs, page by page, from top to bottom.

A page starts in an empty folder, which its blocks share. What a block's info string means:

    python              executed, all of a page's in one namespace
    python title="F"    written to the file F, as is a block of any other language with a title
    pycon               a session at the Python prompt, output and all
    console             each line after `$ ` is a shell command that must succeed; lines of output
                        that follow are what it prints (`...` stands for anything)
    text, and the rest  not run
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="(?P<file>[^"]+)"')
LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    info: str
    code: str
    line: int

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def file(self) -> str | None:
        title = TITLE.search(self.info)
        return title["file"] if title else None


class Command(NamedTuple):
    line: str
    output: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for fence in FENCE.finditer(text):
        line = text.count("\n", 0, fence.start("code")) + 1
        yield Block(fence["info"].strip(), fence["code"], line)


def commands(code: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        line, _, output = re.sub(r"\\\n", "", part).partition("\n")
        yield Command(line, output)


def environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "100"}


def run_console(block: Block, environment: Mapping[str, str]) -> None:
    for command in commands(block.code):
        if command.line.startswith("cd "):
            os.chdir(command.line[3:].strip())
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.line],
            env=environment,
            capture_output=True,
            text=True,
        )
        said = f"$ {command.line}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
        if command.output:
            printed = doctest.OutputChecker().check_output(command.output, done.stdout, LOOSELY)
            assert printed, f"{said}\nbut the page says:\n{command.output}"


def run_session(block: Block, page: Path, names: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line)
    doctest.DebugRunner(optionflags=LOOSELY).run(test, clear_globs=False)
    names.update(test.globs)


def run(block: Block, page: Path, names: dict[str, Any], environment: Mapping[str, str]) -> None:
    if block.file:
        Path(block.file).parent.mkdir(parents=True, exist_ok=True)
        Path(block.file).write_text(block.code)
    elif block.language == "python":
        exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), names)
    elif block.language == "pycon":
        run_session(block, page, names)
    elif block.language == "console":
        run_console(block, environment)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__page__"}
    for block in blocks(page):
        run(block, page, names, environment(tmp_path))


def test_a_wrong_block_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        '```toml title="a/b.toml"\nx = 1\n```\n'
        "```console\n$ mkdir c\n$ cd c\n$ echo one \\\n    two\none ...\n```\n"
        "```python\ny = 2\n```\n```pycon\n>>> y + 1\n3\n```\n"
        "```text\n$ false\n```\n```console\n$ false\n```\n"
    )
    names: dict[str, Any] = {}
    *good, bad = blocks(page)
    for block in good:
        run(block, page, names, environment(tmp_path))
    assert (tmp_path / "a/b.toml").read_text() == "x = 1\n"
    assert Path.cwd() == tmp_path / "c"
    with pytest.raises(AssertionError, match="false"):
        run(bad, page, names, environment(tmp_path))
