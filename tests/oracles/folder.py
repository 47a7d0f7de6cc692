"""Where the cases of other projects are."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("ASOF_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))


def read_json(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def read_csv(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))


def read_lines(name: str) -> list[str]:
    return (FOLDER / name).read_text().splitlines() if FOLDER.is_dir() else []
