"""A run of a part of the definitions, and one that builds anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import asof
from asof.project import Project
from asof.runs.selection import selected

WITH_ALL = {
    "source/catalogue", "source/orders", "source/people", "entity/customer", "entity/product",
    "view/brands", "view/spend", "view/person", "label/quiet", "training_set/churn", "service/model",
}  # fmt: skip


@pytest.fixture
def project(shop: Path) -> Iterator[Project]:
    """The small project, applied."""
    with Project.open(str(shop)) as opened:
        opened.apply()
        yield opened


def ran(project: Project, select: Sequence[str] = (), *, full: bool = False) -> dict[str, str]:
    """What each step did."""
    run = project.run(select=select, full=full)
    return {step.name: step.status for step in project.steps(run.id)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["spend"], {"view/spend"}),
        (["view/spend", "label/quiet"], {"view/spend", "label/quiet"}),
        (["+brands"], {"view/brands", "source/catalogue", "entity/product"}),
        (
            ["brands+"],
            {"view/brands", "view/spend", "training_set/churn", "service/model"},
        ),
        (
            ["+spend+"],
            WITH_ALL - {"view/person", "source/people", "label/quiet"},
        ),
        (["people+"], {"source/people", "view/person", "training_set/churn", "service/model"}),
    ],
)
def test_what_is_selected(project: Project, wanted: list[str], expected: set[str]) -> None:
    assert selected(project.definitions, wanted) == expected


def test_an_unknown_name_is_told_with_the_nearest(project: Project) -> None:
    with pytest.raises(asof.NotFound, match="nothing is named 'spent'; did you mean 'spend'"):
        project.run(select=["+spent"])
    with pytest.raises(asof.NotFound, match="nothing is named 'view/spent'; did you mean 'view/spend'"):
        project.run(select=["view/spent"])
    assert project.runs() == []


def test_only_the_steps_of_what_is_selected_are_done(project: Project) -> None:
    assert ran(project, ["catalogue"]) == {"ingest catalogue": "succeeded", "clean catalogue": "succeeded"}
    assert list(ran(project, ["brands"])) == ["lay out views/brands"]
    assert set(ran(project, ["+spend"])) == {
        "ingest catalogue", "clean catalogue", "ingest orders", "clean orders",
        "lay out views/brands", "lay out views/spend", "publish spend",
    }  # fmt: skip
    assert "publish person" in ran(project, ["+model"])
    assert ran(project, ["+quiet"])["lay out labels/quiet"] == "succeeded"
    assert set(ran(project).values()) == {"skipped"}


def test_what_was_selected_piece_by_piece_is_as_a_whole_run(project: Project, tmp_path: Path) -> None:
    folder = project.settings.folder
    shutil.copytree(folder, tmp_path / "whole", ignore=shutil.ignore_patterns("store"))
    for select in (["catalogue", "orders"], ["people+"], ["brands", "spend"], ["quiet"], ["model"]):
        if select == ["people+"]:
            project.run(select=["people"])
            project.run(select=["person"])
        else:
            project.run(select=select) if select != ["model"] else project.run()
    with Project.open(str(tmp_path / "whole")) as whole:
        whole.apply()
        whole.run()
        for version in whole.tables():
            if not version.table.startswith(("online/", "quarantine/")):
                assert project.workspace.read(version.table).equals(whole.workspace.read(version.table))


def test_without_what_it_needs_it_says_so(project: Project) -> None:
    with pytest.raises(asof.NotFound, match="table 'clean/orders' has not been built yet"):
        project.run(select=["quiet"])


def test_what_has_no_step_is_refused(project: Project) -> None:
    with pytest.raises(asof.DefinitionError, match=r"no step for training_set/churn.* \+churn"):
        project.run(select=["churn"])


def test_a_table_of_another_definition_is_not_built_on(project: Project) -> None:
    project.run()
    path = project.settings.folder / "definitions.py"
    path.write_text(path.read_text().replace('col("amount") == 0', 'col("amount") == 1'))
    with Project.open(str(project.settings.folder)) as changed:
        changed.apply()
        with pytest.raises(
            asof.Conflict, match="'clean/orders' is not as it is defined now; select 'orders'"
        ):
            changed.run(select=["spend"])
        assert ran(changed, ["orders", "spend"])["lay out views/spend"] == "succeeded"


def test_full_builds_anew_and_comes_to_the_same(project: Project) -> None:
    project.run()
    before = {version.table: version for version in project.tables()}
    read = {name: project.workspace.read(name) for name in before if not name.startswith("online/")}
    assert set(ran(project, full=True).values()) == {"succeeded"}
    for version in project.tables():
        name = version.table
        if name.startswith("quarantine/"):
            continue
        assert version.version > before[name].version, name
        if name in read:
            assert project.workspace.read(name).equals(read[name]), name
            assert version.details["rebuilt"] == version.version
    assert set(ran(project).values()) == {"skipped"}


def test_full_of_a_selection_leaves_the_rest(project: Project) -> None:
    project.run()
    before = {version.table: version.version for version in project.tables()}
    assert ran(project, ["spend"], full=True) == {
        "lay out views/spend": "succeeded",
        "publish spend": "succeeded",
    }
    after = {version.table: version.version for version in project.tables()}
    assert {name for name in after if after[name] != before[name]} == {"views/spend", "online/spend"}


PUSHED = """
from asof import *

customer = Entity("customer", keys={"customer": Int64})
seen = Source("seen", reader=Push(), schema={"customer": Int64, "at": Timestamp}, event_time="at")
visits = FeatureView("visits", entity=customer, source=seen, features=[Count(over="7d")])
"""


def test_full_keeps_what_cannot_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "asof.toml").write_text('definitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(PUSHED)
    with Project.open(str(tmp_path)) as project:
        project.apply()
        project.push("seen", [{"customer": 1, "at": "2024-01-01T00:00:00Z"}])
        project.run()
        project.push("seen", [{"customer": 2, "at": "2024-01-02T00:00:00Z"}])
        done = ran(project, full=True)
        assert done["clean seen"] == done["lay out views/visits"] == "succeeded"
        assert project.workspace.read("raw/seen")["customer"].to_pylist() == [1, 2]
        assert sorted(project.workspace.read("views/visits")["customer"].to_pylist()) == [1, 2]
