"""A training set as it would have been built at a moment of the past, whatever came in or changed since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import asof
from asof.project import Project

Story = Callable[[Path], datetime]

TWIN = '\nagain = TrainingSet("again", label=quiet, features=[spend, person], split=churn.split)\n'


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "definitions.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def live(folder: Path) -> datetime:
    """Apply, run and build `churn`; the moment just after."""
    with Project.open(str(folder)) as project:
        project.apply(force=True)
        project.run()
        project.build_training_set("churn")
        return datetime.now(UTC)


@pytest.fixture
def lived(shop: Path, march: str) -> list[datetime]:
    """Moments: at the beginning, after a late row, after a change of the label, after one of a view."""
    (shop / "definitions.py").write_text((shop / "definitions.py").read_text() + TWIN)
    began = live(shop)
    (shop / "data/orders-03.csv").write_text(march)
    late = live(shop)
    edit(shop, 'horizon="14d"', 'horizon="7d"')
    label = live(shop)
    edit(shop, 'Sum("amount", over=["7d", "30d"])', 'Sum("amount", over=["7d", "20d"])')
    return [began, late, label, live(shop)]


def test_it_is_what_was_built_then(shop: Path, lived: list[datetime]) -> None:
    with Project.open(str(shop)) as project:
        then = [version.manifest for version in reversed(project.training_sets("churn"))]
        assert len({manifest["fingerprint"] for manifest in then}) == 4
        for moment, manifest in zip(lived, then, strict=True):
            built = project.build_training_set("again", at=moment)
            assert built.new
            assert built.version.manifest["fingerprint"] == manifest["fingerprint"]
            assert built.version.manifest["revision"] == manifest["revision"]
            assert built.version.manifest["inputs"] == manifest["inputs"]
            assert built.version.manifest["at"] == moment.isoformat()
            assert project.verify_training_set("again", built.version.version).holds


def test_a_version_that_is_just_that_is_given(shop: Path, lived: list[datetime]) -> None:
    with Project.open(str(shop)) as project:
        versions = [project.build_training_set("churn", at=moment) for moment in lived]
        assert [(built.version.version, built.new) for built in versions] == [
            (version.version, False) for version in reversed(project.training_sets("churn"))
        ]
        old = project.build_training_set("again", at=lived[0])
        assert not project.build_training_set("again", at=lived[0]).new
        now = project.build_training_set("again")
        assert now.new
        assert now.version.manifest["at"] is None
        assert now.version.manifest["fingerprint"] != old.version.manifest["fingerprint"]
        project.build_training_set("again", at=lived[1])
        assert project.build_training_set("again").version == now.version


def test_at_a_snapshot(shop: Path) -> None:
    live(shop)
    with Project.open(str(shop)) as project:
        project.create_snapshot("january")
    edit(shop, 'horizon="14d"', 'horizon="7d"')
    live(shop)
    with Project.open(str(shop)) as project:
        newest, oldest = project.training_sets("churn")
        assert project.build_training_set("churn", at="january").version == oldest != newest
        with pytest.raises(asof.NotFound, match="no snapshot 'febuary'"):
            project.build_training_set("churn", at="febuary")


def test_a_moment_at_which_there_was_nothing_to_build_from(shop: Path) -> None:
    began = datetime.now(UTC)
    with Project.open(str(shop)) as project:
        project.apply()
        applied = datetime.now(UTC)
        project.run()
        with pytest.raises(asof.NotFound, match="no definitions were applied yet"):
            project.build_training_set("churn", at=began)
        with pytest.raises(asof.NotFound, match="no version of"):
            project.build_training_set("churn", at=applied)
        with pytest.raises(asof.DefinitionError, match="time zone"):
            project.build_training_set("churn", at=datetime.now(UTC).replace(tzinfo=None))


def test_a_moment_between_apply_and_run(shop: Path) -> None:
    live(shop)
    edit(shop, "dedupe(", 'drop_where(col("amount") > 9), dedupe(')
    with Project.open(str(shop)) as project:
        project.apply()
        between = datetime.now(UTC)
        project.run()
        with pytest.raises(asof.Conflict, match="name a moment at which a run had brought it up to date"):
            project.build_training_set("churn", at=between)


def test_an_environment_has_no_past(shop: Path) -> None:
    moment = live(shop)
    with Project.open(str(shop), environment="alice") as project:
        project.apply()
        with pytest.raises(asof.DefinitionError, match="leave out the environment"):
            project.build_training_set("churn", at=moment)
