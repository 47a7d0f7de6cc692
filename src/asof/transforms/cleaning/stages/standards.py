"""Text brought to the values of a list in SQL."""

from __future__ import annotations

from asof.features.cleaning import Normalise
from asof.transforms.cleaning.stages.stage import Stage, column, unread


def normalised(step: Normalise, table: str) -> Stage:
    """The value that the text means; `table` has the texts `_name` with their `_value`."""
    spelled = f"SELECT {folded('_name')} AS _name, min(_value) AS _value FROM {table} GROUP BY 1"
    given = f"LEFT JOIN ({spelled}) AS g ON g._name = {folded(column(step.column))}"
    refuses = step.on_fail == "quarantine"
    return Stage({step.column: "g._value"}, given=given, unread=unread(step.column), refuses=refuses)


def folded(value: str) -> str:
    """Text in which spellings that mean the same are the same: no case, accents, spaces or punctuation."""
    words = f"replace(strip_accents(lower({value})), '&', ' and ')"
    return rf"regexp_replace({words}, '[^\p{{L}}\p{{N}}\p{{Sc}}]+', '', 'g')"
