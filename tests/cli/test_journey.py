"""From a project's files to features online, by commands alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asof = Callable[..., Any]

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\dZ"


def test_from_files_to_features_online(asof: Asof, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop / "features")

    planned = asof("plan")
    assert planned.code == 2
    assert "+ source/sales" in planned.out
    assert re.search(r"build +raw/sales +0 +0 B +unknown +not built yet", planned.out)
    assert planned.out.endswith("Go on with: asof apply, then: asof run\n")

    early = asof("run")
    assert early.code == 1
    assert "asof apply" in early.err

    assert asof("apply").out.endswith("Applied as revision 1. Go on with: asof run\n")
    assert asof("apply").out == "Nothing to apply: the definitions are those of revision 1.\n"
    assert "Go on with: asof run\n" in asof("plan").out

    run = asof("run")
    assert run.code == 0
    assert re.search(
        r"^ingest sales +7 rows read, 6 written, 1 quarantined  \d+\.\ds$", run.out, re.MULTILINE
    )
    assert re.search(r"^clean sales +6 rows read, 5 written, 1 quarantined  \d", run.out, re.MULTILINE)
    assert "Rows in quarantine: 2; see why with: asof quarantine" in run.out

    again = asof("run")
    assert all(line.endswith("up to date") for line in again.out.splitlines()[:-1])
    assert again.out.endswith(
        "Nothing was to be done: everything is up to date with the sources and definitions.\n"
    )
    plan = asof("plan")
    assert plan.code == 0
    assert plan.out.startswith("Nothing to do: all is as in revision 1, and no source has anything new.\n")
    assert "sales.customer_id  refused" in plan.out

    built = asof("training-set", "build", "churn")
    assert built.out.startswith("Built churn@1\n")
    assert asof("training-set", "build", "churn").out.startswith("churn@1 is there already")
    assert asof("get", "model", "customer_id=1").code == 0


def test_a_new_file_is_all_that_the_next_run_reads(asof: Asof, shop: Path, february: str) -> None:
    asof("--project", shop, "apply")
    asof("--project", shop, "run")
    (shop / "data/2024-02.csv").write_text(february)
    planned = asof("--project", shop, "plan")
    assert planned.code == 2
    assert re.search(r"append +raw/sales +6 .* new: .*2024-02.csv", planned.out)
    assert planned.out.endswith("Go on with: asof run\n")
    done = asof("--project", shop, "run", "--json").json
    assert not done["up_to_date"]
    assert {step["name"]: step["rows_read"] for step in done["steps"]}["ingest sales"] == 1


def test_a_changed_definition_is_shown_field_by_field(asof: Asof, shop: Path) -> None:
    asof("--project", shop, "apply")
    definitions = shop / "features/shop.py"
    definitions.write_text(definitions.read_text().replace('horizon="7d"', 'horizon="14d"'))
    planned = asof("--project", shop, "plan")
    assert "  ~ label/quiet\n      horizon: 7d -> 14d\n" in planned.out
    applied = asof("--project", shop, "apply", "--json").json
    assert applied["revision"] == 2
    assert [change["action"] for change in applied["changes"]] == ["changed"]


def test_a_profile_has_its_own_data(asof: Asof, built: Path) -> None:
    assert asof("--project", built, "--profile", "other", "tables").out == (
        "There are no tables yet; make them with: asof run\n"
    )


def test_progress_of_a_run_leaves_stdout_to_json(asof: Asof, shop: Path) -> None:
    asof("--project", shop, "apply")
    done = asof("--project", shop, "run", "--json")
    assert done.json["run"]["status"] == "succeeded"
    assert done.err.startswith("ingest sales")


def test_a_run_that_fails_says_why_and_is_on_record(asof: Asof, shop: Path) -> None:
    (shop / "data/2024-01.csv").unlink()
    asof("--project", shop, "apply")
    done = asof("--project", shop, "run")
    assert done.code == 1
    assert "no file matches data/*.csv" in done.err
    (run,) = asof("--project", shop, "runs", "--json").json
    assert run["status"] == "failed"
    assert "no file matches" in asof("--project", shop, "runs", run["id"]).out


def test_tables(asof: Asof, built: Path) -> None:
    listed = asof("tables", "--project", built)
    assert re.search(rf"^clean/sales +1 +5 +\d+\.\d kB  {TIME}  [0-9a-f]{{6}}$", listed.out, re.MULTILINE)
    rows = {table["table"]: table["rows"] for table in asof("tables", "--project", built, "--json").json}
    assert rows["raw/sales"] == 6
    assert rows["quarantine/sales"] == 2


def test_runs(asof: Asof, built: Path) -> None:
    (run,) = asof("runs", "--project", built, "--json").json
    assert re.search(
        rf"^{run['id']}  {TIME} +[\d.]+s  succeeded  \S+@\S+$", asof("runs", "--project", built).out, re.M
    )
    ending = run["id"].rpartition("-")[2]
    shown = asof("runs", ending, "--project", built).out
    assert shown.startswith(f"Run {run['id']}\n")
    assert re.search(r"^ingest sales +7 +6 +1 +0 +[\d.]+ kB  \d+\.\ds$", shown, re.MULTILINE)
    for step in asof("runs", ending, "--project", built, "--json").json["steps"]:
        accounted = step["rows_written"] + step["rows_quarantined"] + step["rows_dropped"]
        assert step["rows_read"] == accounted


def test_an_unknown_run(asof: Asof, built: Path) -> None:
    done = asof("runs", "nothing", "--project", built)
    assert done == (1, "", "error: no run 'nothing'; see them with: asof runs\n")


def test_quarantine(asof: Asof, built: Path) -> None:
    counted = asof("quarantine", "--project", built, "--json").json
    assert [(each["source"], each["stage"], each["rows"]) for each in counted] == [
        ("sales", "clean", 1),
        ("sales", "ingest", 1),
    ]
    assert "asof quarantine show SOURCE" in asof("quarantine", "--project", built).out
    rows = asof("quarantine", "show", "sales", "--project", built).out
    assert "2024-01.csv:6\n" in rows
    assert "oops,5,web" in rows
    assert asof("quarantine", "show", "sales", "--limit", 1, "--project", built).out.endswith(
        "1 more; see them with --limit\n"
    )


def test_quarantine_shows_no_more_than_asked_for(asof: Asof, built: Path) -> None:
    counted = asof("quarantine", "list", "--limit", 1, "--project", built).out
    assert "\n1 more; see them with --limit\n" in counted


def test_quarantine_of_no_source(asof: Asof, built: Path) -> None:
    done = asof("quarantine", "show", "sale", "--project", built)
    assert done.code == 1
    assert "did you mean 'sales'?" in done.err


def test_training_sets(asof: Asof, built: Path) -> None:
    listed = asof("training-set", "list", "--project", built)
    assert re.search(rf"^churn@1 +\d+ +[\d.]+%  {TIME}  [0-9a-f]{{16}}$", listed.out, re.MULTILINE)
    for named in ("churn", "churn@1"):
        shown = asof("training-set", "show", named, "--project", built)
        assert shown.out.startswith("churn@1\n")
        assert re.search(r"^  spend__orders_7d +int64 +0  ", shown.out, re.MULTILINE)
    manifest = asof("training-set", "show", "churn", "--project", built, "--json").json["manifest"]
    assert manifest["fingerprint"] in shown.out
    assert manifest["rows"] == manifest["split"]["train"] + manifest["split"]["test"]


def test_no_such_training_set(asof: Asof, built: Path) -> None:
    assert (
        "no version 9 of training set 'churn'"
        in asof("training-set", "show", "churn@9", "--project", built).err
    )
    assert "did you mean 'churn'?" in asof("training-set", "build", "chrn", "--project", built).err
    assert asof("training-set", "list", "chrn", "--project", built).out.startswith("None has been built yet")


def test_get(asof: Asof, built: Path) -> None:
    got = asof("get", "model", "customer_id=1,99", "--project", built)
    assert re.search(r"^customer_id=1\n.*\n  spend__channel +web  present$", got.out, re.MULTILINE)
    assert re.search(r"^customer_id=99\n.*\n  spend__channel +-  not_found$", got.out, re.MULTILINE)
    rows = asof("get", "model", "customer_id=1,99", "--project", built, "--json").json["rows"]
    assert [row["keys"] for row in rows] == [{"customer_id": 1}, {"customer_id": 99}]
    assert rows[0]["values"]["spend__channel"] == "web"
    assert rows[1]["statuses"]["spend__channel"] == "not_found"


def test_get_by_a_wrong_key(asof: Asof, built: Path) -> None:
    assert "did you mean 'customer_id'?" in asof("get", "model", "customer=1", "--project", built).err
    assert "expected int64" in asof("get", "model", "customer_id=one", "--project", built).err


def test_quarantine_is_replayed_and_dropped(asof: Asof, shop: Path) -> None:
    for command in (["apply"], ["run"]):
        assert asof(*command, "--project", shop).code == 0
    replayed = asof("quarantine", "replay", "sales", "--project", shop, "--json").json
    assert (replayed["tried"], replayed["moved"], replayed["left"]) == (1, 0, 1)
    said = asof("quarantine", "replay", "sales", "--project", shop).out
    assert (
        said == "Moved 0 of 1 row into raw/sales.\nLeft there: 1; see why with: asof quarantine show sales\n"
    )
    refused = asof("quarantine", "drop", "sales", "--project", shop)
    assert refused.code == 2
    assert "or --all" in refused.err
    dropped = asof("quarantine", "drop", "sales", "--stage", "ingest", "--project", shop, "--json").json
    assert dropped["dropped"] == 1
    left = asof("quarantine", "--project", shop, "--json").json
    assert [(each["stage"], each["rows"]) for each in left] == [("clean", 1)]


def test_infer(asof: Asof, shop: Path) -> None:
    found = asof("infer", "sales", "--project", shop, "--json").json
    assert found["rows"] == 7
    assert found["schema"][1:] == [["amount", "float64"], ["channel", "string"], ["sold_at", "timestamp"]]
    assert '    "amount": Float64,\n' in asof("infer", "data/*.csv", "--project", shop).out
