"""What goes to workers and what comes back, without a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asof.errors import Conflict, DataError
from asof.loading import load_definitions
from asof.testing import kernels
from asof.transforms.engines.transport import Parcel, parcel, received, work

DEFINITIONS = """
from asof import Entity, Int64
from .numbers import FACTOR

customer = Entity("customer", keys={"customer_id": Int64})

def scaled(number):
    return FACTOR * number
"""
WORKER = """
import sys
from asof.transforms.engines.transport import Parcel, work
kernel, task = (Parcel(open(path, "rb").read()) for path in sys.argv[1:3])
open(sys.argv[3], "wb").write(work(kernel, task))
"""


def test_a_result_comes_back() -> None:
    assert received(work(parcel(kernels.double), parcel(4)), "task 1 of 1") == 8


def test_functions_of_definitions_go_to_processes_that_do_not_have_them(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "features/numbers.py").write_text("FACTOR = 7\n")
    (tmp_path / "features/definitions.py").write_text(DEFINITIONS)
    before = set(sys.modules)
    load_definitions(tmp_path / "features")
    (name,) = [name for name in set(sys.modules) - before if name.endswith(".definitions")]
    for file, value in {"kernel": sys.modules[name].scaled, "task": 6}.items():
        (tmp_path / file).write_bytes(parcel(value).content)
    (tmp_path / "features/numbers.py").unlink()
    (tmp_path / "features/definitions.py").unlink()
    paths = [tmp_path / "kernel", tmp_path / "task", tmp_path / "answer"]
    subprocess.run([sys.executable, "-c", WORKER, *paths], check=True)
    assert received((tmp_path / "answer").read_bytes(), "task 1 of 1") == 42


def test_an_error_has_a_note_of_the_task_and_of_where_in_the_kernel_it_arose() -> None:
    with pytest.raises(DataError, match="number 3 is refused") as raised:
        received(work(parcel(kernels.refuse), parcel(3)), "task 4 of 9")
    (note,) = raised.value.__notes__
    assert note.startswith("In task 4 of 9, on a worker:")
    assert "kernels.py" in note


def test_a_worker_with_other_software_refuses() -> None:
    kernel = Parcel(parcel(kernels.double).content, software="asof 0.0.1, Python 3.8")
    with pytest.raises(Conflict, match=r"a worker has asof .*, the driver asof 0\.0\.1, Python 3\.8"):
        received(work(kernel, parcel(1)), "task 1 of 1")
