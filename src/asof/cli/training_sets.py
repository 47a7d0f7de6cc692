"""`asof training-set`: build labelled training sets, and see what went into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from asof.cli.commands import Command, LazyGroup
from asof.cli.formats import moment, moment_of_ns, number
from asof.cli.invocation import Invocation, engine_option, environment_option
from asof.cli.output import print_facts, print_table, show
from asof.cli.training_set_version import rate, split_counts, version_argument

if TYPE_CHECKING:
    from asof.storage.catalogue import TrainingSetVersion


COMMANDS = {
    "build": "asof.cli.training_sets:build",
    "list": "asof.cli.training_sets:list_",
    "show": "asof.cli.training_sets:show_",
    "diff": "asof.cli.training_set_comparison:diff",
    "export": "asof.cli.training_set_export:export",
    "card": "asof.cli.training_set_card:card",
    "verify": "asof.cli.training_set_verification:verify",
}


@click.group(cls=LazyGroup, places=COMMANDS, examples=["asof training-set build churn"], name="training-set")
def training_set() -> None:
    """Build, verify, compare and export training sets.

    A training set holds a label's rows with the features as they were at each cut-off. Every build
    is a version that never changes, with a manifest of all that went into it.
    """


@click.command(
    cls=Command,
    examples=[
        "asof training-set build churn",
        "asof training-set build churn --env alice",
        "asof training-set build churn --at 2026-03-01",
    ],
)
@click.argument("name")
@click.option(
    "--at",
    metavar="TIME|SNAPSHOT",
    help="As it would have been built at a time (in UTC without a zone), or at a snapshot.",
)
@environment_option
@engine_option
@click.pass_obj
def build(asked: Invocation, name: str, at: str | None, environment: str, engine: str | None) -> None:
    """Build a training set from the tables as they are, or as they were.

    Where nothing that it is made from has changed since its newest version, that one is given. In an
    environment alice its versions are those of alice/NAME. With --at it is made from the tables that counted
    then, by the definitions that were applied then; where there is a version that is just that, it is given.
    """
    from asof.moments import moment as moment_of

    with asked.open(engine, environment) as project:
        built = project.build_training_set(name, at=None if at is None else moment_of(at))
    record = {**_record(built.version), "new": built.new}
    show(asked, record, lambda: _print_built(built.version, built.new))


@click.command(cls=Command, name="list", examples=["asof training-set list", "asof training-set list churn"])
@click.argument("name", required=False)
@click.pass_obj
def list_(asked: Invocation, name: str | None) -> None:
    """List the versions that were built, newest first."""
    with asked.open() as project:
        found = project.training_sets(name)
    show(asked, [_record(version) for version in found], lambda: _print_versions(found))


@click.command(
    cls=Command, name="show", examples=["asof training-set show churn", "asof training-set show churn@1"]
)
@version_argument
@click.pass_obj
def show_(asked: Invocation, version: tuple[str, int | None]) -> None:
    """Show the manifest of a version, the newest unless said."""
    with asked.open() as project:
        found = project.training_set(*version)
    show(asked, _record(found), lambda: _print_manifest(found))


def _record(version: TrainingSetVersion) -> dict[str, object]:
    return {
        "name": version.name,
        "version": version.version,
        "created_at": version.created_at,
        "manifest": version.manifest,
    }


def _print_built(version: TrainingSetVersion, new: bool) -> None:
    named = f"{version.name}@{version.version}"
    if new:
        click.echo(f"Built {named}")
    else:
        click.echo(f"{named} is there already: nothing that it is made from has changed since")
    print_facts(_summary(version.manifest))
    _print_leaks(named, version.manifest)


def _print_leaks(named: str, manifest: Mapping[str, Any]) -> None:
    """What may be leaks, a line for each."""
    from asof.leaks.finding import Leaks, told

    findings = Leaks.from_json(manifest["leaks"]).findings
    if findings:
        click.echo("\nThese may be leaks:")
        for finding in findings:
            click.echo(f"  {finding.check}: {told(finding)}")
        click.echo(f"See examples, and what to change, with: asof check leaks {named}")


def _summary(manifest: Mapping[str, Any]) -> dict[str, str]:
    labels, sample = manifest["labels"], manifest["sample"]
    left_out = {"sample": f"{number(sample['left_out'])} rows for training left out"} if sample else {}
    return {
        "rows": number(manifest["rows"]),
        "split": split_counts(manifest["split"]),
        **left_out,
        "label rate": rate(labels["rate"]),
        "immature": f"{number(labels['immature'])} labels left out",
        "fingerprint": manifest["fingerprint"],
    }


def _print_versions(versions: Sequence[TrainingSetVersion]) -> None:
    if not versions:
        click.echo("None has been built yet; build one with: asof training-set build NAME")
        return
    rows = [
        (
            f"{version.name}@{version.version}",
            number(version.manifest["rows"]),
            rate(version.manifest["labels"]["rate"]),
            moment(version.created_at),
            version.manifest["fingerprint"][:16],
        )
        for version in versions
    ]
    print_table(
        {
            "training set": "left",
            "rows": "right",
            "label rate": "right",
            "built": "left",
            "fingerprint": "left",
        },
        rows,
    )


def _print_manifest(version: TrainingSetVersion) -> None:
    manifest = version.manifest
    click.echo(f"{version.name}@{version.version}")
    print_facts(_summary(manifest) | _circumstances(manifest))
    _print_section("Made from", "table", "version", manifest["inputs"])
    _print_section("Definitions", "definition", "hash", manifest["definitions"])
    click.echo("\nColumns")
    _print_columns(manifest["columns"], manifest["statistics"])
    for assumption in manifest["assumptions"]:
        click.echo(f"\nAssumed: {assumption}")


def _circumstances(manifest: Mapping[str, Any]) -> dict[str, str]:
    labels, rules = manifest["labels"], manifest["parameters"]
    drawn = {f"{name} by": rules[name] for name in ("split", "sample") if name in rules}
    complete = labels["complete_until"]
    return {
        "cut-offs": f"{_iso(labels['first_cutoff'])} to {_iso(labels['last_cutoff'])}",
        "complete to": "-" if complete is None else moment_of_ns(complete),
        "rules": f"cutoffs {rules['cutoffs']}, known_at {rules['known_at']}",
        **drawn,
        **({"as of": manifest["at"]} if manifest["at"] else {}),
        "built": f"{_iso(manifest['created_at'])}, asof {manifest['asof']}, engine {manifest['engine']}",
        "code": manifest["code_revision"] or "not in git",
    }


def _iso(text: str | None) -> str:
    return "-" if text is None else moment(datetime.fromisoformat(text))


def _print_section(title: str, name: str, what: str, values: Mapping[str, object]) -> None:
    click.echo(f"\n{title}")
    print_table({name: "left", what: "left"}, [(key, str(value)) for key, value in values.items()], indent=2)


def _print_columns(columns: Sequence[Sequence[str]], statistics: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [
        (name, _dtype(kind), number(statistics[name]["nulls"]), _spread(statistics[name]))
        for name, kind in columns
    ]
    print_table({"column": "left", "type": "left", "nulls": "right", "values": "left"}, rows, indent=2)


def _dtype(arrow: str) -> str:
    """An Arrow type as short as definitions name it."""
    named = arrow.replace("decimal128", "decimal").replace(", ", ",").replace(",tz=UTC", "")
    return {"double": "float64", "float": "float32", "timestamp[us]": "timestamp"}.get(named, named)


def _spread(found: Mapping[str, Any]) -> str:
    spread = f"{_value(found['min'])} to {_value(found['max'])}"
    if found.get("mean") is not None:
        return f"{spread}, mean {_value(found['mean'])}"
    return f"{spread}, {number(found['distinct'])} distinct" if found.get("distinct") else spread


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    return number(value) if isinstance(value, int) else str(value or "-").removesuffix("+00:00")
