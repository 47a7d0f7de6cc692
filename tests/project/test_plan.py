"""Plans: what a change affects and breaks, what tables take, and how they are told on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from asof.errors import DefinitionError
from asof.features.dependents import affected
from asof.planning.plan import Plan
from asof.project import Project


def change(folder: Path, old: str, new: str) -> None:
    definitions = folder / "definitions.py"
    text = definitions.read_text()
    assert old in text
    definitions.write_text(text.replace(old, new))


def planned(folder: Path) -> Plan:
    with Project.open(str(folder)) as project:
        return project.plan()


def done(folder: Path, build: Iterable[str] = ()) -> None:
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        for name in build:
            project.build_training_set(name)


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "asof", *arguments, "--project", str(folder)]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120)


def broken(folder: Path) -> dict[str, str]:
    return {found.key: found.what for found in planned(folder).breaks}


def test_what_a_change_affects(shop: Path) -> None:
    done(shop)
    change(shop, 'features=["brand"]', 'features=["brand"], ttl="9d"')
    change(shop, 'Label(\n    "quiet"', 'Label(\n    "silent"')
    plan = planned(shop)
    assert plan.affects == {
        "label/quiet": ("training_set/churn",),
        "label/silent": ("training_set/churn",),
        "training_set/churn": ("training_set/churn",),
        "view/brands": ("service/model", "training_set/churn"),
    }


def test_views_that_enrich_are_found_by_name_and_sources_of_references_left_out() -> None:
    described: dict[str, dict[str, Any]] = {
        "source/a": {"expect": [{"source": "source/b"}]},
        "source/b": {},
        "view/one": {"source": "source/a", "enrich": ["two"]},
        "view/two": {"source": "source/b"},
        "service/s": {"features": [{"view": "view/one", "names": ["x"]}]},
    }
    assert affected(["source/b", "view/two"], described) == {
        "source/b": ("service/s",),
        "view/two": ("service/s",),
    }
    del described["view/one"]["enrich"]
    assert affected(["source/b", "source/a"], described) == {"source/b": (), "source/a": ("service/s",)}


def test_what_tables_take(shop: Path) -> None:
    assert {(table.seconds, table.reads) for table in planned(shop).tables} == {(None, None)}
    done(shop)
    change(shop, 'features=["city"]', 'features=["city", "moved"]')
    with Project.open(str(shop)) as project:
        (table,) = project.plan().tables
        (run,) = project.runs()
        (step,) = (step for step in project.steps(run.id) if step.name == "lay out views/person")
        current = project.workspace.current("views/person")
    assert step.finished_at is not None
    took = (step.finished_at - step.started_at).total_seconds()
    assert (table.table, table.action) == ("views/person", "rebuild")
    assert (table.rows, table.bytes) == (current.rows, current.bytes)
    assert (table.reads, step.rows_read) == (3, 3)
    assert table.seconds == pytest.approx(took)


def test_rows_to_add_are_known_once_they_are_in_the_input(shop: Path, march: str) -> None:
    done(shop)
    (shop / "data/orders-03.csv").write_text(march)
    plans = {table.table: table for table in planned(shop).tables}
    assert {table.action for table in plans.values()} == {"append"}
    assert {table.reads for table in plans.values()} == {None}
    with Project.open(str(shop)) as project:
        project.ingest()
    plans = {table.table: table for table in planned(shop).tables}
    assert plans["clean/orders"].reads == 2
    assert plans["views/spend"].reads is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('Last("sku"),', "", {"service/model": "loses spend__sku_last", "training_set/churn": "loses"}),
        ("[spend, person])\n", '[spend, person.select("city")])\n', {}),
        ("[spend, person])\n", "[spend])\n", {"service/model": "loses person__city"}),
        ('FeatureService("model"', 'FeatureService("other"', {"service/model": "is removed"}),
        ('TrainingSet(\n    "churn"', 'TrainingSet(\n    "chance"', {"training_set/churn": "is removed"}),
        ("label=quiet, features=[spend, person]", "label=quiet, features=[spend]", {}),
        ('over=["7d", "30d"]', 'over=["7d", "30d", "60d"]', {}),
    ],
)
def test_what_a_change_breaks(shop: Path, old: str, new: str, expected: dict[str, str]) -> None:
    done(shop, ["churn"])
    change(shop, old, new)
    found = broken(shop)
    assert found.keys() == expected.keys()
    assert all(what in found[key] for key, what in expected.items())


def test_a_training_set_without_versions_may_go(shop: Path) -> None:
    done(shop)
    change(shop, 'TrainingSet(\n    "churn"', 'TrainingSet(\n    "chance"')
    assert broken(shop) == {}


def test_other_keys_break_a_service(shop: Path) -> None:
    done(shop)
    change(shop, '"customer_id": Int64', '"customer": Int64')
    for name in ("orders-01.csv", "orders-02.csv", "people.csv"):
        text = (shop / "data" / name).read_text()
        (shop / "data" / name).write_text(text.replace("customer_id", "customer"))
    change(shop, 'dedupe("customer_id"', 'dedupe("customer"')
    assert broken(shop) == {"service/model": "is looked up by customer instead of customer_id"}


ON_DEMAND = """
@on_demand_feature_view(request={request}, features=[spend], outputs={{"{output}": Int64}})
def ratio(rows):
    import pyarrow as pa

    return pa.table({{"{output}": pa.array([1] * rows.num_rows, pa.int64())}})

