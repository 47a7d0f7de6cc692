"""Definitions over time: who applied what, rolled back to, and gone by whatever the files say."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path
from threading import Barrier, Thread

import pyarrow as pa
import pytest

import asof
from asof.project import Project

LABEL, LONGER = 'horizon="14d"', 'horizon="21d"'


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "definitions.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def applied(folder: Path) -> int:
    with Project.open(str(folder)) as project:
        return project.apply(force=True).number


def moments(at: str) -> pa.Table:
    cutoff = pa.array([datetime.fromisoformat(at)], pa.timestamp("us", "UTC"))
    return pa.table({"customer_id": [1], "cutoff": cutoff})


@pytest.fixture
def changed(shop: Path) -> Path:
    """A project whose first revision has been run, and whose second has a longer horizon and a view less."""
    with Project.open(str(shop)) as project:
        project.apply()
        project.run()
        project.build_training_set("churn")
    edit(shop, LABEL, LONGER)
    edit(shop, "        DaysSinceLast(),\n", "")
    applied(shop)
    return shop


def test_history_tells_what_each_revision_changed(changed: Path) -> None:
    with Project.open(str(changed)) as project:
        project.roll_back(1)
        third, second, first = project.revisions()
        assert project.revision(2) == second
        with pytest.raises(asof.NotFound, match="the newest is 3"):
            project.revision(4)
    assert [each.revision.number for each in (first, second, third)] == [1, 2, 3]
    assert [change.key for change in second.changes] == ["label/quiet", "view/spend"]
    assert second.changes[0].details == ("horizon: 14d -> 21d",)
    assert second.changes[1].details == ("features: - DaysSinceLast()",)
    assert third.changes[0].details == ("horizon: 21d -> 14d",)
    assert {change.action for change in first.changes} == {"added"}
    assert (third.revision.rolled_back_to, second.revision.rolled_back_to) == (1, None)
    assert third.revision.hash == first.revision.hash


def test_a_roll_back_is_gone_by_whatever_the_files_say(changed: Path) -> None:
    lines: list[str] = []
    with Project.open(str(changed)) as project:
        project.run()
        longer = project.build_training_set("churn").version
        project.roll_back(1)
        project.run(report=lines.append)
        again = project.build_training_set("churn")
        before = project.training_set("churn", 1)
        assert again.new
        assert again.version.manifest["fingerprint"] == before.manifest["fingerprint"]
        assert again.version.manifest["fingerprint"] != longer.manifest["fingerprint"]
        assert again.version.manifest["revision"] == 3
        assert all(project.verify_training_set("churn", number).holds for number in (1, longer.version))
    assert "revision 1, which was rolled back to; what the files would change: asof plan" in lines[0]


def test_a_plan_after_a_roll_back_is_what_the_files_would_change(changed: Path) -> None:
    with Project.open(str(changed)) as project:
        project.roll_back(1)
        project.run()
        plan = project.plan()
        assert plan.revision == 3
        assert [change.key for change in plan.changes] == ["label/quiet", "view/spend"]
        assert project.apply(force=True).number == 4
        project.run()
        assert project.plan().empty
        assert project.revisions()[0].revision.rolled_back_to is None


def test_lookups_and_questions_about_the_past_go_by_it_too(changed: Path) -> None:
    with Project.open(str(changed)) as project:
        project.run()
        dropped, asked = "spend__days_since_last", moments("2024-02-20T00:00:00")
        assert dropped not in project.get("model", {"customer_id": 1}).names
        assert dropped not in project.get_historical("model", asked).column_names
        project.roll_back(1)
        project.run()
        assert dropped in project.get("model", {"customer_id": 1}).names
        assert dropped in project.get_historical("model", asked).column_names


def test_an_edit_that_was_not_applied_is_a_conflict_still(changed: Path) -> None:
    edit(changed, LONGER, 'horizon="28d"')
    with (
        Project.open(str(changed)) as project,
        pytest.raises(asof.Conflict, match="applied revision 2; look"),
    ):
        project.run()


def test_what_is_applied_already_makes_no_revision(changed: Path) -> None:
    with Project.open(str(changed)) as project:
        assert project.roll_back(2).number == 2
        assert project.roll_back(1).number == 3
        assert project.roll_back(1).number == 3
        with pytest.raises(asof.NotFound, match="no revision 9"):
            project.roll_back(9)


def test_edits_that_were_not_applied_can_be_left_aside(changed: Path) -> None:
    edit(changed, LONGER, 'horizon="28d"')
    with Project.open(str(changed)) as project:
        assert project.roll_back(2).number == 3
        project.run()


def test_a_function_that_is_gone_is_named_with_what_to_check_out(shop: Path) -> None:
    edit(
        shop,
        "brands = FeatureView(",
        "def loud(rows):\n    return rows\n\n\nbrands = FeatureView(",
    )
    edit(
        shop,
        'features=["city"])',
        'features=["city"], transform=Transform(loud, inputs=["city"], outputs={"city": String}))',
    )
    applied(shop)
    edit(shop, LABEL, LONGER)
    applied(shop)
    edit(shop, "    return rows\n", "    return rows.slice(0)\n")
    message = (
        "revision 1 can't be restored: function 'loud' of view/person .*\ncheck out the code of that time"
    )
    with Project.open(str(shop)) as project:
        with pytest.raises(asof.Conflict, match=message):
            project.roll_back(1)
        assert project.revisions()[0].revision.number == 2


def test_an_environment_has_its_own_history(changed: Path) -> None:
    with Project.open(str(changed), environment="alice") as project:
        project.apply()
        edit(changed, LONGER, 'horizon="28d"')
    with Project.open(str(changed), environment="alice") as project:
        project.apply()
        assert project.roll_back(1).number == 3
        project.run()
        assert project.build_training_set("churn").version.manifest["revision"] == 3
        assert [each.revision.number for each in project.revisions()] == [3, 2, 1]
    with Project.open(str(changed)) as project:
        assert [each.revision.number for each in project.revisions()] == [2, 1]
        assert project.verify_training_set("alice/churn").holds


def test_what_changed_is_told_with_the_code_that_it_came_from(shop: Path) -> None:
    def git(*command: str) -> None:
        subprocess.run(
            ["git", "-C", str(shop), "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True
        )

    (shop / ".gitignore").write_text("store/\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    applied(shop)
    edit(shop, LABEL, LONGER)
    applied(shop)
    with Project.open(str(shop)) as project:
        changed, committed = (each.revision.code_revision for each in project.revisions())
    assert len(committed) == 12
    assert changed == f"{committed}+changes"


def test_of_two_at_once_one_wins(changed: Path) -> None:
    edit(changed, LONGER, 'horizon="28d"')
    ready, ended = Barrier(2), []

    def move(back: bool) -> None:
        with Project.open(str(changed)) as project:
            project.workspace.catalogue.tables()
            ready.wait()
            try:
                ended.append(project.roll_back(1).number if back else project.apply().number)
            except asof.Conflict as conflict:
                ended.append(str(conflict))

    threads = [Thread(target=move, args=(back,)) for back in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(each for each in ended if isinstance(each, int))
    if len(numbers) == 1:
        [told] = [each for each in ended if isinstance(each, str)]
        assert "expected revision 2 of the definitions, found 3" in told
    assert numbers in ([3], [3, 4])
    with Project.open(str(changed)) as project:
        assert [each.revision.number for each in project.revisions()] == [*range(numbers[-1], 0, -1)]


def test_a_roll_back_on_top_of_what_somebody_else_applied_is_a_conflict(
    changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asof import applied as module

    edit(changed, LONGER, 'horizon="28d"')
    restore = module.definitions_of

    def meanwhile(*given: object) -> object:
        monkeypatch.setattr(module, "definitions_of", restore)
        applied(changed)
        return restore(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "definitions_of", meanwhile)
    with (
        Project.open(str(changed)) as project,
        pytest.raises(asof.Conflict, match="definitions, found 3"),
    ):
        project.roll_back(1)
