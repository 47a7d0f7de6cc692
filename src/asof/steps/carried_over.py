"""Raw tables of an environment whose source can't be read again: made of production's, and of nothing else.

So production alone takes in what comes, and what it took in before the environment was made is there too.
"""

from __future__ import annotations

from collections.abc import Mapping

from asof.features.graph import TableNode
from asof.features.source import Source
from asof.ingest.place import Inbox
from asof.steps.context import Context, Write, ended, skipped
from asof.steps.replay import replayed
from asof.storage.catalogue import Step, TableVersion
from asof.storage.catalogue.pushes import Push
from asof.storage.tables import copy_files
from asof.workspace import Workspace


def is_carried(context: Context, node: TableNode, source: Source) -> bool:
    """Whether a raw table is an environment's, and is to be made of production's."""
    apart = context.workspace.environment.table(node.name) != node.name
    return (
        apart and not source.reader.rereadable and context.workspace.catalogue.current(node.name) is not None
    )


def carried_over(context: Context, node: TableNode, source: Source, step: Step) -> Step:
    """Bring such a table up to date with production's, carried over to the present definition."""
    theirs, current = context.workspace.catalogue.current(node.name), context.current(node.name)
    assert theirs is not None
    made_of = {theirs.table: theirs.version}
    if current and current.definition == node.definition and current.inputs == made_of:
        return skipped(step)
    aside = context.workspace.catalogue.current(f"quarantine/{source.name}")
    copies = [copied(context, node.name, theirs, made_of)]
    if aside is not None:
        copies.append(copied(context, f"quarantine/{source.name}", aside, {}))
    context.commit(copies, step)
    step, _ = replayed(context, node, source, step)
    return ended(step)


def inbox(workspace: Workspace) -> Inbox:
    """What was pushed; production alone lets go of it."""
    return _Kept(workspace) if workspace.environment.name else workspace.catalogue


class _Kept:
    def __init__(self, workspace: Workspace) -> None:
        self._catalogue = workspace.catalogue

    def pushes_waiting(self, source: str, after: int) -> list[int]:
        return self._catalogue.pushes_waiting(source, after)

    def pushed(self, source: str, number: int) -> Push:
        return self._catalogue.pushed(source, number)

    def forget_pushed(self, source: str, through: int) -> None: ...


def copied(context: Context, name: str, version: TableVersion, inputs: Mapping[str, int]) -> Write:
    """A version of production's, or of an environment's, in place of the other's table of that name.

    Its files are copied, and `inputs` are what it then counts as made of.
    """
    there, current = context.workspace.stored(version.table), context.current(name)
    schema, partition_by = there.schema(version.version), there.partitioning(version.version)
    base = context.workspace.base(name, schema, on=current, partition_by=partition_by)
    return context.commit_files(
        base,
        copy_files(there, version.version, base),
        on=current,
        schema=schema,
        replace=True,
        definition=version.definition,
        inputs=inputs,
        through=version.through,
        cursor=version.cursor,
        details={name: value for name, value in version.details.items() if name != "rebuilt"},
    )
