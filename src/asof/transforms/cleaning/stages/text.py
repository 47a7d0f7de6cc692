"""White space, case, accents and pieces of text in SQL."""

from __future__ import annotations

from asof.features.cleaning import Respell, Split, Trim
from asof.transforms.cleaning.stages.stage import Stage, column, squeezed, text

_WORDS = r"regexp_extract_all({value}, '[\p{{L}}\p{{M}}\p{{N}}''’]+|[^\p{{L}}\p{{M}}\p{{N}}''’]+')"
_WAYS = {
    "lower": "lower({value})",
    "upper": "upper({value})",
    "strip_accents": "strip_accents({value})",
    "title": f"array_to_string(list_transform({_WORDS}, lambda w: upper(w[1]) || lower(w[2:])), '')",
}


def trimmed(step: Trim) -> Stage:
    """Text without white space around it."""
    return Stage({step.column: squeezed(column(step.column))})


def respelled(step: Respell) -> Stage:
    """Text in another case, or without accents."""
    return Stage({step.column: _WAYS[step.way].format(value=column(step.column))})


def pieces(step: Split) -> Stage:
    """The pieces of a text, the last one with all that is left."""
    between, whole = text(step.on), column(step.column)
    last = len(step.into)
    single = {
        name: squeezed(f"string_split({whole}, {between})[{place}]")
        for place, name in enumerate(step.into[:-1], start=1)
    }
    rest = f"array_to_string(string_split({whole}, {between})[{last}:], {between})"
    return Stage({**single, step.into[-1]: squeezed(rest)})
