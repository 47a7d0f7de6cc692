"""A version of a training set on the command line: how it is named, and how its figures are written."""

from __future__ import annotations

from collections.abc import Mapping

import click

from asof.cli.formats import number


def name_at_version(text: str) -> tuple[str, int | None]:
    """NAME, or NAME@VERSION."""
    name, at, version = text.partition("@")
    if not name or (at and not version.isdecimal()):
        raise click.BadParameter(f"{text!r} is not NAME or NAME@VERSION, as in churn@3")
    return name, int(version) if at else None


version_argument = click.argument("version", metavar="NAME[@VERSION]", type=name_at_version)


def split_counts(counts: Mapping[str, int]) -> str:
    """How many rows each split has.

    >>> split_counts({"train": 1200, "test": 300}), split_counts({})
    ('train 1,200, test 300', 'none')
    """
    return ", ".join(f"{part} {number(count)}" for part, count in counts.items()) or "none"


def rate(share: float | None) -> str:
    """A share of rows.

    >>> rate(0.1234), rate(None)
    ('12.34%', '-')
    """
    return "-" if share is None else f"{share:.2%}"
