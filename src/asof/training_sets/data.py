"""The rows of a training set for whoever trains: whole or in batches, in the form that a library takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from asof.errors import DefinitionError, MissingExtra, NotFound, choices
from asof.storage.catalogue import TrainingSetVersion
from asof.storage.tables import Snapshot, Table
from asof.training_sets.shuffling import in_parts, shuffled
from asof.transforms.sketches.places import is_number
from asof.transforms.splits import SPLIT, WEIGHT

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import polars as pl

Floats = npt.NDArray[np.float64]


class Numbers(NamedTuple):
    """Features (float64, a row each, NaN for null), labels and weights (float64; None without a sample)."""

    features: Floats
    labels: Floats
    weights: Floats | None


@dataclass(frozen=True)
class TrainingData:
    """The rows of one version of a training set, or of its split "train" or "test".

    Holds no connection: it can be pickled, and used from several threads and processes.
    """

    version: TrainingSetVersion
    table: Table
    split: str | None = None

    def __post_init__(self) -> None:
        splits = [name for name, rows in self.version.manifest["split"].items() if name in ("train", "test")]
        if self.split is not None and self.split not in splits:
            named = f"{self.version.name}@{self.version.version}"
            raise NotFound(f"no split {self.split!r} in {named}; {choices(self.split, splits)}")

    @property
    def rows(self) -> int:
        """How many rows there are."""
        manifest = self.version.manifest
        count: int = manifest["rows"] if self.split is None else manifest["split"][self.split]
        return count

    @property
    def label(self) -> str:
        """The column of the outcome."""
        name: str = self.version.manifest["label"]
        return name

    @property
    def identity(self) -> list[str]:
        """The columns that tell rows: the keys and the cut-off."""
        return [*self.version.manifest["keys"], "cutoff"]

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return self._snapshot().schema

    @property
    def features(self) -> list[str]:
        """The columns of the features, in order."""
        others = {*self.identity, self.label, SPLIT, WEIGHT}
        return [name for name, _ in self.version.manifest["columns"] if name not in others]

    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows by cut-off and then keys, in memory."""
        wanted = self.schema.names if columns is None else list(columns)
        rows = self._snapshot().read(list(dict.fromkeys([*wanted, *self.identity])), self._where)
        return rows.sort_by([(name, "ascending") for name in ("cutoff", *self.identity[:-1])]).select(wanted)

    def pandas(self) -> pd.DataFrame:
        """As `arrow`, as a pandas data frame whose columns keep their Arrow types."""
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise MissingExtra("reading into pandas", "notebooks") from None
        return self.arrow().to_pandas(types_mapper=pd.ArrowDtype)

    def polars(self) -> pl.DataFrame:
        """As `arrow`, as a Polars data frame."""
        try:
            import polars as pl
        except ModuleNotFoundError:
            raise MissingExtra("reading into Polars", "polars") from None
        return pl.DataFrame(self.arrow())

    def numpy(self, features: Sequence[str] | None = None) -> Numbers:
        """As `arrow`, as numbers; of features by default those that are numbers or true and false.

        DefinitionError for a feature or label that is something else.
        """
        return self._numbers(self.arrow(), self._numeric() if features is None else features)

    def batches(self, size: int = 8192, *, seed: int | None = None) -> Iterator[pa.Table]:
        """The rows in batches of `size`, the last of which may have fewer, as they are in the files.

        With a `seed` they are shuffled as a whole, the same on every machine; give each epoch one of its
        own. A million rows at most are in memory at a time, with what else is needed in temporary files.
        """
        snapshot = self._snapshot()
        rows = snapshot.batches(where=self._where)
        if seed is not None:
            pieces = shuffled(rows, snapshot.schema, self.identity, self.rows, seed)
            rows = (batch for piece in pieces for batch in piece.to_batches())
        return in_parts(rows, snapshot.schema, size)

    def number_batches(
        self, size: int = 8192, *, seed: int | None = None, features: Sequence[str] | None = None
    ) -> Iterator[Numbers]:
        """As `batches`, each as `numpy` gives them."""
        wanted = self._numeric() if features is None else features
        return (self._numbers(rows, wanted) for rows in self.batches(size, seed=seed))

    def torch(
        self, size: int = 8192, *, seed: int | None = None, features: Sequence[str] | None = None
    ) -> Any:
        """As `number_batches`, as a PyTorch `IterableDataset` of tensors (float32).

        It is for a `DataLoader` with `batch_size=None`, whose workers share the batches among them; they must
        be spawned (`multiprocessing_context="spawn"`). NotFound where PyTorch is not installed.
        """
        from asof.training_sets import torch_data

        return torch_data.batches(self, size, seed, features)

    def torch_dataset(self, features: Sequence[str] | None = None) -> Any:
        """As `numpy`, as a PyTorch `TensorDataset` (float32); without weights where there are none."""
        from asof.training_sets import torch_data

        return torch_data.dataset(self, features)

    def dataset(self) -> datasets.Dataset:
        """As `arrow`, as a Hugging Face dataset."""
        try:
            import datasets
        except ModuleNotFoundError:
            raise MissingExtra("a Hugging Face dataset", "datasets") from None
        return datasets.Dataset(datasets.table.InMemoryTable(self.arrow()))

    def _snapshot(self) -> Snapshot:
        return self.table.snapshot(self.version.version)

    @property
    def _where(self) -> pc.Expression | None:
        return None if self.split is None else pc.field(SPLIT) == self.split

    def _numeric(self) -> list[str]:
        schema = self.schema
        return [name for name in self.features if is_number(schema.field(name).type)]

    def _numbers(self, rows: pa.Table, features: Sequence[str]) -> Numbers:
        columns = [_floats(rows, name) for name in features]
        matrix = np.column_stack(columns) if columns else np.empty((rows.num_rows, 0))
        weights = _floats(rows, WEIGHT) if WEIGHT in rows.column_names else None
        return Numbers(matrix, _floats(rows, self.label), weights)


def _floats(rows: pa.Table, name: str) -> Floats:
    if name not in rows.column_names:
        raise NotFound(f"no column {name!r}; {choices(name, rows.column_names)}")
    column = rows[name]
    if not is_number(column.type):
        raise DefinitionError(f"column {name!r} is {column.type}, not numbers; encode it, or leave it out")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column.cast(pa.float64(), safe=False).to_numpy()
