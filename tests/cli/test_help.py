"""What `asof --help` says, and what it needs to say it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner

from asof import __version__
from asof.cli.main import cli


def walk(command: click.Command, name: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield name
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            assert below is not None
            yield from walk(below, (*name, each))


COMMANDS = sorted(walk(cli, ()))
GROUPS = {name[:-1] for name in COMMANDS if len(name) > 1}


def help_of(*command: str) -> str:
    result = CliRunner().invoke(cli, [*command, "--help"], prog_name="asof")
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_a_terminal(command: tuple[str, ...]) -> None:
    lines = help_of(*command).splitlines()
    assert lines[0].startswith(" ".join(["Usage: asof", *command]))
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in GROUPS], ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    examples = help_of(*command).partition("\nExample")[2]
    assert " ".join(["  asof", *command]) in examples


def test_commands_are_listed_in_the_order_of_work() -> None:
    lines = help_of().partition("Commands:\n")[2].splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert listed[:4] == ["init", "plan", "apply", "run"]


def test_every_command_is_listed_with_what_it_does() -> None:
    text = help_of()
    for name in [command[0] for command in COMMANDS if len(command) == 1]:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.get_short_help_str(limit=60) in text


def test_common_options_are_told_once() -> None:
    assert "--profile" in help_of()
    assert "--profile" not in help_of("tables")
    assert "--json" in help_of("tables")


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"asof {__version__}\n"


def test_without_a_command_it_helps(asof: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = asof()
    assert code == 2
    assert err.startswith("Usage: asof [OPTIONS] COMMAND")


def test_help_loads_nothing_that_it_does_not_need(environment: dict[str, str]) -> None:
    code = (
        "import sys, json; from asof.cli.main import main; sys.argv = ['asof', '--help']\n"
        "try: main()\n"
        "finally: print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert {"rich", "msgspec", "pyarrow", "duckdb", "sqlalchemy", "deltalake", "numpy"}.isdisjoint(loaded)
