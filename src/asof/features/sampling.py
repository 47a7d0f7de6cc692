"""Which of its rows a training set keeps."""

from __future__ import annotations

from asof.errors import DefinitionError
from asof.features.definition import assign, check_type, definition
from asof.features.label import Label
from asof.features.types import Bool


@definition
class Sample:
    """Of the rows for training keep a share, drawn by their keys, their cut-off and `seed`.

    With `positives` and `negatives` another share of those whose outcome is true or false; a row without an
    outcome is then kept. Rows for the test are all kept. A column `weight` has 1 / share, by which sums
    over the rows that are kept are about those over all.
    """

    positives: float
    negatives: float
    seed: int

    def __init__(
        self,
        share: float = 1.0,
        *,
        positives: float | None = None,
        negatives: float | None = None,
        seed: int = 0,
    ) -> None:
        assign(
            self,
            positives=_check_share("positives", share if positives is None else positives),
            negatives=_check_share("negatives", share if negatives is None else negatives),
            seed=check_type("Sample", "seed", seed, int),
        )

    @property
    def by_outcome(self) -> bool:
        """Whether the share depends on the outcome."""
        return self.positives != self.negatives


@definition
class Balance:
    """Of the rows for training keep about as many of either outcome: all of the rarer, a share of the other.

    Drawn and weighed as by `Sample`; the manifest says which share it came to.
    """

    seed: int

    def __init__(self, *, seed: int = 0) -> None:
        assign(self, seed=check_type("Balance", "seed", seed, int))


def check_sample(owner: str, sample: object, label: Label) -> Sample | Balance | None:
    """A sample that can be drawn for the label; DefinitionError for anything else."""
    if sample is None:
        return None
    if not isinstance(sample, Sample | Balance):
        raise DefinitionError(
            f"{owner}: sample must be of type Sample or Balance, got {type(sample).__name__} {sample!r}"
        )
    by_outcome = isinstance(sample, Balance) or sample.by_outcome
    if by_outcome and label.dtype != Bool:
        raise DefinitionError(
            f"{owner}: {type(sample).__name__} by outcome needs a label that is true or false, "
            f"{label.name!r} is {label.dtype!r}; keep a share of all rows, as in Sample(0.1)"
        )
    return sample


def _check_share(name: str, share: object) -> float:
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise DefinitionError(f"Sample: {name} {share!r} must be a share above 0 and up to 1, as 0.1")
    return float(share)