asked = FeatureService("asked", features=[spend, ratio])
"""


def test_requests_and_code_that_is_gone(shop: Path) -> None:
    original = (shop / "definitions.py").read_text()
    applied = ON_DEMAND.format(request='{"a": Int64}', output="one")
    (shop / "definitions.py").write_text(original + applied)
    done(shop)
    changed = ON_DEMAND.format(request='{"a": Int64, "b": Int64}', output="other")
    (shop / "definitions.py").write_text(original + changed)
    with Project.open(str(shop)) as project:
        found = [breaks.what for breaks in project.plan().breaks if breaks.key == "service/asked"]
    assert found == ["loses ratio__one", "asks for b with each request"]


def test_a_source_that_is_pushed_to_may_not_go_unsaid(shop: Path) -> None:
    original = (shop / "definitions.py").read_text()
    pushed = 'news = Source("news", reader=Push(), schema={"id": Int64}, known_since="2024-01-01")\n'
    (shop / "definitions.py").write_text(original + pushed)
    done(shop)
    (shop / "definitions.py").write_text(original)
    assert broken(shop) == {"source/news": "is removed: rows that are pushed to it are refused"}


def test_what_breaks_is_not_applied_unless_forced(shop: Path) -> None:
    done(shop)
    change(shop, 'Last("sku"),', "")
    with Project.open(str(shop)) as project:
        with pytest.raises(
            DefinitionError, match="service/model loses spend__sku_last\nif it is to be so: --force"
        ):
            project.apply()
        assert len(project.workspace.catalogue.revisions()) == 1
        assert project.apply(force=True).number == 2
        assert project.plan().breaks == ()


def test_the_command_line_tells_it_all(shop: Path) -> None:
    done(shop)
    assert command(shop, "plan").returncode == 0
    change(shop, 'features=["city"]', 'features=["moved"]')
    told = command(shop, "plan")
    assert told.returncode == 1
    assert "affects service/model, training_set/churn" in told.stdout
    assert "! service/model loses person__city" in told.stdout
    assert "rebuild  views/person" in told.stdout
    assert "error: this breaks what others use" in told.stderr
    forced = command(shop, "plan", "--force", "--json")
    assert forced.returncode == 2
    plan = json.loads(forced.stdout)
    assert plan["breaks"] == [{"key": "service/model", "what": "loses person__city"}]
    assert plan["changes"][0]["affects"] == ["service/model", "training_set/churn"]
    (table,) = plan["tables"]
    assert (table["rows"], table["reads"]) == (3, 3)
    assert min(table["seconds"], table["bytes"]) > 0
    assert command(shop, "apply").returncode == 1
    assert command(shop, "apply", "--force").returncode == 0


def test_environments_on_the_command_line(shop: Path) -> None:
    done(shop)
    assert "production alone" in command(shop, "env", "list").stdout
    change(shop, 'col("amount") == 0', 'col("amount") > 9')
    assert command(shop, "plan", "--env", "alice").returncode == 2
    applied = command(shop, "apply", "--env", "alice")
    assert "Applied as revision 1 of alice. Go on with: asof run --env alice" in applied.stdout
    ran = command(shop, "run", "--env", "alice", "--json")
    assert ran.returncode == 0, ran.stderr
    assert not any(step["name"].startswith("publish") for step in json.loads(ran.stdout)["steps"])
    built = command(shop, "training-set", "build", "churn", "--env", "alice", "--json")
    assert json.loads(built.stdout)["name"] == "alice/churn"
    assert command(shop, "training-set", "show", "alice/churn@1").returncode == 0
    assert command(shop, "training-set", "verify", "alice/churn").returncode == 0
    (listed,) = json.loads(command(shop, "env", "list", "--json").stdout)
    assert (listed["name"], listed["revision"], listed["based_on"]) == ("alice", 1, 1)
    assert {table["table"] for table in listed["training_sets"]} == {"env/alice/training_sets/churn"}
    promoted = command(shop, "env", "promote", "alice")
    assert "production is at revision 2. Go on with: asof run" in promoted.stdout
    asked = subprocess.run(
        [sys.executable, "-m", "asof", "env", "drop", "alice", "--project", str(shop)],
        input="n\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert asked.returncode == 130
    assert "Remove environment alice with" in asked.stderr
    assert command(shop, "env", "drop", "alice", "--yes").returncode == 0
    assert json.loads(command(shop, "env", "list", "--json").stdout) == []
