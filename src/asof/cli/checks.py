"""`asof check`: whether what is built and served can be relied on."""

from __future__ import annotations

import click

from asof.cli.commands import LazyGroup

COMMANDS = {
    "leaks": "asof.cli.leak_check:leaks",
}


@click.group(cls=LazyGroup, places=COMMANDS, examples=["asof check leaks churn"])
def check() -> None:
    """Check whether what is built can be relied on.

    The exit code is 2 where something is found.
    """
