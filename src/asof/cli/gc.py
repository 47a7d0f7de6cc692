"""`asof gc`: what nothing needs any more is shown, and then freed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.formats import number, size
from asof.cli.invocation import Invocation
from asof.cli.output import print_table, show

if TYPE_CHECKING:
    from asof.retention.collecting import Unneeded

SHOWN = 5  # versions of a table


@click.command(cls=Command, examples=["asof gc --dry-run", "asof gc", "asof gc --yes --json"])
@click.option("--dry-run", is_flag=True, help="Show what would be freed, and free nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def gc(asked: Invocation, dry_run: bool, yes: bool) -> None:
    """Free what nothing needs: old versions, files of killed runs, folders of dropped tables.

    Kept are the versions that count, that counted within the setting `retention` (without it all are
    kept) or the last day, that a snapshot names, and those of training sets with what they are built
    again from. Safe beside a run; killed half way, the next goes on.
    """
    with asked.open() as project:
        found = project.unneeded()
        kept_all = project.settings.retention is None
        if dry_run:
            show(asked, _record(found, freed=False), lambda: _print(found, "would be freed", kept_all))
            return
        if found and not yes:
            _ask(found, kept_all)
        freed = project.gc(found)
    show(asked, _record(freed, freed=True), lambda: _print(freed, "freed", kept_all))


def _ask(found: Sequence[Unneeded], kept_all: bool) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{_total(found)} would be freed; free them with --yes, or look with --dry-run"
        )
    _print(found, "would be freed", kept_all)
    click.confirm("Free them?", abort=True, err=True)


def _record(found: Sequence[Unneeded], *, freed: bool) -> dict[str, object]:
    return {
        "freed": freed,
        "versions": sum(len(each.versions) for each in found),
        "files": sum(each.files for each in found),
        "bytes": sum(each.bytes for each in found),
        "of": [
            {
                "name": each.name,
                "versions": each.versions,
                "files": each.files,
                "bytes": each.bytes,
                "dropped": each.dropped,
            }
            for each in found
        ],
    }


def _print(found: Sequence[Unneeded], what: str, kept_all: bool) -> None:
    if found:
        columns = {"of": "left", "versions": "left", "files": "right", "size": "right"}
        rows = [(each.name, _versions(each), number(each.files), size(each.bytes)) for each in found]
        print_table(columns, rows)  # type: ignore[arg-type]
        click.echo(f"\n{_total(found)} {what}.")
    else:
        click.echo("There is nothing to free.")
    if kept_all:
        click.echo('All versions are kept, as no period is set: retention = "30d" in asof.toml sets one.')


def _versions(of: Unneeded) -> str:
    if of.dropped:
        return "all of it"
    shown = ", ".join(map(str, of.versions[:SHOWN]))
    more = len(of.versions) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "-"


def _total(found: Sequence[Unneeded]) -> str:
    versions, files = sum(len(each.versions) for each in found), sum(each.files for each in found)
    of = size(sum(each.bytes for each in found))
    return f"{_count(versions, 'version')} and {_count(files, 'file')} of {of}"


def _count(count: int, what: str) -> str:
    return f"{number(count)} {what}{'' if count == 1 else 's'}"
