"""Every command and option has help, and every command is in docs/cli.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from asof.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, by what is typed for it."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            assert below is not None
            yield from walk(below, f"{name} {each}")


COMMANDS = {name: command for name, command in walk(cli, "asof") if not command.hidden}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    bare = [
        option.opts
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden and not option.help
    ]
    assert bare == []


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_documented(name: str) -> None:
    page = (ROOT / "docs/cli.md").read_text()
    assert re.search(rf"(`|\$ ){name}(?![\w-])", page)
