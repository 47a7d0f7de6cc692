"""`asof training-set card`: what a training set is, for people who did not build it."""

from __future__ import annotations

import click

from asof.cli.commands import Command
from asof.cli.invocation import Invocation
from asof.cli.output import show
from asof.cli.training_set_version import version_argument


@click.command(
    cls=Command,
    examples=["asof training-set card churn", "asof training-set card churn@1 --html > churn.html"],
)
@version_argument
@click.option("--html", is_flag=True, help="As one HTML page that needs no other file.")
@click.pass_obj
def card(asked: Invocation, version: tuple[str, int | None], html: bool) -> None:
    """Print the card of a version, as Markdown.

    It says what the training set is and where it is from, its sizes, its label over time, missing values,
    how far the test is from training, and how to build it again.
    """
    from asof.training_sets.card_pages import to_html, to_markdown

    with asked.open() as project:
        made = project.training_set_card(*version)
    document = to_html(made) if html else to_markdown(made)
    show(asked, made, lambda: click.echo(document, nl=False))
