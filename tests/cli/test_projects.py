"""`asof init`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from asof.errors import DefinitionError, NotFound
from asof.templates import complete_journey
from asof.templates.projects import make_project

Asof = Callable[..., Any]


def name_in(folder: Path) -> str:
    return tomllib.loads((folder / "asof.toml").read_text())["name"]


def test_an_empty_project_can_be_planned(asof: Asof, tmp_path: Path) -> None:
    done = asof("init", tmp_path / "shop")
    assert (done.code, done.err) == (0, "")
    assert "write definitions in features/" in done.out
    planned = asof("plan", "--project", tmp_path / "shop")
    assert planned.code == 0
    assert planned.out.startswith("Nothing is defined yet")


def test_the_example_of_an_empty_project_is_right(asof: Asof, tmp_path: Path) -> None:
    asof("init", tmp_path / "shop")
    example = tmp_path / "shop/features/definitions.py"
    lines = example.read_text().splitlines()
    example.write_text("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))
    planned = asof("plan", "--project", tmp_path / "shop", "--json")
    assert planned.code == 2
    assert "view/spend" in [change["key"] for change in planned.json["changes"]]


def test_a_template_with_all_its_files(asof: Asof, tmp_path: Path) -> None:
    done = asof("init", tmp_path / "grocer", "--template", "churn", "--json")
    template = Path(str(files("asof.templates") / "churn"))
    expected = {
        str(path.relative_to(template))
        for path in template.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(done.json["files"]) == expected
    assert name_in(tmp_path / "grocer") == "grocer"
    planned = asof("plan", "--project", tmp_path / "grocer")
    assert planned.code == 2
    assert "+ view/spend" in planned.out


def test_the_full_data(asof: Asof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_raw(folder: Path, households: int | None) -> None:
        assert households is None
        folder.mkdir(parents=True)
        (folder / "products.jsonl.gz").write_bytes(b"all of them")

    monkeypatch.setattr(complete_journey, "write_raw", write_raw)
    assert asof("init", tmp_path / "shop", "--template", "churn", "--full").code == 0
    data = [path.name for path in (tmp_path / "shop/data").iterdir()]
    assert data == ["products.jsonl.gz"]
    assert (tmp_path / "shop/asof.toml").is_file()


def test_an_empty_folder_will_do(asof: Asof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert asof("init", ".").code == 0
    assert name_in(tmp_path / "shop") == "shop"


@pytest.mark.parametrize("occupied", ["folder", "file"])
def test_what_is_there_is_left_alone(asof: Asof, tmp_path: Path, occupied: str) -> None:
    taken = tmp_path / "shop"
    kept = taken / "notes.txt" if occupied == "folder" else taken
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("keep me")
    done = asof("init", taken)
    assert done.code == 1
    assert "is there already and not an empty folder" in done.err
    assert kept.read_text() == "keep me"
    assert list(tmp_path.rglob("asof.toml")) == []


def test_a_name_that_is_none(asof: Asof, tmp_path: Path) -> None:
    done = asof("init", tmp_path / "My Shop")
    assert done.code == 1
    assert "must be lower-case words joined by _, as 'my_shop'" in done.err


def test_a_template_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="did you mean 'churn'"):
        make_project(tmp_path / "shop", "chrun")
    with pytest.raises(DefinitionError, match="'minimal' has no more data"):
        make_project(tmp_path / "shop", "minimal", full=True)
