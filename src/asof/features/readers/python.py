"""A Python function as the rows of a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from asof.features.definition import assign, definition
from asof.features.function import Function
from asof.features.readers.reader import Reader


@definition
class Python(Reader):
    """What a function yields: Arrow tables or record batches, or lists of dicts, with the cursor after them.

    The function is given the cursor of the last rows that were taken in, None at the start, and
    yields `(rows, cursor)` pairs of what is new since. A cursor is any JSON value. Rows yielded
    without one are taken in together with the next rows that have one; the last must have one.

        def orders(cursor):
            for page in api.orders(after=cursor or 0):
                yield page.rows, page.last_id

        Source("orders", reader=Python(orders), schema=..., event_time="ordered_at")
    """

    rereadable: ClassVar[bool] = False

    function: Function

    def __init__(self, function: Callable[[Any], Any]) -> None:
        assign(self, function=Function.of("Python: function", function))

    @property
    def where(self) -> str:
        return f"{self.function.name}()"
