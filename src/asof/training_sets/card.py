"""The card of a training set: what it is, for people who did not build it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asof.features.restoring import restored_expression
from asof.leaks.finding import Leaks, told
from asof.storage.catalogue import TrainingSetVersion
from asof.training_sets.comparison import null_share
from asof.training_sets.data import TrainingData
from asof.training_sets.known import statistics_by_split
from asof.training_sets.manifest import revision_of
from asof.training_sets.periods import label_over_time
from asof.transforms.shifts import FEWEST, shift_between
from asof.transforms.splits import TEST, TRAIN
from asof.transforms.statistics import ColumnStatistics, Statistics, merged
from asof.workspace import Workspace


@dataclass(frozen=True)
class Share:
    """A share of 1, to be drawn as a bar where that can be."""

    of_one: float

    def __str__(self) -> str:
        return f"{self.of_one:.1%}"


Cell = str | Share


@dataclass(frozen=True)
class Grid:
    """A table with headers."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Commands:
    """What is typed in a shell, a line each."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Section:
    """A part of a card with a title; text is in plain words."""

    title: str
    blocks: Sequence[str | Grid | Commands]


@dataclass(frozen=True)
class Card:
    """A card, to be written as Markdown or HTML."""

    title: str
    about: str
    sections: Sequence[Section]


def card(workspace: Workspace, data: TrainingData) -> Card:
    """The card of a version, from its manifest, the definitions of then and its labels."""
    version, by_split = data.version, statistics_by_split(workspace, data.version)
    sections = [
        _what(workspace, version),
        _origin(workspace, version),
        _sizes(version, by_split),
        _over_time(data),
        _columns(version, merged(list(by_split.values()))),
        *_drift(data, by_split),
        _leaks(version),
        _rebuild(version),
    ]
    return Card(_named(version), _about(data), sections)


def _named(version: TrainingSetVersion) -> str:
    return f"{version.name}@{version.version}"


def _about(data: TrainingData) -> str:
    manifest = data.version.manifest
    return (
        f"{manifest['rows']:,} rows, each with the outcome {data.label!r} and {len(data.features)} features "
        f"as they were known at its cut-off. Built on {_moment(manifest['created_at'])}."
    )


def _what(workspace: Workspace, version: TrainingSetVersion) -> Section:
    manifest = version.manifest
    label = _label(workspace, manifest)
    facts = {
        "outcome": repr(restored_expression(label["outcome"])),
        "seen over": f"{label['horizon']} after the cut-off" + _gap(label["gap"]),
        "one row for each": " and ".join([*manifest["keys"], "cutoff"]),
        "first cut-off": _moment(manifest["labels"]["first_cutoff"]),
        "last cut-off": _moment(manifest["labels"]["last_cutoff"]),
        **manifest["parameters"],
    }
    rows = [(name, str(fact)) for name, fact in facts.items()]
    return Section(
        "What it is", [Grid(("", ""), rows), *(f"Assumed: {each}." for each in manifest["assumptions"])]
    )


def _label(workspace: Workspace, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    label: Mapping[str, Any] = revision_of(workspace, manifest).definitions[f"label/{manifest['label']}"]
    return label


def _gap(gap: str) -> str:
    return "" if gap == "0s" else f" and a gap of {gap}"


def _origin(workspace: Workspace, version: TrainingSetVersion) -> Section:
    tables = [workspace.catalogue.version(*each) for each in version.manifest["inputs"].items()]
    rows = [
        (table.table, str(table.version), f"{table.rows:,}", _moment(table.committed_at.isoformat()))
        for table in tables
    ]
    return Section("Where it is from", [Grid(("table", "version", "rows", "committed"), rows)])


def _sizes(version: TrainingSetVersion, by_split: Mapping[str, Statistics]) -> Section:
    manifest = version.manifest
    rows = [_size(part or "all", of_part, manifest["label"]) for part, of_part in by_split.items()]
    left_out = {name: count for name, count in manifest["split"].items() if name not in (TRAIN, TEST)}
    left_out["immature"] = manifest["labels"]["immature"]
    if manifest["sample"]:
        left_out["not sampled"] = manifest["sample"]["left_out"]
    said = ", ".join(f"{name} {count:,}" for name, count in left_out.items())
    return Section("How large it is", [Grid(("rows of", "rows", "label"), rows), f"Left out: {said}."])


def _size(part: str, known: Statistics, label: str) -> tuple[Cell, ...]:
    column = known["cutoff"]
    return part, f"{column.values + column.nulls:,}", _mean(known[label])


def _mean(column: ColumnStatistics) -> Cell:
    if column.mean is None:
        return "-"
    return Share(column.mean) if column.type == "bool" else f"{column.mean:,.4g}"


def _over_time(data: TrainingData) -> Section:
    kind = dict(data.version.manifest["columns"])[data.label]
    rows = [
        (f"{period.start:%Y-%m-%d}", f"{period.rows:,}", _of_period(period.label, kind))
        for period in label_over_time(data)
    ]
    return Section("The label over time", [Grid(("from", "rows", data.label), rows)])


def _of_period(label: float | None, kind: str) -> Cell:
    if label is None:
        return "-"
    return Share(label) if kind == "bool" else f"{label:,.4g}"


def _columns(version: TrainingSetVersion, known: Statistics) -> Section:
    described = version.manifest["statistics"]
    rows = [
        (name, kind.replace(", tz=UTC", ""), _missing(known.get(name)), *_spread(described.get(name, {})))
        for name, kind in version.manifest["columns"]
    ]
    return Section("Columns", [Grid(("column", "type", "missing", "least", "mean", "greatest"), rows)])


def _missing(column: ColumnStatistics | None) -> Cell:
    share = None if column is None else null_share(column)
    return "-" if share is None else Share(share)


def _spread(described: Mapping[str, Any]) -> Iterator[str]:
    for name in ("min", "mean", "max"):
        value = described.get(name)
        yield "-" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)


def _drift(data: TrainingData, by_split: Mapping[str, Statistics]) -> Iterator[Section]:
    """How far the values for the test are from those for training, where rows are split."""
    if TRAIN not in by_split:
        return
    train, test = by_split[TRAIN], by_split[TEST]
    shifts = {name: shift_between(train[name], test[name]) for name in data.features if name in train}
    told = sorted(
        ((shift.psi, name) for name, shift in shifts.items() if shift is not None), key=lambda each: -each[0]
    )
    rows = [(name, f"{psi:.3f}", _verdict(psi)) for psi, name in told]
    few = f"Columns with fewer than {FEWEST} values on a side, or too many different texts, can't be told."
    grid = [Grid(("feature", "stability index", "shift"), rows)] if rows else []
    yield Section("From training to test", [*grid, few])


def _verdict(psi: float) -> str:
    return "large" if psi > 0.25 else "small" if psi > 0.1 else "none to speak of"


def _leaks(version: TrainingSetVersion) -> Section:
    """What the leak checks found when the version was built."""
    leaks = Leaks.from_json(version.manifest["leaks"])
    looked_at = f"{leaks.looked_at:,} of {leaks.rows:,} rows were looked at, drawn with seed {leaks.seed}."
    rows = [(finding.check, told(finding), finding.change) for finding in leaks.findings]
    found = [Grid(("check", "what was found", "what to change"), rows)] if rows else ["No leaks were found."]
    return Section("Leaks", [*found, looked_at])


def _rebuild(version: TrainingSetVersion) -> Section:
    manifest = version.manifest
    revision = manifest["code_revision"].removesuffix("+changes")
    checkout = [f"git checkout {revision}"] if revision else []
    lines = [*checkout, f"asof training-set verify {_named(version)}"]
    facts = (
        f"Built with the definitions of revision {manifest['revision']}, asof {manifest['asof']} and "
        f"engine {manifest['engine']}. Content fingerprint {manifest['fingerprint']}."
    )
    return Section("How to build it again", [facts, *_uncommitted(manifest), Commands(lines)])


def _uncommitted(manifest: Mapping[str, Any]) -> list[str]:
    if manifest["code_revision"].endswith("+changes"):
        return ["The code had changes that were not committed."]
    return []


def _moment(text: str | None) -> str:
    return "-" if text is None else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
