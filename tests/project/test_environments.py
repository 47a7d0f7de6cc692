"""Environments: own tables only where definitions differ, promoted without computing anew, and dropped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from asof.errors import Conflict, DefinitionError, NotFound
from asof.project import Project
from asof.storage.catalogue import Step, TableVersion
from asof.storage.fingerprint import fingerprint

CHANGES = {
    'clean=[drop_where(col("amount") == 0)': 'clean=[drop_where(col("amount") > 9), fill_mean("amount")',
    'features=["city"]': 'features=["city", "moved"]',
}
OWN = {"clean/orders", "labels/quiet", "views/person", "views/spend"}
ASIDE = "quarantine/orders"


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, make_shop: Callable[[Path], Path]) -> Path:
    """The small project, on both kinds of catalogue."""
    folder = make_shop(tmp_path / "shop")
    if request.param == "postgres":
        with (folder / "asof.toml").open("a") as settings:
            settings.write(f'catalogue = "{request.getfixturevalue("postgres")}"\n')
    return folder


@contextmanager
def opened(folder: Path, environment: str = "") -> Iterator[Project]:
    with Project.open(str(folder), environment=environment) as project:
        yield project


def change(folder: Path, changes: dict[str, str] = CHANGES) -> None:
    definitions = folder / "definitions.py"
    text = definitions.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    definitions.write_text(text)


def run(folder: Path, environment: str = "") -> dict[str, Step]:
    """Apply and run; the steps that did something."""
    steps: list[Step] = []
    with opened(folder, environment) as project:
        project.apply()
        project.run(on_step=steps.append)
    return {step.name: step for step in steps if step.status != "skipped"}


def built(folder: Path, environment: str = "") -> str:
    """The fingerprint of the training set as it is now."""
    with opened(folder, environment) as project:
        content: str = project.build_training_set("churn").version.manifest["fingerprint"]
        return content


def versions(folder: Path) -> dict[str, TableVersion]:
    with opened(folder) as project:
        return {version.table: version for version in project.tables()}


def contents(folder: Path) -> dict[str, str]:
    """What is in each table of production, but for the runs that are named in it."""
    found = {}
    with opened(folder) as project:
        for version in project.tables():
            if version.table.startswith(("raw/", "clean/", "views/", "labels/", "quarantine/")):
                rows = project.workspace.read(version.table)
                found[version.table] = fingerprint(rows.drop_columns({"run"} & {*rows.column_names}))
    return found


@pytest.fixture
def alice(shop: Path) -> Path:
    """The small project, built in production, and with changes in the environment alice."""
    run(shop)
    built(shop)
    change(shop)
    run(shop, "alice")
    return shop


@pytest.fixture
def direct(tmp_path: Path, make_shop: Callable[[Path], Path]) -> Path:
    """The same project, with the same changes made in production."""
    folder = make_shop(tmp_path / "direct")
    run(folder)
    change(folder)
    run(folder)
    return folder


def test_an_environment_builds_only_what_differs(shop: Path) -> None:
    run(shop)
    before = versions(shop)
    change(shop)
    with opened(shop, "alice") as project:
        assert {table.table for table in project.plan().tables} == OWN
    assert versions(shop) == before
    steps = run(shop, "alice")
    assert {*steps} == {"clean orders", *(f"lay out {name}" for name in OWN if name != "clean/orders")}
    after = versions(shop)
    assert {*after} - {*before} == {f"env/alice/{name}" for name in (*OWN, ASIDE)}
    assert {name: after[name] for name in before} == before
    assert run(shop, "alice") == {}
    with opened(shop, "alice") as project:
        assert project.plan().empty


def test_what_is_online_stays_as_it_is(shop: Path) -> None:
    run(shop)
    keys = [{"customer_id": key} for key in range(6)]
    with opened(shop) as project:
        before = project.get("model", keys).to_dicts()
    change(shop)
    run(shop, "alice")
    with opened(shop) as project:
        assert project.get("model", keys).to_dicts() == before


def test_training_sets_of_an_environment_are_versions_of_their_own(alice: Path) -> None:
    content = built(alice, "alice")
    with opened(alice) as project:
        names = [(version.name, version.version) for version in project.training_sets()]
        assert names == [("alice/churn", 1), ("churn", 1)]
        assert project.verify_training_set("alice/churn").holds
        compared = project.compare_training_sets(("churn", None), ("alice/churn", None))
        assert {found.key for found in compared.definitions} == {"source/orders", "view/person"}
        assert not compared.same
        assert project.read_training_set("alice/churn").num_rows == compared.rows[1]
    assert built(alice, "alice") == content


def test_a_promoted_environment_is_production_as_if_built_there(alice: Path, direct: Path) -> None:
    content = built(alice, "alice")
    with opened(alice) as project:
        done = project.promote("alice")
        assert done.revision.number == 2
        assert {version.table for version in done.tables} == OWN | {ASIDE}
        steps = project.steps(project.runs(1)[0].id)
        assert {step.name for step in steps} == {f"promote {name}" for name in (*OWN, ASIDE)}
    assert {*run(alice)} == {"publish person", "publish spend"}
    assert contents(alice) == contents(direct)
    assert built(alice) == built(direct) == content
    with opened(alice) as project, opened(direct) as other:
        assert project.plan().empty
        keys = [{"customer_id": key} for key in range(6)]
        assert project.get("model", keys).to_dicts() == other.get("model", keys).to_dicts()
        assert all(project.verify_training_set(name).holds for name in ("churn", "alice/churn"))


def test_promoted_once_more_nothing_changes(alice: Path) -> None:
    with opened(alice) as project:
        project.promote("alice")
        before = project.tables()
        assert project.promote("alice").tables == ()
        assert project.tables() == before
        assert len(project.workspace.catalogue.revisions()) == 2


def test_production_may_move_on_meanwhile(alice: Path, direct: Path, march: str) -> None:
    """Its new rows are read by the environment, and taken in by the first run after a promotion."""
    original = dedent((alice / "definitions.py").read_text())
    change(alice, {new: old for old, new in CHANGES.items()})
    (alice / "data/orders-03.csv").write_text(march)
    assert "clean orders" in run(alice)
    (alice / "definitions.py").write_text(original)
    with pytest.raises(Conflict, match=r"its inputs have moved on.*asof run --env alice"):
        built(alice, "alice")
    with opened(alice) as project:
        project.promote("alice")
    steps = run(alice)
    assert steps["clean orders"].rows_read == 2
    assert steps["lay out views/spend"].rows_read == steps["clean orders"].rows_written
    assert "lay out views/person" not in steps
    (direct / "data/orders-03.csv").write_text(march)
    run(direct)
    assert contents(alice) == contents(direct)
    assert built(alice) == built(direct)


def test_an_environment_follows_production(alice: Path, direct: Path, march: str) -> None:
    changed = (alice / "definitions.py").read_text()
    change(alice, {new: old for old, new in CHANGES.items()})
    (alice / "data/orders-03.csv").write_text(march)
    run(alice)
    (alice / "definitions.py").write_text(changed)
    assert run(alice, "alice")["clean orders"].rows_read == 2
    (direct / "data/orders-03.csv").write_text(march)
    run(direct)
    assert built(alice, "alice") == built(direct)


def test_what_others_applied_meanwhile_must_be_taken_in_first(alice: Path) -> None:
    mine = (alice / "definitions.py").read_text()
    change(alice, {new: old for old, new in CHANGES.items()})
    change(alice, {'Last("sku")': 'LastN("sku", 2)', 'Count(over="7d")': 'Count(over="8d")'})
    theirs = (alice / "definitions.py").read_text()
    with opened(alice) as project:
        project.apply(force=True)
    (alice / "definitions.py").write_text(mine)
    with opened(alice) as project, pytest.raises(Conflict, match="plan again: asof plan --env alice"):
        project.promote("alice")
    with opened(alice, "alice") as project:
        project.apply()
        assert project.environments()[0].made.based_on == 1
    (alice / "definitions.py").write_text(theirs)
    change(alice)
    run(alice, "alice")
    with opened(alice) as project:
        assert project.environments()[0].made.based_on == 2
        assert project.promote("alice").revision.number == 3


def test_an_environment_that_is_not_up_to_date_is_not_promoted(shop: Path) -> None:
    run(shop)
    change(shop)
    with opened(shop, "alice") as project:
        project.apply()
    before = versions(shop)
    with opened(shop) as project:
        with pytest.raises(Conflict, match=r"not up to date.*asof run --env alice"):
            project.promote("alice")
        assert [revision.number for revision in project.workspace.catalogue.revisions()] == [1]
    assert versions(shop) == before


def test_what_a_promotion_breaks_is_said_first(shop: Path) -> None:
    run(shop)
    change(shop, {"features=[spend, person])\n": "features=[spend])\n"})
    with opened(shop, "alice") as project:
        assert [found.key for found in project.plan().breaks] == ["service/model"]
        project.apply()
        with pytest.raises(DefinitionError, match="service/model loses person__city"):
            project.promote("alice")
        assert project.promote("alice", force=True).revision.number == 2


def test_the_first_promotion_makes_production(shop: Path, direct: Path) -> None:
    change(shop)
    run(shop, "alice")
    with opened(shop) as project:
        project.promote("alice")
    assert {*run(shop)} == {"publish person", "publish spend"}
    assert built(shop) == built(direct)


def test_a_dropped_environment_leaves_nothing(alice: Path) -> None:
    built(alice, "alice")
    before = {name: version for name, version in versions(alice).items() if "alice" not in name}
    with opened(alice) as project:
        dropped = project.drop_environment("alice")
        assert {version.table for version in dropped.tables} == {
            f"env/alice/{name}" for name in (*OWN, ASIDE)
        }
        assert project.environments() == []
        assert [version.name for version in project.training_sets()] == ["churn"]
        with pytest.raises(NotFound, match="no environment 'alice'"):
            project.drop_environment("alice")
    assert versions(alice) == before
    assert not (alice / "store/env/alice").exists()
    assert {*run(alice, "alice")} == {"clean orders", *(f"lay out {name}" for name in OWN - {"clean/orders"})}


def test_a_promoted_environment_can_be_dropped(alice: Path) -> None:
    with opened(alice) as project:
        project.promote("alice")
        project.drop_environment("alice")
    run(alice)
    assert built(alice) == built(alice)


def test_two_environments_and_production_beside_each_other(alice: Path) -> None:
    first = contents_of(alice, "alice")
    change(alice, {'features=["city", "moved"]': 'features=["city"], ttl="20d"'})
    run(alice, "bob")
    assert contents_of(alice, "alice") == first
    with opened(alice) as project:
        catalogue = project.workspace.catalogue
        for environment in ("", "alice", "bob"):
            started = catalogue.start_run(who="somebody", environment=environment)
            with catalogue.at_work(started.id), pytest.raises(Conflict, match="is at work"):
                catalogue.start_run(who="another", environment=environment)
            catalogue.finish_run(started.id, "succeeded")
        started = catalogue.start_run(who="somebody")
        with catalogue.at_work(started.id):
            run(alice, "bob")
        catalogue.finish_run(started.id, "succeeded")
        assert [kept.made.name for kept in project.environments()] == ["alice", "bob"]


def contents_of(folder: Path, environment: str) -> dict[str, Any]:
    with opened(folder) as project:
        prefix = f"env/{environment}/"
        return {
            version.table: (version, fingerprint(project.workspace.read(version.table)))
            for version in project.tables()
            if version.table.startswith(prefix)
        }


def test_nothing_is_dropped_while_a_run_is_at_work_in_it(alice: Path) -> None:
    with opened(alice) as project:
        started = project.workspace.catalogue.start_run(who="alice", environment="alice")
        with (
            project.workspace.catalogue.at_work(started.id),
            pytest.raises(Conflict, match="is at work"),
        ):
            project.drop_environment("alice")
        assert project.environments()[0].tables


PUSHED = """
from asof import *

