"""`asof history` and `asof rollback`: the definitions that were applied, and the way back to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asof.cli.commands import Command
from asof.cli.definitions import SIGNS, print_changes
from asof.cli.formats import moment
from asof.cli.invocation import Invocation, environment_option
from asof.cli.output import print_facts, print_table, show

if TYPE_CHECKING:
    from asof.applied import Applied
    from asof.features.diff import Change
    from asof.storage.catalogue import Revision

SHOWN = 3
"""Changes that are told of a revision in its line."""


@click.command(cls=Command, examples=["asof history", "asof history 3", "asof history --env alice"])
@click.argument("revision", required=False, type=click.IntRange(min=1))
@environment_option
@click.pass_obj
def history(asked: Invocation, revision: int | None, environment: str) -> None:
    """List the definitions that were applied, newest first, or what one revision changed.

    Each says who applied it, when, and from which revision of the team's code.
    """
    with asked.open(environment=environment) as project:
        if revision is None:
            found = project.revisions()
            show(asked, [_record(each) for each in found], lambda: _print_revisions(found))
        else:
            one = project.revision(revision)
            show(asked, _record(one), lambda: _print_revision(one))


@click.command(cls=Command, examples=["asof rollback 3", "asof rollback 3 --env alice"])
@click.argument("revision", type=click.IntRange(min=1))
@environment_option
@click.pass_obj
def rollback(asked: Invocation, revision: int, environment: str) -> None:
    """Make the definitions of an older revision the applied ones.

    They become a new revision, which run and all others go by, whatever the files say; asof plan shows
    what the files would change, asof apply makes that count again. Functions in Python are not kept with a
    revision: where one of them is no longer in the code as it was, it fails and says what to check out.
    """
    with asked.open(environment=environment) as project:
        before = project.workspace.catalogue.revision(environment=environment)
        made = project.roll_back(revision)
        new = before is None or made.number != before.number
    show(asked, {**_facts(made), "new": new}, lambda: _print_rolled_back(made, new, environment))


def _record(applied: Applied) -> dict[str, object]:
    return {**_facts(applied.revision), "changes": applied.changes}


def _facts(revision: Revision) -> dict[str, object]:
    return {
        "environment": revision.environment,
        "revision": revision.number,
        "applied_at": revision.applied_at,
        "who": revision.who,
        "code_revision": revision.code_revision,
        "rolled_back_to": revision.rolled_back_to,
        "hash": revision.hash,
    }


def _print_revisions(found: Sequence[Applied]) -> None:
    if not found:
        click.echo("Nothing has been applied yet; look with: asof plan, then: asof apply")
        return
    rows = [
        (
            str(each.revision.number),
            moment(each.revision.applied_at),
            each.revision.who,
            each.revision.code_revision or "-",
            _in_short(each),
        )
        for each in found
    ]
    columns = {"revision": "right", "applied": "left", "who": "left", "code": "left", "changes": "left"}
    print_table(columns, rows)  # type: ignore[arg-type]


def _in_short(applied: Applied) -> str:
    back = applied.revision.rolled_back_to
    told = f"back to {back}: " if back else ""
    return told + (changes_in_short(applied.changes) or "nothing")


def changes_in_short(changes: Sequence[Change]) -> str:
    """The first few changes in a line.

    >>> from asof.features.diff import Change
    >>> changes_in_short([Change("view/spend", "changed"), Change("label/churned", "added")])
    '~ view/spend, + label/churned'
    """
    listed = ", ".join(f"{SIGNS[change.action]} {change.key}" for change in changes[:SHOWN])
    return f"{listed} and {len(changes) - SHOWN} more" if len(changes) > SHOWN else listed


def _print_revision(one: Applied) -> None:
    revision = one.revision
    click.echo(f"Revision {revision.number}")
    facts = {
        "applied": moment(revision.applied_at, seconds=True),
        "who": revision.who,
        "code": revision.code_revision or "not in git",
        "definitions": str(len(revision.definitions)),
    }
    back = {"rolled back to": str(revision.rolled_back_to)} if revision.rolled_back_to else {}
    print_facts({**facts, **back})
    if one.changes:
        before = f"revision {revision.number - 1}" if revision.number > 1 else "nothing"
        click.echo(f"\nChanges, compared with {before}:")
        print_changes(one.changes, {})


def _print_rolled_back(made: Revision, new: bool, environment: str) -> None:
    env = f" --env {environment}" if environment else ""
    if not new:
        click.echo(f"Nothing to do: revision {made.number} is that already.")
        return
    click.echo(
        f"Applied as revision {made.number}: the definitions of revision {made.rolled_back_to}. "
        f"Go on with: asof run{env}\nWhat the files would change since then: asof plan{env}"
    )
