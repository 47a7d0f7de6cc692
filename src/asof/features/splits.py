"""How the rows of a training set are split into training and test."""

from __future__ import annotations

from datetime import timedelta

from asof.errors import DefinitionError
from asof.features.definition import assign, check_each, check_type, check_unique, definition
from asof.features.durations import ZERO, Duration


@definition
class ByTime:
    """Split by time: cut-offs in the last `test` of the set are for the test, earlier ones for training.

    Training cut-offs within `embargo` before the first test cut-off are left out and counted, so
    that no training label's horizon reaches into the test.
    """

    test: Duration
    embargo: Duration

    def __init__(
        self, *, test: str | timedelta | Duration, embargo: str | timedelta | Duration = ZERO
    ) -> None:
        assign(
            self,
            test=Duration.positive(test, "ByTime: test"),
            embargo=Duration.of(embargo, "ByTime: embargo"),
        )


@definition
class ByEntity:
    """Split by entity: a share `test` of the entities is for the test, the others are for training.

    Which ones depends on their keys and `seed` alone, so that an entity stays on its side in every version.
    """

    test: float
    seed: int

    def __init__(self, *, test: float, seed: int = 0) -> None:
        if not 0 < check_type("ByEntity", "test", test, float) < 1:
            raise DefinitionError(f"ByEntity: test {test!r} must be a share between 0 and 1, as 0.2")
        assign(self, test=test, seed=check_type("ByEntity", "seed", seed, int))


Splits = tuple[ByTime | ByEntity, ...]


def check_split(owner: str, split: object) -> ByTime | ByEntity | Splits | None:
    """One rule, or one of each kind; DefinitionError for anything else."""
    if split is None or isinstance(split, ByTime | ByEntity):
        return split
    if not isinstance(split, list | tuple):
        raise DefinitionError(
            f"{owner}: split must be of type ByTime or ByEntity, or a list of both, "
            f"got {type(split).__name__} {split!r}"
        )
    rules: Splits = check_each(owner, "split", split, (ByTime, ByEntity))
    check_unique(owner, "rules of split", (type(rule).__name__ for rule in rules))
    return rules[0] if len(rules) == 1 else rules or None
