"""Input that no engine may take: what is done, and the error that must come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from asof.errors import AsofError, DataError, DefinitionError, NotFound
from asof.project import Project
from asof.testing.case import Case

_ROWS = 400
_LAST = _ROWS - 1

SHOP = Case(
    "shop",
    definitions=f"""
import pyarrow as pa
import pyarrow.compute as pc

customer = Entity("customer", keys={{"customer": Int64}})
sales = Source(
    "sales",
    reader=Files("sales.csv"),
    schema={{"customer": Int64, "amount": Int64, "at": Timestamp}},
    event_time="at",
)


@aggregate_function(inputs=["amount"], outputs=Int64)
def total(events):
    return pc.sum(events["amount"])


@feature_view(
    entity=customer, source=sales, inputs=["amount"], outputs={{"twice": Int64}}, features=["twice", total]
)
def spend(rows):
    last = pc.any(pc.equal(rows["amount"], {_LAST})).as_py()
    return pa.table({{"twice": pc.multiply(rows["amount"], 2)}})


asked = Label("asked", entity=customer, source=sales, at=each_event(), horizon="1s", outcome=Count())
everything = TrainingSet("everything", label=asked, features=[spend])
model = FeatureService("model", features=[spend])
""",
    files={
        "sales.csv": "customer,amount,at\n"
        + "".join(f"{n % 7},{n},2024-01-01T00:{n // 60:02}:{n % 60:02}\n" for n in range(_ROWS))
    },
)
"""Its last row, of customer 0, is not among those that a plan tries functions on."""


@dataclass(frozen=True)
class BadInput:
    """What is done with the shop once it is up to date, and the error, with a pattern for its text.

    `change` is made to the definitions before.
    """

    name: str
    do: Callable[[Project], object]
    error: type[AsofError]
    says: str
    change: tuple[str, str] = ("", "")


def _labels(**columns: pa.Array) -> pa.Table:
    cutoff = pa.array([datetime(2024, 1, 2, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    return pa.table({"customer": pa.array([1]), "cutoff": cutoff} | columns)


def _historical(labels: pa.Table) -> Callable[[Project], object]:
    return lambda project: project.get_historical("model", labels)


def _build(project: Project) -> object:
    return project.build_training_set("everything")


def _build_from_vacuumed(project: Project) -> object:
    for file in Path(project.settings.storage, "views/spend").rglob("*.parquet"):
        file.unlink()
    return _build(project)


_RETURN = 'return pa.table({"twice": pc.multiply(rows["amount"], 2)})'

BAD_INPUTS: Sequence[BadInput] = (
    BadInput(
        "a key of another type",
        _historical(_labels(customer=pa.array(["1"]))),
        DataError,
        r"key 'customer' is int64 here and string there; cast one",
    ),
    BadInput(
        "a cut-off without a zone",
        _historical(_labels(cutoff=pa.array([datetime(2024, 1, 2)], pa.timestamp("us")))),
        DataError,
        r"column 'cutoff' is timestamp\[us\], not a timestamp with a time zone; say which zone",
    ),
    BadInput(
        "no cut-off",
        _historical(_labels().drop_columns("cutoff")),
        NotFound,
        r"the labels have no column 'cutoff'; allowed: customer",
    ),
    BadInput(
        "no key",
        _historical(_labels().rename_columns(["costumer", "cutoff"])),
        NotFound,
        r"the labels have no column 'customer'; did you mean 'costumer'",
    ),
    BadInput(
        "a transform that returns other columns",
        Project.run,
        DefinitionError,
        r"FeatureView 'spend': 'spend' returned a column 'thrice' that outputs does not have",
        (_RETURN, _RETURN.replace('"twice"', '"thrice" if last else "twice"')),
    ),
    BadInput(
        "a transform that returns another type",
        Project.run,
        DefinitionError,
        r"'spend' returned 'twice' as string, declared is int64; cast it",
        (_RETURN, _RETURN.replace("2)})", '2).cast("string" if last else "int64")})')),
    ),
    BadInput(
        "a transform that returns another number of rows",
        Project.run,
        DefinitionError,
        r"'spend' returned \d+ rows for \d+; it must give one for each",
        (_RETURN, f"{_RETURN}.slice(1 if last else 0)"),
    ),
    BadInput(
        "a transform that fails on a row",
        Project.run,
        DataError,
        rf"'spend' fails on the row with _sequence {_LAST}, customer 0: ValueError: no more \(definitions",
        (_RETURN, f'if last:\n        raise ValueError("no more")\n    {_RETURN}'),
    ),
    BadInput(
        "an aggregate function that fails at a cut-off",
        _build,
        DataError,
        r"'total' fails for customer \d at the cut-off 2024-01-01 00:06:\d\d.*: ValueError: no more \(def",
        (
            'return pc.sum(events["amount"])',
            'if 390 in events["amount"].to_pylist():\n        raise ValueError("no more")\n    '
            'return pc.sum(events["amount"])',
        ),
    ),
    BadInput(
        "a version that was vacuumed",
        _build_from_vacuumed,
        NotFound,
        r"files of this version are gone \(vacuumed\?\)",
    ),
)
