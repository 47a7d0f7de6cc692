"""Leak checks are a gate: what is found goes on record, or nothing comes to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from asof.cli.main import cli
from asof.errors import DataError, DefinitionError, NotFound
from asof.features.leaks import CHECKS
from asof.leaks.checks import BY_NAME
from asof.leaks.finding import Leaks
from asof.project import Project
from asof.training_sets.card_pages import to_markdown

Club = Callable[..., Path]

LEAKY = 'churn = TrainingSet("churn", label=quiet, features=[spend], split=ByTime(test="28d"))'
CLEAN = 'churn = TrainingSet("churn", label=quiet, features=[spend], split=SPLIT)'


def staged(folder: Path) -> list[Path]:
    return sorted((folder / "store/training_sets/churn").rglob("*.parquet"))


def test_every_check_can_be_set_and_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/leaks.md").read_text()
    assert set(BY_NAME) == set(CHECKS)
    assert [name for name in CHECKS if f"| `{name}` |" not in page] == []


def test_by_default_findings_are_recorded_and_let_pass(club: Club) -> None:
    folder = club(LEAKY)
    with Project.open(str(folder)) as project:
        manifest = project.build_training_set("churn").version.manifest
        recorded = Leaks.from_json(manifest["leaks"])
        assert [(each.check, each.severity) for each in recorded.findings] == [("embargo", "warn")]
        assert recorded.looked_at == recorded.rows == manifest["rows"]
        assert project.check_leaks("churn") == recorded == project.check_leaks("churn", 1)
        card = to_markdown(project.training_set_card("churn"))
        assert recorded.findings[0].why in card
        assert "## Leaks" in card
        assert project.verify_training_set("churn").holds


def test_the_card_of_a_clean_set_says_so(club: Club) -> None:
    with Project.open(str(club(CLEAN, settings='leaks = "fail"'))) as project:
        project.build_training_set("churn")
        assert "No leaks were found." in to_markdown(project.training_set_card("churn"))


def test_what_must_not_leak_does_not_come_to_be(club: Club) -> None:
    folder = club(LEAKY, settings='leaks = "fail"')
    with Project.open(str(folder)) as project:
        with pytest.raises(DataError, match="embargo: train: labels whose window") as raised:
            project.build_training_set("churn")
        assert "asof check leaks churn" in str(raised.value)
        with pytest.raises(NotFound):
            project.training_set("churn")
        assert staged(folder) == []
        assert project.workspace.catalogue.current("training_sets/churn") is None


def test_after_a_refusal_the_set_can_be_built(club: Club) -> None:
    folder = club(CLEAN, settings='leaks = "fail"')
    definitions = folder / "definitions.py"
    good = definitions.read_text()
    with Project.open(str(folder)) as project:
        assert project.build_training_set("churn").version.version == 1
    definitions.write_text(good.replace(CLEAN, LEAKY))
    with Project.open(str(folder)) as project:
        project.apply()
        with pytest.raises(DataError):
            project.build_training_set("churn")
        assert project.training_set("churn").version == 1
    definitions.write_text(good)
    with Project.open(str(folder)) as project:
        project.apply()
        again = project.build_training_set("churn")
        assert not again.new
        assert again.version.version == 1


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ('leaks = { default = "fail" }', True),
        ('leaks = { default = "fail", embargo = "warn" }', False),
        ('leaks = { embargo = "fail" }', True),
        ('leaks = { future = "fail" }', False),
        ('[leaks]\nembargo = "ignore"\ndefault = "fail"', False),
    ],
)
def test_checks_can_be_set_one_by_one(club: Club, settings: str, refused: bool) -> None:
    with Project.open(str(club(LEAKY, settings=settings))) as project:
        if refused:
            with pytest.raises(DataError):
                project.build_training_set("churn")
        else:
            manifest = project.build_training_set("churn").version.manifest
            assert bool(manifest["leaks"]["findings"]) == ("ignore" not in settings)


def test_a_version_is_judged_by_the_settings_of_now(club: Club) -> None:
    folder = club(LEAKY)
    with Project.open(str(folder)) as project:
        project.build_training_set("churn")
    toml = folder / "asof.toml"
    toml.write_text(toml.read_text() + 'leaks = "fail"\n')
    with Project.open(str(folder)) as project, pytest.raises(DataError, match="embargo"):
        project.build_training_set("churn")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('leaks = "off"', "allowed: fail, ignore, warn"),
        ('leaks = { futur = "fail" }', "did you mean 'future'"),
        ('leaks = { future = "no" }', "future is 'no'"),
        ("leaks = 3", "leaks must be text"),
    ],
)
def test_wrong_settings(club: Club, settings: str, told: str) -> None:
    folder = club(CLEAN, settings=settings, run=False)
    with pytest.raises(DefinitionError, match=told):
        Project.open(str(folder))


@pytest.mark.parametrize("engine", ["dask", "spark"])
@pytest.mark.slow
def test_every_engine_finds_the_same(club: Club, engine: str, require: Callable[[str, object], None]) -> None:
    require(f"the extra {engine!r}", find_spec({"dask": "distributed", "spark": "pyspark"}[engine]))
    folder = club(
        """
        @feature_view(entity=member, source=orders, outputs={"above": Float64})
        def taste(rows):
            import pyarrow as pa

            amounts = rows.to_pandas()[["member_id", "amount"]]
            means = amounts.groupby("member_id")["amount"].transform("mean")
            return pa.table({"above": pa.array((amounts["amount"] - means).to_numpy())})

        churn = TrainingSet("churn", label=quiet, features=[spend, taste], split=ByTime(test="28d"))
        """
    )
    with Project.open(str(folder)) as project:
        here = project.build_training_set("churn").version.manifest["leaks"]
    with Project.open(str(folder), engine=engine) as project:
        assert project.check_leaks("churn").to_json() == Leaks.from_json(here).to_json()
    assert {each["check"] for each in here["findings"]} == {"future", "embargo"}


def test_parts_make_no_difference(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """In several buckets a sample of one of them is computed anew, and the same leaks are found."""
    from asof.transforms import buckets

    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 500)
    with Project.open(str(club(LEAKY))) as project:
        found = project.check_leaks("churn")
        assert project.workspace.current("views/spend").details["buckets"] > 1
    assert [each.check for each in found.findings] == ["embargo"]
    assert found.looked_at == found.rows


class TestCommand:
    def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["--project", str(folder), *arguments], standalone_mode=False)
        assert done.exception is None, done.exception
        return done.return_value or 0, done.output

    def test_findings_are_told(self, club: Club) -> None:
        folder = club(LEAKY)
        code, output = self.run(folder, "check", "leaks", "churn")
        assert code == 2
        for told in ("1 finding,", "warn: embargo", "labels whose window ends", 'embargo="14d"', "as 1 "):
            assert told in output
        _, output = self.run(folder, "training-set", "build", "churn")
        assert "embargo: train: labels" in output
        assert "asof check leaks churn@1" in output
        assert self.run(folder, "check", "leaks", "churn@1")[0] == 2

    def test_nothing_is_found(self, club: Club) -> None:
        code, output = self.run(club(CLEAN), "check", "leaks", "churn")
        assert code == 0
        assert "no leaks found" in output

    def test_json(self, club: Club) -> None:
        code, output = self.run(club(LEAKY), "check", "leaks", "churn", "--json")
        record = json.loads(output)
        assert code == 2
        assert record["name"] == "churn"
        assert [each["check"] for each in record["findings"]] == ["embargo"]
        assert set(record["findings"][0]) == {
            "check",
            "severity",
            "what",
            "why",
            "rows",
            "of",
            "examples",
            "change",
        }
