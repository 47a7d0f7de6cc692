"""`asof init` and `asof demo`: projects from templates."""

from __future__ import annotations

from pathlib import Path

import click

from asof.cli.commands import Command
from asof.cli.invocation import Invocation
from asof.cli.output import show
from asof.templates.projects import EMPTY, FULL, TEMPLATES, make_project

FULL_HELP = "All 1.47 million lines instead of the subset (needs the extra 'demo')."


@click.command(cls=Command, examples=["asof init shop --template churn"])
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@click.option(
    "--template", type=click.Choice(TEMPLATES), default=EMPTY, show_default=True, help="What to start from."
)
@click.option("--full", is_flag=True, help=FULL_HELP)
@click.pass_obj
def init(asked: Invocation, folder: Path, template: str, full: bool) -> None:
    """Make a project in a new folder.

    The template churn is a grocery chain's year of purchases with a churn model's features; it runs
    as it is. Without a template the project is empty but for a commented example.
    """
    if full and template not in FULL:
        raise click.UsageError(f"--full goes with --template {' or '.join(FULL)}")
    written = make_project(folder, template, full=full)
    result = {
        "folder": str(folder.absolute()),
        "template": template,
        "files": [str(path) for path in written],
    }
    show(asked, result, lambda: _say(folder, template, len(written)))


def _say(folder: Path, template: str, files: int) -> None:
    click.echo(f"Made {folder}: {files} files from the template {template}. Go on with:")
    if template == EMPTY:
        click.echo(f"  cd {folder}    and write definitions in features/")
    else:
        click.echo(f"  cd {folder}")
    click.echo("  asof plan\n  asof apply\n  asof run")


@click.command(cls=Command, examples=["asof demo"])
@click.argument("folder", default="shop", type=click.Path(path_type=Path))
@click.option("--full", is_flag=True, help=FULL_HELP)
@click.pass_obj
def demo(asked: Invocation, folder: Path, full: bool) -> None:
    """Run the whole way once, on the data that comes with it.

    From raw files to features online: makes a project in FOLDER (shop unless said), runs it,
    builds a training set, trains a model on it and looks its features up over HTTP. A second time
    it does only what is new. Needs the extra 'demo'.
    """
    from asof.demo import main

    main(folder, lambda line: click.echo(line, err=asked.json), full=full)
    show(asked, {"folder": str(folder.absolute())}, lambda: None)
