"""What a source may bring beyond its schema, and what happens when it does."""

from __future__ import annotations

from asof.errors import DefinitionError, choices
from asof.features.definition import assign, definition

NEW_COLUMNS = ("ignore", "evolve", "freeze", "discard")
TYPES = ("discard", "evolve", "freeze")
NEW_NULLS = ("evolve", "freeze", "discard")


@definition
class Contract:
    """What happens to a column that the schema lacks, a value of another type, a null where none was before.

    "evolve" takes it in: a new column joins the raw table as text, with an inferred type in the
    catalogue that widens as values need it; a value that is no `amount` as declared is kept in
    `amount__given`, and `amount` is null; a null is kept. "freeze" ends the run with an error that
    names the column, the file and the row; of a new column that was taken in, when its values become
    of another kind (numbers, times, flags or text). "discard" moves the row to quarantine. By default
    new columns are not read ("ignore"), values of another type are discarded, nulls kept.
    """

    new_columns: str
    types: str
    new_nulls: str

    def __init__(
        self, *, new_columns: str = "ignore", types: str = "discard", new_nulls: str = "evolve"
    ) -> None:
        _check("new_columns", new_columns, NEW_COLUMNS)
        _check("types", types, TYPES)
        _check("new_nulls", new_nulls, NEW_NULLS)
        assign(self, new_columns=new_columns, types=types, new_nulls=new_nulls)


def _check(field: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise DefinitionError(f"Contract: {field}={given!r} is unknown; {choices(str(given), allowed)}")


LENIENT = Contract()
