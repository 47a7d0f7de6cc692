"""A resource of dlt as the rows of a source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any, ClassVar

from asof.errors import DefinitionError
from asof.features.definition import assign, definition
from asof.features.readers.reader import Reader


@definition
class Dlt(Reader):
    """The items of a resource of dlt, as `Dlt(github("dlt-hub", "dlt").issues)`.

    The resource should say what is new, by `dlt.sources.incremental`: its state is the cursor, and is
    kept in the commit of the rows it brought. All that one run brings is one commit. Items that
    are nested are kept as JSON text. dlt's own schema, normalisation and destinations are not used.
    """

    rereadable: ClassVar[bool] = False

    resource: str
    items: Iterable[Any] = field(compare=False)

    def __init__(self, resource: Iterable[Any]) -> None:
        name = getattr(resource, "name", None)
        if not isinstance(name, str) or not isinstance(resource, Iterable):
            raise DefinitionError(
                f"Dlt: {resource!r} is not a resource of dlt; give one, as Dlt(source.orders) or, "
                "of a function under @dlt.resource, Dlt(orders) or Dlt(orders())"
            )
        assign(self, resource=name, items=resource)

    @property
    def where(self) -> str:
        return f"dlt resource {self.resource}"
