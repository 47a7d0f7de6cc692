"""PyTorch takes the rows of a training set: real tensors, with and without workers.

It runs in a process of its own, in which PyTorch may be that of the system (Debian's python3-torch).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from asof.errors import NotFound
from asof.project import Project

SYSTEM = Path("/usr/lib/python3/dist-packages")
TRAIN = """
import json
import sys

sys.path.append(sys.argv[2])
import torch
from torch.utils.data import DataLoader

from asof.project import Project


def loader_of(data, workers, start):
    return DataLoader(
        data.torch(16, seed=1), batch_size=None, num_workers=workers, multiprocessing_context=start
    )


def main():
    with Project.open(sys.argv[1]) as project:
        data = project.training_data("even", split="train")
    found = {}
    for workers in (0, 2):
        loader = loader_of(data, workers, "spawn" if workers else None)
        batches = list(loader)
        assert len(loader) == len(batches)
        assert all(each.dtype == torch.float32 for batch in batches for each in batch)
        found[str(workers)] = [[each.tolist() for each in batch] for batch in batches]
    try:
        next(iter(loader_of(data, 1, "fork")))
    except Exception as error:
        found["forked"] = str(error)
    whole = data.torch_dataset()
    features, labels, weights = whole[:]
    found["whole"] = [features.tolist(), labels.tolist(), weights.tolist()]

    model = torch.nn.Linear(features.shape[1], 1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        model(torch.nan_to_num(features))[:, 0], labels, weight=weights
    )
    loss.backward()
    found["gradients"] = bool(model.weight.grad.abs().sum() > 0)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def shop(make_shop: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_shop(tmp_path_factory.mktemp("torch") / "shop")
    lines = [f"{n % 40},a,{n % 9 + 1}.50,2024-0{1 + n % 4}-{1 + n * 7 % 28:02}T10:00:00" for n in range(500)]
    (folder / "data/orders-01.csv").write_text("\n".join(["customer_id,sku,amount,at", *lines, ""]))
    with (folder / "definitions.py").open("a") as file:
        arguments = 'split=ByTime(test="14d", embargo="14d"), sample=Sample(0.5, seed=1)'
        file.write(f'even = TrainingSet("even", label=quiet, features=[spend, person], {arguments})\n')
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        project.build_training_set("even")
    return folder


@pytest.mark.slow
def test_pytorch_takes_them(shop: Path, tmp_path: Path, require: Callable[[str, object], None]) -> None:
    require("PyTorch (Debian: python3-torch)", find_spec("torch") or (SYSTEM / "torch").exists())
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(shop), str(SYSTEM)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    with Project.open(str(shop)) as project:
        data = project.training_data("even", split="train")
        expected = [
            [None if of is None else of.astype(np.float32).tolist() for of in batch]
            for batch in data.number_batches(16, seed=1)
        ]
        whole = [of.astype(np.float32).tolist() for of in data.numpy() if of is not None]
    assert len(expected) > 3
    assert str(found["0"]) == str(expected)
    assert sorted(map(str, found["2"])) == sorted(map(str, expected))
    assert 'multiprocessing_context="spawn"' in found["forked"]
    assert str(found["whole"]) == str(whole)
    assert found["gradients"]


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_it_says_so(shop: Path) -> None:
    with Project.open(str(shop)) as project:
        data = project.training_data("even")
    for ask in (data.torch, data.torch_dataset):
        with pytest.raises(NotFound, match="pip install torch"):
            ask()
