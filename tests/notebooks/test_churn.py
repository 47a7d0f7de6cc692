"""The notebook runs from top to bottom, and what it shows is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks/churn.ipynb"


def said(cells: list[Any]) -> str:
    return "".join(
        output.text for cell in cells for output in cell.get("outputs", []) if output.output_type == "stream"
    )


def figures(cells: list[Any]) -> list[str]:
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def test_notebook_is_committed_without_outputs() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}


@pytest.mark.slow
def test_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import papermill

    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # beside other tests, more threads are slower
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    for place in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(place, str(tmp_path / place))
    executed = papermill.execute_notebook(
        NOTEBOOK,
        tmp_path / "churn.ipynb",
        parameters={"folder": str(tmp_path / "shop")},
        kernel_name="python3",
        progress_bar=False,
    )
    text = said(executed.cells)
    area = {name: float(found) for name, found in re.findall(r"AUC of (.+): (0\.\d+)", text)}
    assert area["all features"] > area["recency alone"] > 0.7
    assert len(figures(executed.cells)) == 4
    assert "25 features of 3 households: online equals offline" in text
    assert "16 of 16 steps were up to date" in text
    assert (tmp_path / "shop/asof.toml").exists()
