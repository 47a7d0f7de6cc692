"""Cleaning steps as one SQL query that carries along what each step did to each row."""

from __future__ import annotations

from dataclasses import dataclass

from asof.features.source import Source
from asof.features.types import Schema
from asof.transforms.cleaning.stages.compiled import compiled
from asof.transforms.cleaning.stages.stage import Stage, column, quoted

OUT = "_out"
"""The column with the position of the step at which a row went; null where it stays."""


@dataclass(frozen=True)
class Query:
    """One SELECT on top of another for each step, over the table `ingested` and those of `given`.

    `tracks` are the columns that say what happened: `_changed_0` (of the first step), `_unread_0`, ...
    """

    sql: str
    columns: Schema
    tracks: tuple[str, ...]


def query(source: Source, steps: int) -> Query:
    """The query of the first so many steps of a source."""
    stages = [f"s AS (SELECT *, CAST(NULL AS INTEGER) AS {OUT} FROM ingested)"]
    columns, last = source.schema, "s"
    tracks: list[str] = []
    for position, step in enumerate(source.clean[:steps]):
        stage = compiled(step, columns, source, given_name(position))
        after = step.after(f"Source {source.name!r}", columns)
        added = _tracks(position, stage, columns, after)
        selected = [
            *(f"{_value(stage, name, columns, after)} AS {quoted(name)}" for name in after),
            "r._sequence",
            *(f"r.{track}" for track in tracks),
            *(f"{sql} AS {name}" for name, sql in added.items()),
            f"{_out(position, stage, columns, source)} AS {OUT}",
        ]
        stages.append(f"s{position} AS (SELECT {', '.join(selected)} FROM {_rows(stage, last)} AS r)")
        columns, last = after, f"s{position}"
        tracks += added
    return Query(f"WITH {', '.join(stages)} SELECT * FROM {last}", columns, tuple(tracks))


def given_name(position: int) -> str:
    """The name of the table of the rows that a step is given."""
    return f"given_{position}"


def _rows(stage: Stage, last: str) -> str:
    """The rows before the step, with what it sets in `_v0`, `_v1`, ..."""
    if not stage.sets:
        return last
    values = (
        f"CASE WHEN r.{OUT} IS NULL THEN {sql} END AS _v{i}" for i, sql in enumerate(stage.sets.values())
    )
    return f"(SELECT r.*, {', '.join(values)} FROM {last} AS r {stage.given})"


def _value(stage: Stage, name: str, before: Schema, after: Schema) -> str:
    if name not in stage.sets:
        return column(stage.renames.get(name, name))
    value = _set(stage, name)
    if before.get(name) != after[name]:
        return value
    return f"CASE WHEN r.{OUT} IS NULL THEN {value} ELSE {column(name)} END"


def _set(stage: Stage, name: str) -> str:
    return f"r._v{list(stage.sets).index(name)}"


def _tracks(position: int, stage: Stage, before: Schema, after: Schema) -> dict[str, str]:
    """What is to be known of each row that the step was given, by the name of the column."""
    tracks = {f"_changed_{position}": _changed(stage, before, after)}
    if stage.unread:
        tracks[f"_unread_{position}"] = f"CASE WHEN r.{OUT} IS NULL THEN {stage.unread} END"
    if stage.unfilled:
        tracks[f"_unfilled_{position}"] = f"r.{OUT} IS NULL AND {stage.unfilled}"
    return tracks


def _changed(stage: Stage, before: Schema, after: Schema) -> str:
    changes = [
        f"{_set(stage, name)} IS DISTINCT FROM {column(name)}"
        if before.get(name) == after[name]
        else f"{_set(stage, name)} IS NOT NULL"
        for name in stage.sets
    ]
    if not changes:
        return "false"
    read = f" AND ({stage.unread}) IS NULL" if stage.unread else ""
    return f"r.{OUT} IS NULL AND ({' OR '.join(changes)}){read}"


def _out(position: int, stage: Stage, before: Schema, source: Source) -> str:
    gone = stage.drops or (f"({stage.unread}) IS NOT NULL" if stage.refuses else "")
    if not gone:
        return f"r.{OUT}"
    stays = _retracted(before, source)
    return f"CASE WHEN r.{OUT} IS NULL AND ({gone}) AND NOT {stays} THEN {position} ELSE r.{OUT} END"


def _retracted(columns: Schema, source: Source) -> str:
    if source.retracted is None or source.retracted not in columns:
        return "false"
    return f"coalesce({column(source.retracted)}, false)"
