"""A project from files to lookups: what is built, what is skipped, what a change touches."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

import asof
from asof.project import Project
from asof.storage.catalogue import Step
from asof.storage.fingerprint import fingerprint


def run(project: Project) -> dict[str, Step]:
    steps: list[Step] = []
    project.apply()
    project.run(on_step=steps.append)
    return {step.name: step for step in steps}


def done(steps: dict[str, Step]) -> set[str]:
    return {name for name, step in steps.items() if step.status != "skipped"}


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "definitions.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def contents(folder: Path) -> dict[str, str]:
    with Project.open(str(folder)) as project:
        return {
            version.table: fingerprint(project.workspace.read(version.table))
            for version in project.tables()
            if not version.table.startswith(("online/", "quarantine/"))
        }


def test_every_row_is_accounted_for(shop: Path) -> None:
    with asof.open(str(shop)) as project:
        steps = run(project)
    read, cleaned, laid_out = (
        steps[name] for name in ("ingest orders", "clean orders", "lay out views/spend")
    )
    assert (read.rows_read, read.rows_written, read.rows_quarantined) == (12, 11, 1)
    assert (cleaned.rows_written, cleaned.rows_quarantined, cleaned.rows_dropped) == (8, 1, 2)
    assert (laid_out.rows_written, laid_out.rows_dropped, laid_out.details["without_key"]) == (7, 1, 1)


def test_quarantined_rows_keep_what_is_needed_to_mend_them(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        bad = {row["stage"]: row for row in project.workspace.read("quarantine/orders").to_pylist()}
    assert bad["ingest"]["raw"] == "3,c,zero,2024-01-05T00:00:00"
    assert (bad["ingest"]["column"], bad["ingest"]["line"]) == ("amount", 6)
    assert bad["ingest"]["origin"] == "data/orders-01.csv"
    assert "-4" in bad["clean"]["raw"]
    assert bad["clean"]["column"] == "amount"


def test_a_second_run_does_nothing(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        before = project.tables()
        assert done(run(project)) == set()
        assert project.tables() == before
        assert project.plan().empty


def test_a_new_file_touches_only_what_it_must(shop: Path, march: str) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        (shop / "data/orders-03.csv").write_text(march)
        planned = {table.table: table.action for table in project.plan().tables}
        steps = run(project)
    assert planned == dict.fromkeys(("raw/orders", "clean/orders", "labels/quiet", "views/spend"), "append")
    assert done(steps) == {
        "ingest orders",
        "clean orders",
        "lay out labels/quiet",
        "lay out views/spend",
        "publish spend",
    }
    assert steps["ingest orders"].rows_read == 2
    assert steps["lay out views/spend"].rows_read == 2


def test_growing_gives_what_building_at_once_gives(
    tmp_path: Path, make_shop: Callable[[Path], Path], march: str
) -> None:
    grown, at_once = make_shop(tmp_path / "grown"), make_shop(tmp_path / "at_once")
    with Project.open(str(grown)) as project:
        run(project)
    for folder in (grown, at_once):
        (folder / "data/orders-03.csv").write_text(march)
        with Project.open(str(folder)) as project:
            run(project)
            project.build_training_set("churn")
    assert contents(grown) == contents(at_once)


def test_a_new_catalogue_rebuilds_what_it_enriches(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
    (shop / "data/catalogue.jsonl").rename(shop / "data/catalogue-1.jsonl")
    edit(shop, "data/catalogue.jsonl", "data/catalogue*.jsonl")
    with Project.open(str(shop)) as project:
        run(project)
        (shop / "data/catalogue-2.jsonl").write_text('{"sku": "d", "brand": "own"}\n')
        planned = {table.table: table.action for table in project.plan().tables}
        assert planned["views/spend"] == "rebuild"
        assert "labels/quiet" not in planned
        steps = run(project)
        assert steps["lay out views/spend"].rows_read == 8
        got = project.get("model", {"customer_id": 4}).to_dicts()[0]
    assert got["spend__own_brand_30d"] == 1


def test_a_changed_window_rebuilds_no_table(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
    edit(shop, 'over=["7d", "30d"]', 'over=["7d", "30d", "60d"]')
    with Project.open(str(shop)) as project:
        assert [change.key for change in project.plan().changes] == ["view/spend"]
        assert done(run(project)) == {"publish spend"}


def test_a_changed_rule_rebuilds_from_the_raw_rows(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        assert project.workspace.current("quarantine/orders").rows == 2
    edit(shop, 'between("amount", low=0, on_fail="quarantine")', 'between("amount", low=-5)')
    with Project.open(str(shop)) as project:
        steps = run(project)
        assert steps["ingest orders"].status == "skipped"
        assert steps["clean orders"].rows_written == 9
        assert project.workspace.current("quarantine/orders").rows == 1


def test_a_failed_rule_publishes_nothing(shop: Path, march: str) -> None:
    edit(shop, 'between("amount", low=0, on_fail="quarantine")', 'between("amount", low=-5)')
    with Project.open(str(shop)) as project:
        run(project)
        before = {version.table: version.version for version in project.tables()}
        (shop / "data/orders-03.csv").write_text("customer_id,sku,amount,at\n1,a,-6.00,2024-04-01T00:00:00\n")
        with pytest.raises(asof.DataError, match="amount"):
            project.run()
        assert project.runs()[0].status == "failed"
        after = {version.table: version.version for version in project.tables()}
        assert {name for name in after if after[name] != before[name]} == {"raw/orders"}


def test_online_values_equal_offline_ones(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        keys = [{"customer_id": key} for key in (1, 2, 3, 4, 99)]
        online = project.get("model", keys)
        as_of = project.workspace.current("online/spend").details["as_of"]
        cutoffs = pa.array([as_of] * len(keys)).cast(pa.timestamp("ns", "UTC"))
        labels = pa.Table.from_pylist(keys).append_column("cutoff", cutoffs)
        offline = project.get_historical("model", labels).drop_columns(["cutoff"])
    assert online.to_dicts() == offline.to_pylist()
    assert online.to_dicts()[0]["spend__amount_sum_30d"] == Decimal("2.25")
    assert online.to_dicts()[4]["spend__count_7d"] == 0
    assert online.statuses[4][0] == "not_found"


def test_a_training_set_is_built_once(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        first = project.build_training_set("churn")
        again = project.build_training_set("churn")
        rows = project.read_training_set("churn")
    assert first.new
    assert not again.new
    assert again.version == first.version
    manifest = first.version.manifest
    assert manifest["rows"] == rows.num_rows == sum(manifest["split"][part] for part in ("train", "test"))
    assert manifest["fingerprint"] == fingerprint(rows)
    assert set(manifest["inputs"]) == {
        f"{stage}/{source}" for stage in ("raw", "clean") for source in ("orders", "catalogue", "people")
    } | {"labels/quiet", "views/spend", "views/brands", "views/person"}
    assert manifest["assumptions"] == [
        "source 'catalogue' has no event time: its rows count as known since 2024-01-01T00:00:00+00:00"
    ]


def test_an_old_version_of_a_training_set_stays(shop: Path, march: str) -> None:
    with Project.open(str(shop)) as project:
        run(project)
        old = project.build_training_set("churn").version
        rows = project.read_training_set("churn")
        (shop / "data/orders-03.csv").write_text(march)
        run(project)
        new = project.build_training_set("churn").version
        assert new.version > old.version
        assert project.read_training_set("churn", old.version) == rows
        assert project.training_set("churn", old.version).manifest == old.manifest


def test_what_is_not_applied_is_not_run(shop: Path) -> None:
    with Project.open(str(shop)) as project, pytest.raises(asof.NotFound, match="asof apply"):
        project.run()
    with Project.open(str(shop)) as project:
        project.apply()
    edit(shop, 'horizon="14d"', 'horizon="21d"')
    with Project.open(str(shop)) as project, pytest.raises(asof.Conflict, match="asof plan"):
        project.run()


def test_a_training_set_needs_tables_that_are_up_to_date(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        project.apply()
        with pytest.raises(asof.NotFound, match="asof run"):
            project.build_training_set("churn")
        run(project)
    edit(shop, 'drop_where(col("amount") == 0), ', "")
    with Project.open(str(shop)) as project:
        project.apply()
        with pytest.raises(asof.Conflict, match="its definition has changed"):
            project.build_training_set("churn")


def test_errors_in_definitions_say_where(shop: Path) -> None:
    edit(shop, 'Last("sku")', 'Last("skuu")')
    with Project.open(str(shop)) as project, pytest.raises(asof.DefinitionError) as raised:
        project.plan()
    assert "definitions.py:" in str(raised.value)
    assert "did you mean 'sku'" in str(raised.value)
