"""`asof completion`: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from asof.cli.commands import Command
from asof.cli.invocation import Invocation
from asof.cli.output import show


@click.command(
    cls=Command,
    examples=[
        "asof completion bash > ~/.local/share/bash-completion/completions/asof",
        'asof completion zsh > "${fpath[1]}/_asof"',
        "asof completion fish > ~/.config/fish/completions/asof.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete asof."""
    complete = get_completion_class(shell)
    assert complete is not None
    script = complete(context.find_root().command, {}, "asof", "_ASOF_COMPLETE").source()
    asked: Invocation = context.obj
    show(asked, {"shell": shell, "script": script}, lambda: click.echo(script))
