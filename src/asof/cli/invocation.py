"""What was asked for on the command line, whatever the command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

import asof

if TYPE_CHECKING:
    from asof.project import Project


@dataclass
class Invocation:
    """The options that every command takes, before or after its name."""

    project: str = "."
    profile: str | None = None
    json: bool = False
    debug: bool = False

    def open(self, engine: str | None = None, environment: str = "") -> Project:
        """The project that is meant, to be used in a `with`; `engine` goes before what it says."""
        return asof.open(self.project, self.profile, engine, environment)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    invocation = context.ensure_object(Invocation)
    if value:
        setattr(invocation, str(parameter.name), value)


def common_options(*, hidden: bool) -> list[click.Parameter]:
    """The options of every command; `hidden` leaves all but --json out of its help."""
    return [
        click.Option(
            ["--project"],
            metavar="DIR",
            type=click.Path(exists=True, file_okay=False),
            help="The project's folder, or one below it.  [default: here]",
            hidden=hidden,
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--profile"],
            metavar="NAME",
            help="A profile of asof.toml to put on top of its settings.",
            hidden=hidden,
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            help="Print the result as one JSON document.",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            help="Print the traceback of an error.",
            hidden=hidden,
            expose_value=False,
            callback=_keep,
        ),
    ]


environment_option = click.option(
    "--env",
    "environment",
    metavar="NAME",
    default="",
    help="An environment beside production: see asof env --help.",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["local", "dask", "spark"]),
    help="Who computes.  [default: as asof.toml says]",
)
