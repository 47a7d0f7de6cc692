"""Labels for training whose window ends after the first cut-off of the test."""

from __future__ import annotations

import numpy as np

from asof.transforms.leaks.both_sides import Mask
from asof.transforms.leaks.drawn import Drawn
from asof.transforms.leaks.evidence import bools


def reaching_over(places: Drawn, ahead: int) -> tuple[Mask, int]:
    """Which places are for training and reach over, and the first cut-off of the test (ns since 1970, UTC).

    A label's window ends `ahead` ns after its cut-off.
    """
    times, test = places.rows["cutoff"].to_numpy(), bools(places.rows["test"])
    first = int(times[test].min(initial=np.iinfo(np.int64).max))
    return ~test & (times > first - ahead), first
