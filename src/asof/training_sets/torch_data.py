"""The rows of a training set as PyTorch takes them. Tensors are handed over by DLPack, without a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing import current_process
from multiprocessing.context import ForkProcess
from types import ModuleType
from typing import Any

import numpy as np

from asof.errors import DefinitionError, NotFound
from asof.training_sets.data import Numbers, TrainingData


def batches(data: TrainingData, size: int, seed: int | None, features: Sequence[str] | None) -> Any:
    """An `IterableDataset` of batches; each worker of a `DataLoader`, all spawned, gives some of them."""
    torch = _torch()

    class Batches(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[Numbers]:
            _check_process()
            worker = torch.utils.data.get_worker_info()
            first, step = (worker.id, worker.num_workers) if worker else (0, 1)
            for place, batch in enumerate(data.number_batches(size, seed=seed, features=features)):
                if place % step == first:
                    yield _tensors(torch, batch)

        def __len__(self) -> int:
            return -(-data.rows // size)

        def __reduce__(self) -> tuple[Any, ...]:
            return batches, (data, size, seed, features)

    return Batches()


def dataset(data: TrainingData, features: Sequence[str] | None) -> Any:
    """A `TensorDataset` of all rows."""
    torch = _torch()
    tensors = _tensors(torch, data.numpy(features))
    return torch.utils.data.TensorDataset(*(tensor for tensor in tensors if tensor is not None))


def _tensors(torch: ModuleType, numbers: Numbers) -> Numbers:
    """Numbers as tensors of float32."""
    arrays = (of if of is None else of.astype(np.float32) for of in numbers)
    tensors: list[Any] = [of if of is None else torch.from_dlpack(of) for of in arrays]
    return Numbers(*tensors)


def _check_process() -> None:
    """DefinitionError in a forked process, in which what reads tables would hang or crash."""
    if isinstance(current_process(), ForkProcess):
        raise DefinitionError(
            "workers that are forked can't read tables; "
            'give DataLoader(..., multiprocessing_context="spawn"), or num_workers=0'
        )


def _torch() -> ModuleType:
    try:
        import torch
        import torch.utils.data
    except ModuleNotFoundError:
        raise NotFound("PyTorch is not installed; install it with: pip install torch") from None
    module: ModuleType = torch
    return module
