"""`asof training-set export`: a training set as a file."""

from __future__ import annotations

from pathlib import Path

import click

from asof.cli.commands import Command
from asof.cli.formats import number
from asof.cli.invocation import Invocation
from asof.cli.output import show
from asof.cli.training_set_version import version_argument


@click.command(
    cls=Command,
    examples=[
        "asof training-set export churn churn.parquet",
        "asof training-set export churn@1 train.csv --split train",
    ],
)
@version_argument
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    type=click.Choice(["parquet", "csv", "arrow"]),
    help="What is written.  [default: as PATH ends]",
)
@click.option("--split", type=click.Choice(["train", "test"]), help="Only these rows.")
@click.pass_obj
def export(
    asked: Invocation, version: tuple[str, int | None], path: Path, format: str | None, split: str | None
) -> None:
    """Write the rows of a version to a file, which is there whole or not at all."""
    from asof.training_sets.export import export

    with asked.open() as project:
        data = project.training_data(*version, split=split)
        rows = export(data, path, format)
    named = f"{data.version.name}@{data.version.version}"
    record = {"training_set": named, "split": split, "path": str(path), "rows": rows}
    show(asked, record, lambda: click.echo(f"Wrote {number(rows)} rows of {named} to {path}"))
