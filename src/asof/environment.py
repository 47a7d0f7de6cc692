"""Environments: definitions applied beside production's, with tables of their own only where these differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asof.errors import Conflict
from asof.features.definition import check_name
from asof.features.graph import Definitions, TableNode
from asof.features.source import Source
from asof.storage.catalogue import TableVersion

FOLDER = "env"
ASIDE = ("quarantine", "rejected")


@dataclass(frozen=True)
class Environment:
    """The tables that an environment has for itself; all others it reads are production's.

    `name` is "" for production. `reads` has the definition that each of production's tables must have.
    """

    name: str = ""
    own: frozenset[str] = frozenset()
    reads: Mapping[str, str] = field(default_factory=dict)

    def owns(self, table: str) -> bool:
        """Whether a table, by its name in the definitions, is built and written here."""
        return not self.name or table in self.own or table.startswith("training_sets/")

    def table(self, name: str) -> str:
        """What a table that definitions name is called in storage and catalogue.

        >>> alice = Environment("alice", frozenset({"views/spend"}))
        >>> alice.table("views/spend"), alice.table("views/person"), alice.table("training_sets/churn")
        ('env/alice/views/spend', 'views/person', 'env/alice/training_sets/churn')
        """
        return f"{FOLDER}/{self.name}/{name}" if self.name and self.owns(name) else name

    def training_set(self, name: str) -> str:
        """What a training set's versions are called that are built here."""
        return f"{self.name}/{name}" if self.name else name

    def check(self, name: str, version: TableVersion) -> None:
        """Conflict where production's table is no longer of the definition that is asked for."""
        if self.reads.get(name, version.definition) != version.definition:
            raise Conflict(
                f"production's {name!r} has been built by another definition meanwhile; run again: "
                f"{self.command('asof run')}"
            )

    def command(self, command: str) -> str:
        """A command for the shell, as it is given for this environment."""
        return f"{command} --env {self.name}" if self.name else command


PRODUCTION = Environment()


def environment_of(
    name: str, definitions: Definitions, production: Mapping[str, TableVersion]
) -> Environment:
    """The environment as production's tables are now, given by name.

    It owns a table that production has not, or has by another definition, or that is made from one it owns.
    """
    own: set[str] = set()
    for node in definitions.tables:
        found = production.get(node.name)
        if found is None or found.definition != node.definition or own & {*node.inputs}:
            own |= {node.name, *_aside(node)}
    reads = {node.name: node.definition for node in definitions.tables if node.name not in own}
    return Environment(name, frozenset(own), reads)


def check_environment(name: str) -> str:
    """The name of an environment, or DefinitionError."""
    return check_name("Environment", name)


def name_in_definitions(table: str) -> str:
    """What definitions call a table of any environment, or of production.

    >>> name_in_definitions("env/alice/views/spend"), name_in_definitions("views/spend")
    ('views/spend', 'views/spend')
    """
    return table.split("/", 2)[2] if table.startswith(f"{FOLDER}/") else table


def _aside(node: TableNode) -> list[str]:
    """The tables of rows that were not taken into a table."""
    return [f"{kind}/{node.of.name}" for kind in ASIDE] if isinstance(node.of, Source) else []
