"""Machine code that is kept where it can be, and made anew where it can't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import asof

PROGRAM = """
import numpy as np
from asof.transforms.kernels.timeline import _hides
moments = np.arange(3)
print(_hides(moments, moments, moments))
"""


def run(**environment: str) -> str:
    source = str(Path(asof.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, **environment}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_it_is_kept_in_the_folder_that_the_environment_names(tmp_path):
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == "True\n"
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("timeline._hides*.nbc")}
    assert len(kept) == 1
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == "True\n"
    assert kept == {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("timeline._hides*.nbc")}


def test_it_works_where_no_folder_can_be_written_to():
    assert run(NUMBA_CACHE_LOCATOR_CLASSES="IPythonCacheLocator") == "True\n"