customer = Entity("customer", keys={{"customer_id": Int64}})
orders = Source(
    "orders",
    reader=Push(),
    schema={{"customer_id": Int64, "amount": {amount}, "at": Timestamp}},
    event_time="at",
)
spend = FeatureView("spend", entity=customer, source=orders, features=[Sum("amount")])
"""


def test_a_source_that_cannot_be_read_again_is_made_of_productions(tmp_path: Path) -> None:
    def push(customer: int, amount: str) -> None:
        with opened(tmp_path) as project:
            project.push(
                "orders", [{"customer_id": customer, "amount": amount, "at": "2024-05-01T00:00:00Z"}]
            )

    def amounts(table: str = "raw/orders") -> list[tuple[int, str]]:
        with opened(tmp_path) as project:
            rows = project.workspace.read(table).to_pylist()
            return sorted((row["customer_id"], str(row["amount"])) for row in rows)

    old, new = (PUSHED.format(amount=amount) for amount in ("Decimal(10, 2)", "Decimal(12, 2)"))
    (tmp_path / "asof.toml").write_text('definitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(old)
    with opened(tmp_path) as project:
        project.apply()
    push(1, "1.00")
    push(2, "9999999999.00")
    run(tmp_path)
    push(3, "3.00")
    (tmp_path / "definitions.py").write_text(new)
    run(tmp_path, "alice")
    assert amounts("env/alice/raw/orders") == [(1, "1.00"), (2, "9999999999.00")]
    assert amounts() == [(1, "1.00")]
    (tmp_path / "definitions.py").write_text(old)
    run(tmp_path)
    assert amounts() == [(1, "1.00"), (3, "3.00")]
    (tmp_path / "definitions.py").write_text(new)
    with opened(tmp_path) as project, pytest.raises(Conflict, match=r"'raw/orders'.*not up to date"):
        project.promote("alice")
    run(tmp_path, "alice")
    push(4, "4.00")
    with opened(tmp_path) as project:
        project.promote("alice")
    run(tmp_path)
    assert amounts() == [(1, "1.00"), (2, "9999999999.00"), (3, "3.00"), (4, "4.00")]
    assert run(tmp_path) == {}


def test_a_new_source_of_an_environment_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "asof.toml").write_text('definitions = "definitions.py"\n')
    (tmp_path / "definitions.py").write_text(PUSHED.format(amount="Int64"))
    row = {"customer_id": 1, "amount": 5, "at": "2024-05-01T00:00:00Z"}
    with opened(tmp_path) as project:
        project.apply()
        project.push("orders", [row])
    run(tmp_path, "alice")
    run(tmp_path, "alice")
    with opened(tmp_path) as project:
        assert project.workspace.read("env/alice/raw/orders").num_rows == 1
        project.run()
        assert project.workspace.read("raw/orders").num_rows == 1


def test_a_wrong_name_is_an_error(tmp_path: Path, make_shop: Callable[[Path], Path]) -> None:
    folder = make_shop(tmp_path / "shop")
    with pytest.raises(DefinitionError, match="Environment name 'A/B'"):
        Project.open(str(folder), environment="A/B")
    with opened(folder) as project, pytest.raises(NotFound, match="no environment 'alcie'"):
        project.promote("alcie")


def test_a_copy_keeps_its_files_apart(alice: Path) -> None:
    """What is promoted does not depend on the files of the environment."""
    with opened(alice) as project:
        project.promote("alice")
        before = contents(alice)
        shutil.rmtree(alice / "store/env")
    assert contents(alice) == before
